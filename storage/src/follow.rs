//! Follows the primary: which of the configured servers is it, looked at every second and at once
//! after a failure.
//!
//! Pools read their options anew at each attempt to connect, so whoever waits for a connection
//! gets one of the new primary. Nobody moves on a suspicion: a server is left only for one that
//! says of itself that it is the primary.

use std::sync::Arc;
use std::time::Duration;

use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions, PgConnection, PgPool};

use crate::pool::{Purpose, Servers};

/// Pause between two looks.
const INTERVAL: Duration = Duration::from_secs(1);
/// Longest wait for a server to connect, or to answer.
const PATIENCE: Duration = Duration::from_secs(2);

/// What a server says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Answer {
    Primary,
    Standby,
    /// It is there and takes no more sessions, is starting, or refuses us.
    Busy,
    /// Nothing.
    Silent,
}

/// Follows until the pools are closed.
pub(crate) async fn follow(servers: Arc<Servers>, write: PgPool, read: PgPool) {
    let mut session = None;
    while !write.is_closed() {
        let options = servers.options(Purpose::Read);
        let answer = ask(&mut session, &options).await;
        if matches!(answer, Answer::Standby | Answer::Silent)
            && let Some(found) = primary_among_the_others(&servers).await
        {
            servers.move_to(found);
            write.set_connect_options(servers.options(Purpose::Write));
            read.set_connect_options(servers.options(Purpose::Read));
            session = None;
            tracing::warn!(
                server.address = servers.address(),
                "Another server is the primary of the store now"
            );
        }
        tokio::select! {
            () = tokio::time::sleep(INTERVAL) => {}
            () = servers.doubted() => {}
        }
    }
}

async fn primary_among_the_others(servers: &Servers) -> Option<usize> {
    for (number, options) in servers.others(Purpose::Read) {
        if ask(&mut None, &options).await == Answer::Primary {
            return Some(number);
        }
    }
    None
}

/// Asks on a session that is kept from one look to the next.
async fn ask(session: &mut Option<PgConnection>, options: &PgConnectOptions) -> Answer {
    let asked = async {
        let conn = match session {
            Some(conn) => conn,
            None => session.insert(options.connect().await?),
        };
        sqlx::query_scalar("SELECT pg_is_in_recovery()")
            .fetch_one(conn)
            .await
    };
    let answer = match tokio::time::timeout(PATIENCE, asked).await {
        Ok(Ok(false)) => return Answer::Primary,
        Ok(Ok(true)) => return Answer::Standby,
        Ok(Err(sqlx::Error::Database(_))) => Answer::Busy,
        Ok(Err(_)) | Err(_) => Answer::Silent,
    };
    *session = None;
    answer
}
