//! Words that payloads refer to: learnt, followed, and never missed.

use std::time::Duration;

use model::{
    KeyValue, Resource, ResourceSpans, Scope, ScopeSpans, Span, SpanId, SpanKind, Tenant, Trace,
    TraceId,
};
use sqlx::{Connection, Executor, PgConnection};
use storage::{DatabaseUrl, PostgresStore, StorageConfig, TraceReader, WriteError};

use crate::store::{TestStore, write};

pub(crate) const NOON: u64 = 1_764_000_000_000_000_000;

fn id(number: u64) -> TraceId {
    let bytes = [number.to_be_bytes(), (number + 1).to_be_bytes()].concat();
    TraceId::from_slice(&bytes).expect("not zero")
}

/// A trace of a service, like all others but for its numbers.
fn trace(service: &str, number: u64) -> Trace {
    let id = id(number + 1);
    let spans = (0..6u64).map(|place| {
        let span_id = SpanId::new((number * 8 + place + 1).to_be_bytes()).expect("not zero");
        let start = NOON + number * 1_000 + place;
        let route = format!("/{service}/orders/{{id}}");
        let end = start + 77_777 + place;
        let mut span = Span::new(id, span_id, format!("GET {route}"), start, end);
        span.kind = SpanKind::Server;
        span.attributes = vec![
            KeyValue::new("http.route", route),
            KeyValue::new(
                "url.path",
                format!("/{service}/orders/{}", number * 7 + place),
            ),
            KeyValue::new("http.response.status_code", 200i64),
            KeyValue::new("user_agent.original", "Mozilla/5.0 (X11; Linux x86_64)"),
        ];
        span
    });
    let resource = Resource {
        attributes: vec![
            KeyValue::new("service.name", service),
            KeyValue::new("host.name", "a-host-with-a-rather-long-name.internal"),
        ],
        ..Resource::default()
    };
    let scopes = vec![ScopeSpans {
        scope: Scope::default(),
        spans: spans.collect(),
    }];
    Trace {
        id,
        resources: vec![ResourceSpans { resource, scopes }],
    }
}

pub(crate) fn traces(service: &str, numbers: std::ops::Range<u64>) -> Vec<Trace> {
    numbers.map(|number| trace(service, number)).collect()
}

/// Mean length of the payloads of these traces.
async fn payload_len(session: &mut PgConnection, traces: &[Trace]) -> i64 {
    let ids: Vec<uuid::Uuid> = traces
        .iter()
        .map(|trace| uuid::Uuid::from_bytes(*trace.id.as_bytes()))
        .collect();
    sqlx::query_scalar(
        "SELECT avg(octet_length(payload))::bigint FROM spoor.segment WHERE trace_id = ANY($1)",
    )
    .bind(ids)
    .fetch_one(session)
    .await
    .expect("a good query")
}

/// What a process that has just started reads.
pub(crate) async fn read_anew(store: &TestStore, traces: &[Trace]) {
    let config = StorageConfig {
        url: DatabaseUrl(store.database.url()),
        ..StorageConfig::default()
    };
    let fresh = PostgresStore::connect(&config)
        .await
        .expect("a good configuration");
    for trace in traces {
        let read = fresh.trace(&Tenant::default(), trace.id, None).await;
        let read = read.expect("reads").expect("is stored");
        assert_eq!(read.trace, *trace);
    }
    fresh.close().await;
}

/// A store that has learnt a dictionary, which its writer follows.
pub(crate) async fn store_with_dictionary() -> (TestStore, PgConnection) {
    let store = TestStore::new().await;
    let mut maintainer = store.maintainer().await;
    for batch in 0..3 {
        let traces = traces("shop", batch * 200..batch * 200 + 200);
        store.write(&traces).await;
    }
    let maintained = store.store.maintain_once(&mut maintainer, NOON).await;
    maintained.expect("maintains");
    // This one is told of the dictionary, the next one refers to it.
    store.write(&traces("shop", 1_000..1_001)).await;
    (store, maintainer)
}

#[tokio::test]
async fn a_dictionary_is_learnt_and_followed_and_others_read_what_refers_to_it() {
    let (store, mut session) = store_with_dictionary().await;
    let (before, after) = (traces("shop", 0..50), traces("shop", 2_000..2_050));
    store.write(&after).await;
    let lengths = (
        payload_len(&mut session, &before).await,
        payload_len(&mut session, &after).await,
    );
    assert!(lengths.1 * 3 < lengths.0 * 2, "{lengths:?} bytes");
    read_anew(&store, &[before, after].concat()).await;
    let later = NOON + Duration::from_secs(3_600).as_nanos() as u64;
    let maintained = store.store.maintain_once(&mut session, later).await;
    maintained.expect("maintains");
    let learnt = store
        .rows("SELECT name FROM spoor.payload_dictionary")
        .await;
    assert_eq!(learnt.len(), 1, "what fits is not learnt again");
    session.close().await.expect("closes");
}

#[tokio::test]
async fn nothing_is_written_that_refers_to_a_dictionary_which_the_server_does_not_have() {
    let (store, mut session) = store_with_dictionary().await;
    session
        .execute("DELETE FROM spoor.payload_dictionary")
        .await
        .expect("as if a server had taken over that did not have it yet");
    let traces = traces("shop", 2_000..2_003);
    let refused = write(&store.store, &traces, &[]).await;
    assert!(matches!(refused, Err(WriteError::Transient { .. })));
    store.write(&traces).await;
    read_anew(&store, &traces).await;
    session.close().await.expect("closes");
}

#[tokio::test]
async fn traffic_that_the_dictionary_does_not_know_makes_it_learn_anew() {
    let (store, mut session) = store_with_dictionary().await;
    for batch in 0..5 {
        let first = 10_000 + batch * 200;
        store
            .write(&traces("another-shop-altogether", first..first + 200))
            .await;
    }
    let later = NOON + Duration::from_secs(3_600).as_nanos() as u64;
    let maintained = store.store.maintain_once(&mut session, later).await;
    maintained.expect("maintains");
    let learnt = store
        .rows("SELECT name FROM spoor.payload_dictionary")
        .await;
    assert_eq!(learnt.len(), 2);
    session.close().await.expect("closes");
}

#[tokio::test]
async fn a_resource_that_many_segments_have_to_spell_out_gets_a_name() {
    let store = TestStore::new().await;
    let (first, second) = (traces("shop", 0..20), traces("shop", 100..120));
    store.write(&first).await;
    store.write(&second).await;
    let mut session = store.session().await;
    let lengths = (
        payload_len(&mut session, &first).await,
        payload_len(&mut session, &second).await,
    );
    assert!(lengths.1 + 30 < lengths.0, "{lengths:?} bytes");
    read_anew(&store, &[first, second].concat()).await;
    session.close().await.expect("closes");
}
