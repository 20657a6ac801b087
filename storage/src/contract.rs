//! What a trace store promises: the traits that the ingester writes to and the query reads from.

mod answers;
mod capabilities;
mod derived;
mod position;

use std::future::Future;

use model::{RejectReason, SpanBatch, SpanKind, Tenant, TimeRange, TraceId, TraceQuery, UnixNanos};

use crate::{ReadError, WriteError};
pub use answers::{AttributeCount, AttributeCounts, AttributeQuery, FoundPage, StoredTrace};
pub use capabilities::Capabilities;
pub use derived::{Dependency, Operation, RedPoint, RedQuery};
pub use position::{
    Counts, LIVE_CONSUMER, Owner, PassedOffsets, Progress, ProgressStep, Source, TenantRecords,
};

/// Why a trace was written when it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Completeness {
    /// The root was seen and the trace was quiet.
    Complete,
    /// Quiet for long, without a root.
    NoRoot,
    /// Written while it was still growing: held too long, too large, memory short, or shutdown.
    StillOpen,
    /// Nothing was held back: the direct deployment, replay.
    Unknown,
}

/// What tail sampling makes of a trace that nothing was decided of before.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Verdict<'b> {
    /// Whether its spans are stored. Those of others are counted, and remembered in short.
    pub kept: bool,
    /// The policy that decided; empty where none of them keeps it.
    pub policy: &'b str,
    /// How many traces a kept one stands for, itself included: one over the probability with which
    /// it was kept. None if that is not known.
    pub weight: Option<f64>,
}

impl Completeness {
    /// The number in the column `completeness`.
    pub(crate) const fn number(self) -> i16 {
        match self {
            Self::Unknown => 0,
            Self::Complete => 1,
            Self::NoRoot => 2,
            Self::StillOpen => 3,
        }
    }

    /// What a number in that column means.
    pub(crate) const fn from_number(number: i16) -> Self {
        match number {
            1 => Self::Complete,
            2 => Self::NoRoot,
            3 => Self::StillOpen,
            _ => Self::Unknown,
        }
    }

    /// Which of two segments of a trace tells more of how it ended.
    pub(crate) fn better(self, other: Self) -> Self {
        let worth = |of: Self| match of {
            Self::Complete => 3,
            Self::NoRoot => 2,
            Self::StillOpen => 1,
            Self::Unknown => 0,
        };
        if worth(other) > worth(self) {
            other
        } else {
            self
        }
    }
}

/// Spans of one trace to be written.
#[derive(Debug, Clone, Copy)]
pub struct TraceSpans<'b, 'a> {
    /// Index in [`WriteBatch::progress`] of the source they came from; `None` without one.
    pub source: Option<usize>,
    /// Whose trace it is.
    pub tenant: &'b Tenant,
    /// Which trace.
    pub trace_id: TraceId,
    /// When a collector received the earliest and the latest of them.
    pub received: TimeRange,
    /// Why they are written now.
    pub completeness: Completeness,
    /// What tail sampling says, where it is on. A decision that is stored already goes before it.
    pub verdict: Option<Verdict<'b>>,
    /// Where the spans lie.
    pub batch: &'b SpanBatch<'a>,
    /// Their indices in the batch.
    pub spans: &'b [u32],
}

/// One transaction's worth of work.
#[derive(Debug, Clone, Copy)]
pub struct WriteBatch<'b, 'a> {
    /// Progress of the sources whose records these are; empty in the direct deployment.
    pub progress: &'b [ProgressStep],
    /// The traces. The same trace may occur more than once.
    pub traces: &'b [TraceSpans<'b, 'a>],
}

/// What a committed transaction did.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Written {
    /// Spans stored.
    pub spans_stored: u64,
    /// Spans that were stored already, or occurred twice in the batch.
    pub spans_duplicate: u64,
    /// Spans that were dropped by a decision of tail sampling.
    pub spans_dropped: u64,
    /// Segments written.
    pub segments: u64,
    /// What decisions of tail sampling did, by policy.
    pub decided: Vec<Decided>,
}

/// What the decisions of one policy did in a transaction.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Decided {
    /// The policy; empty where none of them kept the traces.
    pub policy: String,
    /// Whether the traces are kept.
    pub kept: bool,
    /// Traces that were decided for the first time.
    pub traces: u64,
    /// Spans of these, and of traces that were decided before, each once.
    pub spans: u64,
}

/// A record that can never be stored as spans, where no dead-letter topic exists to keep it.
#[derive(Debug, Clone, Copy)]
pub struct DeadLetter<'b> {
    /// Whose spans they are.
    pub tenant: &'b Tenant,
    /// Why they cannot be stored.
    pub reason: RejectReason,
    /// The error in words, without values of the spans.
    pub error: &'b str,
    /// When a collector received them.
    pub received_at: UnixNanos,
    /// How many spans the record holds, as far as they could be counted.
    pub spans: u32,
    /// The record as it came: framed Avro.
    pub record: &'b [u8],
}

