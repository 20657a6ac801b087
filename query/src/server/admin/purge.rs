//! `POST /admin/purge`: the store is emptied. For test installations, and off unless switched on.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State};
use axum::response::Response;
use axum::routing::post;
use http::StatusCode;
use serde_json::json;
use tokio::time::Instant;

use super::token::Token;
use super::{MAX_BODY, failed, json, unauthorised};
use crate::QueryConfig;
use crate::admin::StoreAdmin;
use crate::api::admin::{AdminFailure, from_body, purge_order};
use crate::metrics::{self, InFlight};

const PURGE: &str = "/admin/purge";

struct Desk {
    admin: Arc<dyn StoreAdmin>,
    token: Token,
    limit: Duration,
}

/// The route; none unless there is a token and the switch is on.
pub(in crate::server) fn router(config: &QueryConfig, admin: Arc<dyn StoreAdmin>) -> Router {
    if !config.admin.purge || !config.admin.token.is_set() {
        return Router::new();
    }
    tracing::warn!("Whoever has the admin token may empty the store: `query.admin.purge` is on");
    let desk = Arc::new(Desk {
        admin,
        token: Token::new(config.admin.token.clone()),
        limit: config.limits.request_timeout,
    });
    Router::new().route(PURGE, post(answer)).with_state(desk)
}

async fn answer(State(desk): State<Arc<Desk>>, request: Request) -> Response {
    let began = Instant::now();
    let _in_flight = InFlight::begin();
    let response = match desk.token.is_in(request.headers()) {
        false => unauthorised(),
        true => match purge(&desk, request).await {
            Ok(body) => json(StatusCode::OK, body),
            Err(failure) => failed(PURGE, &failure),
        },
    };
    metrics::answered(PURGE, response.status().as_u16(), began.elapsed());
    response
}

/// A client that goes away, or whose time is over, does not end what it has begun.
async fn purge(desk: &Desk, request: Request) -> Result<Vec<u8>, AdminFailure> {
    let body = axum::body::to_bytes(request.into_body(), MAX_BODY).await;
    let body = body.map_err(|_| AdminFailure::Body(MAX_BODY))?;
    let archive = purge_order(&from_body(&body)?)?;
    let admin = desk.admin.clone();
    let purging = tokio::spawn(async move { admin.purge(archive).await });
    let purged = tokio::time::timeout(desk.limit, purging).await;
    let purged = purged.map_err(|_| AdminFailure::TimedOut)?;
    let purged = purged.map_err(|_| AdminFailure::Failed)??;
    let answer = json!({
        "generation": purged.generation,
        "partitions": purged.sources,
        "replaysCancelled": purged.replays_cancelled,
    });
    Ok(answer.to_string().into_bytes())
}
