//! Resolution: bytes of any other known schema → batch, by field name.
//!
//! apache-avro reads the record by its writer's schema; this file takes the fields it knows by
//! name, leaves out those it does not, and puts the schema's default where one is missing.
//! apache-avro's own resolution is not used: it tries every list in a union twice at each level,
//! which takes time exponential in the nesting. Deep records are read on a stack of their own.

use std::{panic, thread};

use apache_avro::{
    Schema, reader::datum::GenericDatumReader, schema::ResolvedSchema, types::Value,
};
use bumpalo::Bump;
use model::{
    AttributeRef, EventRef, Extent, LinkRef, Repairs, ResourceRef, ScopeRef, SpanBatch, SpanId,
    SpanRef, TraceId, ValueRef,
};

use super::{Fault, Head, cursor::Cursor, fields::Fields, flaw::Flaw, skim, walk};
use crate::trace_chunk::MAX_NESTING;

/// Most schemas within each other that any thread's stack has room for: spans with attributes
/// take 15, and each list or map in a value four to six more.
const SHALLOW: usize = 24;

/// Stack for what is deeper. apache-avro takes up to 30 KB for each level when not optimised.
const DEEP_STACK: usize = 16 * 1024 * 1024;

/// Appends the spans of a record's body to `batch`. On an error the batch holds a part of them.
pub(super) fn chunk<'a>(
    body: &[u8],
    writer: &Schema,
    arena: &'a Bump,
    batch: &mut SpanBatch<'a>,
) -> Result<Head<'a>, Fault> {
    let mut cursor = Cursor::new(body);
    let value = read(&mut cursor, body, writer);
    let head = value.and_then(|value| Resolve { arena, batch }.chunk(value));
    head.map_err(|flaw| Fault {
        at: cursor.at(),
        flaw,
    })
}

fn read(cursor: &mut Cursor<'_>, body: &[u8], writer: &Schema) -> Result<Value, Flaw> {
    let avro = |error| Flaw::Avro(Box::new(error));
    let names = ResolvedSchema::new(writer).map_err(avro)?;
    let depth = skim::body(cursor, writer, names.get_names())?;
    let reader = GenericDatumReader::builder(writer)
        .resolved_writer_schemata(names)
        .human_readable(false)
        .build()
        .map_err(avro)?;
    let read = || reader.read_value(&mut &*body).map_err(avro);
    if depth <= SHALLOW {
        return read();
    }
    thread::scope(|scope| {
        let deep = thread::Builder::new().stack_size(DEEP_STACK);
        let reading = deep.spawn_scoped(scope, read).map_err(Flaw::NoStack)?;
        reading
            .join()
            .unwrap_or_else(|panic| panic::resume_unwind(panic))
    })
}

struct Resolve<'r, 'a> {
    arena: &'a Bump,
    batch: &'r mut SpanBatch<'a>,
}