/// Writes traces and the consumed position, both or neither.
pub trait TraceWriter: Send + Sync + 'static {
    /// Takes a source over: from now on only `owner` can write for it. Returns where to go on.
    ///
    /// A source never seen before starts with an empty [`Progress`]: revision 1, watermark 0.
    /// MUST make every earlier owner fail with [`WriteError::Fenced`], and MUST not wait for one
    /// that is frozen in a transaction.
    fn claim(
        &self,
        source: &Source,
        owner: Owner,
    ) -> impl Future<Output = Result<Progress, WriteError>> + Send;

    /// Writes a batch.
    ///
    /// - **Atomic.** All of it or nothing.
    /// - **Durable.** `Ok` means committed; an ambiguous commit has been resolved before `Ok`.
    /// - **Idempotent.** A span that is stored already is counted as a duplicate and changes
    ///   nothing: no row, no RED count, no edge. So is one that was dropped already.
    /// - **Decided once.** What was decided of a trace first holds for all spans that come later,
    ///   whoever writes them and whatever their verdict says. Spans that were stored without a
    ///   decision are one for keeping the rest. Dropped spans count in RED series, edges and
    ///   catalogues like stored ones.
    /// - **Fenced.** Each step's owner and revision are compared; `Fenced` means that nothing was
    ///   written and that the source must be claimed anew, every cached state dropped.
    fn write(
        &self,
        batch: WriteBatch<'_, '_>,
    ) -> impl Future<Output = Result<Written, WriteError>> + Send;

    /// Keeps records that can never be stored, for an operator to look at: the direct deployment,
    /// which has no dead-letter topic. All of them or none; `Ok` means committed. Not idempotent.
    fn dead_letter(
        &self,
        letters: &[DeadLetter<'_>],
    ) -> impl Future<Output = Result<(), WriteError>> + Send;
}

/// What became of a wish to keep a trace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Archived {
    /// What is stored of it now is out of retention's reach.
    Kept,
    /// There is no such trace.
    NotFound,
    /// This store keeps nothing beyond retention.
    Unsupported,
}

/// Reads traces. Every call sees one tenant alone.
pub trait TraceReader: Send + Sync + 'static {
    /// What it can be asked for, as far as it is known by now.
    fn capabilities(&self) -> Capabilities {
        Capabilities::ALL
    }

    /// The trace with this id, segments merged, each span once; `None` when there is none.
    /// `hint` narrows the time partitions that are looked at, generously.
    fn trace(
        &self,
        tenant: &Tenant,
        id: TraceId,
        hint: Option<TimeRange>,
    ) -> impl Future<Output = Result<Option<StoredTrace>, ReadError>> + Send;

    /// The traces that answer a query, whole.
    ///
    /// - **Exact.** What a scan over every stored span would find, in the order of the query: see
    ///   [`model::TraceOrder`]. What a trace is as a whole counts all its spans.
    /// - **Pages follow one another.** One after the other they hold what a single answer would
    ///   have held when the first was asked for, whatever is written meanwhile; the traces
    ///   themselves are shown as they are now.
    fn search(
        &self,
        tenant: &Tenant,
        query: &TraceQuery,
    ) -> impl Future<Output = Result<FoundPage, ReadError>> + Send;

    /// Keys or values of attributes, by the number of spans that have them, counted among the
    /// newest spans asked for: as many as one call may look at.
    fn attributes(
        &self,
        tenant: &Tenant,
        query: &AttributeQuery,
    ) -> impl Future<Output = Result<AttributeCounts, ReadError>> + Send;

    /// Services with stored spans, sorted.
    fn services(
        &self,
        tenant: &Tenant,
    ) -> impl Future<Output = Result<Vec<String>, ReadError>> + Send;

    /// Operations of a service, sorted; of one kind if told.
    fn operations(
        &self,
        tenant: &Tenant,
        service: &str,
        kind: Option<SpanKind>,
    ) -> impl Future<Output = Result<Vec<Operation>, ReadError>> + Send;

    /// Calls between services by spans of the child that started in the range, to the minute.
    /// Sorted by parent and child.
    fn dependencies(
        &self,
        tenant: &Tenant,
        range: TimeRange,
    ) -> impl Future<Output = Result<Vec<Dependency>, ReadError>> + Send;

    /// RED series by minute, sorted by service, operation and minute.
    fn red(
        &self,
        tenant: &Tenant,
        query: &RedQuery,
    ) -> impl Future<Output = Result<Vec<RedPoint>, ReadError>> + Send;

    /// Keeps what is stored of a trace beyond retention; to ask again keeps what has come since.
    /// The trace is found by its id as before, and no longer by searches once retention is over.
    fn archive(
        &self,
        _tenant: &Tenant,
        _id: TraceId,
    ) -> impl Future<Output = Result<Archived, ReadError>> + Send {
        async { Ok(Archived::Unsupported) }
    }
}
