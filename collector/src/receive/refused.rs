//! Why a request is refused: what went wrong at which stage.

use std::error::Error;
use std::time::Duration;

use model::Refusal;

use super::decompress::DecompressError;
use crate::decode::DecodeError;
use crate::encode::EncodeError;
use crate::enrich::UnknownTenant;
use crate::publish::PublishError;

/// Longest text that is sent back: a parser's message may quote the request.
const MAX_MESSAGE: usize = 256;

/// Why a request is refused as a whole.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// The method is not POST.
    #[error("only POST is allowed")]
    Method,
    /// The content type is none that the receiver speaks, or missing.
    #[error("the content type must be application/x-protobuf or application/json")]
    MediaType,
    /// As before, in the words of the receiver's protocol.
    #[error("{0}")]
    ContentType(String),
    /// The content encoding is none that the receiver speaks.
    #[error("the content encoding must be gzip, zstd, deflate or identity")]
    ContentEncoding,
    /// No tenant can be told from the headers.
    #[error("the request belongs to no tenant")]
    Tenant(#[source] UnknownTenant),
    /// The body is, or says it is, larger than allowed.
    #[error("the body is larger than {limit} bytes")]
    BodyTooLarge {
        /// The limit.
        limit: usize,
    },
    /// The body did not arrive in time.
    #[error("the body did not arrive within {after:?}")]
    Timeout {
        /// The limit.
        after: Duration,
    },
    /// The connection ended in the middle of the body.
    #[error("the body broke off")]
    BrokenOff,
    /// The gRPC message is not framed as one.
    #[error("the body is not one gRPC message: {0}")]
    Framing(&'static str),
    /// The body cannot be decompressed: corrupt.
    #[error("the body cannot be decompressed")]
    Corrupt(#[source] std::io::Error),
    /// The decompressed body is larger than allowed, or suspiciously larger than what was sent.
    #[error("the decompressed body is too large: {0}")]
    Inflated(String),
    /// The body cannot be decoded.
    #[error("the body cannot be decoded")]
    Decode(#[from] DecodeError),
    /// The records of the request are too large.
    #[error("the request cannot be encoded")]
    Encode(#[from] EncodeError),
    /// There is no room for the request.
    #[error("too much is under way; try again")]
    Overloaded,
    /// The records are not durable.
    #[error("the spans could not be made durable")]
    Publish(#[from] PublishError),
    /// The process is stopping and its time is over.
    #[error("the collector is stopping; try again")]
    Draining,
}

impl Refused {
    /// The refusal: label of metric and log, and what the answer's code follows from.
    pub fn refusal(&self) -> Refusal {
        match self {
            Self::Method => Refusal::MethodNotAllowed,
            Self::MediaType | Self::ContentType(_) => Refusal::UnsupportedMediaType,
            Self::ContentEncoding => Refusal::UnsupportedEncoding,
            Self::Tenant(error) => error.refusal(),
            Self::BodyTooLarge { .. } | Self::Inflated(_) => Refusal::TooLarge,
            Self::Timeout { .. } => Refusal::Timeout,
            Self::BrokenOff | Self::Framing(_) | Self::Corrupt(_) => Refusal::Malformed,
            Self::Decode(error) => error.refusal(),
            Self::Encode(EncodeError::TooLarge { .. }) => Refusal::TooLarge,
            Self::Encode(EncodeError::Unencodable(_)) => Refusal::Malformed,
            Self::Overloaded => Refusal::Overloaded,
            Self::Publish(error) => error.refusal(),
            Self::Draining => Refusal::Draining,
        }
    }

    /// Whether the client should send the same request again.
    pub fn is_retryable(&self) -> bool {
        match self.refusal() {
            Refusal::Overloaded | Refusal::Unavailable | Refusal::Draining | Refusal::Timeout => {
                true
            }
            Refusal::Malformed
            | Refusal::TooLarge
            | Refusal::UnsupportedMediaType
            | Refusal::UnsupportedEncoding
            | Refusal::MethodNotAllowed
            | Refusal::InvalidTenant => false,
        }
    }

    /// When to come back, if the stage that refused can tell.
    pub(crate) fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Publish(PublishError::Overloaded { retry_after }) => *retry_after,
            _ => None,
        }
    }

    /// What the client is told. Nothing of the installation's inside.
    pub(crate) fn message(&self) -> String {
        let mut message = match self {
            // Jaeger's words, which clients may look for.
            Self::Tenant(error) => error.to_string(),
            Self::Decode(DecodeError::Json(error)) => error.to_string(),
            Self::Decode(error) => error.to_string(),
            Self::Encode(EncodeError::TooLarge { .. }) => {
                self.source().map_or_else(String::new, ToString::to_string)
            }
            _ => self.to_string(),
        };
        message.truncate(message.floor_char_boundary(MAX_MESSAGE));
        message
    }
}

impl From<DecompressError> for Refused {
    fn from(error: DecompressError) -> Self {
        match error {
            DecompressError::Corrupt(source) => Self::Corrupt(source),
            DecompressError::TooLarge { .. } | DecompressError::Bomb => {
                Self::Inflated(error.to_string())
            }
            DecompressError::Full => Self::Overloaded,
        }
    }
}
