//! Jaeger's Thrift over UDP: each datagram is one call of `agent.thrift`. There is no answer.

mod kernel;

use std::net::SocketAddr;
use std::time::Duration;

use bootstrap::Stop;
use rustix::net::sockopt;
use tokio::net::UdpSocket;
use tokio::time::{Instant, MissedTickBehavior, interval};

use self::kernel::KernelDrops;
use super::{Encoding, Protocol, Receipt, Refused, outcome};
use crate::agent::config::UdpConfig;

/// Largest datagram that UDP can carry.
const LARGEST: usize = 65_507;
/// How often the kernel is asked what it dropped.
const COUNT_EVERY: Duration = Duration::from_secs(1);
/// Datagrams taken after the stop: what the kernel held then, and not what goes on coming.
const LAST: usize = 4096;

/// A bound socket.
pub(crate) struct Datagrams {
    socket: UdpSocket,
    address: SocketAddr,
    protocol: Protocol,
    encoding: Encoding,
    max_bytes: usize,
    drops: KernelDrops,
}

impl Datagrams {
    pub(crate) async fn bind(
        address: SocketAddr,
        protocol: Protocol,
        encoding: Encoding,
        config: &UdpConfig,
    ) -> std::io::Result<Self> {
        let socket = UdpSocket::bind(address).await?;
        sockopt::set_socket_recv_buffer_size(&socket, config.receive_buffer.as_usize())?;
        Ok(Self {
            address: socket.local_addr()?,
            drops: KernelDrops::of(&socket, protocol),
            socket,
            protocol,
            encoding,
            max_bytes: config.max_packet_bytes.as_usize(),
        })
    }

    /// The address with the port that was really bound.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Gives every datagram to `take` until told to stop, those that had arrived by then included.
    pub(crate) async fn serve(
        mut self,
        take: impl Fn(Protocol, Encoding, &[u8]) -> Result<Receipt, Refused>,
        stop: Stop,
    ) {
        // One byte more than may be: what is cut off was too large.
        let mut buffer = vec![0; LARGEST.min(self.max_bytes + 1)];
        let mut count = interval(COUNT_EVERY);
        count.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                biased;
                () = stop.stopped() => break,
                _ = count.tick() => self.drops.count(),
                received = self.socket.recv(&mut buffer) => match received {
                    Ok(length) => self.take_one(&buffer[..length], &take),
                    Err(error) => self.pause_after(&error).await,
                },
            }
        }
        for _ in 0..LAST {
            match self.socket.try_recv(&mut buffer) {
                Ok(length) => self.take_one(&buffer[..length], &take),
                Err(_) => break,
            }
        }
        self.drops.count();
    }

    fn take_one(
        &self,
        datagram: &[u8],
        take: &impl Fn(Protocol, Encoding, &[u8]) -> Result<Receipt, Refused>,
    ) {
        let started = Instant::now();
        let result = match datagram.len() > self.max_bytes {
            true => Err(Refused::BodyTooLarge {
                limit: self.max_bytes,
            }),
            false => take(self.protocol, self.encoding, datagram),
        };
        outcome::tell(self.protocol, &result, started.elapsed());
    }

    async fn pause_after(&self, error: &std::io::Error) {
        tracing::debug!(protocol = self.protocol.as_str(), error = %error, "Could not receive a datagram");
        tokio::time::sleep(COUNT_EVERY / 10).await;
    }
}