impl<'a> Resolve<'_, 'a> {
    fn chunk(&mut self, chunk: Value) -> Result<Head<'a>, Flaw> {
        let mut fields = Fields::of("chunk", chunk)?;
        let trace_id = TraceId::new(fields.id("trace_id")?).ok_or(Flaw::ZeroTraceId)?;
        let head = Head {
            tenant: self.keep(&fields.required_text("tenant")?),
            received_at: fields.nanos("received_at")?,
            trace_id,
        };
        for resource in fields.required_list("resources")? {
            self.resource(resource, trace_id)?;
        }
        Ok(head)
    }

    fn resource(&mut self, resource: Value, trace_id: TraceId) -> Result<(), Flaw> {
        let mut fields = Fields::of("resources", resource)?;
        let resource = ResourceRef {
            attributes: self.attributes(&mut fields)?,
            dropped_attributes: fields.count("dropped_attributes")?,
            schema_url: self.text(&mut fields, "schema_url")?,
        };
        self.batch.resources.push(resource);
        for scope in fields.required_list("scopes")? {
            self.scope(scope, trace_id)?;
        }
        Ok(())
    }

    fn scope(&mut self, scope: Value, trace_id: TraceId) -> Result<(), Flaw> {
        let mut fields = Fields::of("scopes", scope)?;
        let scope = ScopeRef {
            resource: self.batch.resources.len() as u32 - 1,
            name: self.text(&mut fields, "name")?,
            version: self.text(&mut fields, "version")?,
            attributes: self.attributes(&mut fields)?,
            dropped_attributes: fields.count("dropped_attributes")?,
            schema_url: self.text(&mut fields, "schema_url")?,
        };
        self.batch.scopes.push(scope);
        for span in fields.required_list("spans")? {
            let span = self.span(span, trace_id)?;
            self.batch.spans.push(span);
        }
        Ok(())
    }

    fn span(&mut self, span: Value, trace_id: TraceId) -> Result<SpanRef<'a>, Flaw> {
        let mut fields = Fields::of("spans", span)?;
        Ok(SpanRef {
            scope: self.batch.scopes.len() as u32 - 1,
            trace_id,
            span_id: SpanId::new(fields.id("span_id")?).ok_or(Flaw::ZeroSpanId)?,
            parent_span_id: fields.parent()?,
            trace_state: self.text(&mut fields, "trace_state")?,
            flags: fields.count("flags")?,
            name: self.text(&mut fields, "name")?,
            kind: walk::kind(fields.int("kind")?)?,
            start: fields.nanos("start")?,
            end: fields.nanos("end")?,
            attributes: self.attributes(&mut fields)?,
            dropped_attributes: fields.count("dropped_attributes")?,
            events: self.events(fields.list("events")?)?,
            dropped_events: fields.count("dropped_events")?,
            links: self.links(fields.list("links")?)?,
            dropped_links: fields.count("dropped_links")?,
            status: walk::status(fields.int("status_code")?)?,
            status_message: self.text(&mut fields, "status_message")?,
            repairs: Repairs::from_bits(fields.count("repairs")?),
        })
    }

    fn events(&mut self, events: Vec<Value>) -> Result<Extent, Flaw> {
        let start = self.batch.events.len();
        for event in events {
            let mut fields = Fields::of("events", event)?;
            let event = EventRef {
                time: fields.nanos("time")?,
                name: self.text(&mut fields, "name")?,
                attributes: self.attributes(&mut fields)?,
                dropped_attributes: fields.count("dropped_attributes")?,
            };
            self.batch.events.push(event);
        }
        Ok(Extent::since(start, self.batch.events.len()))
    }

    fn links(&mut self, links: Vec<Value>) -> Result<Extent, Flaw> {
        let start = self.batch.links.len();
        for link in links {
            let mut fields = Fields::of("links", link)?;
            let link = LinkRef {
                trace_id: TraceId::new(fields.id("trace_id")?).ok_or(Flaw::ZeroReference)?,
                span_id: SpanId::new(fields.id("span_id")?).ok_or(Flaw::ZeroReference)?,
                trace_state: self.text(&mut fields, "trace_state")?,
                attributes: self.attributes(&mut fields)?,
                dropped_attributes: fields.count("dropped_attributes")?,
                flags: fields.count("flags")?,
            };
            self.batch.links.push(link);
        }
        Ok(Extent::since(start, self.batch.links.len()))
    }

    fn attributes(&mut self, fields: &mut Fields) -> Result<Extent, Flaw> {
        let attributes = fields.list("attributes")?;
        self.entries(attributes, 0)
    }

    /// Attributes with `depth` lists and maps around them.
    fn entries(&mut self, attributes: Vec<Value>, depth: usize) -> Result<Extent, Flaw> {
        let mut own = Vec::with_capacity(attributes.len());
        for attribute in attributes {
            let mut fields = Fields::of("attributes", attribute)?;
            own.push(AttributeRef {
                key: self.keep(&fields.required_text("key")?),
                value: self.value(fields.required("value")?, depth)?,
            });
        }
        let start = self.batch.attributes.len();
        self.batch.attributes.extend(own);
        Ok(Extent::since(start, self.batch.attributes.len()))
    }

    fn items(&mut self, items: Vec<Value>, depth: usize) -> Result<Extent, Flaw> {
        let mut own = Vec::with_capacity(items.len());
        for item in items {
            own.push(self.value(item, depth)?);
        }
        let start = self.batch.values.len();
        self.batch.values.extend(own);
        Ok(Extent::since(start, self.batch.values.len()))
    }

    /// A `Value`, whose only field is the union.
    fn value(&mut self, value: Value, depth: usize) -> Result<ValueRef<'a>, Flaw> {
        let mut fields = Fields::of("value", value)?;
        let Some(value) = fields.take("value") else {
            return Ok(ValueRef::Empty);
        };
        Ok(match value {
            Value::Null => ValueRef::Empty,
            Value::String(text) => ValueRef::String(self.keep(&text)),
            Value::Boolean(flag) => ValueRef::Bool(flag),
            Value::Int(number) => ValueRef::Int(i64::from(number)),
            Value::Long(number) => ValueRef::Int(number),
            Value::Float(number) => ValueRef::Double(f64::from(number)),
            Value::Double(number) => ValueRef::Double(number),
            Value::Bytes(bytes) => ValueRef::Bytes(self.arena.alloc_slice_copy(&bytes)),
            Value::Array(_) | Value::Record(_) if depth == MAX_NESTING => {
                return Err(Flaw::TooDeep);
            }
            Value::Array(items) => ValueRef::Array(self.items(items, depth + 1)?),
            map @ Value::Record(_) => {
                let entries = Fields::of("value", map)?.list("entries")?;
                ValueRef::Map(self.entries(entries, depth + 1)?)
            }
            _ => return Err(Flaw::WrongType { field: "value" }),
        })
    }

    fn text(&self, fields: &mut Fields, name: &'static str) -> Result<&'a str, Flaw> {
        Ok(self.keep(&fields.text(name)?.unwrap_or_default()))
    }

    fn keep(&self, text: &str) -> &'a str {
        self.arena.alloc_str(text)
    }
}
