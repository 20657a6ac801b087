//! Configuration of the agent.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use bootstrap::ByteSize;
use serde::{Deserialize, Serialize};

use crate::config::{
    OtlpGrpcConfig, OtlpHttpConfig, SamplingListenerConfig, TenancyConfig, loopback,
};

/// How requests to collectors are compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Compression {
    /// Not at all.
    None,
    /// With gzip, which every receiver of OTLP knows.
    Gzip,
    /// With zstd, which Spoor's collectors know.
    Zstd,
}

bootstrap::config! {
    /// The agent, beside the application: receive → decode → enrich → encode → publish.
    pub struct AgentConfig {
        /// OTLP over gRPC.
        pub otlp_grpc: OtlpGrpcConfig,
        /// OTLP over HTTP.
        pub otlp_http: OtlpHttpConfig,
        /// Jaeger's Thrift over UDP, compact protocol: what most Jaeger clients send.
        pub jaeger_compact: JaegerCompactConfig,
        /// Jaeger's Thrift over UDP, binary protocol: what Node's client sends.
        pub jaeger_binary: JaegerBinaryConfig,
        /// Zipkin's Thrift over UDP, compact protocol: what the oldest Jaeger clients send.
        pub zipkin_compact: ZipkinCompactConfig,
        /// What all ports of UDP have in common.
        pub udp: UdpConfig,
        /// What clients are told to sample: asked of the collectors and remembered.
        pub sampling: AgentSamplingConfig,
        /// How much may be under way at once.
        pub admission: AgentAdmissionConfig,
        /// How large things may be. All other limits are the collectors'.
        pub limits: AgentLimitsConfig,
        /// Whose spans they are. The tenant goes on to the collectors under the same header.
        pub tenancy: TenancyConfig,
        /// What every resource is given.
        pub enrich: AgentEnrichConfig,
        /// How what comes over UDP, and what waits, is put together.
        pub batch: BatchConfig,
        /// Where spans wait for the collectors.
        pub queue: QueueConfig,
        /// Where spans go.
        pub publish: AgentPublishConfig,
    }

    /// Jaeger's Thrift over UDP, compact protocol.
    pub struct JaegerCompactConfig {
        /// Whether to listen at all.
        pub enabled: bool = true,
        /// Address and port. Port 0 takes any free one. `0.0.0.0:6831` serves other machines too.
        pub address: SocketAddr = loopback(6831),
    }

    /// Jaeger's Thrift over UDP, binary protocol.
    pub struct JaegerBinaryConfig {
        /// Whether to listen at all.
        pub enabled: bool = true,
        /// Address and port. Port 0 takes any free one. `0.0.0.0:6832` serves other machines too.
        pub address: SocketAddr = loopback(6832),
    }

    /// Zipkin's Thrift over UDP, compact protocol.
    pub struct ZipkinCompactConfig {
        /// Whether to listen at all.
        pub enabled: bool = true,
        /// Address and port. Port 0 takes any free one. `0.0.0.0:5775` serves other machines too.
        pub address: SocketAddr = loopback(5775),
    }

    /// What all ports of UDP have in common. Nothing is ever answered there.
    pub struct UdpConfig {
        /// Largest datagram. Larger: dropped. Jaeger's clients send no more than the default.
        pub max_packet_bytes: ByteSize = ByteSize(65_000),
        /// What the kernel is asked to hold for each port while the agent is busy. It gives at most
        /// twice `net.core.rmem_max`; what does not fit is dropped by it, and counted.
        pub receive_buffer: ByteSize = ByteSize::mib(4),
        /// Tenant of what comes over UDP, which cannot name one. Empty: the default one.
        pub tenant: String = String::new(),
    }

    /// What clients are told to sample: asked of the collectors and remembered.
    pub struct AgentSamplingConfig {
        /// The port for what to sample.
        pub listener: SamplingListenerConfig,
        /// Where collectors tell it, such as `http://collectors:5778`. Empty: on port 5778 of the
        /// first of `publish.collectors`.
        pub url: String = String::new(),
        /// How long an answer counts as fresh. Older ones are told only while no collector answers.
        pub refresh_interval: Duration = Duration::from_secs(10),
        /// How long a collector may take to answer.
        pub timeout: Duration = Duration::from_secs(2),
        /// Most answers that are remembered. The ones asked for the longest ago are forgotten.
        pub max_answers: usize = 1000,
        /// Most bytes of all remembered answers.
        pub max_bytes: ByteSize = ByteSize::mib(4),
    }

    /// How much may be under way at once.
    pub struct AgentAdmissionConfig {
        /// Bytes of OTLP requests that may be under way, received and not yet answered. Above it,
        /// clients are told to retry.
        pub max_bytes: ByteSize = ByteSize::mib(16),
        /// When refused clients are told to come back. Spread by up to half.
        pub retry_after: Duration = Duration::from_secs(1),
    }

    /// How large things may be. What is larger is refused and counted.
    pub struct AgentLimitsConfig {
        /// Largest request as it is sent, and as it is after decompression. Should not exceed what
        /// collectors take.
        pub request_bytes: ByteSize = ByteSize::mib(4),
        /// Most spans of a request or datagram.
        pub spans: usize = 20_000,
        /// Most attributes, list elements, events, links, scopes and resources of a request or
        /// datagram together.
        pub items: usize = 200_000,
    }

    /// What every resource is given, if it does not have it already.
    pub struct AgentEnrichConfig {
        /// Whether to add `host.name`, `host.arch` and `os.type` of this machine. In a container the
        /// name is the container's, unless it shares the machine's network.
        pub host: bool = true,
        /// Whether to add what the agent's environment says: `OTEL_RESOURCE_ATTRIBUTES` without
        /// `service.*`, and `k8s.node.name`, `k8s.pod.name`, `k8s.pod.uid`, `k8s.namespace.name` and
        /// `k8s.cluster.name` from the variables `K8S_NODE_NAME` and so on. It wins over the machine.
        pub environment: bool = true,
        /// Further attributes, such as `deployment.environment.name`. They win over all others.
        pub resource_attributes: BTreeMap<String, String> = BTreeMap::new(),
    }

    /// How what comes over UDP, and what waits in the queue, is put together to requests.
    pub struct BatchConfig {
        /// Most spans of a request.
        pub spans: usize = 2000,
        /// Most bytes of a request. One thing that is larger is a request of its own.
        pub bytes: ByteSize = ByteSize::kib(512),
        /// How long the first span waits for others.
        pub delay: Duration = Duration::from_millis(200),
    }

    /// Where spans wait for the collectors.
    pub struct QueueConfig {
        /// Most bytes of spans from UDP that wait in memory. Above it, datagrams are dropped.
        pub memory: ByteSize = ByteSize::mib(8),
        /// Folder of the queue on disk. Set: OTLP requests are answered as soon as they are durable
        /// there, and everything in it is sent after a restart. Empty: there is none, and OTLP
        /// requests are answered when a collector has answered. One agent to a folder.
        pub directory: String = String::new(),
        /// Most bytes of the queue on disk. Above it, OTLP clients are told to retry and datagrams are
        /// dropped.
        pub max_bytes: ByteSize = ByteSize::mib(256),
        /// Size at which a file of the queue is followed by the next. Files are removed as a whole.
        pub segment_bytes: ByteSize = ByteSize::mib(8),
    }

    /// Where spans go: OTLP over gRPC to any of the collectors.
    pub struct AgentPublishConfig {
        /// The collectors, each as `host:port`. Of a host all addresses are used, in turns.
        pub collectors: Vec<String> = Vec::new(),
        /// How often the hosts' addresses are looked up.
        pub resolve_interval: Duration = Duration::from_secs(10),
        /// How long a connection may take.
        pub connect_timeout: Duration = Duration::from_secs(2),
        /// How long a collector may take to answer. Then another one is tried.
        pub timeout: Duration = Duration::from_secs(10),
        /// How long an OTLP client is kept waiting while no collector takes its spans, where there is
        /// no queue on disk. Less than what clients wait.
        pub patience: Duration = Duration::from_secs(8),
        /// How long a collector is left out after a first failure; doubled with each further one.
        /// What a collector asks for itself counts instead.
        pub backoff: Duration = Duration::from_millis(200),
        /// How long it is left out at most.
        pub max_backoff: Duration = Duration::from_secs(10),
        /// Requests under way at once, apart from those that OTLP clients wait for.
        pub concurrency: usize = 4,
        /// How requests are compressed. Within a data centre it costs more than it saves.
        pub compression: Compression = Compression::None,
    }
}
