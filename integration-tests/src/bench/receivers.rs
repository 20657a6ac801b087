//! What the collector spends on a span by the receiver that it comes through.

use std::fmt::Write;

use super::Phase;

/// A way into the collector.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Receiver {
    /// As `spoor load --protocol` calls it.
    pub protocol: &'static str,
    /// Which of the ports, in the order of [`Receiver::SECTIONS`].
    pub(super) port: usize,
}

const fn receiver(protocol: &'static str, port: usize) -> Receiver {
    Receiver { protocol, port }
}

impl Receiver {
    /// How many ports there are.
    pub(super) const PORTS: usize = 5;
    /// Sections of the collector's configuration that have a port.
    pub(super) const SECTIONS: [&'static str; Self::PORTS] = [
        "OTLP_GRPC",
        "OTLP_HTTP",
        "JAEGER_GRPC",
        "JAEGER_THRIFT",
        "ZIPKIN",
    ];
    /// What the others are compared with.
    pub const OTLP: Self = receiver("grpc", 0);
    /// All of them, OTLP over gRPC first.
    pub const ALL: [Self; 9] = [
        Self::OTLP,
        receiver("http", 1),
        receiver("http-json", 1),
        receiver("jaeger-grpc", 2),
        receiver("jaeger-thrift", 3),
        receiver("zipkin-json", 4),
        receiver("zipkin-protobuf", 4),
        receiver("zipkin-v1-json", 4),
        receiver("zipkin-v1-thrift", 4),
    ];
}

/// The collector's part of phases that were named for their protocols, the first one being what
/// the others are compared with; nothing for none.
pub(super) fn table(phases: &[Phase]) -> String {
    let collector = |phase: &Phase| phase.cpu.get("collector").copied().unwrap_or_default();
    let Some(first) = phases.first().map(collector) else {
        return String::new();
    };
    let mut table = String::from(
        "\n| receiver | collector, CPU-s per million spans | spans per CPU-s | of the first \
         | bytes per span | spans per request | ack p50, p99 ms |\n|---|---|---|---|---|---|---|\n",
    );
    for phase in phases {
        let seconds = collector(phase).max(1e-3);
        let row = writeln!(
            table,
            "| {} | {seconds:.2} | {:.0} | {:.2} | {:.0} | {:.0} | {:.1}, {:.1} |",
            phase.name,
            1e6 / seconds,
            seconds / first.max(1e-3),
            phase.bytes_per_span,
            phase.spans_per_request,
            phase.ack_p50_ms,
            phase.ack_p99_ms
        );
        row.unwrap_or_default();
    }
    table
}
