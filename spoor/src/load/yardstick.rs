//! What `zstd -3` makes of the same spans as one stream of OTLP: what a store is compared with.

use std::io::{self, Write};

use serde::Serialize;
use zstd::stream::write::Encoder;

/// As in `zstd -3`, which is the tool's default.
const LEVEL: i32 = 3;

/// Bytes of the requests one after another, and of the same compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(super) struct Yardstick {
    pub(super) otlp_bytes: u64,
    pub(super) zstd_bytes: u64,
}

/// Compresses requests and keeps nothing but the length.
pub(super) struct Measuring {
    encoder: Encoder<'static, Counted>,
    otlp_bytes: u64,
}

impl Measuring {
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self {
            encoder: Encoder::new(Counted::default(), LEVEL)?,
            otlp_bytes: 0,
        })
    }

    pub(super) fn add(&mut self, body: &[u8]) -> io::Result<()> {
        self.otlp_bytes += body.len() as u64;
        self.encoder.write_all(body)
    }

    pub(super) fn finish(self) -> io::Result<Yardstick> {
        Ok(Yardstick {
            otlp_bytes: self.otlp_bytes,
            zstd_bytes: self.encoder.finish()?.0,
        })
    }
}

/// Bytes that were written.
#[derive(Default)]
struct Counted(u64);

impl Write for Counted {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_compressed_as_one_stream() {
        let body: Vec<u8> = (0..20_000_u32)
            .flat_map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes())
            .collect();
        let mut once = Measuring::new().expect("starts");
        once.add(&body).expect("compresses");
        let once = once.finish().expect("ends");
        let mut twice = Measuring::new().expect("starts");
        twice.add(&body).expect("compresses");
        twice.add(&body).expect("compresses");
        let twice = twice.finish().expect("ends");
        assert_eq!(twice.otlp_bytes, 2 * once.otlp_bytes);
        assert!(twice.zstd_bytes < once.zstd_bytes + once.zstd_bytes / 10);
    }
}
