//! Sends small packets at once on the connections to Postgres.
//!
//! The end of a COPY is a small packet behind a large one. Without TCP_NODELAY it waits until the
//! server has acknowledged the large one, which a server with nothing to say puts off by 40 ms: four
//! times in each write. sqlx 0.9.0 does not set the option and hands nobody its sockets, so they are
//! looked up among those of the process. `docs/adr/0039` says when this may go.

use std::fs;

use rustix::fd::{AsFd, OwnedFd};
use rustix::io;
use rustix::net::{getpeername, sockopt};
use rustix::process::{PidfdFlags, PidfdGetfdFlags, getpid, pidfd_getfd, pidfd_open};

/// Sets TCP_NODELAY on every socket of the process that is connected to this port. Where the kernel
/// or its rules forbid the look, connections stay as they are: slower, not wrong.
pub(crate) fn set_for_port(port: u16) {
    if let Err(error) = try_set_for_port(port) {
        tracing::debug!(
            error = &error as &dyn std::error::Error,
            "TCP_NODELAY cannot be set on the connections to Postgres; writes take longer"
        );
    }
}

fn try_set_for_port(port: u16) -> io::Result<()> {
    let process = pidfd_open(getpid(), PidfdFlags::empty())?;
    let entries = fs::read_dir("/proc/self/fd").map_err(|_| io::Errno::NOSYS)?;
    for entry in entries.flatten() {
        let number = entry
            .file_name()
            .to_str()
            .and_then(|name| name.parse().ok());
        let is_socket = fs::read_link(entry.path())
            .is_ok_and(|target| target.to_string_lossy().starts_with("socket:"));
        let Some(number) = number.filter(|_| is_socket) else {
            continue;
        };
        match pidfd_getfd(&process, number, PidfdGetfdFlags::empty()) {
            Ok(socket) if is_connected_to(&socket, port) => {
                sockopt::set_tcp_nodelay(&socket, true)?;
            }
            // Another socket, or one that was closed meanwhile.
            Ok(_) | Err(io::Errno::BADF) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

fn is_connected_to(socket: &OwnedFd, port: u16) -> bool {
    let peer = getpeername(socket.as_fd()).ok().flatten();
    let address = peer.and_then(|peer| std::net::SocketAddr::try_from(peer).ok());
    address.is_some_and(|address| address.port() == port)
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream};

    use super::*;

    #[test]
    fn connections_to_the_port_send_at_once_and_others_as_before() {
        let server = TcpListener::bind("127.0.0.1:0").expect("binds");
        let other = TcpListener::bind("127.0.0.1:0").expect("binds");
        let to = |listener: &TcpListener| {
            TcpStream::connect(listener.local_addr().expect("bound")).expect("connects")
        };
        let (ours, theirs) = (to(&server), to(&other));
        set_for_port(server.local_addr().expect("bound").port());
        assert!(ours.nodelay().expect("told"));
        assert!(!theirs.nodelay().expect("told"));
    }
}
