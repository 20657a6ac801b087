//! The sockets of the receivers that are switched on.

use std::net::SocketAddr;

use super::BuildError;
use crate::config::{CollectorConfig, ConnectionsConfig};
use crate::receive::{Listener, Protocol};

/// Where the receivers listen; none for one that is switched off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Addresses {
    /// OTLP over gRPC.
    pub otlp_grpc: Option<SocketAddr>,
    /// OTLP over HTTP.
    pub otlp_http: Option<SocketAddr>,
    /// Jaeger's model over gRPC.
    pub jaeger_grpc: Option<SocketAddr>,
    /// Jaeger's Thrift over HTTP.
    pub jaeger_thrift: Option<SocketAddr>,
    /// Zipkin over HTTP.
    pub zipkin: Option<SocketAddr>,
    /// What to sample.
    pub sampling: Option<SocketAddr>,
}

/// The bound sockets; none for a receiver that is switched off.
pub(super) struct Listeners {
    pub(super) otlp_grpc: Option<Listener>,
    pub(super) otlp_http: Option<Listener>,
    pub(super) jaeger_grpc: Option<Listener>,
    pub(super) jaeger_thrift: Option<Listener>,
    pub(super) zipkin: Option<Listener>,
    pub(super) sampling: Option<Listener>,
}

impl Listeners {
    pub(super) async fn bind(config: &CollectorConfig) -> Result<Self, BuildError> {
        macro_rules! bind {
            ($section:ident, $protocol:ident) => {{
                let section = &config.$section;
                let (address, protocol) = (section.address, Protocol::$protocol);
                bind(section.enabled, address, protocol, &section.connections).await?
            }};
        }
        let of = &config.sampling.listener;
        let sampling = bind(of.enabled, of.address, Protocol::Sampling, &of.connections);
        Ok(Self {
            sampling: sampling.await?,
            otlp_grpc: bind!(otlp_grpc, OtlpGrpc),
            otlp_http: bind!(otlp_http, OtlpHttp),
            jaeger_grpc: bind!(jaeger_grpc, JaegerGrpc),
            jaeger_thrift: bind!(jaeger_thrift, JaegerThrift),
            zipkin: bind!(zipkin, Zipkin),
        })
    }

    pub(super) fn addresses(&self) -> Addresses {
        let of = |listener: &Option<Listener>| listener.as_ref().map(Listener::address);
        Addresses {
            otlp_grpc: of(&self.otlp_grpc),
            otlp_http: of(&self.otlp_http),
            jaeger_grpc: of(&self.jaeger_grpc),
            jaeger_thrift: of(&self.jaeger_thrift),
            zipkin: of(&self.zipkin),
            sampling: of(&self.sampling),
        }
    }
}

async fn bind(
    enabled: bool,
    address: SocketAddr,
    protocol: Protocol,
    config: &ConnectionsConfig,
) -> Result<Option<Listener>, BuildError> {
    if !enabled {
        return Ok(None);
    }
    match Listener::bind(address, protocol, config).await {
        Ok(listener) => Ok(Some(listener)),
        Err(source) => Err(BuildError::Bind {
            protocol,
            address,
            source,
        }),
    }
}
