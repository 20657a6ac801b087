//! What the store refuses, and whose fault it says that is.

use model::{RejectReason, Tenant};
use sqlx::{Connection, Executor};
use storage::{DatabaseUrl, DeadLetter, PostgresStore, StorageConfig, TraceWriter, WriteError};

use crate::store::{TestStore, write};
use crate::writing::span;

#[tokio::test]
async fn a_zero_character_in_a_name_is_poison_and_its_batch_is_not_written() {
    let store = TestStore::new().await;
    let traces = [span("shop", 1, 0), span("ca\0rt", 2, 1)];
    let refused = write(&store.store, &traces, &[]).await;
    let Err(WriteError::Poison { sqlstate, .. }) = refused else {
        panic!("{refused:?}");
    };
    assert_eq!(sqlstate, "22021");
    assert_eq!(store.span_count().await, 0);
}

#[tokio::test]
async fn a_name_longer_than_an_index_row_is_stored() {
    let store = TestStore::new().await;
    let mut trace = span(&"s".repeat(20_000), 1, 0);
    // Long, and nothing that compresses well enough to fit after all.
    let letters = (0..40_000u32).map(|n| char::from(b'a' + (n.wrapping_mul(n) % 23) as u8));
    let name: String = letters.collect();
    trace
        .spans_mut()
        .for_each(|span| span.name.clone_from(&name));
    assert_eq!(store.write(&[trace]).await.spans_stored, 1);
}

#[tokio::test]
async fn a_server_that_is_away_is_transient() {
    let config = StorageConfig {
        url: DatabaseUrl("postgres://postgres@127.0.0.1:1/nowhere".to_owned()),
        acquire_timeout: std::time::Duration::from_millis(300),
        ..StorageConfig::default()
    };
    let store = PostgresStore::connect(&config).await.expect("no I/O yet");
    let away = write(&store, &[span("shop", 1, 0)], &[]).await;
    assert!(
        matches!(away, Err(WriteError::Transient { .. })),
        "{away:?}"
    );
}

#[tokio::test]
async fn a_table_that_is_missing_calls_for_an_operator() {
    let store = TestStore::new().await;
    let mut session = store.session().await;
    session
        .execute("ALTER TABLE spoor.segment RENAME TO elsewhere")
        .await
        .expect("an operator's mistake");
    session.close().await.expect("closes");
    let failed = write(&store.store, &[span("shop", 1, 0)], &[]).await;
    assert!(
        matches!(failed, Err(WriteError::Operator { .. })),
        "{failed:?}"
    );
}

#[tokio::test]
async fn dead_letters_are_kept_as_they_came() {
    let store = TestStore::new().await;
    let tenant = Tenant::default();
    let letter = DeadLetter {
        tenant: &tenant,
        reason: RejectReason::RefusedByStore,
        error: "has a zero: \0",
        received_at: 7,
        spans: 3,
        record: b"\0raw\xff",
    };
    store
        .store
        .dead_letter(&[letter, letter])
        .await
        .expect("keeps");
    let kept = "SELECT tenant, reason, spans, received_ns, record FROM spoor.dead_letter";
    let row = "(default,refused_by_store,3,7,\"\\\\x00726177ff\")";
    assert_eq!(store.rows(kept).await, [row, row]);
}
