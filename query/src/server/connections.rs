//! Connections: accepted within a limit, given time for their heads, ended in order.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use bootstrap::{Stop, chain};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::metrics::OpenConnection;

/// Longest wait for the head of a request.
const HEAD_TIMEOUT: Duration = Duration::from_secs(15);
/// Pause after an error to accept, such as "too many open files".
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Serves connections until told to stop; then finishes what is under way, within the grace.
pub(super) async fn serve(listener: TcpListener, app: Router, max: usize, stop: &Stop) {
    let slots = Arc::new(Semaphore::new(max.max(1)));
    let graceful = GracefulShutdown::new();
    let mut http = auto::Builder::new(TokioExecutor::new());
    http.http1()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT);
    http.http2().timer(TokioTimer::new());
    loop {
        let (stream, slot) = tokio::select! {
            () = stop.stopped() => break,
            accepted = accept(&listener, &slots) => accepted,
        };
        let service = TowerToHyperService::new(app.clone());
        let connection = http.serve_connection(TokioIo::new(stream), service);
        let connection = graceful.watch(connection.into_owned());
        tokio::spawn(async move {
            let _open = (slot, OpenConnection::begin());
            // A connection that breaks is the client's affair.
            if let Err(error) = connection.await {
                tracing::debug!(error = %error, "A connection broke");
            }
        });
    }
    drop(listener);
    tokio::select! {
        () = graceful.shutdown() => {}
        () = stop.overdue() => {}
    }
}

/// The next connection, once there is room for it.
async fn accept(
    listener: &TcpListener,
    slots: &Arc<Semaphore>,
) -> (TcpStream, Option<OwnedSemaphorePermit>) {
    // The semaphore is never closed.
    let slot = slots.clone().acquire_owned().await.ok();
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                // Without it small answers wait for the client's acknowledgements.
                let _ = stream.set_nodelay(true);
                return (stream, slot);
            }
            Err(error) => {
                tracing::warn!(error = %chain(&error), "A connection could not be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}
