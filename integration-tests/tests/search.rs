//! Search through both generations of Jaeger's API, on traces made for it.

use std::sync::OnceLock;
use std::time::Duration;

use integration_tests::otlp_http::{new_trace_id, now_nanos, post_spans, span, tagged};
use integration_tests::{Deployment, Stack, otlp_json};
use serde_json::Value;

/// Three traces of one service, oldest first: 10, 20 and 30 ms long, one every ten seconds.
struct Traces {
    stack: Stack,
    ids: [String; 3],
}

fn traces() -> &'static Traces {
    static TRACES: OnceLock<Traces> = OnceLock::new();
    TRACES.get_or_init(|| {
        // Without Kafka, what is answered is stored.
        let stack = Stack::start("search", Deployment::Direct);
        let ids = std::array::from_fn(|_| new_trace_id());
        for (number, id) in (1u64..).zip(&ids) {
            let mut span = span(id, "GET /cart", Duration::from_millis(10 * number));
            let ago = (4 - number) * 10_000_000_000;
            for field in ["startTimeUnixNano", "endTimeUnixNano"] {
                let time: u64 = span[field]
                    .as_str()
                    .and_then(|text| text.parse().ok())
                    .expect("a time");
                span[field] = (time - ago).to_string().into();
            }
            let span = tagged(span, "cart.id", &format!("c{number}"));
            assert_eq!(post_spans(&stack, "cart", &[span]).status, 200);
        }
        let other = span(&new_trace_id(), "GET /stock", Duration::from_millis(15));
        assert_eq!(
            post_spans(&stack, "stock", &[tagged(other, "cart.id", "c2")]).status,
            200
        );
        Traces { stack, ids }
    })
}

impl Traces {
    /// Trace ids that the first generation finds, in its order.
    fn v1(&self, parameters: &str) -> Vec<String> {
        let path = format!("/api/traces?lookback=1h&{parameters}");
        let answer = self.stack.get(&path).expect("an answer");
        let traces = answer["data"].as_array().expect("a list").iter();
        traces.map(|trace| id_of(&trace["traceID"])).collect()
    }

    /// Names of the spans that the third generation finds, in its order.
    fn v3(&self, parameters: &str) -> Vec<Value> {
        let (start, end) = (
            rfc3339(now_nanos() - 3_600_000_000_000),
            rfc3339(now_nanos() + 60_000_000_000),
        );
        let path = format!(
            "/api/v3/traces?query.startTimeMin={start}&query.startTimeMax={end}&{parameters}"
        );
        let answer = self.stack.get(&path);
        answer.map_or_else(Vec::new, |answer| otlp_json::spans(&answer))
    }

    fn ids(&self, numbers: &[usize]) -> Vec<String> {
        numbers
            .iter()
            .map(|number| self.ids[number - 1].clone())
            .collect()
    }
}

/// A trace id with all its digits.
fn id_of(value: &Value) -> String {
    format!("{:0>32}", value.as_str().expect("an id"))
}

/// A time as api_v3 takes it.
fn rfc3339(nanos: u64) -> String {
    let seconds = format!("@{}", nanos / 1_000_000_000);
    let output = std::process::Command::new("date")
        .args(["--utc", "--date", &seconds, "+%Y-%m-%dT%H:%M:%SZ"])
        .output()
        .expect("date is there");
    String::from_utf8(output.stdout)
        .expect("text")
        .trim()
        .to_owned()
}

fn sorted_ids(spans: &[Value]) -> Vec<String> {
    let mut ids: Vec<String> = spans.iter().map(|span| id_of(&span["traceId"])).collect();
    ids.sort();
    ids
}

#[test]
fn traces_come_newest_first() {
    let traces = traces();
    assert_eq!(traces.v1("service=cart"), traces.ids(&[3, 2, 1]));
}

#[test]
fn a_limit_keeps_the_newest() {
    let traces = traces();
    assert_eq!(traces.v1("service=cart&limit=2"), traces.ids(&[3, 2]));
    let found = traces.v3("query.serviceName=cart&query.searchDepth=2");
    assert_eq!(sorted_ids(&found), traces.ids(&[2, 3]));
}

#[test]
fn a_tag_must_be_on_a_span_of_the_service() {
    let traces = traces();
    let json = "service=cart&tags=%7B%22cart.id%22%3A%22c2%22%7D";
    assert_eq!(traces.v1(json), traces.ids(&[2]));
    assert_eq!(
        traces.v1("service=cart&tags=cart.id%3Dc2"),
        traces.ids(&[2])
    );
    let v3 = "query.serviceName=cart&query.attributes=%7B%22cart.id%22%3A%22c2%22%7D";
    assert_eq!(sorted_ids(&traces.v3(v3)), traces.ids(&[2]));
}

#[test]
fn durations_bound_the_spans_found() {
    let traces = traces();
    let between = "service=cart&minDuration=15ms&maxDuration=25ms";
    assert_eq!(traces.v1(between), traces.ids(&[2]));
    let at_least = "query.serviceName=cart&query.durationMin=15ms";
    assert_eq!(sorted_ids(&traces.v3(at_least)), traces.ids(&[2, 3]));
}

#[test]
fn an_operation_of_another_service_finds_nothing() {
    let traces = traces();
    assert_eq!(
        traces.v1("service=cart&operation=GET%20%2Fstock"),
        traces.ids(&[])
    );
}

#[test]
fn the_third_generation_needs_no_service() {
    let traces = traces();
    let found = traces.v3("query.attributes=%7B%22cart.id%22%3A%22c2%22%7D");
    assert_eq!(found.len(), 2, "one of each service: {found:?}");
}
