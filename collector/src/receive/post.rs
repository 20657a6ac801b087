//! Spans by POST: the head is checked, the body read and decompressed, whatever is in it.

use std::time::Duration;

use axum::body::Body;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH};
use http::{HeaderMap, HeaderValue, Method, Request};

use super::body::{self, BodyLimits};
use super::decompress::{Coding, decompress};
use super::{Encoding, Export, Protocol, Refused, Shared};
use crate::enrich::{self, Origin};
use crate::metrics;
use crate::receive::Ingest;

/// Through which receiver a request comes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Door {
    pub(super) protocol: Protocol,
    /// How long the body may take.
    pub(super) body_timeout: Duration,
}

/// Checks the head, reads the body, decompresses it. `encoding` is what the head says of the body.
pub(super) async fn receive<P: Ingest>(
    shared: &Shared<P>,
    request: Request<Body>,
    door: Door,
    encoding: Result<Encoding, Refused>,
) -> Result<Export, Refused> {
    let (head, body) = request.into_parts();
    if head.method != Method::POST {
        return Err(Refused::Method);
    }
    let encoding = encoding?;
    let coding = coding(&head.headers)?;
    let tenant = enrich::tenant(&head.headers, &shared.config.tenancy).map_err(Refused::Tenant)?;
    let limit = shared.config.limits.request_bytes.as_usize();
    let announced = announced_length(&head.headers);
    if announced > limit as u64 {
        return Err(Refused::BodyTooLarge { limit });
    }
    shared.check_room(announced as usize)?;
    let mut permit = shared.admission.permit();
    let limits = BodyLimits {
        bytes: limit,
        timeout: door.body_timeout,
    };
    let encoded = body::read(body, &limits, &mut permit, |_| Ok(())).await?;
    let encoded_len = encoded.len();
    let body = match coding {
        Some(coding) => {
            let decoded = decompress(coding, encoded, limit, &mut permit).await?;
            permit.shrink(encoded_len);
            decoded
        }
        None => encoded,
    };
    metrics::request_size(door.protocol, encoded_len, body.len());
    let origin = Origin {
        tenant,
        received_at: bootstrap::clock::now(),
    };
    Ok(Export {
        protocol: door.protocol,
        encoding,
        body,
        origin,
        permit,
    })
}

fn coding(headers: &HeaderMap) -> Result<Option<Coding>, Refused> {
    let mut values = headers.get_all(CONTENT_ENCODING).iter();
    match (values.next().map(HeaderValue::as_bytes), values.next()) {
        (None | Some(b"" | b"identity"), None) => Ok(None),
        (Some(name), None) => Coding::parse(name)
            .map(Some)
            .ok_or(Refused::ContentEncoding),
        (_, Some(_)) => Err(Refused::ContentEncoding),
    }
}

/// The length that the head announces; zero when it announces none.
fn announced_length(headers: &HeaderMap) -> u64 {
    let value = headers
        .get(CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok());
    value.and_then(|value| value.parse().ok()).unwrap_or(0)
}
