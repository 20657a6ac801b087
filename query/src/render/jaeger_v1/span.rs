//! One span in the order of keys of Jaeger's UI model.

use model::{Event, Scope, Span};

use super::{references, tags, trace_id};
use crate::go::json;
use crate::render::jaeger_model as jaeger;

const NANOS_PER_MICRO: u64 = 1_000;

/// Writes a span that belongs to the process of this key.
pub(super) fn span(
    out: &mut Vec<u8>,
    span: &Span,
    scope: &Scope,
    process: &str,
    warnings: &[String],
) {
    out.extend_from_slice(b"{\"traceID\":");
    trace_id(out, &span.trace_id);
    out.extend_from_slice(b",\"spanID\":\"");
    json::hex(out, span.span_id.as_bytes());
    out.push(b'"');
    if span.flags != 0 {
        out.extend_from_slice(b",\"flags\":");
        json::integer(out, span.flags);
    }
    out.extend_from_slice(b",\"operationName\":");
    json::string(out, jaeger::operation_name(span));
    out.extend_from_slice(b",\"references\":");
    json::list(out, jaeger::references(span), references::reference);
    out.extend_from_slice(b",\"startTime\":");
    json::integer(out, span.start / NANOS_PER_MICRO);
    out.extend_from_slice(b",\"duration\":");
    json::integer(out, span.duration() / NANOS_PER_MICRO);
    out.extend_from_slice(b",\"tags\":");
    json::list(out, jaeger::span_tags(span, scope), tags::tag);
    out.extend_from_slice(b",\"logs\":");
    json::list(out, &span.events, log);
    out.extend_from_slice(b",\"processID\":\"");
    out.extend_from_slice(process.as_bytes());
    out.extend_from_slice(b"\",\"warnings\":");
    all_warnings(out, &jaeger::warnings(span, warnings));
    out.push(b'}');
}

fn log(out: &mut Vec<u8>, event: &Event) {
    out.extend_from_slice(b"{\"timestamp\":");
    json::integer(out, event.time / NANOS_PER_MICRO);
    out.extend_from_slice(b",\"fields\":");
    json::list(out, jaeger::log_fields(event), tags::tag);
    out.push(b'}');
}

fn all_warnings(out: &mut Vec<u8>, warnings: &[String]) {
    if warnings.is_empty() {
        out.extend_from_slice(b"null");
    } else {
        json::strings(out, warnings.iter().map(String::as_str));
    }
}
