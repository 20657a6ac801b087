//! A queue on disk that outlives the process: numbered files of checked records.
//!
//! - **Durable.** [`Queue::append`] returns when the record and all before it are synced to disk
//!   (`fdatasync`); those that wait at the same time share one sync.
//! - **At least once.** A record is read again after a restart unless the place behind it was noted,
//!   and a file goes when all of it is delivered.
//! - **Bounded.** Above the configured size nothing is taken.
//! - **Torn ends.** A record that was written in part fails its checksum; nobody was told that it is
//!   durable. It ends its file, since every start begins a new one.

mod files;
mod reader;
mod record;
mod state;
mod writer;

use std::io::{self, ErrorKind::WouldBlock};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use self::files::Folder;
pub(super) use self::reader::{Reader, Taken};
use self::state::State;
use self::writer::{Append, Writer};
use super::config::{BatchConfig, QueueConfig};
use super::parcel::Parcel;

/// Parcels that may wait for a sync. More wait to wait.
const WAITING: usize = 64;
/// How long an agent that is being replaced may take to let go of the folder.
const PATIENCE: Duration = Duration::from_secs(10);
/// How soon it is looked for again.
const PAUSE: Duration = Duration::from_millis(50);

/// Why a parcel is not in the queue.
#[derive(Debug, Clone, thiserror::Error)]
pub enum QueueError {
    /// There is no room for it.
    #[error("the queue on disk is full")]
    Full,
    /// The disk does not do it.
    #[error("the queue on disk cannot be written")]
    Io(#[source] Arc<io::Error>),
    /// The queue was closed.
    #[error("the queue on disk is closed")]
    Closed,
}

/// The writing end of a queue, and what was delivered.
#[derive(Debug)]
pub(super) struct Queue {
    folder: Arc<Folder>,
    state: Arc<State>,
    append: mpsc::Sender<Append>,
}

impl Queue {
    /// Opens the queue in a folder, as soon as an agent that had it before has ended. Nothing is
    /// added after `closed`.
    ///
    /// # Errors
    /// When the folder cannot be read and written, or another agent keeps it.
    pub(super) async fn open(
        config: &QueueConfig,
        batch: &BatchConfig,
        closed: CancellationToken,
    ) -> io::Result<(Self, Reader)> {
        let folder = Arc::new(folder(Path::new(&config.directory)).await?);
        let segments = folder.segments()?;
        let last = segments.last_key_value().map_or(0, |(number, _)| *number);
        let next = last.max(folder.cursor().segment) + 1;
        let state = Arc::new(State::new(segments, config.max_bytes.0));
        let queue_bytes = config.segment_bytes.0;
        let writer = Writer::new(folder.clone(), state.clone(), queue_bytes, next);
        let (append, asked) = mpsc::channel(WAITING);
        std::thread::Builder::new()
            .name("agent-queue".to_owned())
            .spawn(move || writer.run(asked))?;
        let reader = Reader::new(folder.clone(), state.clone(), batch.clone(), closed);
        let queue = Self {
            folder,
            state,
            append,
        };
        queue.forget(queue.folder.cursor());
        Ok((queue, reader))
    }

    /// Adds a parcel; durable when it returns.
    pub(super) async fn append(&self, parcel: Parcel) -> Result<(), QueueError> {
        let (done, told) = oneshot::channel();
        let asked = self.append.send(Append { parcel, done }).await;
        asked.map_err(|_| QueueError::Closed)?;
        told.await.map_err(|_| QueueError::Closed)?
    }

    /// Whether so many bytes more would fit now.
    pub(super) fn has_room(&self, bytes: usize) -> bool {
        self.state.has_room(bytes as u64)
    }

    /// Notes that everything up to the end of these is delivered.
    pub(super) fn delivered(&self, taken: &Taken) {
        if let Err(error) = self.folder.set_cursor(taken.end) {
            tracing::warn!(error = %error, "Cannot note what is delivered; it would be sent again");
        }
        self.forget(taken.end);
    }

    fn forget(&self, before: files::Position) {
        for number in self.state.done(before) {
            if let Err(error) = self.folder.remove(number) {
                tracing::warn!(queue.segment = number, error = %error, "Cannot remove a file of the queue");
            }
        }
    }
}

/// Opens a folder, once nobody else has it.
async fn folder(path: &Path) -> io::Result<Folder> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match Folder::open(path) {
            Err(error) if error.kind() == WouldBlock && Instant::now() < deadline => {
                tokio::time::sleep(PAUSE).await;
            }
            opened => return opened,
        }
    }
}

#[cfg(test)]
mod tests;
