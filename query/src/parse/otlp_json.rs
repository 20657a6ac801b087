//! OTLP's JSON, as people upload it to look at.
//!
//! Read leniently: what is missing has its zero, 64-bit integers may be numbers or texts, enums
//! numbers or names. What has the wrong type, or no ids, is refused with the name of the field.

use std::collections::HashMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use model::{
    Event, KeyValue, Link, Resource, ResourceSpans, Scope, ScopeSpans, Span, SpanId, SpanKind,
    StatusCode, Trace, TraceId, Value,
};
use serde_json::Value as Json;

use super::Malformed;

/// How deep lists and maps of attributes may nest.
const MAX_NESTING: usize = 32;

/// The traces of a document, in the order in which they first appear.
pub fn traces(document: &[u8]) -> Result<Vec<Trace>, Malformed> {
    let document: Json = serde_json::from_slice(document)
        .map_err(|error| Malformed(format!("cannot unmarshal OTLP : {error}")))?;
    let mut traces = Traces::default();
    for of_resource in list(&document, "resourceSpans")? {
        let resource = resource(of_resource)?;
        traces.next_resource();
        for of_scope in list(of_resource, "scopeSpans")? {
            let scope = scope(of_scope)?;
            traces.next_scope();
            for one in list(of_scope, "spans")? {
                traces.add(&resource, &scope, span(one)?);
            }
        }
    }
    Ok(traces.found)
}

/// Spans put to their traces, with their resources and scopes.
#[derive(Default)]
struct Traces {
    found: Vec<Trace>,
    /// By id: where the trace is, and the resource and scope that its last span had.
    known: HashMap<TraceId, (usize, usize, usize)>,
    resource: usize,
    scope: usize,
}

impl Traces {
    fn next_resource(&mut self) {
        self.resource += 1;
    }

    fn next_scope(&mut self) {
        self.scope += 1;
    }

    fn add(&mut self, resource: &Resource, scope: &Scope, span: Span) {
        let id = span.trace_id;
        let (place, last_resource, last_scope) =
            *self.known.entry(id).or_insert((self.found.len(), 0, 0));
        if place == self.found.len() {
            let resources = Vec::new();
            self.found.push(Trace { id, resources });
        }
        let resources = &mut self.found[place].resources;
        if last_resource != self.resource {
            resources.push(ResourceSpans {
                resource: resource.clone(),
                scopes: Vec::new(),
            });
        }
        let scopes = resources.last_mut().map(|of| &mut of.scopes);
        if let Some(scopes) = scopes {
            if last_scope != self.scope {
                scopes.push(ScopeSpans {
                    scope: scope.clone(),
                    spans: Vec::new(),
                });
            }
            if let Some(last) = scopes.last_mut() {
                last.spans.push(span);
            }
        }
        self.known.insert(id, (place, self.resource, self.scope));
    }
}

fn resource(of_resource: &Json) -> Result<Resource, Malformed> {
    let resource = &of_resource["resource"];
    Ok(Resource {
        attributes: attributes(resource)?,
        dropped_attributes: count(resource, "droppedAttributesCount")?,
        schema_url: text(of_resource, "schemaUrl")?,
    })
}

fn scope(of_scope: &Json) -> Result<Scope, Malformed> {
    let scope = &of_scope["scope"];
    Ok(Scope {
        name: text(scope, "name")?,
        version: text(scope, "version")?,
        attributes: attributes(scope)?,
        dropped_attributes: count(scope, "droppedAttributesCount")?,
        schema_url: text(of_scope, "schemaUrl")?,
    })
}

