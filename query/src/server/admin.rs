//! The admin API over HTTP: a token for everything, one turn at a time for what changes things.

pub(super) mod purge;
mod token;

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::response::Response;
use axum::routing::{get, post};
use bootstrap::chain;
use futures_util::future::BoxFuture;
use http::{HeaderValue, Method, StatusCode, header};
use model::Tenant;
use tokio::time::Instant;

use self::token::Token;
use super::admission::Admission;
use crate::QueryConfig;
use crate::admin::DeadLetterAdmin;
use crate::api::admin::{AdminFailure, Question, ask, from_body, from_query};
use crate::metrics::{self, InFlight};
use crate::parse::{Malformed, Params};
use crate::render;

/// Most bytes of a body.
const MAX_BODY: usize = 64 << 10;

const GROUPS: &str = "/admin/dead-letters";
const RECORDS: &str = "/admin/dead-letters/records";
const ONE: &str = "/admin/dead-letters/{partition}/{offset}";
const REDRIVE: &str = "/admin/dead-letters/redrive";
const PURGE: &str = "/admin/dead-letters/purge";

/// What every request is answered with.
struct Desk {
    admin: Arc<dyn DeadLetterAdmin>,
    token: Token,
    admission: Arc<Admission>,
    limit: std::time::Duration,
}

/// How a request is read.
#[derive(Clone, Copy)]
struct Door {
    route: &'static str,
    parse: fn(&Params, &str) -> Result<Question, Malformed>,
}

/// The routes; none without a token, which is said once.
pub(super) fn router(
    config: &QueryConfig,
    admission: Arc<Admission>,
    admin: Arc<dyn DeadLetterAdmin>,
) -> Router {
    if !config.admin.token.is_set() {
        tracing::info!("The admin API is off: `query.admin.token` is not set");
        return Router::new();
    }
    let desk = Arc::new(Desk {
        admin,
        token: Token::new(config.admin.token.clone()),
        admission,
        limit: config.limits.request_timeout,
    });
    let groups = door(GROUPS, |params, _| Question::groups(params));
    let records = door(RECORDS, |params, _| Question::page(params));
    let one = door(ONE, |_, id| Question::one(id));
    let redrive = door(REDRIVE, |params, _| Question::redrive(params));
    let purge = door(PURGE, |params, _| Question::purge(params));
    Router::new()
        .route(GROUPS, get(groups))
        .route(RECORDS, get(records))
        .route(ONE, get(one))
        .route(REDRIVE, post(redrive))
        .route(PURGE, post(purge))
        .with_state(desk)
}

type Answer = BoxFuture<'static, Response>;

/// Answers requests of a route that are read by `parse`.
fn door(
    route: &'static str,
    parse: fn(&Params, &str) -> Result<Question, Malformed>,
) -> impl Fn(State<Arc<Desk>>, Request) -> Answer + Clone + Send + Sync + 'static {
    let door = Door { route, parse };
    move |State(desk), request| Box::pin(answer(desk, door, request))
}

async fn answer(desk: Arc<Desk>, door: Door, request: Request) -> Response {
    let began = Instant::now();
    let _in_flight = InFlight::begin();
    let response = match desk.token.is_in(request.headers()) {
        false => unauthorised(),
        true => match within_time(desk, door, request).await {
            Ok(body) => json(StatusCode::OK, body),
            Err(failure) => failed(door.route, &failure),
        },
    };
    metrics::answered(door.route, response.status().as_u16(), began.elapsed());
    response
}

/// Reads the request, waits for its turn and does what it asks, all within the time for a request.
async fn within_time(
    desk: Arc<Desk>,
    door: Door,
    request: Request,
) -> Result<Vec<u8>, AdminFailure> {
    let limit = desk.limit;
    let work = async {
        let question = read(door, request).await?;
        let entered = desk.admission.enter(&Tenant::default()).await;
        let permit = entered.map_err(|_| AdminFailure::Overloaded)?;
        let admin = desk.admin.clone();
        // A client that goes away does not end what it has begun.
        let asking = tokio::spawn(async move {
            let _permit = permit;
            ask(&admin, question).await
        });
        asking.await.map_err(|_| AdminFailure::Failed)?
    };
    let done = tokio::time::timeout(limit, work).await;
    done.unwrap_or(Err(AdminFailure::TimedOut))
}

async fn read(door: Door, request: Request) -> Result<Question, AdminFailure> {
    let (head, body) = request.into_parts();
    let id = head.uri.path().rsplitn(3, '/').take(2).collect::<Vec<_>>();
    let id = format!("{}/{}", id[1..].concat(), id[0]);
    let params = match head.method == Method::POST {
        false => from_query(head.uri.query().unwrap_or_default())?,
        true => {
            let body = axum::body::to_bytes(body, MAX_BODY).await;
            from_body(&body.map_err(|_| AdminFailure::Body(MAX_BODY))?)?
        }
    };
    Ok((door.parse)(&params, &id)?)
}

fn unauthorised() -> Response {
    let words = "a token is needed: Authorization: Bearer …";
    let status = StatusCode::UNAUTHORIZED;
    let mut response = json(status, render::failure_v3(status.as_u16(), words));
    let bearer = HeaderValue::from_static("Bearer");
    let headers = response.headers_mut();
    headers.insert(header::WWW_AUTHENTICATE, bearer);
    response
}

fn failed(route: &'static str, failure: &AdminFailure) -> Response {
    let status = failure.status();
    if status.is_server_error() {
        let error = chain(failure).to_string();
        tracing::error!(
            http.route = route,
            http.status = status.as_u16(),
            error,
            "An administrator's request failed"
        );
    }
    json(
        status,
        render::failure_v3(status.as_u16(), &failure.to_string()),
    )
}

fn json(status: StatusCode, body: Vec<u8>) -> Response {
    let mut response = Response::new(axum::body::Body::from(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    let json = HeaderValue::from_static("application/json");
    headers.insert(header::CONTENT_TYPE, json);
    let nosniff = HeaderValue::from_static("nosniff");
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, nosniff);
    let fresh = HeaderValue::from_static("no-store");
    headers.insert(header::CACHE_CONTROL, fresh);
    response
}
