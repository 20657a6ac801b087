//! The sockets of the agent's receivers.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use tokio_util::task::TaskTracker;
use tonic::service::Routes;

use super::config::AgentConfig;
use super::pipeline::Pipeline;
use super::sampling::Asking;
use crate::collector::BuildError;
use crate::config::ConnectionsConfig;
use crate::receive::connection::{Versions, serve};
use crate::receive::jaeger_udp::Datagrams;
use crate::receive::{Encoding, Listener, Protocol, Shared, otlp_grpc, otlp_http};

/// Where the receivers listen; none for one that is switched off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AgentAddresses {
    /// OTLP over gRPC.
    pub otlp_grpc: Option<SocketAddr>,
    /// OTLP over HTTP.
    pub otlp_http: Option<SocketAddr>,
    /// Jaeger's Thrift over UDP, compact protocol.
    pub jaeger_compact: Option<SocketAddr>,
    /// Jaeger's Thrift over UDP, binary protocol.
    pub jaeger_binary: Option<SocketAddr>,
    /// Zipkin's Thrift over UDP, compact protocol.
    pub zipkin_compact: Option<SocketAddr>,
    /// What to sample.
    pub sampling: Option<SocketAddr>,
}

/// The bound sockets; none for a receiver that is switched off.
pub(super) struct Ports {
    otlp_grpc: Option<Listener>,
    otlp_http: Option<Listener>,
    jaeger_compact: Option<Datagrams>,
    jaeger_binary: Option<Datagrams>,
    zipkin_compact: Option<Datagrams>,
    sampling: Option<Listener>,
}

impl Ports {
    pub(super) async fn bind(config: &AgentConfig) -> Result<Self, BuildError> {
        macro_rules! listen {
            ($section:expr, $protocol:ident) => {{
                let section = &$section;
                match section.enabled {
                    true => Some(
                        listen(section.address, Protocol::$protocol, &section.connections).await?,
                    ),
                    false => None,
                }
            }};
        }
        macro_rules! datagrams {
            ($section:ident, $protocol:ident, $encoding:ident) => {{
                let section = &config.$section;
                let (protocol, encoding) = (Protocol::$protocol, Encoding::$encoding);
                match section.enabled {
                    true => Some(datagrams(section.address, protocol, encoding, config).await?),
                    false => None,
                }
            }};
        }
        Ok(Self {
            otlp_grpc: listen!(config.otlp_grpc, OtlpGrpc),
            otlp_http: listen!(config.otlp_http, OtlpHttp),
            jaeger_compact: datagrams!(jaeger_compact, JaegerCompact, AgentCompact),
            jaeger_binary: datagrams!(jaeger_binary, JaegerBinary, AgentBinary),
            zipkin_compact: datagrams!(zipkin_compact, ZipkinCompact, AgentCompact),
            sampling: listen!(config.sampling.listener, Sampling),
        })
    }

    pub(super) fn addresses(&self) -> AgentAddresses {
        let listener = |of: &Option<Listener>| of.as_ref().map(Listener::address);
        let datagrams = |of: &Option<Datagrams>| of.as_ref().map(Datagrams::address);
        AgentAddresses {
            otlp_grpc: listener(&self.otlp_grpc),
            otlp_http: listener(&self.otlp_http),
            jaeger_compact: datagrams(&self.jaeger_compact),
            jaeger_binary: datagrams(&self.jaeger_binary),
            zipkin_compact: datagrams(&self.zipkin_compact),
            sampling: listener(&self.sampling),
        }
    }

    /// Serves every port on `tracker` until told to stop.
    pub(super) fn serve(
        self,
        config: &AgentConfig,
        shared: Arc<Shared<Pipeline>>,
        asking: Asking,
        beside_otlp: Routes,
        tracker: &TaskTracker,
    ) {
        let all = [self.jaeger_compact, self.jaeger_binary, self.zipkin_compact];
        for datagrams in all.into_iter().flatten() {
            let (shared, stop) = (shared.clone(), shared.stop.clone());
            tracker.spawn(async move {
                let take = |protocol, encoding, datagram: &[u8]| {
                    shared.pipeline.take(protocol, encoding, datagram)
                };
                datagrams.serve(take, stop).await;
            });
        }
        let stop = shared.stop.clone();
        let connect = |listener: Option<Listener>,
                       router: Router,
                       versions: Versions,
                       config: &ConnectionsConfig| {
            if let Some(listener) = listener {
                let (stop, on) = (stop.clone(), tracker.clone());
                tracker.spawn(serve(listener, router, versions, config.clone(), stop, on));
            }
        };
        let grpc = Versions::Http2 {
            max_streams: config.otlp_grpc.max_concurrent_streams,
        };
        let router = otlp_grpc::router(beside_otlp, shared.clone());
        connect(self.otlp_grpc, router, grpc, &config.otlp_grpc.connections);
        let (router, both) = (otlp_http::router(shared), Versions::Http1And2);
        connect(self.otlp_http, router, both, &config.otlp_http.connections);
        let of_sampling = asking.config().listener.connections.clone();
        connect(self.sampling, asking.router(), both, &of_sampling);
    }
}

async fn listen(
    address: SocketAddr,
    protocol: Protocol,
    config: &ConnectionsConfig,
) -> Result<Listener, BuildError> {
    let bound = Listener::bind(address, protocol, config).await;
    bound.map_err(|source| BuildError::Bind {
        protocol,
        address,
        source,
    })
}

async fn datagrams(
    address: SocketAddr,
    protocol: Protocol,
    encoding: Encoding,
    config: &AgentConfig,
) -> Result<Datagrams, BuildError> {
    let bound = Datagrams::bind(address, protocol, encoding, &config.udp).await;
    bound.map_err(|source| BuildError::Bind {
        protocol,
        address,
        source,
    })
}
