//! Configuration of the collector: a section per stage.

mod kafka;

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use bootstrap::ByteSize;

pub use self::kafka::{
    KafkaReceiverConfig, KafkaReceiverError, SecuritySection, StartAt, TopicConfig, TopicEncoding,
};

use crate::sampling::StrategySource;

/// Listens on this machine alone, until told otherwise: nothing is open by accident.
pub(crate) const fn loopback(port: u16) -> SocketAddr {
    SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), port)
}

bootstrap::config! {
    /// The collector: receive → decode → validate → enrich → encode → publish.
    pub struct CollectorConfig {
        /// OTLP over gRPC.
        pub otlp_grpc: OtlpGrpcConfig,
        /// OTLP over HTTP.
        pub otlp_http: OtlpHttpConfig,
        /// Jaeger's model over gRPC.
        pub jaeger_grpc: JaegerGrpcConfig,
        /// Jaeger's Thrift over HTTP.
        pub jaeger_thrift: JaegerThriftConfig,
        /// Zipkin over HTTP.
        pub zipkin: ZipkinConfig,
        /// Topics of Kafka that other collectors write.
        pub kafka: KafkaReceiverConfig,
        /// What clients are told to sample.
        pub sampling: SamplingConfig,
        /// How much may be under way at once.
        pub admission: AdmissionConfig,
        /// How large things may be.
        pub limits: LimitsConfig,
        /// Which times are believed.
        pub times: TimesConfig,
        /// Whose spans they are.
        pub tenancy: TenancyConfig,
        /// What every resource is given.
        pub enrich: EnrichConfig,
        /// Where records go.
        pub publish: PublishConfig,
    }

    /// OTLP over gRPC.
    pub struct OtlpGrpcConfig {
        /// Whether to listen at all.
        pub enabled: bool = true,
        /// Address and port. Port 0 takes any free one. `0.0.0.0:4317` serves other machines too.
        pub address: SocketAddr = loopback(4317),
        /// Streams that one connection may have open. Clients queue the requests above it.
        pub max_concurrent_streams: u32 = 64,
        /// Connections of this receiver.
        pub connections: ConnectionsConfig,
    }

    /// OTLP over HTTP, protobuf and JSON.
    pub struct OtlpHttpConfig {
        /// Whether to listen at all.
        pub enabled: bool = true,
        /// Address and port. Port 0 takes any free one. `0.0.0.0:4318` serves other machines too.
        pub address: SocketAddr = loopback(4318),
        /// Origins whose pages may send spans from a browser, exactly as browsers send them, or
        /// `*` for all. Empty: no page may.
        pub cors_origins: Vec<String> = Vec::new(),
        /// Request headers that such pages may send beside the usual ones.
        pub cors_headers: Vec<String> = Vec::new(),
        /// Connections of this receiver.
        pub connections: ConnectionsConfig,
    }

    /// Jaeger's model over gRPC: `jaeger.api_v2.CollectorService`.
    pub struct JaegerGrpcConfig {
        /// Whether to listen at all.
        pub enabled: bool = true,
        /// Address and port. Port 0 takes any free one. `0.0.0.0:14250` serves other machines too.
        pub address: SocketAddr = loopback(14250),
        /// Streams that one connection may have open. Clients queue the requests above it.
        pub max_concurrent_streams: u32 = 64,
        /// Connections of this receiver.
        pub connections: ConnectionsConfig,
    }

    /// Jaeger's Thrift over HTTP: `POST /api/traces`.
    pub struct JaegerThriftConfig {
        /// Whether to listen at all.
        pub enabled: bool = true,
        /// Address and port. Port 0 takes any free one. `0.0.0.0:14268` serves other machines too.
        pub address: SocketAddr = loopback(14268),
        /// Connections of this receiver.
        pub connections: ConnectionsConfig,
    }

    /// Zipkin over HTTP: `POST /api/v2/spans` and `/api/v1/spans`.
    pub struct ZipkinConfig {
        /// Whether to listen at all.
        pub enabled: bool = true,
        /// Address and port. Port 0 takes any free one. `0.0.0.0:9411` serves other machines too.
        pub address: SocketAddr = loopback(9411),
        /// Connections of this receiver.
        pub connections: ConnectionsConfig,
    }

    /// What clients are told to sample: Jaeger's remote sampling. Asked on a port of its own, on the
    /// ports of `jaeger_thrift` (`/api/sampling`, `/sampling`) and `jaeger_grpc` (`SamplingManager`).
    pub struct SamplingConfig {
        /// The port of its own, as Jaeger's agent had it.
        pub listener: SamplingListenerConfig,
        /// `static`: what the file of strategies says. `adaptive`: what an ingester calculates
        /// (`ingester.sampling`), and the file until it has calculated anything.
        pub source: StrategySource = StrategySource::Static,
        /// Jaeger's file of strategies: a path, or an http or https URL. Empty: the default probability
        /// for everything.
        pub strategies: String = String::new(),
        /// How often the file is looked at again; 0: never. A file that cannot be read, or is wrong,
        /// changes nothing.
        pub reload_interval: Duration = Duration::from_secs(60),
        /// Probability where the file says nothing.
        pub default_sampling_probability: f64 = 0.001,
        /// Keys that clients may carry along as baggage, each with the greatest length of its values.
        /// Empty: `/baggageRestrictions` answers an empty list.
        pub baggage_restrictions: BTreeMap<String, u32> = BTreeMap::new(),
    }

    /// The port of its own for what to sample.
    pub struct SamplingListenerConfig {
        /// Whether to listen at all.
        pub enabled: bool = true,
        /// Address and port. Port 0 takes any free one. `0.0.0.0:5778` serves other machines too.
        pub address: SocketAddr = loopback(5778),
        /// Connections of this port.
        pub connections: ConnectionsConfig,
    }

    /// Connections of a receiver.
    pub struct ConnectionsConfig {
        /// Most connections at once. Above it, new ones wait unaccepted until one ends.
        pub max: usize = 4096,
        /// Most connections from one address; further ones are closed at once. Behind a proxy
        /// that hides its clients' addresses this must be as high as `max`.
        pub max_per_address: usize = 1024,
        /// How old a connection may grow before it is asked to reconnect, so that clients spread
        /// over new replicas.
        pub max_age: Duration = Duration::from_secs(1800),
        /// How long an HTTP/2 connection may be silent before it is asked whether it is alive.
        pub keep_alive_interval: Duration = Duration::from_secs(60),
        /// How long it may take to answer that, before it is closed.
        pub keep_alive_timeout: Duration = Duration::from_secs(20),
        /// How long the headers of an HTTP/1 request may take; also how long such a connection
        /// may idle.
        pub header_timeout: Duration = Duration::from_secs(30),
        /// How long the body of a request may take. Slow clients get 408 or DEADLINE_EXCEEDED.
        pub body_timeout: Duration = Duration::from_secs(30),
        /// Largest header section of a request.
        pub max_header_bytes: ByteSize = ByteSize::kib(16),
    }

    /// How much may be under way at once.
    pub struct AdmissionConfig {
        /// Bytes of requests that may be under way, received and not yet answered. Above it,
        /// clients are told to retry. The collector's memory is about three times this at most.
        pub max_bytes: ByteSize = ByteSize::mib(128),
        /// When refused clients are told to come back. Spread by up to half, so that they do not
        /// all come back at once.
        pub retry_after: Duration = Duration::from_secs(1),
    }

    /// How large things may be. What is larger is cut, dropped or refused, and always counted.
    pub struct LimitsConfig {
        /// Largest request as it is sent, and as it is after decompression. Larger: refused.
        pub request_bytes: ByteSize = ByteSize::mib(16),
        /// Most spans of a request. More: refused.
        pub spans: usize = 100_000,
        /// Most attributes, list elements, events, links, scopes and resources of a request
        /// together. More: refused. 40 bytes of memory each while a request is worked on.
        pub items: usize = 1_000_000,
        /// Most attributes of a span, event, link, scope or resource. More: dropped.
        pub attributes: usize = 128,
        /// Longest key of an attribute, in bytes. Longer: cut.
        pub key_bytes: usize = 256,
        /// Longest value of an attribute, in bytes, lists and maps counted with all they hold;
        /// also the longest status message. Longer: cut.
        pub value_bytes: ByteSize = ByteSize::kib(64),
        /// Longest name of a span, event or scope, and longest trace state and schema URL, in
        /// bytes. Longer: cut.
        pub name_bytes: usize = 1024,
        /// Most events of a span. More: dropped.
        pub events: usize = 128,
        /// Most links of a span. More: dropped.
        pub links: usize = 128,
        /// Largest resource, and largest scope, with all attributes. Larger: the longest values
        /// are cut. Each record carries its resource again.
        pub resource_bytes: ByteSize = ByteSize::kib(128),
        /// Largest record. A trace's spans are split below it; of a span above it the longest
        /// values are cut. Must be below the topic's `max.message.bytes`.
        pub record_bytes: ByteSize = ByteSize::kib(900),
        /// Most bytes that the records of one request may have together. More: refused. Guards
        /// against requests whose large resource would be repeated for many traces.
        pub encoded_bytes: ByteSize = ByteSize::mib(64),
    }

    /// Which times are believed. A span outside is moved to the time of receipt, its duration
    /// kept, its start as sent kept in `spoor.original_start_time_unix_nano`.
    pub struct TimesConfig {
        /// How long ago a span may have started. Should not exceed the storage's retention.
        pub max_age: Duration = Duration::from_secs(7 * 24 * 3600),
        /// How far in the future a span may start.
        pub max_future: Duration = Duration::from_secs(3600),
    }

    /// Whose spans they are.
    pub struct TenancyConfig {
        /// Whether every request must name its tenant. When off, requests that name none belong
        /// to the tenant `default`.
        pub enabled: bool = false,
        /// The header, or gRPC metadata, that names the tenant.
        pub header: String = "x-tenant".to_owned(),
        /// The tenants there are, when `enabled`. Empty: any name is accepted.
        pub tenants: Vec<String> = Vec::new(),
    }

    /// What every resource is given.
    pub struct EnrichConfig {
        /// Attributes added to each resource that does not have them already, such as
        /// `deployment.environment.name`.
        pub resource_attributes: BTreeMap<String, String> = BTreeMap::new(),
    }

    /// Where records go.
    pub struct PublishConfig {
        /// The topic of spans.
        pub topic: String = "spoor.spans".to_owned(),
    }
}
