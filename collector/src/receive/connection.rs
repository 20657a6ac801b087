//! Serves connections: HTTP/1 and HTTP/2 with the limits that keep one client from taking all.

use std::pin::pin;
use std::time::Duration;

use bootstrap::Stop;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::service::TowerToHyperService;
use tokio_util::task::TaskTracker;

use super::listener::{Accepted, Listener};
use crate::config::ConnectionsConfig;

/// HTTP/2 streams that a client may reset before they are looked at: the rapid-reset attack.
const MAX_PENDING_RESETS: usize = 20;
/// Streams that the server may have to reset because of the client's errors.
const MAX_ERROR_RESETS: usize = 256;
/// Bytes of one stream, and of one connection, that a client may send ahead.
const STREAM_WINDOW: u32 = 256 << 10;
const CONNECTION_WINDOW: u32 = 1 << 20;
/// How long an answer may take to leave once the time to stop is over.
const LAST_ANSWERS: Duration = Duration::from_secs(1);

/// Which versions of HTTP a receiver speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Versions {
    /// HTTP/1.1 and HTTP/2 without TLS, told apart by the first bytes.
    Http1And2,
    /// HTTP/2 alone, as gRPC needs it.
    Http2 {
        /// Streams that a connection may have open.
        max_streams: u32,
    },
}

/// Accepts and serves connections until stopping is asked for, then returns; the connections go
/// on to finish what was sent, on `tracker`.
pub(crate) async fn serve(
    listener: Listener,
    router: axum::Router,
    versions: Versions,
    config: ConnectionsConfig,
    stop: Stop,
    tracker: TaskTracker,
) {
    let builder = builder(versions, &config);
    while let Some(accepted) = listener.accept(&stop).await {
        let (builder, router, stop) = (builder.clone(), router.clone(), stop.clone());
        tracker.spawn(serve_one(builder, accepted, router, config.max_age, stop));
    }
    tracing::debug!(protocol = listener.protocol().as_str(), "Stopped listening");
}

fn builder(versions: Versions, config: &ConnectionsConfig) -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    let max_header_bytes = config.max_header_bytes.as_usize().max(8192);
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(config.header_timeout)
        .max_buf_size(max_header_bytes)
        .keep_alive(true);
    let max_streams = match versions {
        Versions::Http1And2 => 64,
        Versions::Http2 { max_streams } => max_streams,
    };
    builder
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(config.keep_alive_interval)
        .keep_alive_timeout(config.keep_alive_timeout)
        .max_concurrent_streams(max_streams)
        .max_header_list_size(max_header_bytes as u32)
        .max_pending_accept_reset_streams(MAX_PENDING_RESETS)
        .max_local_error_reset_streams(MAX_ERROR_RESETS)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW);
    match versions {
        Versions::Http1And2 => builder,
        Versions::Http2 { .. } => builder.http2_only(),
    }
}

async fn serve_one(
    builder: Builder<TokioExecutor>,
    accepted: Accepted,
    router: axum::Router,
    max_age: Duration,
    stop: Stop,
) {
    let Accepted { stream, slot } = accepted;
    let service = TowerToHyperService::new(router);
    let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), service));
    let old = async {
        tokio::select! {
            () = tokio::time::sleep(max_age) => {}
            () = stop.stopped() => {}
        }
    };
    let result = tokio::select! {
        result = connection.as_mut() => result,
        () = old => {
            // HTTP/2 sends GOAWAY, HTTP/1 ends after the answer that is due.
            connection.as_mut().graceful_shutdown();
            let overdue = async {
                stop.overdue().await;
                tokio::time::sleep(LAST_ANSWERS).await;
            };
            tokio::select! {
                result = connection => result,
                () = overdue => Ok(()),
            }
        }
    };
    if let Err(error) = result {
        tracing::debug!(error = %error, "A connection ended with an error");
    }
    drop(slot);
}
