//! write: one load → dead letters acknowledged, then traces and progress in one transaction, which loads
//! of several partitions may share (`write/queue.rs`). What tail sampling says of a trace is asked on
//! the way, once for all tries.
//!
//! Retries are not made here: a failure says what kind it is, and the partition decides.

mod queue;
mod spare;

use bumpalo::Bump;
use storage::{ProgressStep, Remedy, TraceWriter, WriteBatch, WriteError, Written};

pub(crate) use queue::{GATHER, Outcome, Waiting, WriteQueue, abandoned, shared_failure};
pub use spare::SpareBatches;

use crate::{DeadLetters, DueTrace, KnownSchemas, TailSampler, WriteRequest, summarise};

/// What a failure asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FailureKind {
    /// The partition belongs to another owner: drop everything, claim anew.
    Fenced,
    /// Try again, for as long as it takes.
    Transient,
    /// A record in the load is to blame: halve it.
    Poison,
    /// Nothing but an operator helps: try again, but seldom.
    Operator,
}

impl FailureKind {
    /// Every kind, in order of declaration.
    pub const ALL: [Self; 4] = [Self::Fenced, Self::Transient, Self::Poison, Self::Operator];

    /// The label in metrics and logs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Fenced => "fenced",
            Self::Transient => "transient",
            Self::Poison => "poison",
            Self::Operator => "operator",
        }
    }
}

impl From<&WriteError> for FailureKind {
    fn from(error: &WriteError) -> Self {
        match error {
            WriteError::Fenced { .. } => Self::Fenced,
            WriteError::Transient { .. } => Self::Transient,
            WriteError::Poison { .. } | WriteError::Misplaced { .. } => Self::Poison,
            WriteError::Operator { .. } | WriteError::Inconsistent { .. } => Self::Operator,
            WriteError::Plugin { remedy, .. } => match remedy {
                Remedy::TryAgain => Self::Transient,
                Remedy::Bisect => Self::Poison,
                Remedy::CallOperator => Self::Operator,
            },
        }
    }
}

/// A write that did not happen.
#[derive(Debug, thiserror::Error)]
#[error("a write failed ({})", .kind.as_str())]
pub struct WriteFailure {
    /// What it asks for.
    pub kind: FailureKind,
    /// Whether the load's dead letters were acknowledged before it happened.
    pub dead_letters_acked: bool,
    /// The cause.
    #[source]
    pub cause: Box<dyn std::error::Error + Send + Sync>,
}

impl WriteFailure {
    /// The error with its causes, in words.
    pub fn reason(&self) -> String {
        bootstrap::chain(&*self.cause).to_string()
    }
}

/// Does one write of a partition.
///
/// # Errors
/// If nothing was written to the store. Dead letters may have been acknowledged all the same.
pub async fn write<W: TraceWriter, D: DeadLetters>(
    request: &WriteRequest,
    schemas: &KnownSchemas,
    sampler: Option<&TailSampler>,
    dead_letters: &D,
    spare: &SpareBatches,
    writer: &W,
) -> Result<Written, WriteFailure> {
    let unacked = &request.load.dead[request.load.dead_acked..];
    if !unacked.is_empty() {
        let published = dead_letters.publish(&request.step.source, unacked).await;
        published.map_err(|error| WriteFailure {
            kind: FailureKind::Transient,
            dead_letters_acked: false,
            cause: Box::new(error),
        })?;
    }
    write_together(&[request], schemas, sampler, spare, writer).await
}

/// Writes the loads of some partitions to the store, whose dead letters are acknowledged, all in one
/// transaction.
///
/// # Errors
/// If nothing was written to the store. The load of one of them may be to blame.
pub(crate) async fn write_together<W: TraceWriter>(
    requests: &[&WriteRequest],
    schemas: &KnownSchemas,
    sampler: Option<&TailSampler>,
    spare: &SpareBatches,
    writer: &W,
) -> Result<Written, WriteFailure> {
    let failure = |kind, cause| WriteFailure {
        kind,
        dead_letters_acked: true,
        cause,
    };
    let loads = requests.iter().map(|request| &request.load.traces[..]);
    let arena = Bump::new();
    let mut batch = spare.take();
    let decoded: Result<Vec<_>, _> = loads
        .clone()
        .map(|traces| summarise::decode_traces(&schemas.read(), traces, &arena, &mut batch))
        .collect();
    let ranges = decoded.map_err(|error| failure(FailureKind::Poison, Box::new(error)))?;
    let indices: Vec<u32> = (0..batch.spans.len() as u32).collect();
    let mut summaries = Vec::with_capacity(loads.clone().map(<[DueTrace]>::len).sum());
    for (source, (traces, ranges)) in loads.zip(&ranges).enumerate() {
        let of_load = summarise::summarise(traces, ranges, &batch, &indices, Some(source));
        summaries.extend(of_load);
    }
    if let Some(sampler) = sampler {
        let traces = requests.iter().flat_map(|one| &one.load.traces);
        sampler.judge(&traces.collect::<Vec<_>>(), &mut summaries);
    }
    let steps: Vec<ProgressStep> = requests.iter().map(|one| one.step.clone()).collect();
    let whole = WriteBatch {
        progress: &steps,
        traces: &summaries,
    };
    let outcome = writer
        .write(whole)
        .await
        .map_err(|error| failure(FailureKind::from(&error), Box::new(error)));
    spare.put(batch);
    outcome
}
