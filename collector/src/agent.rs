//! The agent as a component: a collector beside the application, that passes on what it receives.
//!
//! receive → decode → enrich → encode → publish, where receiving and decoding are the collector's
//! own stages, encoding is OTLP, and publishing is a request to any of the collectors:
//!
//! - `agent/pipeline.rs` is the stages in order.
//! - `agent/outbox.rs` decides by which way a request goes: straight to a collector, or through memory
//!   (`agent/gather.rs`) and disk (`agent/queue.rs`).
//! - `agent/forward.rs` sends, to whom `agent/collectors.rs` says.
//! - `agent/sampling.rs` passes on what clients are told to sample.

pub(crate) mod config;
pub(crate) mod metrics;
mod clients;
mod collectors;
mod forward;
mod gather;
mod host;
mod loss;
mod outbox;
mod parcel;
mod pipeline;
mod ports;
mod queue;
mod sampling;

use std::sync::Arc;

use bootstrap::{ReadinessFlag, Stop};
use model::Tenant;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tonic::service::Routes;
use tonic_health::ServingStatus;
use tonic_health::server::HealthReporter;

use self::clients::Clients;
use self::config::AgentConfig;
use self::forward::Forwarder;
use self::outbox::{Ends, Outbox};
use self::pipeline::Pipeline;
pub use self::ports::AgentAddresses;
use self::ports::Ports;
use self::sampling::Asking;
use crate::collector::{BuildError, RunError};
use crate::config::{AdmissionConfig, CollectorConfig, EnrichConfig, LimitsConfig, SamplingConfig};
use crate::decode::DecodeLimits;
use crate::receive::{Admission, Shared, otlp_grpc};
use crate::sampling::Sampling;

/// Receives spans beside an application and passes them on to collectors.
pub struct Agent {
    config: AgentConfig,
    shared: Shared<Pipeline>,
    outbox: Arc<Outbox>,
    ends: Ends,
    asking: Asking,
    ports: Ports,
    beside_otlp: (Routes, HealthReporter),
    stop: Stop,
    readiness: Option<ReadinessFlag>,
}

impl Agent {
    /// Checks the configuration, opens the queue on disk and binds the ports; nothing is accepted
    /// yet. It will stop when told by `stop`.
    ///
    /// # Errors
    /// When settings contradict each other, a port cannot be bound or the queue not be opened.
    pub async fn build(config: AgentConfig, stop: Stop) -> Result<Self, BuildError> {
        let of_datagrams = check(&config)?;
        metrics::show();
        let header = config.tenancy.header.to_ascii_lowercase();
        let header = header
            .parse()
            .map_err(|_| refuse("tenancy.header", "must be a header's name"))?;
        let forwarder = Forwarder::new(config.publish.clone(), header);
        let opened = Outbox::open(&config, forwarder, of_datagrams).await;
        let (outbox, ends) = opened.map_err(|source| BuildError::Queue {
            directory: config.queue.directory.clone(),
            source,
        })?;
        let outbox = Arc::new(outbox);
        let receivers = of_receivers(&config);
        let pipeline = Pipeline {
            limits: DecodeLimits::from(&receivers.limits),
            enrich: EnrichConfig {
                resource_attributes: host::attributes(&config.enrich, |name| {
                    std::env::var(name).ok()
                }),
            },
            outbox: outbox.clone(),
            clients: Clients::default(),
        };
        let shared = Shared {
            admission: Admission::new(config.admission.max_bytes.as_usize()),
            pipeline,
            // None of the agent's receivers asks it: `asking` does.
            sampling: Arc::new(Sampling::build(SamplingConfig::default()).await?),
            config: receivers,
            stop: stop.clone(),
        };
        Ok(Self {
            ports: Ports::bind(&config).await?,
            asking: Asking::new(&config).map_err(BuildError::Client)?,
            config,
            shared,
            outbox,
            ends,
            beside_otlp: otlp_grpc::side_services().map_err(BuildError::Reflection)?,
            stop,
            readiness: None,
        })
    }

    /// Tells this flag when the agent is ready and when it is draining. That no collector is there
    /// does not make it unready: it takes spans all the same, or says when to come back.
    #[must_use]
    pub fn with_readiness(mut self, flag: ReadinessFlag) -> Self {
        self.readiness = Some(flag);
        self
    }

    /// Where the receivers listen, with the ports that were really bound.
    pub fn addresses(&self) -> AgentAddresses {
        self.ports.addresses()
    }

