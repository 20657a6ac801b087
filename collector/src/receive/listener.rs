//! Accepts connections: not more than allowed, and on through every failure to accept.

use std::collections::HashMap;
use std::io::ErrorKind;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bootstrap::Stop;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::Protocol;
use crate::config::ConnectionsConfig;
use crate::metrics;

/// How long to wait after a failure to accept that the next call would meet as well.
const PAUSE: Duration = Duration::from_millis(100);

/// A bound socket of one receiver.
#[derive(Debug)]
pub(crate) struct Listener {
    socket: TcpListener,
    address: SocketAddr,
    protocol: Protocol,
    slots: Arc<Semaphore>,
    per_address: Arc<PerAddress>,
}

/// An accepted connection with the slots it takes.
pub(crate) struct Accepted {
    pub(crate) stream: TcpStream,
    pub(crate) slot: Slot,
}

/// The place of one connection, given back when dropped.
pub(crate) struct Slot {
    protocol: Protocol,
    peer: IpAddr,
    per_address: Arc<PerAddress>,
    _slot: OwnedSemaphorePermit,
}

impl Listener {
    pub(crate) async fn bind(
        address: SocketAddr,
        protocol: Protocol,
        config: &ConnectionsConfig,
    ) -> std::io::Result<Self> {
        let socket = TcpListener::bind(address).await?;
        Ok(Self {
            address: socket.local_addr()?,
            socket,
            protocol,
            slots: Arc::new(Semaphore::new(config.max.min(Semaphore::MAX_PERMITS))),
            per_address: Arc::new(PerAddress {
                max: config.max_per_address,
                open: Mutex::default(),
            }),
        })
    }

    /// The address with the port that was really bound.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn protocol(&self) -> Protocol {
        self.protocol
    }

    /// The next connection, or none once stopping was asked for.
    pub(crate) async fn accept(&self, stop: &Stop) -> Option<Accepted> {
        tokio::select! {
            biased;
            () = stop.stopped() => None,
            accepted = self.accept_one() => Some(accepted),
        }
    }

    async fn accept_one(&self) -> Accepted {
        let slots = self.slots.clone();
        let slot = slots
            .acquire_owned()
            .await
            .expect("the semaphore is never closed");
        loop {
            match self.socket.accept().await {
                Ok((stream, peer)) if self.per_address.enter(peer.ip()) => {
                    // Answers are small and must not wait for more.
                    let _ = stream.set_nodelay(true);
                    metrics::connections(self.protocol, 1.0);
                    let (peer, per_address) = (peer.ip(), self.per_address.clone());
                    let slot = Slot {
                        protocol: self.protocol,
                        peer,
                        per_address,
                        _slot: slot,
                    };
                    return Accepted { stream, slot };
                }
                Ok(_) => metrics::connection_refused(self.protocol),
                Err(error) => self.pause_after(&error).await,
            }
        }
    }

    /// A client that went away before it was accepted is nothing; too few file descriptors is
    /// something to wait for, never a reason to end.
    async fn pause_after(&self, error: &std::io::Error) {
        metrics::accept_failed(self.protocol);
        let of_client = [
            ErrorKind::ConnectionAborted,
            ErrorKind::ConnectionReset,
            ErrorKind::ConnectionRefused,
            ErrorKind::Interrupted,
        ];
        if !of_client.contains(&error.kind()) {
            tracing::debug!(protocol = self.protocol.as_str(), error = %error, "Could not accept a connection");
            tokio::time::sleep(PAUSE).await;
        }
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        metrics::connections(self.protocol, -1.0);
        self.per_address.leave(self.peer);
    }
}

/// Open connections by the address they come from.
#[derive(Debug)]
struct PerAddress {
    max: usize,
    open: Mutex<HashMap<IpAddr, usize>>,
}

impl PerAddress {
    /// Counts a connection, unless the address has too many.
    fn enter(&self, peer: IpAddr) -> bool {
        let mut open = self.lock();
        let count = open.entry(peer).or_default();
        let fits = *count < self.max;
        *count += usize::from(fits);
        fits
    }

    fn leave(&self, peer: IpAddr) {
        let mut open = self.lock();
        if let Some(count) = open.get_mut(&peer) {
            *count -= 1;
            if *count == 0 {
                open.remove(&peer);
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<IpAddr, usize>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
