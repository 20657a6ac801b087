//! Search tokens: 32-bit hashes of what a span can be found by.
//!
//! A segment holds the tokens of all its spans; a query becomes tokens that every span answering
//! it has. A token is the low half of `xxh3(value, seed)`, the seed being `xxh3(key, seed)`, that
//! one's seed `xxh3(tenant, kind of token)`: so tenants share no tokens. Values are canonical
//! strings of any length. Different things may share a token: the payload decides.

mod plan;

use model::{AttributeRef, Extent, ServiceNames, SpanBatch, SpanRef, ValueRef, with_decimal};
use xxhash_rust::xxh3::xxh3_64_with_seed;

pub(crate) use plan::{Plan, TokenQuery};

/// What a token stands for. The numbers are stored in hashes: never change them.
#[derive(Debug, Clone, Copy)]
enum TokenKind {
    /// The tenant: a token of every segment, for queries that ask for nothing else.
    Tenant = 0,
    /// An attribute's key and value, on any level.
    Attribute = 1,
    /// An attribute's key, on any level.
    Key = 2,
    /// The service.
    Service = 3,
    /// The operation.
    Operation = 4,
    /// The service as key, the operation as value.
    ServiceOperation = 5,
    /// The number of the span's kind.
    SpanKind = 6,
    /// The number of the status.
    Status = 7,
    /// The scope's name.
    ScopeName = 8,
    /// The scope's version.
    ScopeVersion = 9,
    /// The duration's bucket: see [`duration_bucket`].
    Duration = 10,
}

const KINDS: usize = 11;

/// Durations below 2^10 ns share the lowest bucket.
const SHORTEST: u8 = 10;
/// Durations from 2^43 ns (2.4 hours) on share the highest bucket.
const LONGEST: u8 = 43;

/// log2 of a duration in nanoseconds, clamped, so that an open range is not many tokens.
fn duration_bucket(nanos: u64) -> u8 {
    (nanos.max(1).ilog2() as u8).clamp(SHORTEST, LONGEST)
}

/// Hashes for one tenant.
#[derive(Debug)]
struct Hasher {
    seeds: [u64; KINDS],
}

impl Hasher {
    fn new(tenant: &str) -> Self {
        Self {
            seeds: std::array::from_fn(|kind| xxh3_64_with_seed(tenant.as_bytes(), kind as u64)),
        }
    }

    fn token(&self, kind: TokenKind, value: &[u8]) -> u32 {
        xxh3_64_with_seed(value, self.seeds[kind as usize]) as u32
    }

    fn keyed(&self, kind: TokenKind, key: &str, value: &[u8]) -> u32 {
        let seed = xxh3_64_with_seed(key.as_bytes(), self.seeds[kind as usize]);
        xxh3_64_with_seed(value, seed) as u32
    }
}

/// Replaces `out` with the tokens of a segment's spans, sorted and distinct. `text` lends its memory.
pub(crate) fn of_segment(
    tenant: &str,
    batch: &SpanBatch<'_>,
    spans: &[u32],
    text: &mut String,
    out: &mut Vec<u32>,
) {
    out.clear();
    let mut collector = Collector {
        hasher: Hasher::new(tenant),
        batch,
        lately: [0; LATELY],
        text,
        services: ServiceNames::new(batch),
        out,
    };
    collector.push(TokenKind::Tenant, b"");
    let spans = || spans.iter().map(|index| &batch.spans[*index as usize]);
    let mut scopes: Vec<u32> = spans().map(|span| span.scope).collect();
    scopes.sort_unstable();
    scopes.dedup();
    scopes.iter().for_each(|scope| collector.scope(*scope));
    spans().for_each(|span| collector.span(span));
    out.sort_unstable();
    out.dedup();
}

/// Slots for tokens that were added lately: spans of one trace have most in common, and what is
/// not added again need not be sorted.
const LATELY: usize = 512;

struct Collector<'c, 'a> {
    hasher: Hasher,
    batch: &'c SpanBatch<'a>,
    lately: [u32; LATELY],
    /// Of the value that is hashed, where it is not there already.
    text: &'c mut String,
    services: ServiceNames<'c, 'a>,
    out: &'c mut Vec<u32>,
}

impl<'a> Collector<'_, 'a> {
    fn push(&mut self, kind: TokenKind, value: &[u8]) {
        self.add(self.hasher.token(kind, value));
    }

    fn add(&mut self, token: u32) {
        let slot = &mut self.lately[token as usize % LATELY];
        // An empty slot is 0, and so may a token be: that one is always added.
        if *slot != token || token == 0 {
            *slot = token;
            self.out.push(token);
        }
    }

    /// What all spans of a scope share.
    fn scope(&mut self, index: u32) {
        let batch = self.batch;
        let scope = &batch.scopes[index as usize];
        let resource = &batch.resources[scope.resource as usize];
        self.push(TokenKind::ScopeName, scope.name.as_bytes());
        self.push(TokenKind::ScopeVersion, scope.version.as_bytes());
        self.push(TokenKind::Service, batch.service_name(resource).as_bytes());
        self.attributes(scope.attributes);
        self.attributes(resource.attributes);
    }

    fn span(&mut self, span: &SpanRef<'a>) {
        let batch = self.batch;
        let operation = span.operation_name().as_bytes();
        self.push(TokenKind::Operation, operation);
        let service = self.services.of(span);
        let kind = TokenKind::ServiceOperation;
        self.add(self.hasher.keyed(kind, service, operation));
        self.push(TokenKind::SpanKind, &[span.kind.number()]);
        self.push(TokenKind::Status, &[span.status.number()]);
        let bucket = duration_bucket(span.duration());
        self.push(TokenKind::Duration, &[bucket]);
        self.attributes(span.attributes);
        for event in batch.events(span) {
            self.attributes(event.attributes);
        }
        for link in batch.links(span) {
            self.attributes(link.attributes);
        }
    }

    fn attributes(&mut self, extent: Extent) {
        let batch = self.batch;
        for attribute in batch.attributes(extent) {
            self.push(TokenKind::Key, attribute.key.as_bytes());
            self.attribute(attribute);
        }
    }

    fn attribute(&mut self, attribute: &AttributeRef<'a>) {
        let (kind, key) = (TokenKind::Attribute, attribute.key);
        let token = match attribute.value {
            ValueRef::Int(number) => {
                with_decimal(number, |text| self.hasher.keyed(kind, key, text))
            }
            ValueRef::String(text) => self.hasher.keyed(kind, key, text.as_bytes()),
            value => {
                self.text.clear();
                self.batch.write_canonical(&value, self.text);
                self.hasher.keyed(kind, key, self.text.as_bytes())
            }
        };
        self.add(token);
    }
}

#[cfg(test)]
mod tests;