fn span(span: &Json) -> Result<Span, Malformed> {
    let status = &span["status"];
    let parent = text(span, "parentSpanId")?;
    let parent = SpanId::parse(&parent).ok();
    Ok(Span {
        trace_id: trace_id(span)?,
        span_id: span_id(span)?,
        parent_span_id: parent,
        trace_state: text(span, "traceState")?,
        flags: count(span, "flags")?,
        name: text(span, "name")?,
        kind: choice(span, "kind", "SPAN_KIND_", SpanKind::parse)
            .or_else(|| SpanKind::from_number(span["kind"].as_i64()?))
            .unwrap_or_default(),
        start: time(span, "startTimeUnixNano")?,
        end: time(span, "endTimeUnixNano")?,
        attributes: attributes(span)?,
        dropped_attributes: count(span, "droppedAttributesCount")?,
        events: items(span, "events", event)?,
        dropped_events: count(span, "droppedEventsCount")?,
        links: items(span, "links", link)?,
        dropped_links: count(span, "droppedLinksCount")?,
        status: choice(status, "code", "STATUS_CODE_", StatusCode::parse)
            .or_else(|| StatusCode::from_number(status["code"].as_i64()?))
            .unwrap_or_default(),
        status_message: text(status, "message")?,
        repairs: model::Repairs::NONE,
    })
}

fn event(event: &Json) -> Result<Event, Malformed> {
    Ok(Event {
        time: time(event, "timeUnixNano")?,
        name: text(event, "name")?,
        attributes: attributes(event)?,
        dropped_attributes: count(event, "droppedAttributesCount")?,
    })
}

fn link(link: &Json) -> Result<Link, Malformed> {
    Ok(Link {
        trace_id: trace_id(link)?,
        span_id: span_id(link)?,
        trace_state: text(link, "traceState")?,
        attributes: attributes(link)?,
        dropped_attributes: count(link, "droppedAttributesCount")?,
        flags: count(link, "flags")?,
    })
}

fn attributes(of: &Json) -> Result<Vec<KeyValue>, Malformed> {
    entries(of, "attributes", 0)
}

fn entries(of: &Json, name: &str, depth: usize) -> Result<Vec<KeyValue>, Malformed> {
    items(of, name, |attribute| {
        Ok(KeyValue {
            key: text(attribute, "key")?,
            value: value(&attribute["value"], depth)?,
        })
    })
}

fn value(value: &Json, depth: usize) -> Result<Value, Malformed> {
    if depth > MAX_NESTING {
        return Err(Malformed(format!("values nest deeper than {MAX_NESTING}")));
    }
    let Some((name, inner)) = value.as_object().and_then(|of| of.iter().next()) else {
        return Ok(Value::Empty);
    };
    let read = match name.as_str() {
        "stringValue" => inner.as_str().map(Value::from),
        "boolValue" => inner.as_bool().map(Value::Bool),
        "intValue" => integer(inner).map(Value::Int),
        "doubleValue" => double(inner).map(Value::Double),
        "bytesValue" => {
            let bytes = inner.as_str().map(|text| STANDARD.decode(text));
            bytes.and_then(Result::ok).map(Value::Bytes)
        }
        "arrayValue" => {
            let nested = |item: &Json| self::value(item, depth + 1);
            Some(Value::Array(items(inner, "values", nested)?))
        }
        "kvlistValue" => Some(Value::Map(entries(inner, "values", depth + 1)?)),
        _ => None,
    };
    read.ok_or_else(|| wrong(name))
}

fn integer(value: &Json) -> Option<i64> {
    value.as_i64().or_else(|| value.as_str()?.parse().ok())
}

fn double(value: &Json) -> Option<f64> {
    match value.as_str() {
        Some("NaN") => Some(f64::NAN),
        Some("Infinity") => Some(f64::INFINITY),
        Some("-Infinity") => Some(f64::NEG_INFINITY),
        Some(text) => text.parse().ok(),
        None => value.as_f64(),
    }
}

/// The member of an enum that is told by its full name.
fn choice<T>(of: &Json, name: &str, prefix: &str, parse: fn(&str) -> Option<T>) -> Option<T> {
    parse(of[name].as_str()?.strip_prefix(prefix)?)
}

fn wrong(name: &str) -> Malformed {
    Malformed(format!("malformed {name}"))
}

