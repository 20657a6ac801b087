//! From Zipkin's model to ours, whatever it was encoded in: the local endpoint to the resource, the
//! remote one to attributes, annotations to events, microseconds to nanoseconds.
//!
//! `docs/protocols.md` lists the rules.

pub(super) mod v2_json;
pub(super) mod v2_protobuf;
pub(super) mod v1_json;
pub(super) mod v1_thrift;
mod v1;

use std::collections::HashMap;
use std::net::{Ipv4Addr, Ipv6Addr};

use model::{
    EventRef, Extent, IdError, SERVICE_NAME, SpanId, SpanKind, StatusCode, TraceId, UnixNanos,
    ValueRef,
};

use super::builder::{Builder, Mark, SpanDraft};
use super::jaeger;
use super::scopes::Scopes;
use super::{DecodeError, Decoded, scopes};

const NANOS_PER_MICRO: i128 = 1_000;
/// Flags of a span that was sent for debugging, which implies that it was sampled.
const DEBUG: u32 = 0b11;

/// Who takes part in a span.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
struct Endpoint<'a> {
    service: &'a str,
    ipv4: &'a str,
    ipv6: &'a str,
    port: i64,
}

impl<'a> Endpoint<'a> {
    /// Its addresses as attributes of these names.
    fn push(
        self,
        to: &mut Builder<'a>,
        [service, ip, ipv6, port]: [&'static str; 4],
    ) -> Result<(), DecodeError> {
        // Both kinds of address are told apart only when there are both.
        let (first, second) = match self.ipv4 {
            "" => (self.ipv6, ""),
            ipv4 => (ipv4, self.ipv6),
        };
        for (key, text) in [(service, self.service), (ip, first), (ipv6, second)] {
            if !text.is_empty() {
                to.push_attribute(key, ValueRef::String(text))?;
            }
        }
        if self.port != 0 {
            to.push_attribute(port, ValueRef::Int(self.port))?;
        }
        Ok(())
    }
}

/// The text of an address of four bytes, or nothing.
fn ipv4<'a>(to: &Builder<'a>, bytes: &[u8]) -> &'a str {
    match <[u8; 4]>::try_from(bytes) {
        Ok(bytes) => to.arena().alloc_str(&Ipv4Addr::from(bytes).to_string()),
        Err(_) => "",
    }
}

/// The text of an address of sixteen bytes, or nothing.
fn ipv6<'a>(to: &Builder<'a>, bytes: &[u8]) -> &'a str {
    match <[u8; 16]>::try_from(bytes) {
        Ok(bytes) => to.arena().alloc_str(&Ipv6Addr::from(bytes).to_string()),
        Err(_) => "",
    }
}

/// A span whose tags and annotations wait in the builder.
#[derive(Debug, Default)]
struct Span<'a> {
    trace_id: Option<TraceId>,
    id: Option<SpanId>,
    parent: Option<SpanId>,
    kind: SpanKind,
    name: &'a str,
    /// Microseconds since 1970; zero when not told.
    timestamp: i64,
    /// Microseconds; zero when not told.
    duration: i64,
    debug: bool,
    local: Endpoint<'a>,
    remote: Endpoint<'a>,
}

/// Where the parts of a span begin in the builder.
#[derive(Debug, Clone, Copy)]
struct Begin {
    before: Mark,
    tags: usize,
    first_event: usize,
}

impl Begin {
    fn of(to: &Builder<'_>) -> Self {
        Self {
            before: to.mark(),
            tags: to.begin_attributes(),
            first_event: to.decoded.batch.events.len(),
        }
    }
}

/// A request that is being read.
pub(super) struct Request<'a> {
    to: Builder<'a>,
    scopes: Scopes<'a>,
    /// Resources by local endpoint.
    resources: HashMap<Endpoint<'a>, usize>,
}

impl<'a> Request<'a> {
    pub(super) fn new(to: Builder<'a>) -> Self {
        Self {
            to,
            scopes: Scopes::default(),
            resources: HashMap::new(),
        }
    }

