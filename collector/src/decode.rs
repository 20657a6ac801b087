//! decode: a request's bytes → [`SpanBatch`], in one pass and without owning what can be borrowed.
//!
//! What a decoder promises, whatever the encoding:
//! - **One pass, linear, bounded.** Time and memory grow with the body and stop at [`DecodeLimits`].
//! - **Storable text.** Bytes that are not UTF-8 and U+0000 become U+FFFD, with a repair mark.
//! - **Neighbours are untouched.** A span without valid ids is counted and left out; the others stay.
//!   Zipkin's protocol alone refuses all of them, since it knows no answer for a part.
//! - **All or nothing in syntax.** A body that is not what it says is refused as a whole.

mod builder;
mod text;
mod wire;
mod json;
mod thrift;
mod scopes;
pub mod otlp_protobuf;
pub mod otlp_json;
mod jaeger;
mod jaeger_protobuf;
mod jaeger_json;
mod jaeger_thrift;
mod jaeger_agent;
mod zipkin;

use bumpalo::Bump;
use model::{Refusal, Repairs, SpanBatch, Tally};

pub use self::thrift::ThriftError;

use crate::config::LimitsConfig;
use crate::receive::Encoding;

/// AnyValues may be nested this deep in a request; deeper ones make it malformed.
pub const MAX_NESTING: u32 = 100;

/// AnyValues are stored nested this deep; what is deeper is flattened to its text.
pub const MAX_STORED_NESTING: u32 = 32;

/// Where decoding stops.
#[derive(Debug, Clone, Copy)]
pub struct DecodeLimits {
    /// Most spans of a request.
    pub spans: usize,
    /// Most resources, scopes, attributes, list elements, events and links of a request together.
    pub items: usize,
}

impl From<&LimitsConfig> for DecodeLimits {
    fn from(config: &LimitsConfig) -> Self {
        Self {
            spans: config.spans,
            items: config.items,
        }
    }
}

/// Decodes a request.
///
/// # Errors
/// When the body is not what its encoding says, or holds more than `limits` allows.
pub fn spans<'a>(
    encoding: Encoding,
    body: &'a [u8],
    arena: &'a Bump,
    limits: DecodeLimits,
) -> Result<Decoded<'a>, DecodeError> {
    match encoding {
        Encoding::Protobuf => otlp_protobuf::decode(body, arena, limits),
        Encoding::Json => otlp_json::decode(body, arena, limits),
        Encoding::JaegerProtobuf => jaeger_protobuf::decode(body, arena, limits),
        Encoding::JaegerSpanProtobuf => jaeger_protobuf::decode_span(body, arena, limits),
        Encoding::JaegerSpanJson => jaeger_json::decode_span(body, arena, limits),
        Encoding::JaegerThrift => jaeger_thrift::decode(body, arena, limits),
        Encoding::AgentCompact => {
            jaeger_agent::decode(thrift::Protocol::Compact, body, arena, limits)
        }
        Encoding::AgentBinary => {
            jaeger_agent::decode(thrift::Protocol::Binary, body, arena, limits)
        }
        Encoding::ZipkinJson => zipkin::v2_json::decode(body, arena, limits),
        Encoding::ZipkinProtobuf => zipkin::v2_protobuf::decode(body, arena, limits),
        Encoding::ZipkinV1Json => zipkin::v1_json::decode(body, arena, limits),
        Encoding::ZipkinV1Thrift => zipkin::v1_thrift::decode(body, arena, limits),
    }
}

/// What a request held.
#[derive(Debug, Default)]
pub struct Decoded<'a> {
    /// The spans with valid ids.
    pub batch: SpanBatch<'a>,
    /// Repairs to each resource, which count for all of its spans.
    pub resource_repairs: Vec<Repairs>,
    /// Repairs to each scope, which count for all of its spans.
    pub scope_repairs: Vec<Repairs>,
    /// The spans that were left out.
    pub rejected: Tally,
    /// What the client says that it has sent and dropped, if it does.
    pub client: Option<ClientCount>,
}

/// What one of Jaeger's clients says of itself since its start: `seqNo` and `stats` of a `Batch`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ClientCount {
    /// Batches that it has sent, this one included.
    pub batches: u64,
    /// Spans that it has dropped because its queue was full.
    pub queue_full: u64,
    /// Spans that it has dropped because they were larger than a datagram may be.
    pub too_large: u64,
    /// Spans that it could not send.
    pub unsent: u64,
}

/// Why a body cannot be decoded at all.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// A field's length points beyond the end.
    #[error("the protobuf message ends in the middle of a field")]
    Truncated,
    /// A varint of more than 64 bits.
    #[error("the protobuf message has a varint of more than ten bytes")]
    Varint,
    /// A field number of zero or beyond 29 bits.
    #[error("the protobuf message has a field with an impossible number")]
    FieldNumber,
    /// A known field with the wrong wire type, or a wire type that does not exist.
    #[error("protobuf field {field} has wire type {wire_type}")]
    WireType {
        /// Number of the field within its message.
        field: u32,
        /// Wire type found.
        wire_type: u8,
    },
    /// Values within values within values.
    #[error("an attribute value is nested more than {MAX_NESTING} deep")]
    Nesting,
    /// Too many spans.
    #[error("the request has more than {limit} spans")]
    TooManySpans {
        /// The limit.
        limit: usize,
    },
    /// Too many of everything else.
    #[error("the request has more than {limit} attributes, events, links, scopes and resources")]
    TooManyItems {
        /// The limit.
        limit: usize,
    },
    /// Not JSON, or not the JSON of the protocol.
    #[error("the body is not the JSON that it should be")]
    Json(#[source] serde_json::Error),
    /// Not Thrift's binary protocol, or not what the protocol puts into it.
    #[error(transparent)]
    Thrift(#[from] ThriftError),
    /// An id that cannot be one, where the protocol refuses all for it.
    #[error("`{field}` is missing or no id")]
    InvalidId {
        /// The field's name in the protocol.
        field: &'static str,
    },
    /// A span of another version of the protocol.
    #[error("`{field}` belongs to the other version of Zipkin's spans")]
    OtherVersion {
        /// The field's name in the protocol.
        field: &'static str,
    },
}

impl DecodeError {
    /// The refusal that this error means for the request.
    pub fn refusal(&self) -> Refusal {
        match self {
            Self::TooManySpans { .. } | Self::TooManyItems { .. } => Refusal::TooLarge,
            Self::Truncated
            | Self::Varint
            | Self::FieldNumber
            | Self::WireType { .. }
            | Self::Nesting
            | Self::Json(_)
            | Self::Thrift(_)
            | Self::InvalidId { .. }
            | Self::OtherVersion { .. } => Refusal::Malformed,
        }
    }
}
