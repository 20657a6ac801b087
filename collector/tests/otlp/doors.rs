//! The receivers beside OTLP: Jaeger's and Zipkin's protocols in, records out.

pub mod thrift_wire;
pub mod jaeger_wire;
pub mod zipkin_wire;
mod goldens;
mod single_span;
mod properties;
pub mod mutations;
mod answers;
mod bad_input;
mod same_trace;

use bumpalo::Bump;
use collector::Encoding;
use collector::decode::{self, DecodeError, DecodeLimits};
use model::ResourceSpans;

/// Every encoding of these receivers.
const ENCODINGS: [Encoding; 8] = [
    Encoding::JaegerProtobuf,
    Encoding::JaegerSpanProtobuf,
    Encoding::JaegerSpanJson,
    Encoding::JaegerThrift,
    Encoding::ZipkinJson,
    Encoding::ZipkinProtobuf,
    Encoding::ZipkinV1Json,
    Encoding::ZipkinV1Thrift,
];

/// What a body holds, resources without spans left out.
fn decoded(encoding: Encoding, body: &[u8]) -> Result<Vec<ResourceSpans>, DecodeError> {
    let (arena, limits) = (
        Bump::new(),
        DecodeLimits {
            spans: 1_000,
            items: 100_000,
        },
    );
    let decoded = decode::spans(encoding, body, &arena, limits)?;
    let mut resources = crate::traces::owned(&decoded.batch);
    resources.retain(|of| !of.scopes.is_empty());
    Ok(resources)
}
