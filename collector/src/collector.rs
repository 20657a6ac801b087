//! The collector as a component: configuration → build → run until stopped.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use bootstrap::{ReadinessFlag, Stop};
use model::Tenant;
use schemas::ChunkEncoder;
use tokio_util::task::TaskTracker;
use tonic::service::Routes;
use tonic_health::ServingStatus;
use tonic_health::server::HealthReporter;

use crate::config::{CollectorConfig, ConnectionsConfig};
use crate::pipeline::Pipeline;
use crate::publish::Publish;
use crate::receive::connection::{Versions, serve};
use crate::receive::{Admission, Listener, Protocol, Shared, otlp_grpc, otlp_http};

/// Where the receivers listen; none for one that is switched off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Addresses {
    /// OTLP over gRPC.
    pub otlp_grpc: Option<SocketAddr>,
    /// OTLP over HTTP.
    pub otlp_http: Option<SocketAddr>,
}

/// Why the collector cannot start.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// A receiver's address cannot be bound.
    #[error("cannot listen on {address} for {}", protocol.as_str())]
    Bind {
        /// The receiver.
        protocol: Protocol,
        /// The configured address.
        address: SocketAddr,
        /// The cause.
        source: std::io::Error,
    },
    /// Settings that contradict each other.
    #[error("`{key}`: {why}")]
    Config {
        /// The key within the collector's section.
        key: &'static str,
        /// What is wrong.
        why: String,
    },
    /// The embedded descriptors cannot be read.
    #[error("gRPC reflection cannot be offered")]
    Reflection(#[source] tonic_reflection::server::Error),
}

/// Why the collector did not end well.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The time to stop was over before every connection had ended.
    #[error("{connections} connections were cut off when the time to stop was over")]
    Overdue {
        /// How many.
        connections: usize,
    },
}

/// Receives spans and publishes them.
pub struct Collector<P> {
    config: CollectorConfig,
    encoder: ChunkEncoder,
    publisher: P,
    otlp_grpc: Option<Listener>,
    otlp_http: Option<Listener>,
    beside_traces: Routes,
    health: HealthReporter,
    readiness: Option<ReadinessFlag>,
}

impl<P: Publish> Collector<P> {
    /// Checks the configuration and binds the ports; nothing is accepted yet.
    ///
    /// # Errors
    /// When settings contradict each other or a port cannot be bound.
    pub async fn build(
        config: CollectorConfig,
        encoder: ChunkEncoder,
        publisher: P,
    ) -> Result<Self, BuildError> {
        check(&config)?;
        let (grpc, http) = (&config.otlp_grpc, &config.otlp_http);
        let otlp_grpc = bind(
            grpc.enabled,
            grpc.address,
            Protocol::OtlpGrpc,
            &grpc.connections,
        )
        .await?;
        let otlp_http = bind(
            http.enabled,
            http.address,
            Protocol::OtlpHttp,
            &http.connections,
        )
        .await?;
        let beside = otlp_grpc::side_services();
        let (beside_traces, health) = beside.map_err(BuildError::Reflection)?;
        Ok(Self {
            config,
            encoder,
            publisher,
            otlp_grpc,
            otlp_http,
            beside_traces,
            health,
            readiness: None,
        })
    }

    /// Tells this flag when the collector is ready and when it is draining. An outage of Kafka
    /// does not make it unready: clients shall get an answer that they can retry.
    #[must_use]
    pub fn with_readiness(mut self, flag: ReadinessFlag) -> Self {
        self.readiness = Some(flag);
        self
    }

    /// Where the receivers listen, with the ports that were really bound.
    pub fn addresses(&self) -> Addresses {
        let of = |listener: &Option<Listener>| listener.as_ref().map(Listener::address);
        Addresses {
            otlp_grpc: of(&self.otlp_grpc),
            otlp_http: of(&self.otlp_http),
        }
    }

