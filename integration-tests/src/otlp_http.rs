//! OTLP over HTTP by hand: requests that no SDK would send, and spans made for one test.

use std::io::Write;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use crate::Stack;

/// What the collector answered.
#[derive(Debug)]
pub struct Answer {
    /// Status of HTTP.
    pub status: u16,
    /// The body.
    pub body: String,
}

/// Sends a body to `/v1/traces` with these headers.
pub fn post(stack: &Stack, headers: &[&str], body: &[u8]) -> Answer {
    post_to(&format!("{}/v1/traces", stack.otlp_http()), headers, body)
}

/// Sends a body to an address.
pub fn post_to(url: &str, headers: &[&str], body: &[u8]) -> Answer {
    let mut command = Command::new("curl");
    command.args([
        "--silent",
        "--max-time",
        "30",
        "--write-out",
        "\n%{http_code}",
    ]);
    command.args(headers.iter().flat_map(|header| ["--header", *header]));
    let mut curl = command
        .args(["--data-binary", "@-", url])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("curl is installed");
    let mut input = curl.stdin.take().expect("a pipe");
    // The collector may answer before it has read everything.
    input.write_all(body).unwrap_or_default();
    drop(input);
    let output = curl.wait_with_output().expect("curl ends");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let (body, status) = text.rsplit_once('\n').expect("the status is written out");
    Answer {
        status: status.parse().expect("a status"),
        body: body.to_owned(),
    }
}

/// Sends spans of one service as OTLP JSON.
pub fn post_spans(stack: &Stack, service: &str, spans: &[Value]) -> Answer {
    post_spans_with(stack, &[], service, spans)
}

/// The same with further headers.
pub fn post_spans_with(stack: &Stack, more: &[&str], service: &str, spans: &[Value]) -> Answer {
    let name = json!([{ "key": "service.name", "value": { "stringValue": service } }]);
    let body = json!({ "resourceSpans": [{
        "resource": { "attributes": name },
        "scopeSpans": [{ "spans": spans }],
    }] });
    let body = body.to_string();
    let headers = [&["content-type: application/json"], more].concat();
    post(stack, &headers, body.as_bytes())
}

/// A trace id that nobody else has.
pub fn new_trace_id() -> String {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    format!("{:016x}{number:016x}", now_nanos())
}

/// Nanoseconds since 1970.
pub fn now_nanos() -> u64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .expect("after 1970");
    since.as_nanos() as u64
}

/// A root span that has just ended.
pub fn span(trace_id: &str, name: &str, duration: Duration) -> Value {
    let end = now_nanos();
    json!({
        "traceId": trace_id,
        "spanId": &trace_id[16..],
        "name": name,
        "kind": 2,
        "startTimeUnixNano": (end - duration.as_nanos() as u64).to_string(),
        "endTimeUnixNano": end.to_string(),
    })
}

/// The same span with a string attribute.
pub fn tagged(mut span: Value, key: &str, value: &str) -> Value {
    span["attributes"] = json!([{ "key": key, "value": { "stringValue": value } }]);
    span
}
