//! Parent and links as Jaeger's references.

use model::{Link, Span, SpanId, TraceId, Value};

use super::trace_id;
use crate::go::json;

/// The link attribute that keeps the type which a reference had in Jaeger.
const REF_TYPE: &str = "opentracing.ref_type";

/// Writes the references: the parent first, then the links. A link to the parent only tells the
/// type of that first reference.
pub(super) fn of_span(out: &mut Vec<u8>, span: &Span) {
    let is_parent =
        |link: &&Link| link.trace_id == span.trace_id && Some(link.span_id) == span.parent_span_id;
    let parent = span.parent_span_id.map(|parent| {
        let told = span.links.iter().rfind(is_parent).map(ref_type);
        (told.unwrap_or("CHILD_OF"), span.trace_id, parent)
    });
    let others = span.links.iter().filter(|link| !is_parent(link));
    let links = others.map(|link| (ref_type(link), link.trace_id, link.span_id));
    json::list(out, parent.into_iter().chain(links), reference);
}

fn ref_type(link: &Link) -> &'static str {
    let told = link.attributes.iter().find(|of| of.key == REF_TYPE);
    match told.map(|attribute| &attribute.value) {
        Some(Value::String(kind)) if kind == "child_of" => "CHILD_OF",
        _ => "FOLLOWS_FROM",
    }
}

fn reference(out: &mut Vec<u8>, (kind, trace, span): (&str, TraceId, SpanId)) {
    out.extend_from_slice(b"{\"refType\":\"");
    out.extend_from_slice(kind.as_bytes());
    out.extend_from_slice(b"\",\"traceID\":");
    trace_id(out, &trace);
    out.extend_from_slice(b",\"spanID\":\"");
    json::hex(out, span.as_bytes());
    out.extend_from_slice(b"\"}");
}
