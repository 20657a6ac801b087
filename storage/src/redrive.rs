//! Dead letters driven again: who may do it, and what has been done.
//!
//! One redriver works on a store at a time. All that it notes goes through the session that holds
//! the lock, so that one whose session is gone can note nothing any more.

use std::time::Duration;

use model::RedriveState;
use sqlx::{Connection, PgConnection};
use tokio::time::Instant;

use crate::pool::Purpose;
use crate::{PostgresStore, ReadError, WriteError, locks};

/// A letter that is about to be given back to the topic that it came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Intent {
    /// Who the letter is, whichever copy of it.
    pub letter: String,
    /// Partition of the dead-letter topic that it lies in.
    pub partition: i32,
    /// Its offset there.
    pub offset: i64,
}

/// A letter of which it is not known whether it was given back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unresolved {
    /// Who the letter is.
    pub letter: String,
    /// The topic that it was to be given back to.
    pub origin_topic: String,
    /// The ends of that topic's partitions before.
    pub origin_ends: Vec<i64>,
    /// How long ago that was, by the store's clock.
    pub age: Duration,
}

/// How long the server may take to let go of the lock of one that has just ended in the middle: it
/// does so when it finds the connection closed.
const LETTING_GO: Duration = Duration::from_secs(1);
const BETWEEN_TRIES: Duration = Duration::from_millis(20);

/// The one who drives letters again. The lock is let go when it is dropped.
#[derive(Debug)]
pub struct Redriver {
    pub(crate) conn: PgConnection,
    pub(crate) by: String,
}

impl PostgresStore {
    /// Becomes the one who drives letters again, called `by`; `None` while another one is.
    ///
    /// # Errors
    /// If the store cannot say.
    pub async fn redriver(&self, by: &str) -> Result<Option<Redriver>, WriteError> {
        let mut conn = self.servers.connect(Purpose::Maintain).await?;
        let deadline = Instant::now() + LETTING_GO;
        while !try_lock(&mut conn).await? {
            if Instant::now() > deadline {
                return Ok(None);
            }
            tokio::time::sleep(BETWEEN_TRIES).await;
        }
        let by = by.to_owned();
        Ok(Some(Redriver { conn, by }))
    }

    /// Whether each of these letters has been driven again, in their order.
    ///
    /// # Errors
    /// If the store cannot say.
    pub async fn redrive_states(&self, letters: &[String]) -> Result<Vec<RedriveState>, ReadError> {
        let rows: Vec<(Option<bool>,)> = sqlx::query_as(
            "SELECT CASE WHEN r.letter IS NOT NULL THEN r.done_at IS NOT NULL END
             FROM unnest($1::text[]) WITH ORDINALITY AS asked (letter, n)
                  LEFT JOIN redrive r ON r.letter = asked.letter
             ORDER BY n",
        )
        .bind(letters)
        .fetch_all(&self.read_pool)
        .await?;
        let state = |(done,): (Option<bool>,)| match done {
            None => RedriveState::Untouched,
            Some(false) => RedriveState::Begun,
            Some(true) => RedriveState::Redriven,
        };
        Ok(rows.into_iter().map(state).collect())
    }
}

async fn try_lock(conn: &mut PgConnection) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar("SELECT pg_try_advisory_lock($1, 0)")
        .bind(locks::REDRIVE)
        .fetch_one(conn)
        .await
}

impl Redriver {
    /// The letters of a dead-letter topic that an earlier redriver left without an outcome.
    ///
    /// # Errors
    /// If the store cannot say.
    pub async fn unresolved(&mut self, dead_topic: &str) -> Result<Vec<Unresolved>, WriteError> {
        let rows: Vec<(String, String, Vec<i64>, f64)> = sqlx::query_as(
            "SELECT letter, origin_topic, origin_ends,
                    extract(epoch FROM clock_timestamp() - begun_at)::float8
             FROM redrive WHERE dead_topic = $1 AND done_at IS NULL ORDER BY letter",
        )
        .bind(dead_topic)
        .fetch_all(&mut self.conn)
        .await?;
        let unresolved =
            |(letter, origin_topic, origin_ends, seconds): (_, _, _, f64)| Unresolved {
                letter,
                origin_topic,
                origin_ends,
                age: Duration::try_from_secs_f64(seconds).unwrap_or_default(),
            };
        Ok(rows.into_iter().map(unresolved).collect())
    }

