//! Adds parcels to the queue, those that wait together by one sync.

use std::fs::File;
use std::io::Write;
use std::sync::Arc;

use bootstrap::chain;
use tokio::sync::{mpsc, oneshot};

use super::files::Folder;
use super::state::State;
use super::{QueueError, record};
use crate::agent::parcel::Parcel;

/// Most bytes that one sync makes durable.
const GROUP: usize = 1 << 20;

/// A parcel to add, and whom to tell when it is durable.
pub(super) struct Append {
    pub(super) parcel: Parcel,
    pub(super) done: oneshot::Sender<Result<(), QueueError>>,
}

/// Writes the segments of a queue.
pub(super) struct Writer {
    folder: Arc<Folder>,
    state: Arc<State>,
    segment_bytes: u64,
    next: u64,
    open: Option<Open>,
    is_failing: bool,
}

struct Open {
    number: u64,
    file: File,
    length: u64,
}

impl Writer {
    /// Begins with the segment `next`: what was written before a start is never added to.
    pub(super) fn new(
        folder: Arc<Folder>,
        state: Arc<State>,
        segment_bytes: u64,
        next: u64,
    ) -> Self {
        Self {
            folder,
            state,
            segment_bytes,
            next,
            open: None,
            is_failing: false,
        }
    }

    /// Works until nobody can ask any more. Blocks.
    pub(super) fn run(mut self, mut asked: mpsc::Receiver<Append>) {
        while let Some(first) = asked.blocking_recv() {
            let mut bytes = record::size(&first.parcel);
            let mut group = vec![first];
            while bytes < GROUP
                && let Ok(append) = asked.try_recv()
            {
                bytes += record::size(&append.parcel);
                group.push(append);
            }
            self.add(group);
        }
        self.state.sealed();
    }

    fn add(&mut self, group: Vec<Append>) {
        let (mut bytes, mut fit) = (Vec::new(), Vec::new());
        for append in group {
            let size = record::size(&append.parcel);
            if self.state.has_room((bytes.len() + size) as u64) {
                record::write(&append.parcel, &mut bytes);
                fit.push(append.done);
            } else {
                // Whoever asked may be gone.
                let _ = append.done.send(Err(QueueError::Full));
            }
        }
        if fit.is_empty() {
            return;
        }
        let written = self.write(&bytes).map_err(Arc::new);
        if let Err(error) = &written {
            if !self.is_failing {
                tracing::error!(error = %chain(error), "Cannot write to the queue on disk");
            }
            self.abandon();
        }
        self.is_failing = written.is_err();
        for done in fit {
            let result = written.clone().map_err(QueueError::Io);
            let _ = done.send(result);
        }
    }

    /// Makes bytes durable at the end of the open segment.
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        let open = match &mut self.open {
            Some(open) => open,
            None => {
                let file = self.folder.create(self.next)?;
                self.state.opened(self.next);
                let open = Open {
                    number: self.next,
                    file,
                    length: 0,
                };
                self.next += 1;
                self.open.insert(open)
            }
        };
        open.file.write_all(bytes)?;
        open.file.sync_data()?;
        open.length += bytes.len() as u64;
        self.state.grown_to(open.number, open.length);
        if open.length >= self.segment_bytes {
            self.open = None;
            self.state.sealed();
        }
        Ok(())
    }

    /// Goes on with a new segment: after a sync that failed, nobody knows what the file holds.
    fn abandon(&mut self) {
        match self.open.take() {
            // What cannot be cut off fails its checksum, or is sent twice, which changes nothing.
            Some(open) => drop(open.file.set_len(open.length)),
            // The name may be taken by a file that could not be made durable.
            None => self.next += 1,
        }
        self.state.sealed();
    }
}
