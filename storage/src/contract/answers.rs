//! What searches and listings of attributes ask and answer.

use model::filter::Level;
use model::{PageMark, SpanPredicate, TimeRange, Trace};

use super::Completeness;

/// A trace as the store holds it.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredTrace {
    /// All its spans, each once.
    pub trace: Trace,
    /// How the writer saw it end: the best of its segments.
    pub completeness: Completeness,
}

/// Traces that answer a query, or a page of them.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct FoundPage {
    /// The traces, whole, in order.
    pub traces: Vec<StoredTrace>,
    /// Where the page ends, if there is more and the query asked for pages.
    pub next: Option<PageMark>,
    /// How many traces answer in all, where that costs nothing: if the page holds all of them, or
    /// if they are not ordered by time, since all were looked at then.
    pub total: Option<u64>,
}

/// Which attributes are to be listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttributeQuery {
    /// Conditions on spans whose attributes count, all of which must hold.
    pub predicates: Vec<SpanPredicate>,
    /// These spans start in this range.
    pub start: TimeRange,
    /// The key whose values are listed; without one, keys are.
    pub key: Option<String>,
    /// What the listed keys or values begin with.
    pub prefix: String,
    /// Most keys or values to return, those of the most spans.
    pub limit: usize,
}

/// A key or a value, and how many spans have it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttributeCount {
    /// The key, or the canonical text of the value.
    pub text: String,
    /// Where it is: on spans, resources, scopes, events or links.
    pub level: Level,
    /// How many spans have it there.
    pub spans: u64,
}

/// Keys or values, and what they were counted among.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AttributeCounts {
    /// Those of the most spans first, then by text.
    pub counts: Vec<AttributeCount>,
    /// How many spans were looked at, the newest of those asked for.
    pub spans: u64,
    /// Whether these were all of them.
    pub all: bool,
}