    pub(super) fn finish(self) -> Decoded<'a> {
        scopes::in_order(self.to.decoded)
    }

    /// Adds an annotation as an event.
    fn push_event(&mut self, micros: i64, name: &'a str) -> Result<(), DecodeError> {
        self.to.push_event(EventRef {
            time: nanos(i128::from(micros)),
            name,
            attributes: Extent::default(),
            dropped_attributes: 0,
        })
    }

    /// Finishes a span.
    fn push_span(&mut self, span: Span<'a>, begin: Begin) -> Result<(), DecodeError> {
        let invalid = |field| DecodeError::InvalidId { field };
        let trace_id = span.trace_id.ok_or(invalid("traceId"))?;
        let id = span.id.ok_or(invalid("id"))?;
        let to = &mut self.to;
        let names = [
            "peer.service",
            "net.peer.ip",
            "net.peer.ipv6",
            "net.peer.port",
        ];
        span.remote.push(to, names)?;
        let (scope, version) = jaeger::scope(to, begin.tags);
        let (status, status_message) = status(to, begin.tags);
        let trace_state = to.take_text(begin.tags, "w3c.tracestate");
        let start = i128::from(span.timestamp);
        let draft = SpanDraft {
            trace_id: Some(trace_id),
            span_id: Some(id),
            parent_span_id: span.parent.filter(|parent| *parent != id),
            trace_state: trace_state.unwrap_or_default(),
            flags: if span.debug { DEBUG } else { 0 },
            name: span.name,
            kind: kind(to, begin.tags, span.kind),
            start: nanos(start),
            end: nanos(start + i128::from(span.duration)),
            attributes: to.end_attributes(begin.tags),
            events: Extent::since(begin.first_event, to.decoded.batch.events.len()),
            status,
            status_message,
            ..SpanDraft::default()
        };
        let index = to.decoded.batch.spans.len();
        to.push_span(0, draft, begin.before)?;
        let resource = self.resource(span.local)?;
        let scope = self.scopes.index(&mut self.to, resource, scope, version)?;
        self.to.decoded.batch.spans[index].scope = scope as u32;
        Ok(())
    }

    fn resource(&mut self, local: Endpoint<'a>) -> Result<usize, DecodeError> {
        if let Some(resource) = self.resources.get(&local) {
            return Ok(*resource);
        }
        let resource = self.to.open_resource()?;
        let begin = self.to.begin_attributes();
        let names = [
            SERVICE_NAME,
            "net.host.ip",
            "net.host.ipv6",
            "net.host.port",
        ];
        local.push(&mut self.to, names)?;
        let attributes = self.to.end_attributes(begin);
        self.to
            .set_resource(resource, |resource| resource.attributes = attributes);
        self.resources.insert(local, resource);
        Ok(resource)
    }
}

fn nanos(micros: i128) -> UnixNanos {
    (micros * NANOS_PER_MICRO).clamp(0, UnixNanos::MAX.into()) as UnixNanos
}

/// The kind; Zipkin has none for work inside a service, so that exporters put it into a tag.
fn kind(to: &mut Builder<'_>, begin: usize, told: SpanKind) -> SpanKind {
    const KEY: &str = "span.kind";
    let inside = to.waiting(begin, KEY) == Some(ValueRef::String(SpanKind::Internal.as_str()));
    if told == SpanKind::Unspecified && inside {
        to.take_waiting(begin, KEY);
        return SpanKind::Internal;
    }
    told
}

/// Status and message. That there is a tag `error` means a failure to Zipkin, whatever it says
/// unless it is `false`; its text is the message.
fn status<'a>(to: &mut Builder<'a>, begin: usize) -> (StatusCode, &'a str) {
    const ERROR: &str = "error";
    let code = to.take_text(begin, "otel.status_code");
    let code = code.map(|code| code.strip_prefix("STATUS_CODE_").unwrap_or(code));
    let told = code.and_then(StatusCode::parse);
    let description = match code {
        Some(_) => to.take_text(begin, "otel.status_description"),
        None => None,
    };
    let error = match to.waiting(begin, ERROR) {
        Some(ValueRef::String("false") | ValueRef::Bool(false)) | None => None,
        Some(value) => {
            to.take_waiting(begin, ERROR);
            Some(value)
        }
    };
    let message = match error {
        Some(ValueRef::String(text)) if text != "true" => Some(text),
        _ => None,
    };
    let told = if error.is_some() {
        StatusCode::Error
    } else {
        told.unwrap_or_default()
    };
    (told, description.or(message).unwrap_or_default())
}

/// The trace id of 1 to 32 hex digits.
fn trace_id(hex: &str) -> Result<TraceId, IdError> {
    TraceId::parse(hex)
}

/// The span id of 1 to 16 hex digits.
fn span_id(hex: &str) -> Result<SpanId, IdError> {
    SpanId::parse(hex)
}

/// The parent's id; none when it is empty or zero.
fn parent_id(hex: &str) -> Result<Option<SpanId>, IdError> {
    match SpanId::parse(hex) {
        _ if hex.is_empty() => Ok(None),
        Ok(id) => Ok(Some(id)),
        Err(IdError::Zero) => Ok(None),
        Err(error) => Err(error),
    }
}
