//! The server, HTTP and gRPC: Config → build → run(stop).

mod routes;
mod tenancy;
mod admission;
mod admin;
mod answer;
mod grpc;
mod streaming;
mod connections;
mod probe;
mod ui;

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use bootstrap::{Readiness, ReadinessFlag, Stop};
use storage::TraceReader;
use tokio::net::TcpListener;

pub use self::routes::OriginError;
pub use self::tenancy::TenancyError;
pub use self::ui::UiError;

use self::admission::Admission;
use self::answer::App;
use self::grpc::remote_storage;
use self::probe::Health;
use self::tenancy::Tenancy;
use self::ui::Ui;
use crate::QueryConfig;
use crate::adjust::AdjustPlan;
use crate::admin::{DeadLetterAdmin, StoreAdmin};
use crate::pipeline::Service;

/// Why the query service cannot start.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// The address cannot be listened on.
    #[error("cannot listen on {address}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// The cause.
        source: std::io::Error,
    },
    /// The base path is no path of plain segments.
    #[error("{0:?} is no base path: expecting / or /some/prefix")]
    BasePath(String),
    /// An origin that may call the APIs is none.
    #[error("the configuration of origins is refused")]
    Origin(#[from] OriginError),
    /// The rules about tenants make no sense.
    #[error("the configuration of tenancy is refused")]
    Tenancy(#[from] TenancyError),
    /// The UI cannot be served.
    #[error("the UI cannot be served")]
    Ui(#[from] UiError),
    /// The protobuf definitions cannot be shown.
    #[error("gRPC reflection cannot be offered")]
    Reflection(#[source] tonic_reflection::server::Error),
}

/// The query service, listening but not yet answering.
#[derive(Debug)]
pub struct Query<R> {
    reader: Arc<R>,
    http: Door,
    grpc: Door,
    /// Jaeger's remote storage; none when it is switched off.
    remote_storage: Option<Door>,
    /// Who takes spans there; none where no collector is in the process.
    span_writer: Option<Router>,
    health: Vec<Health>,
    config: QueryConfig,
    admission: Arc<Admission>,
    flag: ReadinessFlag,
}

/// A port, and what is answered there.
#[derive(Debug)]
struct Door {
    app: Router,
    listener: TcpListener,
    address: SocketAddr,
}

impl Door {
    async fn open(address: SocketAddr, app: Router) -> Result<Self, BuildError> {
        let refused = |source| BuildError::Listen { address, source };
        let listener = TcpListener::bind(address).await.map_err(refused)?;
        Ok(Self {
            app,
            address: listener.local_addr().map_err(refused)?,
            listener,
        })
    }
}

impl<R: TraceReader> Query<R> {
    /// Opens the ports. Registers itself with the process's readiness.
    pub async fn build(
        config: QueryConfig,
        reader: Arc<R>,
        readiness: &Readiness,
    ) -> Result<Self, BuildError> {
        check_base_path(&config.base_path)?;
        let admission = Arc::new(Admission::new(&config.limits));
        let app = Arc::new(App {
            service: Service {
                reader: reader.clone(),
                limits: config.limits.clone(),
                adjust: AdjustPlan {
                    max_trace_spans: config.limits.max_trace_spans,
                    max_clock_skew: config.adjust.max_clock_skew,
                },
            },
            tenancy: Tenancy::new(&config.tenancy)?,
            admission: admission.clone(),
        });
        let (grpc, reporter) = grpc::router(app.clone()).map_err(BuildError::Reflection)?;
        let mut health = vec![Health::new(reporter, &grpc::SERVICES)];
        let remote_storage = match config.remote_storage.enabled {
            true => {
                let built = remote_storage::router(app.clone());
                let (router, reporter) = built.map_err(BuildError::Reflection)?;
                health.push(Health::new(reporter, &remote_storage::SERVICES));
                Some(Door::open(config.remote_storage.listen, router).await?)
            }
            false => None,
        };
        let http = routes::router(app, &config, Ui::open(&config, reader.capabilities())?)?;
        Ok(Self {
            reader,
            http: Door::open(config.listen, http).await?,
            grpc: Door::open(config.grpc_listen, grpc).await?,
            remote_storage,
            span_writer: None,
            health,
            config,
            admission,
            flag: readiness.register("query"),
        })
    }

    /// Offers the admin API as well, if the configuration has a token for it.
    #[must_use]
    pub fn with_admin(mut self, admin: Arc<dyn DeadLetterAdmin>) -> Self {
        let routes = admin::router(&self.config, self.admission.clone(), admin);
        self.http.app = routes::beside(self.http.app, routes, &self.config.base_path);
        self
    }

    /// Lets administrators empty the store, if the configuration has a token and the switch is on.
    #[must_use]
    pub fn with_purge(mut self, admin: Arc<dyn StoreAdmin>) -> Self {
        let routes = admin::purge::router(&self.config, admin);
        self.http.app = routes::beside(self.http.app, routes, &self.config.base_path);
        self
    }

    /// Lets OTLP's exports to the port of Jaeger's remote storage be answered by this router.
    #[must_use]
    pub fn with_span_writer(mut self, exports: Router) -> Self {
        self.span_writer = Some(exports);
        self
    }

    /// Where it listens for HTTP and gRPC, with the real port.
    pub fn addresses(&self) -> SocketAddr {
        self.http.address
    }

    /// Where it listens for gRPC alone, with the real port.
    pub fn grpc_address(&self) -> SocketAddr {
        self.grpc.address
    }

    /// Where it listens as Jaeger's remote storage, with the real port; none when switched off.
    pub fn remote_storage_address(&self) -> Option<SocketAddr> {
        self.remote_storage.as_ref().map(|door| door.address)
    }

    /// Answers requests until told to stop; returns when the last answer is sent or the grace is
    /// over.
    pub async fn run(self, stop: Stop) {
        tracing::info!(
            query.address = %self.http.address,
            query.grpc_address = %self.grpc.address,
            "Answering queries"
        );
        let max_connections = self.config.limits.max_connections;
        let serve =
            |door: Door, app| connections::serve(door.listener, app, max_connections, &stop);
        let (grpc, http) = (self.grpc.app.clone(), self.http.app.clone());
        let both = routes::by_content_type(grpc.clone(), http);
        let remote = self.remote_storage.map(|door| {
            let writer = self.span_writer.unwrap_or_else(remote_storage::no_writer);
            let app = door.app.clone().merge(writer);
            serve(door, app)
        });
        let serving = futures_util::future::join3(
            serve(self.http, both),
            serve(self.grpc, grpc),
            futures_util::future::OptionFuture::from(remote),
        );
        tokio::select! {
            _ = serving => {}
            () = probe::watch(&*self.reader, &self.flag, &self.health, &stop) => {}
        }
        self.flag.not_ready("stopped");
    }
}

fn check_base_path(path: &str) -> Result<(), BuildError> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '/' | '-' | '_' | '.' | '~');
    if path.starts_with('/') && path.chars().all(plain) && !path.contains("//") {
        Ok(())
    } else {
        Err(BuildError::BasePath(path.to_owned()))
    }
}
