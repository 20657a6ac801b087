//! Search tokens: 32-bit hashes of what a span can be found by.
//!
//! A segment holds the tokens of all its spans; a query becomes tokens that every span answering
//! it has. A token is the low half of `xxh3(value, seed)`, the seed being `xxh3(key, seed)`, that
//! one's seed `xxh3(tenant, kind of token)`: so tenants share no tokens. Values are canonical
//! strings of any length. What people ask of a service has tokens beside the service, so that a segment
//! with a span of the service and a slow span of another is no candidate: the low half of `xxh3(hash of
//! the service, hash of the value)`, both hashes whole. Different things may share a token: the
//! payload decides.

mod plan;

use model::{AttributeRef, Extent, SpanBatch, SpanRef, StatusCode, ValueRef, with_decimal};
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

/// Which tokens the segments of a run have. Stored with each run; each set has all of those before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum TokenSet {
    /// One for each value.
    Single,
    /// Those of errors, durations and short values beside the service, too.
    Paired,
}

impl TokenSet {
    /// What this program writes.
    pub(crate) const WRITTEN: Self = Self::Paired;

    /// The stored number.
    pub(crate) fn number(self) -> i16 {
        match self {
            Self::Single => 1,
            Self::Paired => 2,
        }
    }

    /// The set with a stored number.
    pub(crate) fn of_number(number: i16) -> Self {
        match number {
            ..2 => Self::Single,
            _ => Self::Paired,
        }
    }
}

/// Longest text that has a token beside the service, bytes: methods, codes, names of systems.
const SHORT_TEXT: usize = 8;
/// Longest number that has one.
const SHORT_NUMBER: usize = 3;

/// Whether a value of an attribute has a token beside the service. Long values and large numbers are
/// rare enough by themselves.
fn is_paired(text: &[u8]) -> bool {
    let is_number = matches!(text, [b'0'..=b'9' | b'-', ..]);
    text.len() <= if is_number { SHORT_NUMBER } else { SHORT_TEXT }
}

/// Hashes for one tenant.
#[derive(Debug, Clone, Copy)]
struct Hasher {
    seeds: [u64; KINDS],
}

impl Hasher {
    fn new(tenant: &str) -> Self {
        Self {
            seeds: std::array::from_fn(|kind| xxh3_64_with_seed(tenant.as_bytes(), kind as u64)),
        }
    }

    fn hash(&self, kind: TokenKind, value: &[u8]) -> u64 {
        xxh3_64_with_seed(value, self.seeds[kind as usize])
    }

    fn token(&self, kind: TokenKind, value: &[u8]) -> u32 {
        self.hash(kind, value) as u32
    }

    fn service(&self, name: &str) -> Service {
        Service {
            hash: self.hash(TokenKind::Service, name.as_bytes()),
            operations: self.seed(TokenKind::ServiceOperation, name),
        }
    }

    /// The seed of values of a key.
    fn seed(&self, kind: TokenKind, key: &str) -> u64 {
        self.hash(kind, key.as_bytes())
    }

    fn keyed(&self, kind: TokenKind, key: &str, value: &[u8]) -> u64 {
        xxh3_64_with_seed(value, self.seed(kind, key))
    }
}

/// What the tokens beside a service are made with.
#[derive(Debug, Clone, Copy)]
struct Service {
    hash: u64,
    /// The seed of its operations.
    operations: u64,
}

impl Service {
    fn token(self) -> u32 {
        self.hash as u32
    }

    fn operation(self, name: &[u8]) -> u32 {
        xxh3_64_with_seed(name, self.operations) as u32
    }

    /// The token of a value beside it, given its hash.
    fn beside(self, value: u64) -> u32 {
        xxh3_64_with_seed(&self.hash.to_le_bytes(), value) as u32
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
        within: None,
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
    /// The last span's scope, and its service.
    within: Option<(u32, Service)>,
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

    fn service(&mut self, scope: u32) -> Service {
        match self.within {
            Some((last, service)) if last == scope => service,
            _ => {
                let batch = self.batch;
                let resource = batch.scopes[scope as usize].resource;
                let name = batch.service_name(&batch.resources[resource as usize]);
                let service = self.hasher.service(name);
                self.within = Some((scope, service));
                service
            }
        }
    }

    /// What all spans of a scope share.
    fn scope(&mut self, index: u32) {
        let batch = self.batch;
        let scope = &batch.scopes[index as usize];
        let resource = &batch.resources[scope.resource as usize];
        self.push(TokenKind::ScopeName, scope.name.as_bytes());
        self.push(TokenKind::ScopeVersion, scope.version.as_bytes());
        let service = self.service(index);
        self.add(service.token());
        self.attributes(service, scope.attributes);
        self.attributes(service, resource.attributes);
    }

    fn span(&mut self, span: &SpanRef<'a>) {
        let batch = self.batch;
        let service = self.service(span.scope);
        let operation = span.operation_name().as_bytes();
        self.push(TokenKind::Operation, operation);
        self.add(service.operation(operation));
        self.push(TokenKind::SpanKind, &[span.kind.number()]);
        let status = [span.status.number()];
        let status_hash = self.hasher.hash(TokenKind::Status, &status);
        self.add(status_hash as u32);
        if span.status == StatusCode::Error {
            self.add(service.beside(status_hash));
        }
        let bucket = [duration_bucket(span.duration())];
        let duration_hash = self.hasher.hash(TokenKind::Duration, &bucket);
        self.add(duration_hash as u32);
        self.add(service.beside(duration_hash));
        self.attributes(service, span.attributes);
        for event in batch.events(span) {
            self.attributes(service, event.attributes);
        }
        for link in batch.links(span) {
            self.attributes(service, link.attributes);
        }
    }

    fn attributes(&mut self, service: Service, extent: Extent) {
        let batch = self.batch;
        for attribute in batch.attributes(extent) {
            self.push(TokenKind::Key, attribute.key.as_bytes());
            self.attribute(service, attribute);
        }
    }

    fn attribute(&mut self, service: Service, attribute: &AttributeRef<'a>) {
        let seed = self.hasher.seed(TokenKind::Attribute, attribute.key);
        let of = |text: &[u8]| (xxh3_64_with_seed(text, seed), is_paired(text));
        let (hash, is_paired) = match attribute.value {
            ValueRef::Int(number) => with_decimal(number, of),
            ValueRef::String(text) => of(text.as_bytes()),
            value => {
                self.text.clear();
                self.batch.write_canonical(&value, self.text);
                of(self.text.as_bytes())
            }
        };
        self.add(hash as u32);
        if is_paired {
            self.add(service.beside(hash));
        }
    }
}

#[cfg(test)]
mod tests;
