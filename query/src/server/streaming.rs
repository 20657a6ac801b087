//! Bodies that are rendered while they are sent.
//!
//! Rendering runs where it may block, and hands its chunks to the connection through a short
//! queue: memory holds a few chunks, however long the answer is. When the client goes away, the
//! queue closes and rendering ends. What fits one chunk is sent with its length.

use std::convert::Infallible;
use std::io;
use std::time::Duration;

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use futures_util::stream::{self, StreamExt};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use http_body::Frame;
use http_body_util::StreamBody;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tonic::Status;

use super::admission::Permit;
use super::answer::plain_text;
use crate::metrics::{self, InFlight};
use crate::pipeline::Rendering;
use crate::render::{Gone, Output};

/// Chunks between renderer and connection.
const QUEUE: usize = 2;

/// Counts a request as cancelled unless it is said to be complete.
#[derive(Debug)]
pub(super) struct Cancellation(Option<&'static str>);

impl Cancellation {
    pub(super) fn watch(route: &'static str) -> Self {
        Self(Some(route))
    }

    pub(super) fn complete(mut self) {
        self.0 = None;
    }
}

impl Drop for Cancellation {
    fn drop(&mut self) {
        if let Some(route) = self.0 {
            metrics::cancelled(route);
        }
    }
}

/// How one answer is sent.
pub(super) struct Stream {
    pub(super) route: &'static str,
    /// Held until the last chunk is rendered.
    pub(super) guards: (Permit, InFlight),
    pub(super) indented: bool,
    pub(super) patience: Duration,
}

type Renderer = JoinHandle<Result<(), Gone>>;

impl Stream {
    /// Renders into a response, whose head is ready with the first chunk.
    pub(super) async fn respond(
        self,
        rendering: Rendering,
        began: Instant,
        cancellation: Cancellation,
    ) -> Response {
        let route = self.route;
        let (chunks, mut queue) = mpsc::channel(QUEUE);
        let renderer = self.start(rendering, chunks);
        let Some(first) = queue.recv().await else {
            tracing::error!(http.route = route, "An answer could not be rendered");
            metrics::answered(route, 500, began.elapsed());
            return plain_text(StatusCode::INTERNAL_SERVER_ERROR, "internal error\n");
        };
        metrics::sent(route, first.len());
        metrics::answered(route, 200, began.elapsed());
        let body = match queue.recv().await {
            None => match renderer.await {
                Ok(Ok(())) => {
                    cancellation.complete();
                    Body::from(first)
                }
                // The connection is to break, not to look complete.
                _ => Body::from_stream(stream::iter([Ok(first), Err(broken())])),
            },
            Some(second) => rest(route, first, second, queue, renderer, cancellation),
        };
        let mut response = Response::new(body);
        let json = HeaderValue::from_static("application/json");
        response.headers_mut().insert(header::CONTENT_TYPE, json);
        response
    }

    /// Renders into the messages of a gRPC answer; how it went is in the trailers.
    pub(super) fn messages(self, rendering: Rendering, cancellation: Cancellation) -> Body {
        let route = self.route;
        let (chunks, queue) = mpsc::channel(QUEUE);
        let renderer = self.start(rendering, chunks);
        let state = Some((queue, renderer, cancellation));
        let frames = stream::unfold(state, move |state| async move {
            let (mut queue, renderer, cancellation) = state?;
            if let Some(chunk) = queue.recv().await {
                metrics::sent(route, chunk.len());
                let state = Some((queue, renderer, cancellation));
                return Some((Ok::<_, Infallible>(Frame::data(chunk)), state));
            }
            let status = match renderer.await {
                Ok(Ok(())) => {
                    cancellation.complete();
                    Status::ok("")
                }
                Ok(Err(Gone)) => Status::deadline_exceeded(Gone.to_string()),
                Err(_) => Status::internal("the answer could not be rendered"),
            };
            Some((Ok(Frame::trailers(trailers(&status))), None))
        });
        Body::new(StreamBody::new(frames))
    }

    fn start(self, rendering: Rendering, chunks: mpsc::Sender<Bytes>) -> Renderer {
        tokio::task::spawn_blocking(move || {
            let _guards = self.guards;
            let mut out = Output::to_client(chunks, self.patience).indented(self.indented);
            let shown = rendering(&mut out)?;
            out.finish()?;
            // To free thousands of spans takes nearly as long as to render them.
            tokio::task::spawn_blocking(move || drop(shown));
            Ok(())
        })
    }
}

fn trailers(status: &Status) -> HeaderMap {
    let mut trailers = HeaderMap::new();
    // Our own words are fit for a header.
    if status.add_header(&mut trailers).is_err() {
        trailers.clear();
    }
    trailers
}

fn broken() -> io::Error {
    io::Error::other("the answer could not be rendered")
}

/// The body of an answer of several chunks. Ends well only if the renderer did.
fn rest(
    route: &'static str,
    first: Bytes,
    second: Bytes,
    queue: mpsc::Receiver<Bytes>,
    renderer: Renderer,
    cancellation: Cancellation,
) -> Body {
    metrics::sent(route, second.len());
    let begin = stream::iter([Ok(first), Ok(second)]);
    let state = (queue, renderer, cancellation);
    let rest = stream::unfold(Some(state), move |state| async move {
        let (mut queue, renderer, cancellation) = state?;
        if let Some(chunk) = queue.recv().await {
            metrics::sent(route, chunk.len());
            return Some((Ok(chunk), Some((queue, renderer, cancellation))));
        }
        match renderer.await {
            Ok(Ok(())) => {
                cancellation.complete();
                None
            }
            _ => Some((Err(broken()), None)),
        }
    });
    Body::from_stream(begin.chain(rest))
}
