//! From Jaeger's model to ours, whatever it was encoded in: tags back to the fields they came
//! from, references to parent and links, logs to events, processes to resources.
//!
//! The rules are those of Jaeger's own translation; `docs/protocols.md` lists them.

mod status;

use model::{Extent, Repair, SERVICE_NAME, SpanId, SpanKind, TraceId, UnixNanos, ValueRef};

use super::DecodeError;
use super::builder::{Builder, LinkDraft, Mark, SpanDraft};
use super::scopes::Scopes;

/// The attribute that keeps what a sender warned about; readers show it as warnings.
const WARNINGS: &str = "@jaeger@warnings";
/// The service that Jaeger's exporters put in for a resource without one.
const NO_SERVICE: &str = "OTLPResourceNoServiceName";
/// The link attribute that keeps the type of a reference.
const REF_TYPE: &str = "opentracing.ref_type";

/// Values of a tag, one for each type.
#[derive(Debug, Default)]
pub(super) struct Tag<'a> {
    pub(super) key: &'a str,
    pub(super) text: &'a str,
    pub(super) bool: bool,
    pub(super) int: i64,
    pub(super) double: f64,
    pub(super) bytes: &'a [u8],
}

/// The type of a tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TagType {
    Text,
    Bool,
    Int,
    Double,
    Bytes,
    Unknown,
}

impl<'a> Tag<'a> {
    /// Hands the tag over as an attribute.
    pub(super) fn push(self, to: &mut Builder<'a>, of_type: TagType) -> Result<(), DecodeError> {
        let value = match of_type {
            TagType::Text => ValueRef::String(self.text),
            TagType::Bool => ValueRef::Bool(self.bool),
            TagType::Int => ValueRef::Int(self.int),
            TagType::Double => ValueRef::Double(self.double),
            TagType::Bytes => ValueRef::Bytes(self.bytes),
            TagType::Unknown => {
                to.repair(Repair::UnknownEnum);
                ValueRef::Empty
            }
        };
        to.push_attribute(self.key, value)
    }
}

/// A reference to another span.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Reference {
    pub(super) trace_id: Option<TraceId>,
    pub(super) span_id: Option<SpanId>,
    pub(super) follows_from: bool,
}

/// A span whose tags, logs, references and warnings wait in the builder.
#[derive(Debug, Default)]
pub(super) struct Span<'a> {
    pub(super) trace_id: Option<TraceId>,
    pub(super) span_id: Option<SpanId>,
    pub(super) name: &'a str,
    pub(super) references: Vec<Reference>,
    pub(super) flags: u32,
    /// Nanoseconds since 1970.
    pub(super) start: i128,
    /// Nanoseconds.
    pub(super) duration: i128,
}

/// Where the parts of a span begin in the builder.
#[derive(Debug, Clone, Copy)]
pub(super) struct Begin {
    before: Mark,
    tags: usize,
    warnings: usize,
    first_log: usize,
}

impl Begin {
    pub(super) fn of(to: &Builder<'_>) -> Self {
        Self {
            before: to.mark(),
            tags: to.begin_attributes(),
            warnings: to.begin_values(),
            first_log: to.decoded.batch.events.len(),
        }
    }
}

/// Finishes a span. `resource` opens the span's resource, if it is not left out.
pub(super) fn push_span<'a>(
    to: &mut Builder<'a>,
    scopes: &mut Scopes<'a>,
    span: Span<'a>,
    begin: Begin,
    resource: impl FnOnce(&mut Builder<'a>) -> Result<usize, DecodeError>,
) -> Result<(), DecodeError> {
    let (scope, version) = scope(to, begin.tags);
    let kind = kind(to, begin.tags);
    let (status, status_message) = status::take(to, begin.tags, kind);
    let trace_state = to.take_text(begin.tags, "w3c.tracestate");
    let warnings = to.end_values(begin.warnings);
    if warnings.len > 0 {
        to.push_attribute(WARNINGS, ValueRef::Array(warnings))?;
    }
    let mut draft = SpanDraft {
        trace_id: span.trace_id,
        span_id: span.span_id,
        trace_state: trace_state.unwrap_or_default(),
        flags: span.flags,
        name: span.name,
        kind,
        start: nanos(span.start),
        end: nanos(span.start + span.duration),
        attributes: to.end_attributes(begin.tags),
        events: Extent::since(begin.first_log, to.decoded.batch.events.len()),
        status,
        status_message,
        ..SpanDraft::default()
    };
    references(to, &span, &mut draft)?;
    let sent = to.decoded.batch.spans.len();
    to.push_span(0, draft, begin.before)?;
    if to.decoded.batch.spans.len() == sent {
        return Ok(());
    }
    let resource = resource(to)?;
    let scope = scopes.index(to, resource, scope, version)?;
    to.decoded.batch.spans[sent].scope = scope as u32;
    Ok(())
}

