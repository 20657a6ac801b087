//! The schema's versions.

use sqlx::{Connection, Executor};
use storage::{PostgresStore, SetupError, StorageConfig};

use crate::database::TestDatabase;

async fn store_in(database: &TestDatabase) -> PostgresStore {
    let config = StorageConfig {
        url: storage::DatabaseUrl(database.url()),
        ..StorageConfig::default()
    };
    PostgresStore::connect(&config)
        .await
        .expect("a good configuration")
}

#[tokio::test]
async fn an_empty_database_is_refused_until_it_is_migrated() {
    let database = TestDatabase::create().await;
    let store = store_in(&database).await;
    let refused = store.check_version().await;
    assert!(matches!(refused, Err(SetupError::Older { found: 0, .. })));
    store.migrate().await.expect("migrates");
    store.check_version().await.expect("is up to date");
}

#[tokio::test]
async fn migrating_twice_and_at_once_does_no_harm() {
    let database = TestDatabase::create().await;
    let store = store_in(&database).await;
    let (one, two) = tokio::join!(store.migrate(), store.migrate());
    one.and(two).expect("both migrate");
    store.migrate().await.expect("nothing left to do");
}

#[tokio::test]
async fn a_schema_of_a_newer_program_is_refused() {
    let database = TestDatabase::create().await;
    let store = store_in(&database).await;
    store.migrate().await.expect("migrates");
    let mut session = database.session().await;
    session
        .execute(
            "INSERT INTO spoor._sqlx_migrations (version, description, success, checksum, execution_time)
             VALUES (999999, 'later', true, '', 0)",
        )
        .await
        .expect("a row of a later program");
    session.close().await.expect("closes");
    let refused = store.check_version().await;
    assert!(matches!(
        refused,
        Err(SetupError::Newer { found: 999_999, .. })
    ));
}
