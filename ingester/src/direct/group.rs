//! The records of several callers in one transaction, and who is answered what.

use std::collections::HashMap;

use bumpalo::Bump;
use bytes::Bytes;
use model::{RejectReason, SpanBatch, Tenant, TimeRange, TraceId, UnixNanos};
use schemas::DecodeError;
use storage::{Completeness, DeadLetter, TraceSpans, TraceWriter, WriteBatch, WriteError, Written};
use tokio::{sync::oneshot, time::sleep};

use super::{DirectError, RETRY_AFTER, Request, Shared};
use crate::{Backoff, FailureKind, KnownSchemas, metrics};

/// A record and the caller whose it is.
#[derive(Debug, Clone)]
pub(super) struct Piece {
    pub(super) caller: usize,
    pub(super) record: Bytes,
}

/// A caller with records that are not settled yet.
struct Caller {
    unsettled: usize,
    answer: Option<oneshot::Sender<Result<(), DirectError>>>,
    request: tokio::time::Instant,
    _room: tokio::sync::OwnedSemaphorePermit,
}

/// Requests that are written together.
pub(super) struct Group {
    callers: Vec<Caller>,
    pieces: Vec<Piece>,
}

/// Why a run of records is not settled by a transaction.
pub(super) enum Refusal {
    /// One of them is to blame: this one, if it is known.
    Poison {
        reason: RejectReason,
        error: String,
        piece: Option<usize>,
    },
    /// None of them is.
    Failed { kind: FailureKind, reason: String },
}

impl Group {
    pub(super) fn of(requests: Vec<Request>) -> Self {
        let (mut callers, mut pieces) = (Vec::new(), Vec::new());
        for request in requests {
            let caller = callers.len();
            let unsettled = request.records.len();
            let own = request
                .records
                .into_iter()
                .map(|record| Piece { caller, record });
            pieces.extend(own);
            callers.push(Caller {
                unsettled,
                answer: Some(request.answer),
                request: request.arrived,
                _room: request._room,
            });
            if unsettled == 0 {
                settle_one(&mut callers[caller], Ok(()));
            }
        }
        Self { callers, pieces }
    }

    fn settle(&mut self, pieces: &[Piece], outcome: &Result<(), DirectError>) {
        for piece in pieces {
            let caller = &mut self.callers[piece.caller];
            caller.unsettled -= 1;
            if caller.unsettled == 0 || outcome.is_err() {
                settle_one(caller, outcome.clone());
            }
        }
    }
}

fn settle_one(caller: &mut Caller, outcome: Result<(), DirectError>) {
    if let Some(answer) = caller.answer.take() {
        // A caller that waits no longer needs no answer.
        let _ = answer.send(outcome);
    }
}

/// Writes a group until every caller is answered.
pub(super) async fn commit<W: TraceWriter>(mut group: Group, shared: &Shared<W>) {
    let mut runs = vec![std::mem::take(&mut group.pieces)];
    while let Some(mut run) = runs.pop() {
        let refusal = match write_in_time(&run, &group, shared).await {
            Ok(()) => {
                group.settle(&run, &Ok(()));
                continue;
            }
            Err(refusal) => refusal,
        };
        match refusal {
            Refusal::Failed { reason, .. } => {
                metrics::direct_refused();
                let retry_after = RETRY_AFTER;
                group.settle(
                    &run,
                    &Err(DirectError::Unavailable {
                        reason,
                        retry_after,
                    }),
                );
            }
            Refusal::Poison {
                reason,
                error,
                piece,
            } => {
                let alone = piece.or((run.len() == 1).then_some(0));
                let Some(index) = alone else {
                    runs.push(run.split_off(run.len() / 2));
                    runs.push(run);
                    continue;
                };
                let condemned = [run.swap_remove(index)];
                let kept = dead_letter(&condemned[0], reason, &error, shared).await;
                group.settle(&condemned, &kept);
                runs.extend((!run.is_empty()).then_some(run));
            }
        }
    }
}

/// Tries for as long as the caller that has waited longest may wait.
async fn write_in_time<W: TraceWriter>(
    run: &[Piece],
    group: &Group,
    shared: &Shared<W>,
) -> Result<(), Refusal> {
    let waiting = run.iter().map(|piece| group.callers[piece.caller].request);
    let patience = shared.config.give_up_after;
    let give_up = waiting.min().map(|arrived| arrived + patience);
    let mut backoff = Backoff::new(shared.retry, run.len() as u64);
    loop {
        let refusal = match write(run, shared).await {
            Ok(written) => {
                metrics::stored(&written);
                return Ok(());
            }
            Err(refusal) => refusal,
        };
        let wait = backoff.failed();
        let in_time = give_up.is_some_and(|at| tokio::time::Instant::now() + wait < at);
        match refusal {
            Refusal::Failed {
                kind: FailureKind::Transient,
                ..
            } if in_time => sleep(wait).await,
            refusal => return Err(refusal),
        }
    }
}

