//! What follows from the spans that are stored: operations, edges, RED series.

use model::{SpanKind, TimeRange, UnixNanos};

/// One operation of a service.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Operation {
    /// Name of the spans.
    pub name: String,
    /// Kind of the spans.
    pub kind: SpanKind,
}

/// Calls from one service to another.
#[derive(Debug, Clone, PartialEq)]
pub struct Dependency {
    /// The caller's service.
    pub parent: String,
    /// The callee's service.
    pub child: String,
    /// How many spans of the child had a parent span in the caller.
    pub calls: u64,
    /// How many of these ended with an error.
    pub errors: u64,
    /// Sum of their durations, in nanoseconds.
    pub duration_sum: u64,
}

/// One minute of one operation.
#[derive(Debug, Clone, PartialEq)]
pub struct RedPoint {
    /// Start of the minute.
    pub minute: UnixNanos,
    /// Service.
    pub service: String,
    /// Operation; empty when summed over operations.
    pub operation: String,
    /// Spans that started in the minute.
    pub calls: u64,
    /// Of these, spans with an error.
    pub errors: u64,
    /// Sum of durations in nanoseconds.
    pub duration_sum: u64,
    /// Counts by duration bucket: see [`crate::DurationHistogram`].
    pub histogram: crate::DurationHistogram,
}

/// Which RED series to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RedQuery {
    /// Services, at least one.
    pub services: Vec<String>,
    /// Kinds of spans to count.
    pub kinds: Vec<SpanKind>,
    /// One series per operation, or one per service.
    pub by_operation: bool,
    /// Minutes that start in this range.
    pub range: TimeRange,
}
