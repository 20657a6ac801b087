//! Spoor as the storage of a stock Jaeger, and as a test installation that is emptied: what goes in
//! by OTLP on the port of remote storage comes out there equal, and a purge under load leaves
//! nothing of before.

mod client;
mod samples;

use std::collections::BTreeMap;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use integration_tests::otlp_http::{new_trace_id, now_nanos, post_spans, span};
use integration_tests::{Deployment, Stack};

use crate::client::{Jaeger, Query, attribute};

/// Longest wait for what is acknowledged to be found.
const SOON: Duration = Duration::from_secs(20);
/// Exports between two purges: enough that spans are held when one comes.
const SOME: usize = 20;

fn stack() -> &'static Stack {
    static STACK: OnceLock<Stack> = OnceLock::new();
    STACK.get_or_init(|| {
        let settings = [
            ("SPOOR__QUERY__ADMIN__TOKEN", "hunter2"),
            ("SPOOR__QUERY__ADMIN__PURGE", "true"),
        ];
        Stack::start_with("jaeger_storage", Deployment::Kafka, &settings)
    })
}

/// Written and read first, purged afterwards: the tests share a stack.
#[test]
fn a_stock_jaeger_finds_what_it_has_written_and_a_purge_leaves_nothing() {
    let stack = stack();
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(what_is_written_is_read(stack));
    what_was_acknowledged_is_gone_and_what_comes_is_kept(stack);
}

async fn what_is_written_is_read(stack: &Stack) {
    let mut jaeger = Jaeger::connect(&stack.remote_storage()).await;
    let now = now_nanos();
    let fresh = samples::trace(&new_trace_id(), now);
    let old = samples::trace(&new_trace_id(), now - 2 * 24 * 3_600_000_000_000);
    for trace in [&fresh, &old] {
        jaeger.write(trace.clone()).await;
    }
    let ids = [&fresh, &old].map(|trace| samples::id_of(trace));
    let deadline = tokio::time::Instant::now() + SOON;
    let found = loop {
        let found = jaeger.get(&ids).await;
        let spans: usize = found.values().map(Vec::len).sum();
        if spans == 2 * samples::SPANS {
            break found;
        }
        assert!(tokio::time::Instant::now() < deadline, "{spans} spans");
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    let sent = samples::by_trace([fresh.clone(), old.clone()]);
    assert_eq!(found, sent, "every field of every span");

    let any_service = Query::between(now - 3_600_000_000_000, now + 1_000_000_000);
    let recent = jaeger.find(any_service).await;
    assert_eq!(recent.keys().collect::<Vec<_>>(), [&ids[0]]);
    let typed = Query {
        attributes: vec![
            attribute("http.status_code", "200"),
            attribute("ok", "true"),
        ],
        ..Query::between(0, now + 1_000_000_000)
    };
    assert_eq!(jaeger.find(typed).await.len(), 2);
    let short = Query {
        duration_max: samples::duration(samples::SHORTEST),
        ..Query::between(0, now + 1_000_000_000)
    };
    assert_eq!(jaeger.find(short).await.len(), 2);
}

/// Status and body of `POST /admin/purge`.
fn purge(stack: &Stack, token: &str, body: &str) -> (String, String) {
    let authorization = format!("authorization: Bearer {token}");
    let output = std::process::Command::new("curl")
        .args([
            "--silent",
            "--max-time",
            "60",
            "--write-out",
            "\n%{http_code}",
        ])
        .args(["--header", &authorization, "--data", body])
        .arg(format!("{}/admin/purge", stack.query()))
        .output()
        .expect("curl is installed");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let (body, status) = text.rsplit_once('\n').expect("the status is written out");
    (status.to_owned(), body.to_owned())
}

fn is_found(stack: &Stack, id: &str) -> bool {
    stack.get(&format!("/api/traces/{id}")).is_some()
}

/// Exports one span after the other. Says of each that was acknowledged when it was sent and when
/// the answer came.
fn export_until(
    done: &AtomicBool,
    answered: &AtomicUsize,
    stack: &Stack,
) -> BTreeMap<String, (u64, u64)> {
    let mut acked = BTreeMap::new();
    while !done.load(Ordering::Relaxed) {
        let id = new_trace_id();
        let spans = [span(&id, "held", Duration::from_millis(1))];
        let begun = now_nanos();
        if post_spans(stack, "busy", &spans).status == 200 {
            acked.insert(id, (begun, now_nanos()));
            answered.fetch_add(1, Ordering::Relaxed);
        }
    }
    acked
}

fn what_was_acknowledged_is_gone_and_what_comes_is_kept(stack: &Stack) {
    assert_eq!(purge(stack, "guess", r#"{"yes":true}"#).0, "401");
    assert_eq!(purge(stack, "hunter2", "{}").0, "400");
    let done = AtomicBool::new(false);
    let answered = AtomicUsize::new(0);
    let until_more_are_acknowledged = || {
        let before = answered.load(Ordering::Relaxed);
        stack.until("more spans are acknowledged", SOON, |_| {
            answered.load(Ordering::Relaxed) >= before + SOME
        });
    };
    std::thread::scope(|scope| {
        // Some clients that never pause: spans are held in every partition at any time.
        let clients: Vec<_> = (0..2)
            .map(|_| scope.spawn(|| export_until(&done, &answered, stack)))
            .collect();
        let mut purges = Vec::new();
        for _ in 0..3 {
            until_more_are_acknowledged();
            let begun = now_nanos();
            let (status, body) = purge(stack, "hunter2", r#"{"yes":true}"#);
            assert_eq!(status, "200", "{body}");
            purges.push((begun, now_nanos()));
        }
        until_more_are_acknowledged();
        done.store(true, Ordering::Relaxed);
        let acked: BTreeMap<String, (u64, u64)> = clients
            .into_iter()
            .flat_map(|client| client.join().expect("a client ends"))
            .collect();
        let (first_begun, _) = purges[0];
        let (last_begun, last_ended) = purges[2];
        let before = acked.iter().filter(|(_, (_, acked))| *acked < first_begun);
        assert!(before.count() > 5, "{}", acked.len());
        let after: Vec<&String> = acked
            .iter()
            .filter(|(_, (begun, _))| *begun > last_ended)
            .map(|(id, _)| id)
            .collect();
        assert!(!after.is_empty());
        stack.until("what came later is stored", SOON, |stack| {
            after.iter().all(|id| is_found(stack, id))
        });
        for (id, (_, at)) in &acked {
            assert!(
                *at > last_begun || !is_found(stack, id),
                "{id} is still there"
            );
        }
    });
    let services = stack.get("/api/services").expect("an answer");
    assert_eq!(services["data"], serde_json::json!(["busy"]));
}
