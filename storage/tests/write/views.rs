//! The SQL surface: what `docs/sql.md` promises to a role that may read.

use model::{Trace, TraceId};
use sqlx::{AssertSqlSafe, Connection, Executor};
use storage::Verdict;

use crate::store::{TestStore, write_judged};
use crate::writing::span;

const VIEWS: [&str; 8] = [
    "traces",
    "segments",
    "services",
    "operations",
    "edges",
    "red",
    "red_buckets",
    "tail_decisions",
];

#[tokio::test]
async fn every_view_answers_to_a_role_that_may_read_the_views_alone() {
    let store = TestStore::new().await;
    store.write(&[span("shop", 1, 0), span("cart", 2, 1)]).await;
    let mut other = span("bank", 3, 0);
    other.id = TraceId::new([9; 16]).expect("not zero");
    let verdict = |_: &Trace| {
        Some(Verdict {
            kept: false,
            policy: "none of it",
            weight: None,
        })
    };
    let written = write_judged(&store.store, &[other], &[], verdict).await;
    written.expect("writes");
    let role = format!("spoor_reader_{}", uuid::Uuid::new_v4().simple());
    let mut session = store.session().await;
    let grants = format!(
        "CREATE ROLE {role}; GRANT USAGE ON SCHEMA spoor_v1 TO {role};
         GRANT SELECT ON ALL TABLES IN SCHEMA spoor_v1 TO {role}; SET ROLE {role}"
    );
    session
        .execute(AssertSqlSafe(grants))
        .await
        .expect("grants");
    let mut counts = Vec::new();
    for view in VIEWS {
        let count = AssertSqlSafe(format!("SELECT count(*) FROM spoor_v1.{view}"));
        let count: Result<i64, _> = sqlx::query_scalar(count).fetch_one(&mut session).await;
        counts.push((view, count.expect("the view answers")));
    }
    let drop = AssertSqlSafe(format!(
        "RESET ROLE; DROP OWNED BY {role}; DROP ROLE {role}"
    ));
    session.execute(drop).await.expect("drops the role");
    session.close().await.expect("closes");
    assert!(counts.iter().all(|(_, rows)| *rows > 0), "{counts:?}");
}

#[tokio::test]
async fn views_show_what_was_written() {
    let store = TestStore::new().await;
    store.write(&[span("cart", 2, 1)]).await;
    store.write(&[span("shop", 1, 0)]).await;
    let traces = "SELECT span_count, root_service, root_operation, segments FROM spoor_v1.traces";
    assert_eq!(store.rows(traces).await, ["(2,shop,\"op 1\",2)"]);
    let edges = "SELECT parent, child, calls, errors, duration_sum_ns FROM spoor_v1.edges";
    assert_eq!(store.rows(edges).await, ["(shop,cart,1,0,1000)"]);
    let red = "SELECT service, operation, kind, calls FROM spoor_v1.red";
    assert_eq!(
        store.rows(red).await,
        ["(cart,\"op 2\",server,1)", "(shop,\"op 1\",server,1)"]
    );
}

#[tokio::test]
async fn the_buckets_of_a_view_are_those_of_the_histogram() {
    let store = TestStore::new().await;
    store.write(&[span("shop", 1, 0)]).await;
    let holds = "SELECT from_ns <= 1000 AND 1000 < below_ns AS holds, spans
                 FROM spoor_v1.red_buckets";
    assert_eq!(store.rows(holds).await, ["(t,1)"]);
}

#[tokio::test]
async fn a_time_reads_back_from_its_nanoseconds() {
    let store = TestStore::new().await;
    let same = "SELECT spoor_v1.at(spoor_v1.ns(t)) = t AS same
                FROM (VALUES (timestamptz '2026-01-31 12:00:00.123456+00')) AS times (t)";
    assert_eq!(store.rows(same).await, ["(t)"]);
}