    /// Serves until told to stop, then takes nothing new, answers what is under way and delivers
    /// what waits. At the deadline what is left in memory is counted as lost, and what is on disk
    /// stays there.
    ///
    /// # Errors
    /// When connections had to be cut off at the deadline.
    pub async fn run(mut self) -> Result<(), RunError> {
        let (readiness, stop) = (self.readiness.take(), self.stop.clone());
        let running = self.start().await;
        if let Some(flag) = &readiness {
            flag.ready();
        }
        stop.stopped().await;
        if let Some(flag) = &readiness {
            flag.not_ready("draining");
        }
        running.drain(&stop).await
    }

    async fn start(self) -> Running {
        let (stop, outbox) = (self.stop, self.outbox);
        let (routes, health) = self.beside_otlp;
        let (tracker, done) = (TaskTracker::new(), CancellationToken::new());
        let keeping = tokio::spawn({
            let outbox = outbox.clone();
            async move { outbox.keep().await }
        });
        let carrying = tokio::spawn({
            let (outbox, stop, done) = (outbox.clone(), stop.clone(), done.clone());
            async move { outbox.carry(self.ends, &stop, &done).await }
        });
        let running = Running {
            outbox,
            tracker,
            health,
            keeping,
            carrying,
            done,
        };
        running.tell_health(ServingStatus::Serving).await;
        let shared = Arc::new(self.shared);
        self.ports
            .serve(&self.config, shared, self.asking, routes, &running.tracker);
        running
    }
}

/// An agent that accepts connections.
struct Running {
    outbox: Arc<Outbox>,
    /// The accept loops, all connections, and those who take datagrams.
    tracker: TaskTracker,
    health: HealthReporter,
    keeping: JoinHandle<()>,
    carrying: JoinHandle<()>,
    /// Nothing more comes in.
    done: CancellationToken,
}

impl Running {
    async fn tell_health(&self, status: ServingStatus) {
        for service in [otlp_grpc::TRACE_SERVICE, ""] {
            self.health.set_service_status(service, status).await;
        }
    }

    async fn drain(mut self, stop: &Stop) -> Result<(), RunError> {
        self.tell_health(ServingStatus::NotServing).await;
        self.tracker.close();
        tracing::info!(agent.connections = self.tracker.len(), "Draining");
        let connections = tokio::select! {
            () = self.tracker.wait() => 0,
            () = stop.overdue() => self.tracker.len(),
        };
        self.tracker.wait().await;
        self.outbox.flush();
        self.done.cancel();
        tokio::select! {
            _ = &mut self.carrying => {}
            () = stop.overdue() => self.carrying.abort(),
        }
        self.keeping.abort();
        match connections {
            0 => Ok(()),
            connections => Err(RunError::Overdue { connections }),
        }
    }
}

/// The settings of the receivers, which are the collector's own.
fn of_receivers(config: &AgentConfig) -> CollectorConfig {
    CollectorConfig {
        otlp_grpc: config.otlp_grpc.clone(),
        otlp_http: config.otlp_http.clone(),
        admission: AdmissionConfig {
            max_bytes: config.admission.max_bytes,
            retry_after: config.admission.retry_after,
        },
        limits: LimitsConfig {
            request_bytes: config.limits.request_bytes,
            spans: config.limits.spans,
            items: config.limits.items,
            ..LimitsConfig::default()
        },
        tenancy: config.tenancy.clone(),
        ..CollectorConfig::default()
    }
}

fn refuse(key: &'static str, why: &str) -> BuildError {
    BuildError::Config {
        key,
        why: why.to_owned(),
    }
}

/// Refuses settings that contradict each other. Returns the tenant of datagrams.
fn check(config: &AgentConfig) -> Result<Tenant, BuildError> {
    let (publish, queue) = (&config.publish, &config.queue);
    if publish.collectors.is_empty() {
        return Err(refuse(
            "publish.collectors",
            "is empty: say where the collectors are",
        ));
    }
    for host in &publish.collectors {
        collectors::check(host).map_err(|why| refuse("publish.collectors", why))?;
    }
    if config.admission.max_bytes.0 < 2 * config.limits.request_bytes.0 {
        return Err(refuse(
            "admission.max_bytes",
            "must hold two requests of limits.request_bytes",
        ));
    }
    if queue.max_bytes.0 < 2 * queue.segment_bytes.0 {
        return Err(refuse(
            "queue.max_bytes",
            "must hold two files of queue.segment_bytes",
        ));
    }
    let tenants = &config.tenancy.tenants;
    if tenants.iter().any(|name| Tenant::parse(name).is_err()) {
        return Err(refuse(
            "tenancy.tenants",
            "holds a name that no tenant can have",
        ));
    }
    match config.udp.tenant.as_str() {
        "" => Ok(Tenant::default()),
        name => Tenant::parse(name).map_err(|_| refuse("udp.tenant", "is no tenant's name")),
    }
}
