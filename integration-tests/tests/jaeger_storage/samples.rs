//! A trace with a value of every type at every level.

use std::collections::BTreeMap;

use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{
    AnyValue, ArrayValue, InstrumentationScope, KeyValue, KeyValueList,
};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::span::{Event, Link};
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, Status};

use crate::client::{self, Instant};

/// Spans of a trace.
pub const SPANS: usize = 22;
/// How long its shortest span takes, in nanoseconds.
pub const SHORTEST: u64 = 1;

/// Each span as text with its resource and its scope, by trace.
pub type Found = BTreeMap<Vec<u8>, Vec<String>>;

fn any(value: Value) -> AnyValue {
    AnyValue { value: Some(value) }
}

fn attribute(key: &str, value: Value) -> KeyValue {
    KeyValue {
        key: key.to_owned(),
        value: Some(any(value)),
        ..KeyValue::default()
    }
}

fn text(text: &str) -> Value {
    Value::StringValue(text.to_owned())
}

/// One attribute of each type, in an order that nobody sorts.
fn of_every_type() -> Vec<KeyValue> {
    let list = ArrayValue {
        values: vec![
            any(Value::IntValue(1)),
            any(text("two")),
            AnyValue::default(),
        ],
    };
    let map = KeyValueList {
        values: vec![attribute("inner", Value::BoolValue(false))],
    };
    vec![
        attribute("z.text", text("<ü> & \"quoted\"")),
        attribute("http.status_code", Value::IntValue(200)),
        attribute("ok", Value::BoolValue(true)),
        attribute("ratio", Value::DoubleValue(0.1)),
        attribute("large", Value::IntValue(i64::MIN)),
        attribute("bytes", Value::BytesValue(vec![0, 255, 7])),
        attribute("list", Value::ArrayValue(list)),
        attribute("map", Value::KvlistValue(map)),
        attribute("empty", text("")),
    ]
}

/// A trace that begins at this nanosecond: spans of two services, one without a kind, some that
/// share a span id, durations down to a nanosecond.
pub fn trace(id: &str, start: u64) -> Vec<ResourceSpans> {
    let trace_id = bytes(id);
    let mut spans: Vec<Span> = (1..=21u64)
        .map(|number| span(&trace_id, number, start))
        .collect();
    let mut twin = spans[3].clone();
    twin.start_time_unix_nano += 10;
    twin.end_time_unix_nano += 11;
    spans.push(twin);
    let other = spans.split_off(11);
    [("shop", spans), ("cart", other)]
        .map(|(service, spans)| of_service(service, spans))
        .into()
}

fn of_service(service: &str, spans: Vec<Span>) -> ResourceSpans {
    let mut attributes = of_every_type();
    attributes.insert(2, attribute("service.name", text(service)));
    let scope = InstrumentationScope {
        name: "lib".to_owned(),
        version: "1.2.3".to_owned(),
        attributes: of_every_type(),
        dropped_attributes_count: 3,
    };
    ResourceSpans {
        resource: Some(Resource {
            attributes,
            dropped_attributes_count: 4,
            ..Resource::default()
        }),
        scope_spans: vec![ScopeSpans {
            scope: Some(scope),
            spans,
            schema_url: "https://opentelemetry.io/schemas/1.26.0".to_owned(),
        }],
        schema_url: "https://opentelemetry.io/schemas/1.25.0".to_owned(),
    }
}

fn span(trace_id: &[u8], number: u64, start: u64) -> Span {
    let begins = start + number * 100;
    let link = Link {
        trace_id: vec![9; 16],
        span_id: vec![8; 8],
        trace_state: "a=b".to_owned(),
        attributes: of_every_type(),
        dropped_attributes_count: 1,
        flags: 1,
    };
    let event = Event {
        time_unix_nano: begins + 1,
        name: "event".to_owned(),
        attributes: of_every_type(),
        dropped_attributes_count: 2,
    };
    Span {
        trace_id: trace_id.to_vec(),
        span_id: number.to_be_bytes().to_vec(),
        trace_state: "vendor=value".to_owned(),
        parent_span_id: match number {
            1 => Vec::new(),
            _ => 1u64.to_be_bytes().to_vec(),
        },
        flags: 257,
        name: format!("operation {}", number % 3),
        kind: (number % 6) as i32,
        start_time_unix_nano: begins,
        end_time_unix_nano: begins + SHORTEST + (number - 1) * 4_501,
        attributes: of_every_type(),
        dropped_attributes_count: 5,
        events: vec![event],
        dropped_events_count: 6,
        links: vec![link],
        dropped_links_count: 7,
        status: Some(Status {
            message: "words".to_owned(),
            code: (number % 3) as i32,
        }),
    }
}

fn bytes(hex: &str) -> Vec<u8> {
    let digits = |at| u8::from_str_radix(&hex[at..at + 2], 16).expect("hex");
    (0..hex.len()).step_by(2).map(digits).collect()
}

/// The id of a trace.
pub fn id_of(trace: &[ResourceSpans]) -> Vec<u8> {
    trace[0].scope_spans[0].spans[0].trace_id.clone()
}

/// So long.
pub fn duration(nanos: u64) -> Option<Instant> {
    Some(client::nanos(nanos))
}

/// What each trace holds, in an order of its own. A message holds spans of one trace alone.
pub fn by_trace(messages: impl IntoIterator<Item = Vec<ResourceSpans>>) -> Found {
    let mut found = Found::new();
    for message in messages {
        let id = id_of(&message);
        for of_resource in &message {
            for of_scope in &of_resource.scope_spans {
                let around = (
                    (&of_resource.resource, &of_resource.schema_url),
                    (&of_scope.scope, &of_scope.schema_url),
                );
                for span in &of_scope.spans {
                    assert_eq!(span.trace_id, id, "one trace in a message");
                    let texts = found.entry(id.clone()).or_default();
                    texts.push(format!("{span:?} {around:?}"));
                }
            }
        }
    }
    found.values_mut().for_each(|texts| texts.sort());
    found
}