    /// Serves until `stop`, then takes nothing new, answers what is under way and waits for the
    /// publisher. At the deadline what is left gets a retryable answer.
    ///
    /// # Errors
    /// When connections had to be cut off at the deadline.
    pub async fn run(self, stop: Stop) -> Result<(), RunError> {
        let readiness = self.readiness.clone();
        let running = self.start(&stop).await;
        if let Some(flag) = &readiness {
            flag.ready();
        }
        stop.stopped().await;
        if let Some(flag) = &readiness {
            flag.not_ready("draining");
        }
        running.drain(&stop).await
    }

    async fn start(self, stop: &Stop) -> Running<P> {
        let admission = Admission::new(self.config.admission.max_bytes.as_usize());
        let pipeline = Pipeline::new(self.config.clone(), self.encoder, self.publisher);
        let config = self.config;
        let shared = Arc::new(Shared {
            config,
            admission,
            pipeline,
            stop: stop.clone(),
        });
        let tracker = TaskTracker::new();
        let running = Running {
            shared: shared.clone(),
            tracker,
            health: self.health,
        };
        if let Some(listener) = self.otlp_grpc {
            let router = otlp_grpc::router(self.beside_traces, shared.clone());
            running.tell_health(ServingStatus::Serving).await;
            let config = &shared.config.otlp_grpc;
            let versions = Versions::Http2 {
                max_streams: config.max_concurrent_streams,
            };
            running.serve(listener, router, versions, &config.connections);
        }
        if let Some(listener) = self.otlp_http {
            let router = otlp_http::router(shared.clone());
            running.serve(
                listener,
                router,
                Versions::Http1And2,
                &shared.config.otlp_http.connections,
            );
        }
        running
    }
}

/// A collector that accepts connections.
struct Running<P> {
    shared: Arc<Shared<P>>,
    /// The accept loops and all connections.
    tracker: TaskTracker,
    health: HealthReporter,
}

impl<P: Publish> Running<P> {
    fn serve(
        &self,
        listener: Listener,
        router: Router,
        versions: Versions,
        config: &ConnectionsConfig,
    ) {
        let (stop, tracker) = (self.shared.stop.clone(), self.tracker.clone());
        let serving = serve(listener, router, versions, config.clone(), stop, tracker);
        self.tracker.spawn(serving);
    }

    async fn tell_health(&self, status: ServingStatus) {
        self.health
            .set_service_status(otlp_grpc::TRACE_SERVICE, status)
            .await;
        self.health.set_service_status("", status).await;
    }

    /// The accept loops end by themselves; connections finish what was sent.
    async fn drain(self, stop: &Stop) -> Result<(), RunError> {
        self.tell_health(ServingStatus::NotServing).await;
        self.tracker.close();
        tracing::info!(collector.connections = self.tracker.len(), "Draining");
        let connections = tokio::select! {
            () = self.tracker.wait() => 0,
            () = stop.overdue() => self.tracker.len(),
        };
        self.tracker.wait().await;
        self.shared
            .pipeline
            .publisher()
            .finish(stop.deadline())
            .await;
        if connections == 0 {
            Ok(())
        } else {
            Err(RunError::Overdue { connections })
        }
    }
}

/// Refuses settings that contradict each other.
fn check(config: &CollectorConfig) -> Result<(), BuildError> {
    let refuse = |key, why: &str| {
        Err(BuildError::Config {
            key,
            why: why.to_owned(),
        })
    };
    let (limits, tenancy) = (&config.limits, &config.tenancy);
    if config.admission.max_bytes.0 < 2 * limits.request_bytes.0 {
        return refuse(
            "admission.max_bytes",
            "must hold two requests of limits.request_bytes",
        );
    }
    if limits.record_bytes > limits.encoded_bytes {
        return refuse(
            "limits.record_bytes",
            "must not be larger than limits.encoded_bytes",
        );
    }
    if limits.resource_bytes.0 > limits.record_bytes.0 / 4 {
        return refuse(
            "limits.resource_bytes",
            "must not be larger than a quarter of limits.record_bytes",
        );
    }
    if tenancy.header.parse::<http::HeaderName>().is_err() {
        return refuse("tenancy.header", "must be a header's name");
    }
    if tenancy
        .tenants
        .iter()
        .any(|name| Tenant::parse(name).is_err())
    {
        return refuse("tenancy.tenants", "holds a name that no tenant can have");
    }
    Ok(())
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