fn nanos(nanos: i128) -> UnixNanos {
    nanos.clamp(0, UnixNanos::MAX.into()) as UnixNanos
}

/// Name and version of the scope, also under the names that older exporters used.
pub(super) fn scope<'a>(to: &mut Builder<'a>, begin: usize) -> (&'a str, &'a str) {
    for (name, version) in [
        ("otel.scope.name", "otel.scope.version"),
        ("otel.library.name", "otel.library.version"),
    ] {
        if let Some(name) = to.take_text(begin, name) {
            return (name, to.take_text(begin, version).unwrap_or_default());
        }
    }
    ("", "")
}

/// The kind; a tag that names none stays.
fn kind(to: &mut Builder<'_>, begin: usize) -> SpanKind {
    const KEY: &str = "span.kind";
    let Some(ValueRef::String(name)) = to.waiting(begin, KEY) else {
        return SpanKind::Unspecified;
    };
    let told = SpanKind::ALL.iter().skip(1);
    match told.copied().find(|kind| kind.as_str() == name) {
        Some(kind) => {
            to.take_waiting(begin, KEY);
            kind
        }
        None => SpanKind::Unspecified,
    }
}

/// The parent is the first CHILD_OF of the same trace, or else the first FOLLOWS_FROM of it. All
/// other references become links, and a parent that is followed from becomes one as well.
fn references<'a>(
    to: &mut Builder<'a>,
    span: &Span<'a>,
    draft: &mut SpanDraft<'a>,
) -> Result<(), DecodeError> {
    let in_trace = |of: &&Reference| of.trace_id == span.trace_id && of.span_id.is_some();
    let mut candidates = span.references.iter().filter(in_trace);
    let child_of = candidates.clone().find(|of| !of.follows_from).copied();
    let parent = child_of.or_else(|| candidates.next().copied());
    draft.parent_span_id = parent.and_then(|parent| parent.span_id);
    let first = to.decoded.batch.links.len();
    for reference in &span.references {
        if Some(*reference) == child_of {
            continue;
        }
        let begin = to.begin_attributes();
        let kind = if reference.follows_from {
            "follows_from"
        } else {
            "child_of"
        };
        to.push_attribute(REF_TYPE, ValueRef::String(kind))?;
        let link = LinkDraft {
            trace_id: reference.trace_id,
            span_id: reference.span_id,
            attributes: to.end_attributes(begin),
            ..LinkDraft::default()
        };
        to.push_link(link, &mut draft.dropped_links)?;
    }
    draft.links = Extent::since(first, to.decoded.batch.links.len());
    Ok(())
}

/// Finishes a log, whose fields wait since `begin`: the field `event` is the event's name.
pub(super) fn push_log(to: &mut Builder<'_>, begin: usize, time: i128) -> Result<(), DecodeError> {
    let name = to.take_text(begin, "event").unwrap_or_default();
    let attributes = to.end_attributes(begin);
    to.push_event(model::EventRef {
        time: nanos(time),
        name,
        attributes,
        dropped_attributes: 0,
    })
}

/// Finishes a process, whose tags wait since `begin`, as this resource.
pub(super) fn set_process<'a>(
    to: &mut Builder<'a>,
    resource: usize,
    service: &'a str,
    begin: usize,
) -> Result<(), DecodeError> {
    if !service.is_empty() && service != NO_SERVICE {
        to.insert_attribute(begin, SERVICE_NAME, ValueRef::String(service))?;
    }
    if to.waiting(begin, "host.name").is_none()
        && let Some(host) = to.take_waiting(begin, "hostname")
    {
        to.push_attribute("host.name", host)?;
    }
    if to.waiting(begin, "opencensus.exporterversion").is_none()
        && let Some(version) = to.take_text(begin, "jaeger.version")
    {
        let exporter = to.arena().alloc_str(&format!("Jaeger-{version}"));
        to.push_attribute("opencensus.exporterversion", ValueRef::String(exporter))?;
    }
    let attributes = to.end_attributes(begin);
    to.set_resource(resource, |resource| resource.attributes = attributes);
    Ok(())
}
