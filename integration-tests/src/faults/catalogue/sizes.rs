//! Things that are just below, at and just above each limit of size.

use std::time::Duration;

use anyhow::{Context, ensure};
use serde_json::{Value, json};

use crate::faults::course::{Fault, Notes, USUAL};
use crate::faults::program::until;
use crate::faults::site::Site;
use crate::{otlp_http, stack};

const REQUEST: usize = 16 << 20;
const VALUE: usize = 64 << 10;
const RECORD: usize = 900 << 10;

pub(super) const FAULTS: &[Fault] = &[Fault {
    name: "limits-of-size",
    what: "requests of 16 MiB, values of 64 KiB and records of 900 KiB, each one byte less, exactly, and one byte more (records: in steps across the limit)",
    play: sizes,
    exclusive: false,
    ..USUAL
}];

fn request(id: &str, attributes: &[Value]) -> String {
    let mut span = otlp_http::span(id, "large", Duration::from_millis(5));
    span["attributes"] = json!(attributes);
    let name = json!([{ "key": "service.name", "value": { "stringValue": "sizes" } }]);
    json!({ "resourceSpans": [{
        "resource": { "attributes": name },
        "scopeSpans": [{ "spans": [span] }],
    }] })
    .to_string()
}

fn attribute(number: usize, bytes: usize) -> Value {
    let text = "x".repeat(bytes);
    json!({ "key": format!("k{number:02}"), "value": { "stringValue": text } })
}

fn sizes(site: &mut Site, notes: &mut Notes) -> anyhow::Result<()> {
    let url = format!("http://127.0.0.1:{}/v1/traces", site.collectors[0].http);
    let send = |body: &str| {
        let headers = ["content-type: application/json", "expect:"];
        otlp_http::post_to(&url, &headers, body.as_bytes()).status
    };
    let mut taken = Vec::new();
    let mut one = |attributes: &[Value], padded: usize| {
        let id = otlp_http::new_trace_id();
        let mut body = request(&id, attributes);
        let missing = padded.saturating_sub(body.len());
        body.push_str(&" ".repeat(missing));
        let status = send(&body);
        if status == 200 {
            taken.push(id);
        }
        status
    };
    let requests = [REQUEST - 1, REQUEST, REQUEST + 1].map(|size| one(&[], size));
    ensure!(
        requests == [200, 200, 413],
        "requests around the limit: {requests:?}"
    );
    let values = [VALUE - 1, VALUE, VALUE + 1].map(|size| one(&[attribute(0, size)], 0));
    ensure!(values == [200; 3], "values around the limit: {values:?}");
    let full = RECORD / VALUE;
    for last in (0..=VALUE).step_by(VALUE / 16) {
        let values =
            (0..=full).map(|number| attribute(number, if number == full { last } else { VALUE }));
        let status = one(&values.collect::<Vec<_>>(), 0);
        ensure!(
            status == 200,
            "a span of {full} values and one of {last} bytes: {status}"
        );
    }
    notes.ready = site.readiness();
    for id in &taken {
        until(&format!("{id} is found"), Duration::from_secs(30), || {
            let url = format!("{}/api/v3/traces/{id}", site.query_address());
            stack::fetch(&url, 10).is_some_and(|answer| answer.contains("\"large\""))
        })
        .context("a span around a limit")?;
    }
    notes.add(format!(
        "{} spans around the limits found; 413 for one byte more",
        taken.len()
    ));
    Ok(())
}
