//! Where renderers write: a buffer that is handed on in chunks.

use std::time::Duration;

use bytes::Bytes;
use tokio::runtime::Handle;
use tokio::sync::mpsc;

use super::indent::Indent;

/// The client went away, or takes nothing any more: rendering is pointless.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the client takes no more of the answer")]
pub struct Gone;

/// A buffer is handed on when it has grown to this.
const CHUNK: usize = 256 * 1024;

/// Takes the bytes of one answer.
#[derive(Debug)]
pub struct Output {
    buffer: Vec<u8>,
    indent: Option<Indent>,
    client: Option<Client>,
}

#[derive(Debug)]
struct Client {
    chunks: mpsc::Sender<Bytes>,
    patience: Duration,
    runtime: Handle,
}

impl Output {
    /// Keeps everything, for [`Output::into_bytes`].
    pub fn in_memory() -> Self {
        Self {
            buffer: Vec::new(),
            indent: None,
            client: None,
        }
    }

    /// Hands chunks to a client that may take `patience` for each. To be written to on a thread
    /// that may block, within a Tokio runtime.
    pub fn to_client(chunks: mpsc::Sender<Bytes>, patience: Duration) -> Self {
        Self {
            client: Some(Client {
                chunks,
                patience,
                runtime: Handle::current(),
            }),
            ..Self::in_memory()
        }
    }

    /// Indents the JSON written by four spaces per level.
    #[must_use]
    pub fn indented(mut self, indented: bool) -> Self {
        self.indent = indented.then(Indent::default);
        self
    }

    /// Where to write. Call [`Output::pass_on`] often enough.
    pub fn buffer(&mut self) -> &mut Vec<u8> {
        &mut self.buffer
    }

    /// Hands the buffer on if it has grown large.
    pub fn pass_on(&mut self) -> Result<(), Gone> {
        if self.buffer.len() < CHUNK || self.client.is_none() {
            return Ok(());
        }
        self.flush()
    }

    /// Hands on what is left.
    pub fn finish(mut self) -> Result<(), Gone> {
        self.flush()
    }

    /// What was written since the last chunk: everything, of an output in memory.
    pub fn into_bytes(mut self) -> Vec<u8> {
        self.take()
    }

    fn take(&mut self) -> Vec<u8> {
        let compact = std::mem::take(&mut self.buffer);
        match &mut self.indent {
            Some(indent) => indent.apply(&compact),
            None => compact,
        }
    }

    fn flush(&mut self) -> Result<(), Gone> {
        let chunk = Bytes::from(self.take());
        let Some(client) = &self.client else {
            return Ok(());
        };
        if !chunk.is_empty() {
            let sending = client.chunks.send_timeout(chunk, client.patience);
            client.runtime.block_on(sending).map_err(|_| Gone)?;
        }
        self.buffer.reserve(CHUNK + CHUNK / 8);
        Ok(())
    }
}
