//! Datagrams that the kernel dropped because a socket's buffer was full, as Linux tells by
//! `/proc/net/udp`.

use std::fs;
use std::os::fd::AsRawFd;

use crate::agent::metrics;
use crate::receive::Protocol;

/// The tables of sockets.
const TABLES: [&str; 2] = ["/proc/net/udp", "/proc/net/udp6"];

/// Column of a socket's inode, and of what was dropped.
const INODE: usize = 9;
const DROPS: usize = 12;

/// The drops of one socket.
#[derive(Debug)]
pub(super) struct KernelDrops {
    protocol: Protocol,
    /// None where the kernel does not tell.
    inode: Option<u64>,
    counted: u64,
}

impl KernelDrops {
    pub(super) fn of(socket: &impl AsRawFd, protocol: Protocol) -> Self {
        metrics::datagrams_lost(protocol, 0);
        Self {
            protocol,
            inode: inode(socket),
            counted: 0,
        }
    }

    /// Counts what was dropped since the last call.
    pub(super) fn count(&mut self) {
        let Some(inode) = self.inode else { return };
        let tables = TABLES
            .iter()
            .filter_map(|path| fs::read_to_string(path).ok());
        let Some(drops) = tables.into_iter().find_map(|table| drops(&table, inode)) else {
            return;
        };
        metrics::datagrams_lost(self.protocol, drops.saturating_sub(self.counted));
        self.counted = drops;
    }
}

fn inode(socket: &impl AsRawFd) -> Option<u64> {
    let link = fs::read_link(format!("/proc/self/fd/{}", socket.as_raw_fd())).ok()?;
    let inode = link.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?;
    inode.parse().ok()
}

/// What a table says of the socket with this inode.
fn drops(table: &str, inode: u64) -> Option<u64> {
    let mut rows = table.lines().skip(1).map(|row| row.split_whitespace());
    rows.find_map(|columns| {
        let columns: Vec<&str> = columns.collect();
        let is_it = columns.get(INODE)?.parse() == Ok(inode);
        is_it.then(|| columns.get(DROPS)?.parse().ok())?
    })
}

#[cfg(test)]
mod tests {
    use std::net::UdpSocket;

    use super::*;

    #[test]
    fn the_row_of_the_socket_is_found() {
        let table = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops\n\
             1: 0100007F:1AAF 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 4711 2 0000000000000000 5\n\
             2: 0100007F:1AB0 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 4712 2 0000000000000000 17\n";
        assert_eq!(drops(table, 4712), Some(17));
        assert_eq!(drops(table, 4713), None);
    }

    #[test]
    fn the_kernel_tells_what_did_not_fit() {
        let receiver = UdpSocket::bind("127.0.0.1:0").expect("a socket");
        rustix::net::sockopt::set_socket_recv_buffer_size(&receiver, 4096).expect("it is set");
        let inode = inode(&receiver).expect("it has one");
        let sender = UdpSocket::bind("127.0.0.1:0").expect("a socket");
        let to = receiver.local_addr().expect("it is bound");
        for _ in 0..200 {
            sender.send_to(&[0; 1000], to).expect("it is sent");
        }
        let table = fs::read_to_string(TABLES[0]).expect("Linux");
        assert!(drops(&table, inode).expect("it is listed") > 100);
    }
}
