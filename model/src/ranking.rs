//! In what order a search shows traces, and where a page of them ends.

use std::cmp::Reverse;

use crate::{TraceId, UnixNanos};

/// In what order a search shows traces. Of equals, the one with the newer matching span comes
/// first, then the one with the lower id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum TraceOrder {
    /// By the start of the newest matching span, newest first.
    #[default]
    Newest,
    /// By the trace's duration, longest first.
    Longest,
    /// By the trace's duration, shortest first.
    Shortest,
    /// By the number of the trace's spans, most first.
    MostSpans,
    /// By the number of the trace's spans, fewest first.
    FewestSpans,
    /// By the number of the trace's failed spans, most first.
    MostErrors,
}

impl TraceOrder {
    /// Every order.
    pub const ALL: [Self; 6] = [
        Self::Newest,
        Self::Longest,
        Self::Shortest,
        Self::MostSpans,
        Self::FewestSpans,
        Self::MostErrors,
    ];

    /// The name in requests.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Newest => "newest",
            Self::Longest => "longest",
            Self::Shortest => "shortest",
            Self::MostSpans => "most-spans",
            Self::FewestSpans => "fewest-spans",
            Self::MostErrors => "most-errors",
        }
    }

    /// The order with this name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|order| order.as_str() == name)
    }

    /// How high a trace ranks: the higher, the earlier it is shown.
    pub fn score(self, newest: UnixNanos, facts: &TraceFacts) -> u64 {
        match self {
            Self::Newest => newest,
            Self::Longest => facts.duration(),
            Self::Shortest => u64::MAX - facts.duration(),
            Self::MostSpans => facts.spans,
            Self::FewestSpans => u64::MAX - facts.spans,
            Self::MostErrors => facts.errors,
        }
    }
}

/// What traces are ordered by: of a trace as a whole, whichever spans of it match.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TraceFacts {
    /// Start of the earliest span.
    pub start: UnixNanos,
    /// End of the last span.
    pub end: UnixNanos,
    /// How many spans there are.
    pub spans: u64,
    /// How many of them failed.
    pub errors: u64,
}

impl TraceFacts {
    /// Nothing yet: what the facts of parts are added to.
    pub const NONE: Self = Self {
        start: UnixNanos::MAX,
        end: 0,
        spans: 0,
        errors: 0,
    };

    /// From the start of the earliest span to the end of the last, in nanoseconds.
    pub fn duration(&self) -> u64 {
        self.end.saturating_sub(self.start)
    }

    /// Adds another part of the trace.
    pub fn add(&mut self, part: &Self) {
        self.start = self.start.min(part.start);
        self.end = self.end.max(part.end);
        self.spans += part.spans;
        self.errors += part.errors;
    }
}

/// The place of a trace in an answer: lesser ranks are shown earlier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Rank {
    score: Reverse<u64>,
    newest: Reverse<UnixNanos>,
    trace: TraceId,
}

impl Rank {
    /// The rank of a trace whose newest matching span starts at `newest`.
    pub fn new(score: u64, newest: UnixNanos, trace: TraceId) -> Self {
        Self {
            score: Reverse(score),
            newest: Reverse(newest),
            trace,
        }
    }

    /// What the order looks at.
    pub fn score(&self) -> u64 {
        self.score.0
    }

    /// Start of the newest matching span.
    pub fn newest(&self) -> UnixNanos {
        self.newest.0
    }

    /// The trace.
    pub fn trace(&self) -> TraceId {
        self.trace
    }
}

/// Where a page ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageMark {
    /// The last trace of the page.
    pub rank: Rank,
    /// What of the store the first page saw, in the store's own words: all pages after it see the
    /// same.
    pub view: String,
}

/// Which part of an answer is wanted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Page {
    /// The beginning, and no more of it.
    #[default]
    Only,
    /// The beginning, and where it ends.
    First,
    /// What follows an earlier page.
    After(PageMark),
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(n: u8) -> TraceId {
        TraceId::new([n; 16]).expect("not zero")
    }

    #[test]
    fn what_scores_higher_comes_first_then_the_newer_then_the_lower_id() {
        let ranks = [
            Rank::new(9, 1, id(9)),
            Rank::new(5, 8, id(9)),
            Rank::new(5, 7, id(1)),
            Rank::new(5, 7, id(2)),
        ];
        assert!(ranks.is_sorted());
    }

    #[test]
    fn every_order_has_a_name_that_reads_back() {
        for order in TraceOrder::ALL {
            assert_eq!(TraceOrder::parse(order.as_str()), Some(order));
        }
        assert_eq!(TraceOrder::parse("best"), None);
    }
}
