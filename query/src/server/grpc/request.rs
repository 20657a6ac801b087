//! The one message of a call: five bytes of frame, then the message.

use std::io::Read;

use axum::extract::Request;
use bytes::Bytes;
use flate2::read::GzDecoder;
use http::HeaderMap;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use prost::Message;
use tonic::Status;
use tonic::metadata::MetadataValue;

/// Most bytes of a message, before and after it is decompressed: a question is short.
const LIMIT: usize = 1024 * 1024;
/// A flag for compression and the length of the message.
const FRAME: usize = 5;
const ENCODING: &str = "grpc-encoding";

/// Reads the message of a request.
pub(super) async fn read<M: Message + Default>(request: Request) -> Result<M, Status> {
    let (head, body) = request.into_parts();
    let gzip = is_gzip(&head.headers)?;
    let collected = Limited::new(body, FRAME + LIMIT).collect().await;
    let framed = collected.map_err(|error| {
        if error.is::<LengthLimitError>() {
            too_large()
        } else {
            Status::cancelled("the request broke off")
        }
    })?;
    let message = unframe(framed.to_bytes(), gzip)?;
    M::decode(message).map_err(|error| Status::invalid_argument(error.to_string()))
}

/// Whether messages may be compressed with gzip; every other coding is refused.
fn is_gzip(headers: &HeaderMap) -> Result<bool, Status> {
    match headers.get(ENCODING).map(|name| name.as_bytes()) {
        None | Some(b"identity") => Ok(false),
        Some(b"gzip") => Ok(true),
        Some(_) => {
            let mut status = Status::unimplemented("grpc-encoding must be gzip or identity");
            let accepted = MetadataValue::from_static("identity,gzip");
            status
                .metadata_mut()
                .insert("grpc-accept-encoding", accepted);
            Err(status)
        }
    }
}

fn unframe(framed: Bytes, gzip: bool) -> Result<Bytes, Status> {
    let broken = || Status::internal("the request is not one framed message");
    let (frame, message) = framed.split_at_checked(FRAME).ok_or_else(broken)?;
    let &[compressed, ref length @ ..] = frame else {
        return Err(broken());
    };
    let length = length.try_into().map(u32::from_be_bytes).ok();
    if length.and_then(|length| usize::try_from(length).ok()) != Some(message.len()) {
        return Err(broken());
    }
    match (compressed, gzip) {
        (0, _) => Ok(framed.slice(FRAME..)),
        (1, true) => gunzip(message),
        _ => Err(Status::internal(
            "compressed, but no grpc-encoding is named",
        )),
    }
}

fn gunzip(compressed: &[u8]) -> Result<Bytes, Status> {
    let mut message = Vec::new();
    GzDecoder::new(compressed)
        .take(LIMIT as u64 + 1)
        .read_to_end(&mut message)
        .map_err(|error| Status::internal(format!("not gzip: {error}")))?;
    if message.len() > LIMIT {
        return Err(too_large());
    }
    Ok(message.into())
}

fn too_large() -> Status {
    Status::resource_exhausted(format!("the request has more than {LIMIT} bytes"))
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;
    use proptest::prelude::*;

    use super::*;

    fn framed(compressed: u8, message: &[u8]) -> Bytes {
        let mut bytes = vec![compressed];
        bytes.extend_from_slice(&(message.len() as u32).to_be_bytes());
        bytes.extend_from_slice(message);
        bytes.into()
    }

    fn gzip(message: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(message).expect("memory");
        encoder.finish().expect("memory")
    }

    #[test]
    fn a_message_comes_plain_or_compressed() {
        let plain = unframe(framed(0, b"abc"), false).expect("a message");
        let packed = unframe(framed(1, &gzip(b"abc")), true).expect("a message");
        assert_eq!((&plain[..], &packed[..]), (&b"abc"[..], &b"abc"[..]));
    }

    #[test]
    fn a_message_that_grows_beyond_the_limit_is_refused() {
        let bomb = gzip(&vec![0; 64 * LIMIT]);
        let status = unframe(framed(1, &bomb), true).expect_err("too large");
        assert_eq!(status.code(), tonic::Code::ResourceExhausted);
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_message_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..40), gzip: bool) {
            let _ = unframe(bytes.into(), gzip);
        }
    }
}
