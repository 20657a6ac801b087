//! The HTTP server: Config → build → run(stop).

mod routes;
mod tenancy;
mod admission;
mod admin;
mod answer;
mod streaming;
mod connections;
mod probe;

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use bootstrap::{Readiness, ReadinessFlag, Stop};
use storage::TraceReader;
use tokio::net::TcpListener;

pub use self::routes::OriginError;
pub use self::tenancy::TenancyError;

use self::admission::Admission;
use self::answer::App;
use self::tenancy::Tenancy;
use crate::QueryConfig;
use crate::adjust::AdjustPlan;
use crate::admin::DeadLetterAdmin;
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
}

/// The query service, listening but not yet answering.
#[derive(Debug)]
pub struct Query<R> {
    reader: Arc<R>,
    app: Router,
    listener: TcpListener,
    address: SocketAddr,
    config: QueryConfig,
    admission: Arc<Admission>,
    flag: ReadinessFlag,
}

impl<R: TraceReader> Query<R> {
    /// Opens the port. Registers itself with the process's readiness.
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
        let refused = |source| BuildError::Listen {
            address: config.listen,
            source,
        };
        let listener = TcpListener::bind(config.listen).await.map_err(refused)?;
        Ok(Self {
            reader,
            app: routes::router(app, &config)?,
            address: listener.local_addr().map_err(refused)?,
            listener,
            config,
            admission,
            flag: readiness.register("query"),
        })
    }

    /// Offers the admin API as well, if the configuration has a token for it.
    #[must_use]
    pub fn with_admin(mut self, admin: Arc<dyn DeadLetterAdmin>) -> Self {
        let routes = admin::router(&self.config, self.admission.clone(), admin);
        self.app = routes::beside(self.app, routes, &self.config.base_path);
        self
    }

    /// Where it listens, with the real port.
    pub fn addresses(&self) -> SocketAddr {
        self.address
    }

    /// Answers requests until told to stop; returns when the last answer is sent or the grace is
    /// over.
    pub async fn run(self, stop: Stop) {
        let max_connections = self.config.limits.max_connections;
        tracing::info!(query.address = %self.address, "Answering queries");
        let serving = connections::serve(self.listener, self.app, max_connections, &stop);
        tokio::select! {
            () = serving => {}
            () = probe::watch(&*self.reader, &self.flag) => {}
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