    /// Notes that these letters are about to be given back, and returns those of them that were
    /// not noted before: only they may be.
    ///
    /// # Errors
    /// If it may not have been noted: none of them may be given back then.
    pub async fn intend(
        &mut self,
        dead_topic: &str,
        origin_topic: &str,
        origin_ends: &[i64],
        intents: &[Intent],
    ) -> Result<Vec<String>, WriteError> {
        let letters: Vec<&str> = intents.iter().map(|one| one.letter.as_str()).collect();
        let partitions: Vec<i32> = intents.iter().map(|one| one.partition).collect();
        let offsets: Vec<i64> = intents.iter().map(|one| one.offset).collect();
        Ok(sqlx::query_scalar(
            "INSERT INTO redrive (letter, dead_topic, dead_partition, dead_offset, origin_topic,
                                  origin_ends, begun_by, begun_at)
             SELECT letter, $4, partition, \"offset\", $5, $6, $7, clock_timestamp()
             FROM unnest($1::text[], $2::int4[], $3::int8[]) AS new (letter, partition, \"offset\")
             ON CONFLICT (letter) DO NOTHING RETURNING letter",
        )
        .bind(letters)
        .bind(partitions)
        .bind(offsets)
        .bind(dead_topic)
        .bind(origin_topic)
        .bind(origin_ends)
        .bind(&self.by)
        .fetch_all(&mut self.conn)
        .await?)
    }

    /// Notes that these letters were given back.
    ///
    /// # Errors
    /// If it may not have been noted: the next redriver finds out.
    pub async fn done(&mut self, letters: &[String]) -> Result<(), WriteError> {
        sqlx::query(
            "UPDATE redrive SET done_at = clock_timestamp(), origin_ends = '{}'
             WHERE letter = ANY($1) AND done_at IS NULL",
        )
        .bind(letters)
        .execute(&mut self.conn)
        .await?;
        Ok(())
    }

    /// Forgets letters that were not given back after all.
    ///
    /// # Errors
    /// If it may not have been noted: the next redriver finds out.
    pub async fn withdraw(&mut self, letters: &[String]) -> Result<(), WriteError> {
        sqlx::query("DELETE FROM redrive WHERE letter = ANY($1) AND done_at IS NULL")
            .bind(letters)
            .execute(&mut self.conn)
            .await?;
        Ok(())
    }

    /// Forgets what was noted at least a day ago of letters that a dead-letter topic no longer has:
    /// of its partition `n`, those below `lows[n]`. Copies of a letter may go later than it.
    ///
    /// # Errors
    /// If the store does not.
    pub async fn forget(&mut self, dead_topic: &str, lows: &[i64]) -> Result<(), WriteError> {
        sqlx::query(
            "DELETE FROM redrive r USING unnest($2::int8[]) WITH ORDINALITY AS gone (low, n)
             WHERE r.dead_topic = $1 AND r.dead_partition = gone.n - 1 AND r.dead_offset < gone.low
               AND r.done_at < now() - interval '1 day'",
        )
        .bind(dead_topic)
        .bind(lows)
        .execute(&mut self.conn)
        .await?;
        Ok(())
    }

    /// Lets go of the lock once everything that was asked is done.
    ///
    /// # Errors
    /// If the session had been lost before.
    pub async fn close(self) -> Result<(), WriteError> {
        Ok(self.conn.close().await?)
    }
}
