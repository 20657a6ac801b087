//! The collector as a component: configuration → build → run until stopped.

mod listeners;

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use bootstrap::{ReadinessFlag, Stop};
use model::Tenant;
use schemas::ChunkEncoder;
use schemas::jaeger_sampling::SAMPLING_MANAGER;
use tokio_util::task::TaskTracker;
use tonic::service::Routes;
use tonic_health::ServingStatus;
use tonic_health::server::HealthReporter;

pub use self::listeners::Addresses;
use self::listeners::Listeners;
use crate::config::{CollectorConfig, ConnectionsConfig};
use crate::pipeline::Pipeline;
use crate::publish::Publish;
use crate::receive::connection::{Versions, serve};
use crate::receive::kafka::KafkaReceiver;
use crate::receive::{Admission, Annex, Listener, Protocol, Shared};
use crate::receive::{jaeger_grpc, jaeger_thrift, otlp_grpc, otlp_http, sampling_http, zipkin};
use crate::sampling::{self, KnownProbabilities, Sampling, StrategiesError};

/// What a gRPC receiver offers beside its method, and how its health is told.
type Beside = (Routes, HealthReporter);

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
    /// What clients are to be told to sample cannot be read.
    #[error("`sampling.strategies` cannot be used")]
    Strategies(#[from] StrategiesError),
    /// The agent's queue on disk cannot be opened.
    #[error("`queue.directory`: cannot use {directory}")]
    Queue {
        /// The configured folder.
        directory: String,
        /// The cause.
        source: std::io::Error,
    },
    /// The agent's client for what to sample cannot be made.
    #[error("cannot ask collectors what to sample")]
    Client(#[source] reqwest::Error),
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
    sampling: Sampling,
    listeners: Listeners,
    beside_otlp: Beside,
    beside_jaeger: Beside,
    annex: Annex<Pipeline<P>>,
    topics: Option<KafkaReceiver>,
    readiness: Option<ReadinessFlag>,
}

impl<P: Publish> Collector<P> {
    /// Checks the configuration, reads the sampling strategies and binds the ports; nothing is accepted
    /// yet.
    ///
    /// # Errors
    /// When settings contradict each other or a port cannot be bound.
    pub async fn build(
        config: CollectorConfig,
        encoder: ChunkEncoder,
        publisher: P,
    ) -> Result<Self, BuildError> {
        check(&config)?;
        let sampling = Sampling::build(config.sampling.clone()).await?;
        let listeners = Listeners::bind(&config).await?;
        let beside_otlp = otlp_grpc::side_services().map_err(BuildError::Reflection)?;
        let beside_jaeger = jaeger_grpc::side_services().map_err(BuildError::Reflection)?;
        Ok(Self {
            config,
            encoder,
            publisher,
            sampling,
            listeners,
            beside_otlp,
            beside_jaeger,
            annex: Annex::default(),
            topics: None,
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

    /// Tells clients these probabilities, if the configuration asks for adaptive sampling.
    #[must_use]
    pub fn with_probabilities(mut self, probabilities: KnownProbabilities) -> Self {
        self.sampling = self.sampling.with_probabilities(probabilities);
        self
    }

    /// Reads topics that other collectors write, besides what clients send.
    #[must_use]
    pub fn with_topics(mut self, receiver: Option<KafkaReceiver>) -> Self {
        self.topics = receiver;
        self
    }

    /// OTLP's `Export`, for a gRPC port that another part of this process listens on. Answers
    /// `UNAVAILABLE` before the collector runs and once it is told to stop; what was taken before
    /// is answered before the collector ends.
    pub fn exports(&self) -> Router {
        self.annex.clone().router()
    }

    /// Where the receivers listen, with the ports that were really bound.
    pub fn addresses(&self) -> Addresses {
        self.listeners.addresses()
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
            sampling: Arc::new(self.sampling),
            stop: stop.clone(),
        });
        let (otlp, otlp_health) = self.beside_otlp;
        let (jaeger, jaeger_health) = self.beside_jaeger;
        let running = Running {
            shared,
            tracker: TaskTracker::new(),
            health: [
                (otlp_grpc::TRACE_SERVICE, otlp_health),
                (jaeger_grpc::COLLECTOR_SERVICE, jaeger_health.clone()),
                (SAMPLING_MANAGER, jaeger_health),
            ],
        };
        self.annex
            .open(running.shared.clone(), running.tracker.clone());
        running.tell_health(ServingStatus::Serving).await;
        running.serve_all(self.listeners, otlp, jaeger);
        if let Some(topics) = self.topics {
            let receiving = topics.run(running.shared.clone(), stop.clone());
            running.tracker.spawn(receiving);
        }
        let strategies = running.shared.sampling.clone();
        tokio::spawn(sampling::follow(strategies, stop.clone()));
        running
    }
}

/// A collector that accepts connections.
struct Running<P> {
    shared: Arc<Shared<Pipeline<P>>>,
    /// The accept loops and all connections.
    tracker: TaskTracker,
    /// The services by name, each with its own reporter.
    health: [(&'static str, HealthReporter); 3],
}

impl<P: Publish> Running<P> {
    fn serve_all(&self, listeners: Listeners, beside_otlp: Routes, beside_jaeger: Routes) {
        let (shared, config) = (&self.shared, &self.shared.config);
        let http2 = |max_streams| Versions::Http2 { max_streams };
        let router = otlp_grpc::router(beside_otlp, shared.clone());
        let (section, listener) = (&config.otlp_grpc, listeners.otlp_grpc);
        let versions = http2(section.max_concurrent_streams);
        self.serve(listener, router, versions, &section.connections);
        let router = jaeger_grpc::router(beside_jaeger, shared.clone());
        let (section, listener) = (&config.jaeger_grpc, listeners.jaeger_grpc);
        let versions = http2(section.max_concurrent_streams);
        self.serve(listener, router, versions, &section.connections);
        let over_http = [
            (
                listeners.otlp_http,
                otlp_http::router(shared.clone()),
                &config.otlp_http.connections,
            ),
            (
                listeners.jaeger_thrift,
                jaeger_thrift::router(shared.clone()),
                &config.jaeger_thrift.connections,
            ),
            (
                listeners.zipkin,
                zipkin::router(shared.clone()),
                &config.zipkin.connections,
            ),
            (
                listeners.sampling,
                sampling_http::router(shared.clone()),
                &config.sampling.listener.connections,
            ),
        ];
        for (listener, router, connections) in over_http {
            self.serve(listener, router, Versions::Http1And2, connections);
        }
    }

    fn serve(
        &self,
        listener: Option<Listener>,
        router: Router,
        versions: Versions,
        config: &ConnectionsConfig,
    ) {
        let Some(listener) = listener else {
            return;
        };
        let (stop, tracker) = (self.shared.stop.clone(), self.tracker.clone());
        let serving = serve(listener, router, versions, config.clone(), stop, tracker);
        self.tracker.spawn(serving);
    }

    async fn tell_health(&self, status: ServingStatus) {
        for (service, reporter) in &self.health {
            reporter.set_service_status(service, status).await;
            reporter.set_service_status("", status).await;
        }
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
    let default = config.sampling.default_sampling_probability;
    if !(0.0..=1.0).contains(&default) {
        return refuse(
            "sampling.default_sampling_probability",
            "must lie between 0 and 1",
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
