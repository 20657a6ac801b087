//! A trace that follows from a seed and a time: whoever knows both knows every byte of it.

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value::Value};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Tag by which the trace is searched for: its value occurs in no other trace.
pub(crate) const TAG: &str = "spoor.canary";
/// Service of the root.
pub(crate) const SERVICE: &str = "spoor-canary";
/// Service that is called.
const CALLED: &str = "spoor-canary-callee";

/// Fewest and most spans below the root.
const SPANS: std::ops::RangeInclusive<usize> = 2..=12;
/// Longest that the root takes, in nanoseconds.
const LONGEST: u64 = 900_000_000;

/// A trace as it was sent.
#[derive(Debug, Clone)]
pub(crate) struct SeededTrace {
    /// When its root started, in nanoseconds, to the microsecond.
    pub(crate) at: u64,
    /// Its id in hexadecimal.
    pub(crate) id: String,
    /// The value of [`TAG`].
    pub(crate) tag: String,
    /// Its spans; the first is the root.
    pub(crate) spans: Vec<SeededSpan>,
}

/// One of its spans, as every API shows it. Times in microseconds.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct SeededSpan {
    /// In hexadecimal.
    pub(crate) id: String,
    /// In hexadecimal; empty for the root.
    pub(crate) parent: String,
    pub(crate) name: String,
    pub(crate) service: String,
    pub(crate) start_us: u64,
    pub(crate) duration_us: u64,
    /// The value of [`TAG`].
    pub(crate) tag: String,
}

/// The trace of a seed and a time in nanoseconds.
pub(crate) fn trace(seed: u64, at: u64) -> SeededTrace {
    let at = at - at % 1_000;
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(at);
    let id: [u8; 16] = rng.random();
    let tag = format!("{seed:x}-{at:x}");
    let start_us = at / 1_000;
    let length = rng.random_range(1_000..LONGEST / 1_000);
    let mut spans = vec![SeededSpan {
        id: span_id(&mut rng),
        parent: String::new(),
        name: "canary".to_owned(),
        service: SERVICE.to_owned(),
        start_us,
        duration_us: length,
        tag: tag.clone(),
    }];
    for number in 0..rng.random_range(SPANS) {
        let parent = &spans[rng.random_range(0..spans.len())];
        let start = parent.start_us + rng.random_range(0..=parent.duration_us / 2);
        let room = parent.start_us + parent.duration_us - start;
        let called = parent.service == SERVICE && rng.random_bool(0.5);
        let span = SeededSpan {
            parent: parent.id.clone(),
            name: format!("canary {number}"),
            service: if called {
                CALLED.to_owned()
            } else {
                parent.service.clone()
            },
            start_us: start,
            duration_us: rng.random_range(0..=room),
            tag: tag.clone(),
            id: span_id(&mut rng),
        };
        spans.push(span);
    }
    SeededTrace {
        at,
        id: hex(&id),
        tag,
        spans,
    }
}

fn span_id(rng: &mut ChaCha8Rng) -> String {
    format!("{:016x}", rng.random_range(1..=u64::MAX))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn bytes(hex: &str) -> Vec<u8> {
    let pairs = hex.as_bytes().chunks(2);
    let byte = |pair: &[u8]| {
        std::str::from_utf8(pair)
            .ok()
            .and_then(|p| u8::from_str_radix(p, 16).ok())
    };
    pairs.filter_map(byte).collect()
}

impl SeededTrace {
    /// The request that exports it: a resource for each service.
    pub(crate) fn request(&self) -> ExportTraceServiceRequest {
        let of_service = |service: &str| {
            let spans = self.spans.iter().filter(|span| span.service == service);
            ResourceSpans {
                resource: Some(Resource {
                    attributes: vec![attribute("service.name", service)],
                    ..Default::default()
                }),
                scope_spans: vec![ScopeSpans {
                    spans: spans.map(|span| self.otlp(span)).collect(),
                    ..Default::default()
                }],
                ..Default::default()
            }
        };
        let resource_spans = [SERVICE, CALLED].map(of_service).into_iter();
        ExportTraceServiceRequest {
            resource_spans: resource_spans
                .filter(|of| !of.scope_spans[0].spans.is_empty())
                .collect(),
        }
    }

    fn otlp(&self, span: &SeededSpan) -> Span {
        Span {
            trace_id: bytes(&self.id),
            span_id: bytes(&span.id),
            parent_span_id: bytes(&span.parent),
            name: span.name.clone(),
            kind: SpanKind::Internal as i32,
            start_time_unix_nano: span.start_us * 1_000,
            end_time_unix_nano: (span.start_us + span.duration_us) * 1_000,
            attributes: vec![attribute(TAG, &span.tag)],
            ..Default::default()
        }
    }
}

fn attribute(key: &str, value: &str) -> KeyValue {
    KeyValue {
        key: key.to_owned(),
        value: Some(AnyValue {
            value: Some(Value::StringValue(value.to_owned())),
        }),
        ..Default::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT: u64 = 1_700_000_000_000_000_123;

    #[test]
    fn the_same_seed_and_time_make_the_same_trace_and_others_do_not() {
        let (one, again) = (trace(7, AT), trace(7, AT));
        assert_eq!((&one.id, &one.spans), (&again.id, &again.spans));
        assert_ne!(one.id, trace(8, AT).id);
        assert_ne!(one.id, trace(7, AT + 1_000).id);
    }

    #[test]
    fn children_lie_within_their_parents() {
        let trace = trace(3, AT);
        for span in &trace.spans[1..] {
            let parent = trace.spans.iter().find(|one| one.id == span.parent);
            let parent = parent.expect("a parent");
            let end = |span: &SeededSpan| span.start_us + span.duration_us;
            assert!(parent.start_us <= span.start_us && end(span) <= end(parent));
        }
    }
}
