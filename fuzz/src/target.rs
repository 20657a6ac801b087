//! What is fuzzed, by name.

use bumpalo::Bump;
use collector::Encoding;
use collector::decode::{self, DecodeLimits};
use model::SpanBatch;
use schemas::{SchemaId, SchemaSet, TRACE_CHUNK_SCHEMA};
use storage::decoders::{self, Vocabulary};

/// Small, so that a body that asks for more than it has shows in the limits on memory.
const LIMITS: DecodeLimits = DecodeLimits {
    spans: 1_000,
    items: 100_000,
};

/// What the payloads among the seeds refer to.
const DICTIONARY: &[u8] =
    include_bytes!("../../storage/src/payload/interned/golden_dictionary_v1.bin");
/// Longer ones may ask for more memory than libFuzzer permits: the frame of zstd is believed.
const LONGEST_PAYLOAD: usize = 1_500;

/// Receivers' encodings by the names of their targets.
const ENCODINGS: [(&str, Encoding); 12] = [
    ("otlp-protobuf", Encoding::Protobuf),
    ("otlp-json", Encoding::Json),
    ("jaeger-protobuf", Encoding::JaegerProtobuf),
    ("jaeger-span-protobuf", Encoding::JaegerSpanProtobuf),
    ("jaeger-span-json", Encoding::JaegerSpanJson),
    ("jaeger-thrift", Encoding::JaegerThrift),
    ("agent-compact", Encoding::AgentCompact),
    ("agent-binary", Encoding::AgentBinary),
    ("zipkin-json", Encoding::ZipkinJson),
    ("zipkin-protobuf", Encoding::ZipkinProtobuf),
    ("zipkin-v1-json", Encoding::ZipkinV1Json),
    ("zipkin-v1-thrift", Encoding::ZipkinV1Thrift),
];

/// A decoder.
pub enum Target {
    /// A receiver's.
    Request(Encoding),
    /// That of records of our own topic.
    Record(SchemaSet),
    /// That of the text of a filter.
    Filter,
    /// That of segments' payloads.
    Payload(Box<Vocabulary>),
    /// One of the others of the store.
    Stored(fn(&[u8]) -> bool),
}

impl Target {
    /// The one that `SPOOR_FUZZ_TARGET` names.
    ///
    /// # Panics
    /// If it names none.
    pub fn from_environment() -> Self {
        let name = std::env::var("SPOOR_FUZZ_TARGET").unwrap_or_default();
        let encoding = ENCODINGS.iter().find(|(known, _)| *known == name);
        match (encoding, name.as_str()) {
            (Some((_, encoding)), _) => Self::Request(*encoding),
            (None, "record") => Self::Record(embedded()),
            (None, "filter") => Self::Filter,
            (None, "payload") => {
                Self::Payload(Box::new(Vocabulary::of(DICTIONARY).expect("a dictionary")))
            }
            (None, "index-page") => Self::Stored(decoders::decodes_index_page),
            (None, "index-directory") => Self::Stored(decoders::decodes_index_directory),
            (None, "dictionary") => Self::Stored(decoders::decodes_dictionary),
            (None, "resource") => Self::Stored(decoders::decodes_resource),
            (None, _) => panic!("SPOOR_FUZZ_TARGET is {name:?}, which is no target"),
        }
    }

    /// Decodes what there is; an error is as good as spans.
    pub fn take(&self, data: &[u8]) {
        let arena = Bump::new();
        match self {
            Self::Request(encoding) => {
                let _ = decode::spans(*encoding, data, &arena, LIMITS);
            }
            Self::Record(schemas) => {
                let mut batch = SpanBatch::default();
                let decoded = schemas.decode(data, &arena, &mut batch);
                assert!(decoded.is_ok() || batch.spans.is_empty(), "half a record");
            }
            Self::Filter => {
                if let Ok(text) = std::str::from_utf8(data) {
                    let _ = query::parse::filter::parse(text);
                }
            }
            Self::Payload(vocabulary) => {
                let _ = data.len() <= LONGEST_PAYLOAD && vocabulary.decodes_payload(data);
            }
            Self::Stored(decodes) => {
                let _ = decodes(data);
            }
        }
    }
}

fn embedded() -> SchemaSet {
    let mut schemas = SchemaSet::new();
    schemas
        .announce(SchemaId(1), TRACE_CHUNK_SCHEMA)
        .expect("the embedded schema is one");
    schemas
}
