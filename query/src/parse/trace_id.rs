//! Trace ids as clients write them: 1 to 32 hex digits, or base64 of 16 or 8 bytes.

use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use model::{IdError, TraceId};

use crate::go::number::NumberError;

/// Why a text is no trace id; the words are Jaeger's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TraceIdError {
    /// More than 32 characters.
    #[error("TraceID cannot be longer than 32 hex characters: {0}")]
    TooLong(String),
    /// Neither hex nor base64 of an id.
    #[error(transparent)]
    NotAnId(#[from] NumberError),
    /// Nothing but zeros, which no trace has.
    #[error("a trace id of nothing but zeros")]
    Zero,
}

/// The longest base64 form of 16 bytes, padding included.
const MAX_BASE64: usize = 24;

/// Parses a trace id. Hex wins where a text is both.
pub fn parse_trace_id(text: &str) -> Result<TraceId, TraceIdError> {
    let not_hex = match TraceId::parse(text) {
        Ok(id) => return Ok(id),
        Err(IdError::Zero) => return Err(TraceIdError::Zero),
        Err(_) => NumberError::syntax("ParseUint", text),
    };
    if let Some(bytes) = decode_base64(text) {
        let mut padded = [0; TraceId::LEN];
        padded[TraceId::LEN - bytes.len()..].copy_from_slice(&bytes);
        return TraceId::new(padded).ok_or(TraceIdError::Zero);
    }
    if text.len() > 2 * TraceId::LEN {
        return Err(TraceIdError::TooLong(text.to_owned()));
    }
    Err(TraceIdError::NotAnId(not_hex))
}

/// The 16 or 8 bytes of a base64 text, of either alphabet, padded or not.
fn decode_base64(text: &str) -> Option<Vec<u8>> {
    if text.len() > MAX_BASE64 {
        return None;
    }
    let lenient =
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    let alphabets = [alphabet::STANDARD, alphabet::URL_SAFE];
    let mut decoded = alphabets
        .iter()
        .filter_map(|alphabet| GeneralPurpose::new(alphabet, lenient).decode(text).ok());
    decoded.find(|bytes| matches!(bytes.len(), 8 | 16))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn hex_of_any_length_and_base64_of_both_alphabets_are_ids() {
        let id = "fbf7651916cd43dd8448eb211c80319c";
        for text in [
            id,
            "FBF7651916CD43DD8448EB211C80319C",
            "+/dlGRbNQ92ESOshHIAxnA==",
            "-_dlGRbNQ92ESOshHIAxnA",
        ] {
            assert_eq!(
                parse_trace_id(text).map(|id| id.to_string()),
                Ok(id.to_owned()),
                "{text}"
            );
        }
        assert_eq!(
            parse_trace_id("1"),
            TraceId::parse("1").map_err(|_| TraceIdError::Zero)
        );
    }

    #[test]
    fn what_is_no_id_is_refused_before_anything_else() {
        for text in [
            "",
            "../../admin",
            "1'--",
            "٣",
            "0",
            "xyz",
            "+/dl",
            &"1".repeat(33),
        ] {
            assert!(parse_trace_id(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_an_id_or_refused(text in "\\PC{0,40}") {
            let _ = parse_trace_id(&text);
        }
    }
}
