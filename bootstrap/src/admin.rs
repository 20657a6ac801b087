//! The admin port: `/live`, `/ready`, `/metrics`. Never on the ports that spans come to.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use metrics_exporter_prometheus::PrometheusHandle;
use tokio::net::TcpListener;

use crate::{Liveness, Readiness};

const PROMETHEUS_TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Why the admin port does not answer.
#[derive(Debug, thiserror::Error)]
pub enum AdminError {
    /// The address is taken, or not ours.
    #[error("cannot listen on {address} for the admin server")]
    Bind {
        /// The address.
        address: SocketAddr,
        /// The cause.
        source: std::io::Error,
    },
    /// The listener failed.
    #[error("the admin server stopped")]
    Serve(#[source] std::io::Error),
}

/// The admin server, bound and not yet serving.
pub struct Admin {
    listener: TcpListener,
    state: Arc<AdminState>,
}

struct AdminState {
    readiness: Readiness,
    liveness: Liveness,
    render: Box<dyn Fn() -> String + Send + Sync>,
}

impl Admin {
    /// Binds the address; port 0 takes a free one.
    pub async fn bind(
        address: SocketAddr,
        readiness: Readiness,
        liveness: Liveness,
        metrics: PrometheusHandle,
        observe: impl Fn() + Send + Sync + 'static,
    ) -> Result<Self, AdminError> {
        let listener = TcpListener::bind(address)
            .await
            .map_err(|source| AdminError::Bind { address, source })?;
        let render = Box::new(move || {
            observe();
            metrics.render()
        });
        Ok(Self {
            listener,
            state: Arc::new(AdminState {
                readiness,
                liveness,
                render,
            }),
        })
    }

    /// The bound address.
    pub fn address(&self) -> Result<SocketAddr, AdminError> {
        self.listener.local_addr().map_err(AdminError::Serve)
    }

    /// Serves until `stopped` returns.
    pub async fn run(
        self,
        stopped: impl Future<Output = ()> + Send + 'static,
    ) -> Result<(), AdminError> {
        let routes = Router::new()
            .route("/live", get(live))
            .route("/ready", get(ready))
            .route("/metrics", get(metrics))
            .with_state(self.state);
        axum::serve(self.listener, routes)
            .with_graceful_shutdown(stopped)
            .await
            .map_err(AdminError::Serve)
    }
}

async fn live(State(state): State<Arc<AdminState>>) -> Response {
    let stalled = state.liveness.stalled();
    let lines: String = stalled
        .iter()
        .map(|(name, age)| format!("{name}: no sign of life for {} s\n", age.as_secs()))
        .collect();
    match lines.is_empty() {
        true => (StatusCode::OK, "alive\n".to_owned()).into_response(),
        false => (StatusCode::SERVICE_UNAVAILABLE, lines).into_response(),
    }
}

async fn ready(State(state): State<Arc<AdminState>>) -> Response {
    let parts = state.readiness.parts();
    let code = match state.readiness.is_ready() {
        true => StatusCode::OK,
        false => StatusCode::SERVICE_UNAVAILABLE,
    };
    let lines: String = parts
        .iter()
        .map(|(name, reason)| format!("{name}: {}\n", reason.as_deref().unwrap_or("ready")))
        .collect();
    (code, lines).into_response()
}

async fn metrics(State(state): State<Arc<AdminState>>) -> Response {
    ([(header::CONTENT_TYPE, PROMETHEUS_TEXT)], (state.render)()).into_response()
}
