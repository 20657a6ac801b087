//! The one message of a unary gRPC call: five bytes of frame, then the message.

use bytes::{BufMut, Bytes, BytesMut};
use http::{HeaderMap, HeaderValue, Request};
use http_body_util::{BodyExt, Full};
use tonic::body::Body;

use super::body::{self, BodyLimits};
use super::decompress::{Coding, decompress};
use super::unary::Method;
use super::{Export, Refused, Shared};
use crate::enrich::{self, Origin};
use crate::metrics;
use crate::receive::Ingest;

/// A flag for compression and the length of the message.
const HEADER: usize = 5;

/// Checks the head, reads the message, decompresses it.
pub(super) async fn receive<P: Ingest, M: Method>(
    shared: &Shared<P>,
    request: Request<Body>,
) -> Result<Export, Refused> {
    let (head, body) = request.into_parts();
    let coding = coding(&head.headers)?;
    let tenant = enrich::tenant(&head.headers, &shared.config.tenancy).map_err(Refused::Tenant)?;
    let limit = shared.config.limits.request_bytes.as_usize();
    shared.check_room(0)?;
    let mut permit = shared.admission.permit();
    let timeout = M::connections(&shared.config).body_timeout;
    let limits = BodyLimits {
        bytes: limit + HEADER,
        timeout,
    };
    // Tonic's error may be the client's reset or the connection's end: either way it broke off.
    let check =
        |arrived: &[u8]| Header::read(arrived).map_or(Ok(()), |header| header?.check(limit));
    let framed = body::read(body, &limits, &mut permit, check).await?;
    let (header, message) = split(framed)?;
    let encoded_len = message.len();
    let body = match (header.compressed, coding) {
        (false, _) => message,
        (true, None) => {
            return Err(Refused::Framing(
                "compressed, but no grpc-encoding is named",
            ));
        }
        (true, Some(coding)) => {
            let decoded = decompress(coding, message, limit, &mut permit).await?;
            permit.shrink(encoded_len);
            decoded
        }
    };
    metrics::request_size(M::PROTOCOL, encoded_len, body.len());
    let origin = Origin {
        tenant,
        received_at: bootstrap::clock::now(),
    };
    Ok(Export {
        protocol: M::PROTOCOL,
        encoding: M::ENCODING,
        body,
        origin,
        permit,
    })
}

fn coding(headers: &HeaderMap) -> Result<Option<Coding>, Refused> {
    match headers.get("grpc-encoding").map(HeaderValue::as_bytes) {
        None | Some(b"identity") => Ok(None),
        Some(name) => Coding::parse(name)
            .map(Some)
            .ok_or(Refused::ContentEncoding),
    }
}

/// The frame in front of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Header {
    compressed: bool,
    length: usize,
}

impl Header {
    /// Reads the frame once it has arrived.
    fn read(arrived: &[u8]) -> Option<Result<Self, Refused>> {
        let [flag, length @ ..] = *arrived.first_chunk::<HEADER>()?;
        let length = u32::from_be_bytes(length) as usize;
        Some(match flag {
            0 | 1 => Ok(Self {
                compressed: flag == 1,
                length,
            }),
            _ => Err(Refused::Framing("the compression flag is neither 0 nor 1")),
        })
    }

    /// Refuses a message by its declared length, before it has arrived.
    fn check(self, limit: usize) -> Result<(), Refused> {
        if self.length > limit {
            Err(Refused::BodyTooLarge { limit })
        } else {
            Ok(())
        }
    }
}

fn split(mut framed: Bytes) -> Result<(Header, Bytes), Refused> {
    let header = Header::read(&framed).ok_or(Refused::Framing("there is no message"))??;
    let message = framed.split_off(HEADER);
    match message.len().cmp(&header.length) {
        std::cmp::Ordering::Equal => Ok((header, message)),
        std::cmp::Ordering::Less => Err(Refused::Framing("the message is cut off")),
        std::cmp::Ordering::Greater => Err(Refused::Framing("there is more than one message")),
    }
}

/// A body of one message, followed by the trailers of success.
pub(super) fn one_message(message: &[u8]) -> Body {
    let mut framed = BytesMut::with_capacity(HEADER + message.len());
    framed.put_u8(0);
    framed.put_u32(message.len() as u32);
    framed.put_slice(message);
    let mut trailers = HeaderMap::with_capacity(1);
    trailers.insert("grpc-status", HeaderValue::from_static("0"));
    let trailers = std::future::ready(Some(Ok(trailers)));
    Body::new(Full::new(framed.freeze()).with_trailers(trailers))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_read_once_it_has_arrived() {
        assert!(Header::read(&[0, 0, 0, 0]).is_none());
        let header = Header::read(&[1, 0, 0, 1, 2, 99])
            .expect("five bytes")
            .expect("a flag");
        assert_eq!(
            header,
            Header {
                compressed: true,
                length: 258
            }
        );
    }

    #[test]
    fn an_unknown_flag_is_refused() {
        assert!(matches!(
            Header::read(&[7, 0, 0, 0, 0]),
            Some(Err(Refused::Framing(_)))
        ));
    }

    #[test]
    fn exactly_one_message_is_taken() {
        let one =
            |bytes: &'static [u8]| split(Bytes::from_static(bytes)).map(|(_, message)| message);
        assert_eq!(one(&[0, 0, 0, 0, 1, 9]).expect("a message"), [9u8][..]);
        for wrong in [&[][..], &[0, 0, 0, 0, 2, 9], &[0, 0, 0, 0, 1, 9, 9]] {
            assert!(matches!(
                split(Bytes::copy_from_slice(wrong)),
                Err(Refused::Framing(_))
            ));
        }
    }
}
