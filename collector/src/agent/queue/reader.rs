//! Takes parcels from the queue, as many as make a request.

use std::sync::Arc;
use std::time::Duration;

use bootstrap::chain;
use bytes::Bytes;
use tokio_util::sync::CancellationToken;

use super::files::{Folder, Position};
use super::record::{self, Found};
use super::state::{Ahead, State};
use crate::agent::config::BatchConfig;
use crate::agent::metrics;
use crate::agent::parcel::Parcel;

/// How long to wait after a failure to read that the next call would meet as well.
const PAUSE: Duration = Duration::from_secs(1);

/// Parcels of one tenant that lie one behind the other.
#[derive(Debug, Default, PartialEq, Eq)]
pub(in crate::agent) struct Taken {
    pub(in crate::agent) parcels: Vec<Parcel>,
    /// The place behind them.
    pub(super) end: Position,
}

/// Reads a queue from a place on.
pub(in crate::agent) struct Reader {
    folder: Arc<Folder>,
    state: Arc<State>,
    limits: BatchConfig,
    at: Position,
    /// Nothing is added any more.
    closed: CancellationToken,
}

impl Reader {
    pub(super) fn new(
        folder: Arc<Folder>,
        state: Arc<State>,
        limits: BatchConfig,
        closed: CancellationToken,
    ) -> Self {
        Self {
            at: folder.cursor(),
            folder,
            state,
            limits,
            closed,
        }
    }

    /// The next parcels, as soon as there are any; none when nothing is left and nothing is added.
    pub(in crate::agent) async fn next(&mut self) -> Option<Taken> {
        loop {
            let is_closed = self.closed.is_cancelled();
            match self.state.ahead(self.at) {
                Ahead::Records(at, length) => {
                    if let Some(taken) = self.take(at, length).await {
                        self.at = taken.end;
                        return Some(taken);
                    }
                }
                Ahead::Nothing if is_closed => return None,
                Ahead::Nothing => tokio::select! {
                    () = self.state.grown() => {}
                    () = self.closed.cancelled() => {}
                },
            }
        }
    }

    async fn take(&self, at: Position, length: u64) -> Option<Taken> {
        let (folder, limits) = (self.folder.clone(), self.limits.clone());
        let reading = move || read(&folder, at, length, &limits);
        match tokio::task::spawn_blocking(reading).await {
            Ok(Ok(taken)) => Some(taken),
            Ok(Err(error)) => {
                tracing::error!(error = %chain(&error), "Cannot read the queue on disk");
                tokio::time::sleep(PAUSE).await;
                None
            }
            Err(panic) => std::panic::resume_unwind(panic.into_panic()),
        }
    }
}

/// Reads parcels at a place, within the limits of a request, from a segment that has `length`. What
/// cannot be read is passed over to the segment's end, and counted.
fn read(
    folder: &Folder,
    at: Position,
    length: u64,
    limits: &BatchConfig,
) -> std::io::Result<Taken> {
    let left = (length - at.offset) as usize;
    let mut bytes = Bytes::from(folder.read(at, left.min(limits.bytes.as_usize()))?);
    if let Found::Longer(size) = record::read(&bytes)
        && size <= left
    {
        bytes = folder.read(at, size)?.into();
    }
    let (mut taken, mut spans) = (
        Taken {
            parcels: Vec::new(),
            end: at,
        },
        0,
    );
    while let Found::Whole(parcel, size) = record::read(&bytes) {
        let is_same = taken
            .parcels
            .first()
            .is_none_or(|first: &Parcel| first.tenant == parcel.tenant);
        spans += parcel.spans as usize;
        if !is_same || (spans > limits.spans && !taken.parcels.is_empty()) {
            return Ok(taken);
        }
        taken.parcels.push(parcel);
        taken.end.offset += size as u64;
        bytes = bytes.slice(size..);
    }
    if taken.parcels.is_empty() {
        tracing::warn!(
            queue.segment = at.segment,
            queue.offset = at.offset,
            queue.bytes = left,
            "Passed over a part of the queue on disk that cannot be read",
        );
        metrics::queue_unreadable(left as u64);
        taken.end.offset = length;
    }
    Ok(taken)
}
