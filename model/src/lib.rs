//! The nouns of tracing. No I/O, no clock, no wire format.
//!
//! - [`TraceId`], [`SpanId`], [`Tenant`]: identities, parsed once at the edge.
//! - [`SpanBatch`]: spans as flat, borrowed vectors. Every decoder ends in one, every encoder
//!   starts from one: OTLP in the collector, Avro on Kafka, the payload in Postgres.
//! - [`Trace`]: the same data owned and nested, for those who change it: adjusters and renderers.
//! - [`RejectReason`], [`Repair`], [`Refusal`]: why a span was refused, what was mended, why a
//!   request was turned away. One enum each for metric, log, response and header.
//! - [`SpanHash`]: when two spans are the same span.
//! - [`TraceQuery`]: what a search asks for, and whether a span answers it; [`filter::Filter`]:
//!   conditions in any combination; [`Rank`], [`PageMark`]: the order of traces, and its pages.
//! - [`Letter`], [`LetterFilter`], [`LetterGroups`]: dead letters as an operator looks at them.

mod id;
mod tenant;
mod time;
mod rejection;
mod attribute;
mod canonical;
mod span;
mod batch;
mod own;
mod borrow;
mod trace;
mod naming;
mod identity;
pub mod filter;
mod ranking;
mod criteria;
mod letter;

pub use attribute::{KeyValue, Value};
pub use batch::{
    AttributeRef, EventRef, Extent, LinkRef, ResourceRef, ScopeRef, SpanBatch, SpanRef, TraceChunk,
    ValueRef,
};
pub use canonical::{canonical_double, canonical_string, with_decimal};
pub use criteria::{AttributeLevel, AttributePredicate, SpanPredicate, TraceQuery};
pub use id::{IdError, SpanId, TraceId};
pub use identity::{IDENTITY_VERSION, IdentityHasher, SpanHash};
pub use letter::{
    Letter, LetterContent, LetterFilter, LetterGroup, LetterGroups, LetterId, LetterIdError,
    LetterOrigin, LetterPage, LetterRange, PurgeReport, PurgeRequest, RedriveReport,
    RedriveRequest, RedriveState,
};
pub use naming::{
    EMPTY_SERVICE, EMPTY_SPAN_NAME, MISSING_SERVICE, SERVICE_NAME, ServiceNames, WRONG_TYPE_SERVICE,
};
pub use ranking::{Page, PageMark, Rank, TraceFacts, TraceOrder};
pub use rejection::{RedriveOutcome, Refusal, RejectReason, Repair, Repairs, Tally};
pub use span::{SpanKind, StatusCode};
pub use tenant::{Tenant, TenantError};
pub use time::{NANOS_PER_DAY, NANOS_PER_MINUTE, TimeRange, UnixNanos};
pub use trace::{Event, Link, Resource, ResourceSpans, Scope, ScopeSpans, Span, Trace};
