//! Compressed bodies, decompressed in steps under a limit.

use std::io::{Cursor, ErrorKind, Read};

use bytes::Bytes;

use super::admission::{Full, Permit};

/// Content codings that the receivers speak.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Coding {
    Gzip,
    Zstd,
    /// What HTTP calls deflate: deflate in a zlib frame.
    Deflate,
}

/// Largest window of a zstd frame, as a power of two: 8 MiB, which is as much memory.
const ZSTD_WINDOW_LOG_MAX: u32 = 23;
/// How much is decompressed at a time.
const STEP: usize = 64 << 10;
/// Other tasks get their turn after so many steps.
const STEPS_PER_TURN: usize = 8;
/// A ratio that only a decompression bomb reaches, looked at once there is this much output.
const MAX_RATIO: usize = 200;
const RATIO_MATTERS_FROM: usize = 1 << 20;

/// Why a body was not decompressed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DecompressError {
    #[error("the body does not follow its content encoding")]
    Corrupt(#[source] std::io::Error),
    #[error("the decompressed body is larger than {limit} bytes")]
    TooLarge { limit: usize },
    #[error("the body decompresses to more than {MAX_RATIO} times its size")]
    Bomb,
    #[error("there is no room for the decompressed body")]
    Full,
}

impl Coding {
    /// The coding of this name; `None` for one that is not spoken.
    pub(crate) fn parse(name: &[u8]) -> Option<Self> {
        let is = |other: &str| name.eq_ignore_ascii_case(other.as_bytes());
        match () {
            () if is("gzip") || is("x-gzip") => Some(Self::Gzip),
            () if is("zstd") => Some(Self::Zstd),
            () if is("deflate") || is("zlib") => Some(Self::Deflate),
            () => None,
        }
    }

    fn reader(self, body: Bytes) -> std::io::Result<Box<dyn Read + Send>> {
        let body = Cursor::new(body);
        Ok(match self {
            Self::Gzip => Box::new(flate2::bufread::MultiGzDecoder::new(body)),
            Self::Deflate => Box::new(flate2::bufread::ZlibDecoder::new(body)),
            Self::Zstd => {
                let mut decoder = zstd::stream::read::Decoder::with_buffer(body)?;
                decoder.window_log_max(ZSTD_WINDOW_LOG_MAX)?;
                Box::new(decoder)
            }
        })
    }
}

/// Decompresses a body of at most `limit` bytes. Its room is taken step by step.
pub(crate) async fn decompress(
    coding: Coding,
    body: Bytes,
    limit: usize,
    permit: &mut Permit,
) -> Result<Bytes, DecompressError> {
    let encoded = body.len();
    let mut reader = coding.reader(body).map_err(DecompressError::Corrupt)?;
    let mut output = Vec::new();
    for step in 1usize.. {
        let before = output.len();
        // One byte more than allowed tells "as large as allowed" from "larger".
        let most = STEP.min(limit + 1 - before);
        output.resize(before + most, 0);
        let read =
            read_some(&mut reader, &mut output[before..]).map_err(DecompressError::Corrupt)?;
        output.truncate(before + read);
        if read == 0 {
            break;
        }
        if output.len() > limit {
            return Err(DecompressError::TooLarge { limit });
        }
        if output.len() > RATIO_MATTERS_FROM && output.len() / MAX_RATIO > encoded {
            return Err(DecompressError::Bomb);
        }
        permit.grow(read).map_err(|Full| DecompressError::Full)?;
        if step.is_multiple_of(STEPS_PER_TURN) {
            tokio::task::yield_now().await;
        }
    }
    Ok(output.into())
}

fn read_some(reader: &mut impl Read, buffer: &mut [u8]) -> std::io::Result<usize> {
    loop {
        match reader.read(buffer) {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::receive::Admission;
    use std::io::Write;

    fn gzipped(content: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(content).expect("in memory");
        encoder.finish().expect("in memory")
    }

    async fn read(coding: Coding, body: Vec<u8>, limit: usize) -> Result<Bytes, DecompressError> {
        let mut permit = Admission::new(usize::MAX).permit();
        decompress(coding, body.into(), limit, &mut permit).await
    }

    #[tokio::test]
    async fn a_body_as_large_as_allowed_is_read_and_a_larger_one_refused() {
        let content: Vec<u8> = (0..100_000u32)
            .flat_map(|n| (n * 7919).to_le_bytes())
            .collect();
        let body = gzipped(&content);
        let whole = read(Coding::Gzip, body.clone(), content.len())
            .await
            .expect("it fits");
        assert_eq!(whole, content);
        let refused = read(Coding::Gzip, body, content.len() - 1).await;
        assert!(matches!(refused, Err(DecompressError::TooLarge { .. })));
    }

    #[tokio::test]
    async fn a_bomb_stops_long_before_the_limit() {
        let body = gzipped(&vec![0; 64 << 20]);
        let refused = read(Coding::Gzip, body, usize::MAX - 1).await;
        assert!(matches!(refused, Err(DecompressError::Bomb)));
    }

    #[tokio::test]
    async fn what_is_cut_off_or_altered_is_corrupt() {
        let body = gzipped(b"some content that is long enough");
        let mut altered = body.clone();
        let checksum = body.len() - 6;
        altered[checksum] ^= 1;
        for broken in [body[..body.len() - 3].to_vec(), altered] {
            let refused = read(Coding::Gzip, broken, 1 << 20).await;
            assert!(
                matches!(refused, Err(DecompressError::Corrupt(_))),
                "{refused:?}"
            );
        }
    }

    #[tokio::test]
    async fn a_zstd_window_beyond_the_limit_is_refused() {
        // Frame header: magic, descriptor without single segment, window descriptor for 2^31.
        let mut frame = vec![0x28, 0xb5, 0x2f, 0xfd, 0x00, (31 - 10) << 3];
        frame.extend([0x01, 0x00, 0x00]);
        let refused = read(Coding::Zstd, frame, 1 << 20).await;
        assert!(
            matches!(refused, Err(DecompressError::Corrupt(_))),
            "{refused:?}"
        );
    }

    #[tokio::test]
    async fn room_is_taken_for_what_comes_out() {
        let mut permit = Admission::new(1000).permit();
        let body = gzipped(&[7; 2000]).into();
        let refused = decompress(Coding::Gzip, body, 1 << 20, &mut permit).await;
        assert!(matches!(refused, Err(DecompressError::Full)));
    }
}