fn trace_id(of: &Json) -> Result<TraceId, Malformed> {
    TraceId::parse(&text(of, "traceId")?).map_err(|_| wrong("traceId"))
}

fn span_id(of: &Json) -> Result<SpanId, Malformed> {
    SpanId::parse(&text(of, "spanId")?).map_err(|_| wrong("spanId"))
}

fn text(of: &Json, name: &str) -> Result<String, Malformed> {
    match &of[name] {
        Json::Null => Ok(String::new()),
        Json::String(text) => Ok(text.clone()),
        _ => Err(wrong(name)),
    }
}

fn time(of: &Json, name: &str) -> Result<u64, Malformed> {
    match &of[name] {
        Json::Null => Ok(0),
        Json::String(text) => text.parse().map_err(|_| wrong(name)),
        number => number.as_u64().ok_or_else(|| wrong(name)),
    }
}

fn count(of: &Json, name: &str) -> Result<u32, Malformed> {
    match &of[name] {
        Json::Null => Ok(0),
        number => number
            .as_u64()
            .and_then(|number| u32::try_from(number).ok())
            .ok_or_else(|| wrong(name)),
    }
}

fn list<'j>(of: &'j Json, name: &str) -> Result<&'j [Json], Malformed> {
    match &of[name] {
        Json::Null => Ok(&[]),
        Json::Array(items) => Ok(items),
        _ => Err(wrong(name)),
    }
}

fn items<T>(
    of: &Json,
    name: &str,
    read: impl FnMut(&Json) -> Result<T, Malformed>,
) -> Result<Vec<T>, Malformed> {
    list(of, name)?.iter().map(read).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_document_is_parted_into_traces() {
        let span = |trace: &str, id: &str| serde_json::json!({ "traceId": trace, "spanId": id, "kind": "SPAN_KIND_SERVER" });
        let document = serde_json::json!({ "resourceSpans": [
            { "scopeSpans": [{ "spans": [span("a1", "1"), span("b2", "2"), span("a1", "3")] }] },
            { "scopeSpans": [{ "spans": [span("a1", "4")] }, { "spans": [span("b2", "5")] }] },
        ] });
        let found = traces(document.to_string().as_bytes()).expect("traces");
        let shape = |trace: &Trace| {
            let spans = trace.resources.iter().map(|of| of.scopes[0].spans.len());
            (trace.id.to_string(), spans.collect::<Vec<_>>())
        };
        let expected = [
            (format!("{:0>32}", "a1"), vec![2, 1]),
            (format!("{:0>32}", "b2"), vec![1, 1]),
        ];
        assert_eq!(found.iter().map(shape).collect::<Vec<_>>(), expected);
        assert!(
            found[0]
                .spans()
                .all(|(_, _, of)| of.kind == SpanKind::Server)
        );
    }

    #[test]
    fn what_has_the_wrong_type_or_nests_too_deep_is_refused() {
        let mut deep = serde_json::json!({ "stringValue": "x" });
        for _ in 0..=MAX_NESTING {
            deep = serde_json::json!({ "arrayValue": { "values": [deep] } });
        }
        let with = |attribute: Json| {
            serde_json::json!({ "resourceSpans": [{ "resource": {
                "attributes": [{ "key": "k", "value": attribute }],
            } }] })
        };
        for document in [
            serde_json::json!({ "resourceSpans": 1 }),
            serde_json::json!({ "resourceSpans": [{ "scopeSpans": [{ "spans": [{}] }] }] }),
            with(serde_json::json!({ "intValue": "x" })),
            with(deep),
        ] {
            let found = traces(document.to_string().as_bytes());
            assert!(found.is_err(), "{document}");
        }
        assert!(traces(&b"[".repeat(100_000)).is_err());
    }

    proptest! {
        #[test]
        fn any_bytes_are_traces_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
            let _ = traces(&bytes);
        }
    }
}
