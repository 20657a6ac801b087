//! Free ports of this machine.

use std::net::TcpListener;

/// As many different ports as asked for, free just now.
pub(crate) fn free<const N: usize>() -> [u16; N] {
    let listeners: [TcpListener; N] =
        std::array::from_fn(|_| TcpListener::bind(("127.0.0.1", 0)).expect("a free port"));
    listeners.map(|listener| listener.local_addr().expect("a bound socket").port())
}
