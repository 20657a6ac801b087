//! When two spans are the same span.
//!
//! A span is the same span if tenant, resource, scope and content are: the id alone is not
//! enough, since Zipkin's client and server spans share one. The hash is over what the client
//! sent, in a form of its own, so that it outlives changes of the Avro schema and of the payload.
//! Where ingest had to replace a time, the mark of the repair counts and not the time put in: a
//! retry is received later, and is still the same span.

use xxhash_rust::xxh3::Xxh3;

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
    batch: &'b SpanBatch<'a>,
    scopes: Vec<u128>,
}

impl<'b, 'a> IdentityHasher<'b, 'a> {
    /// A hasher for the spans that `batch` holds now.
    pub fn new(tenant: &str, batch: &'b SpanBatch<'a>) -> Self {
        let resources: Vec<u128> = batch
            .resources
            .iter()
            .map(|resource| resource_hash(tenant, batch, resource))
            .collect();
        let of_scope =
            |scope: &ScopeRef<'a>| scope_hash(resources[scope.resource as usize], batch, scope);
        Self {
            batch,
            scopes: batch.scopes.iter().map(of_scope).collect(),
        }
    }

    /// The identity of a span of the batch.
    pub fn span(&self, span: &SpanRef<'a>) -> SpanHash {
        let batch = self.batch;
        let mut hash = Canonical::new();
        hash.number(self.scopes[span.scope as usize]);
        hash.bytes(span.trace_id.as_bytes());
        hash.bytes(span.span_id.as_bytes());
        hash.bytes(
            span.parent_span_id
                .as_ref()
                .map_or(&[][..], |id| id.as_bytes()),
        );
        hash.text(span.trace_state);
        hash.number(span.flags);
        hash.text(span.name);
        hash.number(span.kind.number());
        hash.number(span.repairs.bits());
        hash_times(&mut hash, span);
        hash.number(attributes_hash(batch, span.attributes));
        hash.number(span.dropped_attributes);
        batch
            .events(span)
            .iter()
            .for_each(|event| hash_event(&mut hash, batch, event));
        hash.number(span.dropped_events);
        batch
            .links(span)
            .iter()
            .for_each(|link| hash_link(&mut hash, batch, link));
        hash.number(span.dropped_links);
        hash.number(span.status.number());
        hash.text(span.status_message);
        SpanHash(hash.finish())
    }
}

/// Replaced times depend on when the request came in: their repair mark stands for them.
fn hash_times(hash: &mut Canonical, span: &SpanRef<'_>) {
    let replaced = [
        Repair::StartMissing,
        Repair::TimeOutOfRange,
        Repair::TimeSkewed,
    ];
    if replaced.iter().any(|repair| span.repairs.contains(*repair)) {
        return;
    }
    hash.number(span.start);
    hash.number(span.end);
}

fn hash_event(hash: &mut Canonical, batch: &SpanBatch<'_>, event: &EventRef<'_>) {
    hash.number(event.time);
    hash.text(event.name);
    hash.number(attributes_hash(batch, event.attributes));
    hash.number(event.dropped_attributes);
}

fn hash_link(hash: &mut Canonical, batch: &SpanBatch<'_>, link: &LinkRef<'_>) {
    hash.bytes(link.trace_id.as_bytes());
    hash.bytes(link.span_id.as_bytes());
    hash.text(link.trace_state);
    hash.number(attributes_hash(batch, link.attributes));
    hash.number(link.dropped_attributes);
    hash.number(link.flags);
}

fn resource_hash(tenant: &str, batch: &SpanBatch<'_>, resource: &ResourceRef<'_>) -> u128 {
    let mut hash = Canonical::new();
    hash.number(IDENTITY_VERSION);
    hash.text(tenant);
    hash.number(attributes_hash(batch, resource.attributes));
    hash.number(resource.dropped_attributes);
    hash.text(resource.schema_url);
    hash.finish()
}

fn scope_hash(resource: u128, batch: &SpanBatch<'_>, scope: &ScopeRef<'_>) -> u128 {
    let mut hash = Canonical::new();
    hash.number(resource);
    hash.text(scope.name);
    hash.text(scope.version);
    hash.number(attributes_hash(batch, scope.attributes));
    hash.number(scope.dropped_attributes);
    hash.text(scope.schema_url);
    hash.finish()
}

/// A sum, so that the order in which a client lists its attributes makes no difference.
fn attributes_hash(batch: &SpanBatch<'_>, extent: Extent) -> u128 {
    let one = |attribute: &AttributeRef<'_>| {
        let mut hash = Canonical::new();
        hash.text(attribute.key);
        hash_value(&mut hash, batch, &attribute.value);
        hash.finish()
    };
    let sum = |sum: u128, attribute| sum.wrapping_add(one(attribute));
    batch
        .attributes(extent)
        .iter()
        .fold(u128::from(extent.len), sum)
}

fn hash_value(hash: &mut Canonical, batch: &SpanBatch<'_>, value: &ValueRef<'_>) {
    match *value {
        ValueRef::Empty => hash.number(0u8),
        ValueRef::String(text) => {
            hash.number(1u8);
            hash.text(text);
        }
        ValueRef::Bool(value) => {
            hash.number(2u8);
            hash.number(u8::from(value));
        }
        ValueRef::Int(value) => {
            hash.number(3u8);
            hash.number(value);
        }
        ValueRef::Double(value) => {
            hash.number(4u8);
            hash.number(value.to_bits());
        }
        ValueRef::Bytes(bytes) => {
            hash.number(5u8);
            hash.bytes(bytes);
        }
        ValueRef::Array(extent) => {
            hash.number(6u8);
            hash.number(extent.len);
            batch
                .values(extent)
                .iter()
                .for_each(|item| hash_value(hash, batch, item));
        }
        ValueRef::Map(extent) => {
            hash.number(7u8);
            hash.number(attributes_hash(batch, extent));
        }
    }
}

/// Feeds values so that no two different sequences feed the same bytes.
struct Canonical(Xxh3);

trait Number {
    fn feed(self, hash: &mut Xxh3);
}

macro_rules! numbers {
    ($($type:ty),*) => {
        $(impl Number for $type {
            fn feed(self, hash: &mut Xxh3) {
                hash.update(&self.to_le_bytes());
            }
        })*
    };
}
numbers!(u8, u32, u64, u128, i64);

impl Canonical {
    fn new() -> Self {
        Self(Xxh3::new())
    }

    fn number(&mut self, number: impl Number) {
        number.feed(&mut self.0);
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.0.update(&(bytes.len() as u32).to_le_bytes());
        self.0.update(bytes);
    }

    fn text(&mut self, text: &str) {
        self.bytes(text.as_bytes());
    }

    fn finish(&self) -> u128 {
        self.0.digest128()
    }
}
