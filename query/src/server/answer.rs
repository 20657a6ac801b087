//! One request from its head to the last byte of its answer.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;
use bootstrap::{chain, clock};
use bytes::Bytes;
use http::{HeaderName, HeaderValue, StatusCode, header};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use storage::{ReadError, TraceReader};
use tokio::time::Instant;
use tracing::Instrument;

use super::admission::{Admission, Permit};
use super::streaming::{self, Cancellation};
use super::tenancy::Tenancy;
use crate::metrics::{self, InFlight};
use crate::parse::{ApiRequest, Malformed, Params};
use crate::pipeline::{self, Endpoint, Failure, Rendering, Service};

/// What every request is answered with.
#[derive(Debug)]
pub(super) struct App<R> {
    pub(super) service: Service<R>,
    pub(super) tenancy: Tenancy,
    pub(super) admission: Arc<Admission>,
}

/// Answers a request to an endpoint, and tells which of our own traces shows how.
pub(super) async fn answer<E: Endpoint, R: TraceReader>(
    State(app): State<Arc<App<R>>>,
    request: Request,
) -> Response {
    let span = tracing::info_span!("query", otel.name = E::ROUTE, otel.kind = "server");
    let answering = respond::<E, R>(app, request).instrument(span.clone());
    let mut response = answering.await;
    if let Some(told) = bootstrap::trace_response(&span)
        && let Ok(told) = HeaderValue::try_from(told)
    {
        let name = HeaderName::from_static("traceresponse");
        response.headers_mut().insert(name, told);
    }
    response
}

async fn respond<E: Endpoint, R: TraceReader>(app: Arc<App<R>>, request: Request) -> Response {
    let began = Instant::now();
    let cancellation = Cancellation::watch(E::ROUTE);
    let response = match app.tenancy.of(request.headers()) {
        Err(error) => plain_text(StatusCode::UNAUTHORIZED, format!("{error}\n")),
        Ok(tenant) => match api_request::<E>(tenant, &request) {
            Err(error) => failure::<E>(&error.into()),
            Ok(asked) => match within_time::<E, R>(&app, &asked, request.into_body()).await {
                Err(error) => failure::<E>(&error),
                Ok((rendering, permit)) => {
                    let indented = E::indented(&asked);
                    let patience = app.service.limits.write_timeout;
                    let stream = streaming::Stream {
                        route: E::ROUTE,
                        guards: (permit, InFlight::begin()),
                        indented,
                        patience,
                    };
                    return stream.respond(rendering, began, cancellation).await;
                }
            },
        },
    };
    cancellation.complete();
    metrics::answered(E::ROUTE, response.status().as_u16(), began.elapsed());
    response
}

fn api_request<E: Endpoint>(
    tenant: model::Tenant,
    request: &Request,
) -> Result<ApiRequest, Malformed> {
    let params =
        Params::parse(request.uri().query().unwrap_or_default()).map_err(Malformed::new)?;
    let variable = E::ROUTE
        .split('/')
        .position(|segment| segment.starts_with('{'));
    let segment = variable.and_then(|at| request.uri().path().split('/').nth(at));
    Ok(ApiRequest {
        tenant,
        params,
        segment: segment.unwrap_or_default().to_owned(),
        body: Bytes::new(),
        now: clock::now(),
    })
}

/// Waits for the request's turn and asks the store, all within the time for a request.
async fn within_time<E: Endpoint, R: TraceReader>(
    app: &App<R>,
    request: &ApiRequest,
    body: Body,
) -> Result<(Rendering, Permit), Failure> {
    let limit = app.service.limits.request_timeout;
    let work = async {
        let entered = app.admission.enter(&request.tenant).await;
        let permit = entered.map_err(|_| Failure::Overloaded)?;
        let rendering = if E::HAS_BODY {
            let body = whole(body, app.service.limits.max_upload.as_usize()).await?;
            let request = request.clone();
            pipeline::answer::<E, R>(&app.service, &ApiRequest { body, ..request }).await?
        } else {
            pipeline::answer::<E, R>(&app.service, request).await?
        };
        Ok((rendering, permit))
    };
    tokio::time::timeout(limit, work)
        .await
        .unwrap_or(Err(Failure::TimedOut(limit)))
}

/// The bytes of a body, unless there are more than allowed.
async fn whole(body: Body, limit: usize) -> Result<Bytes, Failure> {
    match Limited::new(body, limit).collect().await {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(Failure::TooLarge(limit)),
        Err(_) => Err(Malformed::new("the request broke off").into()),
    }
}

/// An error as Go's error writer sends it: plain text with a line's end, whatever it holds.
fn failure<E: Endpoint>(failure: &Failure) -> Response {
    let status = failure.status();
    if status.is_server_error() {
        let error = chain(failure).to_string();
        tracing::error!(
            http.route = E::ROUTE,
            http.status = status.as_u16(),
            error,
            "A query failed"
        );
    }
    let mut body = E::render_failure(status, failure.told());
    body.push(b'\n');
    let mut response = plain_text(status, body);
    if matches!(
        failure,
        Failure::Overloaded
            | Failure::Read(
                ReadError::Unavailable(_)
                    | ReadError::StoreUnavailable { .. }
                    | ReadError::PluginAway(_)
            )
    ) {
        response
            .headers_mut()
            .insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    }
    response
}

/// A response of plain text, as Go's error writer sends it.
pub(super) fn plain_text(status: StatusCode, body: impl Into<Body>) -> Response {
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    let headers = response.headers_mut();
    let text = HeaderValue::from_static("text/plain; charset=utf-8");
    headers.insert(header::CONTENT_TYPE, text);
    let nosniff = HeaderValue::from_static("nosniff");
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, nosniff);
    response
}
