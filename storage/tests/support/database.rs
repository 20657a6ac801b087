//! A database of its own for each test, dropped afterwards.

use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Executor, PgConnection};
use std::str::FromStr;

/// An empty database on the test server.
pub(crate) struct TestDatabase {
    name: String,
    server: String,
}

impl TestDatabase {
    /// Creates it on the server that `SPOOR_TEST_POSTGRES_URL` names.
    pub(crate) async fn create() -> Self {
        let server = std::env::var("SPOOR_TEST_POSTGRES_URL")
            .expect("run through `make test`, or set SPOOR_TEST_POSTGRES_URL");
        let name = format!("spoor_test_{}", uuid::Uuid::new_v4().simple());
        let mut conn = connect(&server).await;
        let create = AssertSqlSafe(format!("CREATE DATABASE {name}"));
        conn.execute(create).await.expect("may create databases");
        conn.close().await.expect("closes");
        Self { name, server }
    }

    /// Its URL.
    pub(crate) fn url(&self) -> String {
        let (base, query) = match self.server.split_once('?') {
            Some((base, query)) => (base, format!("?{query}")),
            None => (self.server.as_str(), String::new()),
        };
        let start = base.find("://").map_or(0, |at| at + 3);
        let end = base[start..]
            .find('/')
            .map_or(base.len(), |slash| start + slash);
        format!("{}/{}{query}", &base[..end], self.name)
    }

    /// A plain session in it, outside of the store's pools and with no settings of the store.
    pub(crate) async fn session(&self) -> PgConnection {
        connect(&self.url()).await
    }
}

async fn connect(url: &str) -> PgConnection {
    sqlx::postgres::PgConnectOptions::from_str(url)
        .expect("a Postgres URL")
        .connect()
        .await
        .expect("the test server answers")
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        let (server, name) = (self.server.clone(), self.name.clone());
        // A thread with a runtime of its own: the test's runtime may be on its way out.
        let dropped = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .expect("a runtime");
            runtime.block_on(async {
                let mut conn = connect(&server).await;
                let drop = AssertSqlSafe(format!("DROP DATABASE {name} WITH (FORCE)"));
                conn.execute(drop).await.expect("drops its own database");
            });
        });
        dropped.join().expect("the database is dropped");
    }
}
