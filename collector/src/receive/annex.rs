//! OTLP's `Export` on a port that another part of the process listens on.
//!
//! The connections are that part's; the calls pass the same admission and the same pipeline as
//! those of the collector's own port, and the collector does not end before they are answered.

use std::sync::{Arc, OnceLock};

use axum::Router;
use axum::extract::Request;
use axum::response::Response;
use axum::routing::post;
use tokio_util::task::TaskTracker;
use tokio_util::task::task_tracker::TaskTrackerToken;
use tonic::Status;
use tonic::body::Body;

use super::Shared;
use super::otlp_grpc::Export;
use super::unary::{self, Method};
use crate::receive::Ingest;

/// A door into a collector, shut until the collector runs and again once it is told to stop.
pub(crate) struct Annex<P>(Arc<OnceLock<Running<P>>>);

struct Running<P> {
    shared: Arc<Shared<P>>,
    tracker: TaskTracker,
}

impl<P> Default for Annex<P> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<P> Clone for Annex<P> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<P: Ingest> Annex<P> {
    /// Opens the door; `tracker` is waited for before the collector ends.
    pub(crate) fn open(&self, shared: Arc<Shared<P>>, tracker: TaskTracker) {
        // A collector runs once.
        let _ = self.0.set(Running { shared, tracker });
    }

    /// The route of the door.
    pub(crate) fn router(self) -> Router {
        let export = move |request: Request| {
            let annex = self.clone();
            async move { annex.export(request).await }
        };
        Router::new().route(Export::PATH, post(export))
    }

    async fn export(&self, request: Request) -> Response {
        let Some((shared, _token)) = self.0.get().and_then(Running::enter) else {
            let status = Status::unavailable("the collector does not take spans now");
            return status.into_http();
        };
        let answer = unary::call::<P, Export>(&shared, request.map(Body::new)).await;
        answer.map(axum::body::Body::new)
    }
}

impl<P: Ingest> Running<P> {
    /// The token comes first: a stop that is not seen here waits for it.
    fn enter(&self) -> Option<(Arc<Shared<P>>, TaskTrackerToken)> {
        let token = self.tracker.token();
        (!self.shared.stop.is_stopped()).then(|| (self.shared.clone(), token))
    }
}
