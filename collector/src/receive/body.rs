//! Bodies read whole: under a limit, within a time, each byte taking its room as it arrives.

use std::pin::pin;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body::Body;
use http_body_util::BodyExt;

use super::Refused;
use super::admission::{Full, Permit};

/// How a body is to be read.
pub(super) struct BodyLimits {
    /// Most bytes.
    pub(super) bytes: usize,
    /// Longest time.
    pub(super) timeout: Duration,
}

/// Reads a body. `check` sees what has arrived each time there is more, and may refuse early.
pub(super) async fn read<B>(
    body: B,
    limits: &BodyLimits,
    permit: &mut Permit,
    check: impl Fn(&[u8]) -> Result<(), Refused>,
) -> Result<Bytes, Refused>
where
    B: Body<Data = Bytes>,
{
    let reading = collect(body, limits.bytes, permit, check);
    match tokio::time::timeout(limits.timeout, reading).await {
        Ok(result) => result,
        Err(_) => Err(Refused::Timeout {
            after: limits.timeout,
        }),
    }
}

async fn collect<B>(
    body: B,
    limit: usize,
    permit: &mut Permit,
    check: impl Fn(&[u8]) -> Result<(), Refused>,
) -> Result<Bytes, Refused>
where
    B: Body<Data = Bytes>,
{
    let mut body = pin!(body);
    let mut first = Bytes::new();
    let mut joined = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| Refused::BrokenOff)?;
        let Ok(data) = frame.into_data() else {
            continue;
        };
        let before = first.len() + joined.len();
        if before + data.len() > limit {
            return Err(Refused::BodyTooLarge { limit });
        }
        permit
            .grow(data.len())
            .map_err(|Full| Refused::Overloaded)?;
        // A body of one frame is never copied.
        if before == 0 {
            first = data;
        } else {
            joined.extend_from_slice(&std::mem::take(&mut first));
            joined.extend_from_slice(&data);
        }
        check(if joined.is_empty() { &first } else { &joined })?;
    }
    Ok(if joined.is_empty() {
        first
    } else {
        joined.freeze()
    })
}
