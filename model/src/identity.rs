//! When two spans are the same span.
//!
//! A span is the same span if tenant, resource, scope and content are: the id alone is not
//! enough, since Zipkin's client and server spans share one. The hash is over what the client
//! sent, in a form of its own, so that it outlives changes of the Avro schema and of the payload.
//! Where ingest had to replace a time, the mark of the repair counts and not the time put in: a
//! retry is received later, and is still the same span.

use xxhash_rust::xxh3::xxh3_128;

use crate::{
    AttributeRef, EventRef, Extent, LinkRef, Repair, ResourceRef, ScopeRef, SpanBatch, SpanRef,
    ValueRef,
};

/// Version of what is hashed and how. Part of every hash.
pub const IDENTITY_VERSION: u8 = 1;

/// The identity of a span: 128 bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SpanHash(pub u128);

/// Hashes the spans of one batch; what spans share is hashed once.
pub struct IdentityHasher<'b, 'a> {
    scopes: Vec<u128>,
    fed: Fed<'b, 'a>,
}

impl<'b, 'a> IdentityHasher<'b, 'a> {
    /// A hasher for the spans that `batch` holds now.
    pub fn new(tenant: &str, batch: &'b SpanBatch<'a>) -> Self {
        let mut fed = Fed::new(batch);
        let of_resources = batch.resources.iter();
        let resources: Vec<u128> = of_resources
            .map(|resource| fed.resource(tenant, resource))
            .collect();
        let scopes = batch.scopes.iter();
        Self {
            scopes: scopes
                .map(|scope| fed.scope(resources[scope.resource as usize], scope))
                .collect(),
            fed,
        }
    }

    /// The identity of a span of the batch.
    pub fn span(&mut self, span: &SpanRef<'a>) -> SpanHash {
        let scope = self.scopes[span.scope as usize];
        SpanHash(self.fed.hashed(|fed| fed.span(scope, span)))
    }
}

/// The bytes that are hashed, fed so that no two different sequences give the same. What is
/// hashed on its own within something else is put behind that, hashed, and taken away again.
struct Fed<'b, 'a> {
    batch: &'b SpanBatch<'a>,
    bytes: Vec<u8>,
}

trait Number {
    fn put(self, bytes: &mut Vec<u8>);
}

macro_rules! numbers {
    ($($type:ty),*) => {
        $(impl Number for $type {
            fn put(self, bytes: &mut Vec<u8>) {
                bytes.extend_from_slice(&self.to_le_bytes());
            }
        })*
    };
}
numbers!(u8, u32, u64, u128, i64);

impl<'b, 'a> Fed<'b, 'a> {
    fn new(batch: &'b SpanBatch<'a>) -> Self {
        Self {
            batch,
            bytes: Vec::new(),
        }
    }

    /// The hash of what is fed meanwhile.
    fn hashed(&mut self, feed: impl FnOnce(&mut Self)) -> u128 {
        let start = self.bytes.len();
        feed(self);
        let hash = xxh3_128(&self.bytes[start..]);
        self.bytes.truncate(start);
        hash
    }

    fn number(&mut self, number: impl Number) {
        number.put(&mut self.bytes);
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.number(bytes.len() as u32);
        self.bytes.extend_from_slice(bytes);
    }

    fn text(&mut self, text: &str) {
        self.bytes(text.as_bytes());
    }

    fn resource(&mut self, tenant: &str, resource: &ResourceRef<'a>) -> u128 {
        self.hashed(|fed| {
            fed.number(IDENTITY_VERSION);
            fed.text(tenant);
            fed.attributes(resource.attributes);
            fed.number(resource.dropped_attributes);
            fed.text(resource.schema_url);
        })
    }

    fn scope(&mut self, resource: u128, scope: &ScopeRef<'a>) -> u128 {
        self.hashed(|fed| {
            fed.number(resource);
            fed.text(scope.name);
            fed.text(scope.version);
            fed.attributes(scope.attributes);
            fed.number(scope.dropped_attributes);
            fed.text(scope.schema_url);
        })
    }

    fn span(&mut self, scope: u128, span: &SpanRef<'a>) {
        let batch = self.batch;
        self.number(scope);
        self.bytes(span.trace_id.as_bytes());
        self.bytes(span.span_id.as_bytes());
        let parent = span.parent_span_id.as_ref();
        self.bytes(parent.map_or(&[][..], |id| id.as_bytes()));
        self.text(span.trace_state);
        self.number(span.flags);
        self.text(span.name);
        self.number(span.kind.number());
        self.number(span.repairs.bits());
        self.times(span);
        self.attributes(span.attributes);
        self.number(span.dropped_attributes);
        let events = batch.events(span).iter();
        events.for_each(|event| self.event(event));
        self.number(span.dropped_events);
        batch.links(span).iter().for_each(|link| self.link(link));
        self.number(span.dropped_links);
        self.number(span.status.number());
        self.text(span.status_message);
    }

    /// Replaced times depend on when the request came in: their repair mark stands for them.
    fn times(&mut self, span: &SpanRef<'_>) {
        let replaced = [
            Repair::StartMissing,
            Repair::TimeOutOfRange,
            Repair::TimeSkewed,
        ];
        if replaced.iter().any(|repair| span.repairs.contains(*repair)) {
            return;
        }
        self.number(span.start);
        self.number(span.end);
    }

    fn event(&mut self, event: &EventRef<'_>) {
        self.number(event.time);
        self.text(event.name);
        self.attributes(event.attributes);
        self.number(event.dropped_attributes);
    }

    fn link(&mut self, link: &LinkRef<'_>) {
        self.bytes(link.trace_id.as_bytes());
        self.bytes(link.span_id.as_bytes());
        self.text(link.trace_state);
        self.attributes(link.attributes);
        self.number(link.dropped_attributes);
        self.number(link.flags);
    }

    /// Feeds a sum, so that the order in which a client lists its attributes makes no difference.
    fn attributes(&mut self, extent: Extent) {
        let batch = self.batch;
        let mut sum = u128::from(extent.len);
        for attribute in batch.attributes(extent) {
            let one = self.hashed(|fed| fed.attribute(attribute));
            sum = sum.wrapping_add(one);
        }
        self.number(sum);
    }

    fn attribute(&mut self, attribute: &AttributeRef<'_>) {
        self.text(attribute.key);
        self.value(&attribute.value);
    }

    fn value(&mut self, value: &ValueRef<'_>) {
        match *value {
            ValueRef::Empty => self.number(0u8),
            ValueRef::String(text) => {
                self.number(1u8);
                self.text(text);
            }
            ValueRef::Bool(value) => {
                self.number(2u8);
                self.number(u8::from(value));
            }
            ValueRef::Int(value) => {
                self.number(3u8);
                self.number(value);
            }
            ValueRef::Double(value) => {
                self.number(4u8);
                self.number(value.to_bits());
            }
            ValueRef::Bytes(bytes) => {
                self.number(5u8);
                self.bytes(bytes);
            }
            ValueRef::Array(extent) => {
                self.number(6u8);
                self.number(extent.len);
                let batch = self.batch;
                batch
                    .values(extent)
                    .iter()
                    .for_each(|item| self.value(item));
            }
            ValueRef::Map(extent) => {
                self.number(7u8);
                self.attributes(extent);
            }
        }
    }
}
