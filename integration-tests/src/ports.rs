//! Ports for the servers of a stack, below those that the kernel gives to outgoing connections:
//! a server that is started again must find its port free.

use std::net::TcpListener;
use std::sync::atomic::{AtomicU16, Ordering};

/// Where to look: above the ports that people use, below the ephemeral ones.
const RANGE: std::ops::Range<u16> = 18_000..28_000;

/// As many different ports as asked for, free just now and given to nobody else of this process.
pub(crate) fn free<const N: usize>() -> [u16; N] {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let count = RANGE.end - RANGE.start;
    // Test binaries that run at the same time begin at different places.
    let offset = (std::process::id() % 100) as u16 * 100;
    std::array::from_fn(|_| {
        loop {
            let step = NEXT.fetch_add(1, Ordering::Relaxed);
            let port = RANGE.start + (offset + step) % count;
            if TcpListener::bind(("127.0.0.1", port)).is_ok() {
                break port;
            }
        }
    })
}