/// What a trace of the run consists of.
struct Part {
    received: TimeRange,
    spans: Vec<u32>,
}

async fn write<W: TraceWriter>(run: &[Piece], shared: &Shared<W>) -> Result<Written, Refusal> {
    write_run(run, &shared.schemas, &*shared.writer).await
}

/// decode → summarise → write, in one transaction.
pub(super) async fn write_run<W: TraceWriter>(
    run: &[Piece],
    schemas: &KnownSchemas,
    writer: &W,
) -> Result<Written, Refusal> {
    let arena = Bump::new();
    let mut batch = SpanBatch::default();
    let parts = decode(run, schemas, &arena, &mut batch)?;
    let traces: Vec<TraceSpans<'_, '_>> = parts
        .iter()
        .map(|((tenant, trace_id), part)| TraceSpans {
            source: None,
            tenant,
            trace_id: *trace_id,
            received: part.received,
            completeness: Completeness::Unknown,
            // Nothing is assembled here: what was decided before is followed, nothing else.
            verdict: None,
            batch: &batch,
            spans: &part.spans,
        })
        .collect();
    let whole = WriteBatch {
        progress: &[],
        traces: &traces,
    };
    writer.write(whole).await.map_err(refusal)
}

fn refusal(error: WriteError) -> Refusal {
    let reason = bootstrap::chain(&error).to_string();
    match FailureKind::from(&error) {
        FailureKind::Poison => Refusal::Poison {
            reason: RejectReason::RefusedByStore,
            error: reason,
            piece: None,
        },
        kind => Refusal::Failed { kind, reason },
    }
}

type Parts = HashMap<(Tenant, TraceId), Part>;

fn decode<'a>(
    run: &'a [Piece],
    schemas: &KnownSchemas,
    arena: &'a Bump,
    batch: &mut SpanBatch<'a>,
) -> Result<Parts, Refusal> {
    let schemas = schemas.read();
    let mut parts = Parts::new();
    for (index, piece) in run.iter().enumerate() {
        let chunk = schemas
            .decode(&piece.record, arena, batch)
            .map_err(|error| undecodable(&error, index))?;
        let part = parts.entry((chunk.tenant, chunk.trace_id)).or_insert(Part {
            received: at(chunk.received_at),
            spans: Vec::new(),
        });
        part.received.start = part.received.start.min(chunk.received_at);
        part.received.end = part.received.end.max(chunk.received_at);
        part.spans.extend(chunk.spans);
    }
    Ok(parts)
}

fn at(time: UnixNanos) -> TimeRange {
    TimeRange {
        start: time,
        end: time,
    }
}

fn undecodable(error: &DecodeError, index: usize) -> Refusal {
    let words = bootstrap::chain(error).to_string();
    match error {
        DecodeError::UnknownSchema { .. } => Refusal::Failed {
            kind: FailureKind::Operator,
            reason: words,
        },
        _ => Refusal::Poison {
            reason: error.reason(),
            error: words,
            piece: Some(index),
        },
    }
}

/// Keeps a record that can never be stored. `Ok` for its caller once it is kept.
async fn dead_letter<W: TraceWriter>(
    piece: &Piece,
    reason: RejectReason,
    error: &str,
    shared: &Shared<W>,
) -> Result<(), DirectError> {
    let head = {
        let (arena, mut batch) = (Bump::new(), SpanBatch::default());
        shared
            .schemas
            .read()
            .decode(&piece.record, &arena, &mut batch)
    };
    let (tenant, received_at, spans) = match head {
        Ok(chunk) => (chunk.tenant, chunk.received_at, chunk.spans.len() as u32),
        Err(_) => (Tenant::default(), bootstrap::clock::now(), 0),
    };
    let letter = DeadLetter {
        tenant: &tenant,
        reason,
        error,
        received_at,
        spans,
        record: &piece.record,
    };
    let kept = shared.writer.dead_letter(&[letter]).await;
    kept.map_err(|error| DirectError::Unavailable {
        reason: bootstrap::chain(&error).to_string(),
        retry_after: RETRY_AFTER,
    })?;
    metrics::dead_lettered(reason, u64::from(spans));
    tracing::warn!(
        reject.reason = reason.as_str(),
        spans,
        error,
        "Dead-lettered a span record"
    );
    Ok(())
}
