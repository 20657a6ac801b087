//! The admin ports: `/live`, `/ready` and `/metrics`.

use std::net::{Ipv4Addr, SocketAddr};

use bootstrap::config;

const fn loopback(port: u16) -> SocketAddr {
    SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), port)
}

config! {
    /// Where each role answers `/live`, `/ready` and `/metrics`. Open to this machine alone unless
    /// changed: in a container, `0.0.0.0:14269` lets probes in.
    pub(crate) struct AdminSection {
        /// The collector, and `spoor all-in-one`.
        pub collector: SocketAddr = loopback(14269),
        /// The ingester.
        pub ingester: SocketAddr = loopback(14270),
        /// The query service.
        pub query: SocketAddr = loopback(16687),
        /// The agent.
        pub agent: SocketAddr = loopback(14272),
        /// `spoor canary`.
        pub canary: SocketAddr = loopback(14271),
    }
}
