//! Every bad input that concerns OTLP over HTTP: the answer, the counter, the neighbours.
//!
//! The rows are those of the table of bad inputs in the documentation. Each case meets a collector
//! of its own; a good request follows, which must be answered and stored as if nothing had been.

mod bodies;
mod spans;

use crate::running::{JSON, PROTOBUF, Running, start};
use crate::traces::{of_cart, span};
use crate::wire;

/// What must come of a case.
enum Outcome {
    /// This HTTP status, and this reason in the metric.
    Refused(u16, &'static str),
    /// 200; so many spans stored; so many left out for this reason; this repair counted.
    Stored(usize, Option<(&'static str, i64)>, Option<&'static str>),
}

use Outcome::{Refused, Stored};

struct Case {
    what: &'static str,
    content_type: &'static str,
    encoding: &'static str,
    body: Vec<u8>,
    outcome: Outcome,
}

fn protobuf(what: &'static str, body: impl Into<Vec<u8>>, outcome: Outcome) -> Case {
    Case {
        what,
        content_type: PROTOBUF,
        encoding: "identity",
        body: body.into(),
        outcome,
    }
}

fn json(what: &'static str, body: impl ToString, outcome: Outcome) -> Case {
    let body = body.to_string().into_bytes();
    Case {
        what,
        content_type: JSON,
        encoding: "identity",
        body,
        outcome,
    }
}

fn encoded(what: &'static str, encoding: &'static str, body: Vec<u8>, outcome: Outcome) -> Case {
    Case {
        what,
        content_type: PROTOBUF,
        encoding,
        body,
        outcome,
    }
}

async fn check(case: Case) {
    let (what, running) = (case.what, start().await);
    let request = running.post(case.content_type, case.body);
    let sent = request
        .header("content-encoding", case.encoding)
        .send()
        .await;
    let response = sent.unwrap_or_else(|error| panic!("{what}: {error}"));
    let content_type = response.headers()["content-type"]
        .to_str()
        .expect("text")
        .to_owned();
    let status = response.status().as_u16();
    let text = String::from_utf8_lossy(&response.bytes().await.expect("a body")).into_owned();
    match case.outcome {
        Refused(expected, reason) => {
            assert_eq!(status, expected, "{what}: {text}");
            check_refused(what, &running, reason);
        }
        Stored(spans, rejected, repair) => {
            assert_eq!(
                (status, running.published.spans().len()),
                (200, spans),
                "{what}: {text}"
            );
            assert!(
                rejected.is_none_or(|(reason, _)| text.contains(reason)),
                "{what}: {text}"
            );
            check_counted(what, &running, rejected, repair);
        }
    }
    let expected_type = if case.content_type == PROTOBUF {
        PROTOBUF
    } else {
        JSON
    };
    assert_eq!(content_type, expected_type, "{what}");
    check_next(what, &running).await;
}

fn check_refused(what: &str, running: &Running, reason: &str) {
    let series =
        format!("spoor_collector_requests_total{{protocol=\"otlp_http\",outcome=\"{reason}\"}}");
    assert_eq!(
        running.metric(&series),
        1.0,
        "{what}: {:?}",
        running.metrics()
    );
    assert!(running.published.records().is_empty(), "{what}");
}

fn check_counted(
    what: &str,
    running: &Running,
    rejected: Option<(&str, i64)>,
    repair: Option<&str>,
) {
    if let Some((reason, count)) = rejected {
        let series = format!("spoor_collector_spans_rejected_total{{reason=\"{reason}\"}}");
        assert_eq!(running.metric(&series), count as f64, "{what}");
    }
    if let Some(repair) = repair {
        let series = format!("spoor_collector_spans_repaired_total{{repair=\"{repair}\"}}");
        assert_eq!(
            running.metric(&series),
            1.0,
            "{what}: {:?}",
            running.metrics()
        );
    }
}

/// A good request right after is answered and stored.
async fn check_next(what: &str, running: &Running) {
    let before = running.published.spans().len();
    let good = wire::request(&of_cart([span(9, 9)]));
    assert_eq!(
        running.send(PROTOBUF, good).await.status(),
        200,
        "after {what}"
    );
    assert_eq!(running.published.spans().len(), before + 1, "after {what}");
}

async fn check_all(cases: Vec<Case>) {
    for case in cases {
        check(case).await;
    }
}
