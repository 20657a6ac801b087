//! The same traffic in each protocol that a collector receives.

use bumpalo::Bump;
use collector::Encoding;
use model::{ResourceSpans, TraceId};

use crate::collect::{self, CollectorStages};
use crate::{jaeger_wire, zipkin_wire};

/// Bodies of requests in one protocol.
pub(crate) struct Door {
    pub(crate) name: &'static str,
    pub(crate) encoding: Encoding,
    pub(crate) bodies: Vec<Vec<u8>>,
}

/// The traffic of some windows, once for each protocol. Jaeger and Zipkin have a request for each process
/// that OTLP has a resource for.
pub(crate) fn doors(stages: &CollectorStages, seed: u64, windows: u64) -> Vec<Door> {
    let protobuf = collect::bodies(seed, windows);
    let json = |request| serde_json::to_vec(&request).expect("OTLP has a JSON form");
    let otlp_json = collect::requests(seed, windows).map(json).collect();
    let processes: Vec<ResourceSpans> = protobuf
        .iter()
        .flat_map(|body| owned(stages, body))
        .collect();
    let each = |encode: fn(&ResourceSpans) -> Vec<u8>| processes.iter().map(encode).collect();
    [
        ("OTLP, protobuf", Encoding::Protobuf, protobuf),
        ("OTLP, JSON", Encoding::Json, otlp_json),
        (
            "Jaeger, protobuf",
            Encoding::JaegerProtobuf,
            each(jaeger_wire::post_spans),
        ),
        (
            "Jaeger, Thrift",
            Encoding::JaegerThrift,
            each(jaeger_wire::batch),
        ),
        (
            "Zipkin v2, JSON",
            Encoding::ZipkinJson,
            each(|of| zipkin_wire::v2_json(of).to_string().into_bytes()),
        ),
        (
            "Zipkin v2, protobuf",
            Encoding::ZipkinProtobuf,
            each(zipkin_wire::v2_protobuf),
        ),
        (
            "Zipkin v1, JSON",
            Encoding::ZipkinV1Json,
            each(|of| zipkin_wire::v1_json(of).to_string().into_bytes()),
        ),
        (
            "Zipkin v1, Thrift",
            Encoding::ZipkinV1Thrift,
            each(zipkin_wire::v1_thrift),
        ),
    ]
    .map(|(name, encoding, bodies)| Door {
        name,
        encoding,
        bodies,
    })
    .into()
}

/// What a request holds, by resource and scope.
fn owned(stages: &CollectorStages, body: &[u8]) -> Vec<ResourceSpans> {
    let arena = Bump::new();
    let batch = stages.decode(Encoding::Protobuf, body, &arena).batch;
    let any = TraceId::new([1; 16]).expect("not zero");
    batch.own_trace(any, 0..batch.spans.len() as u32).resources
}
