//! Trace and span ids: fixed bytes, never zero, printed as lower-case hex.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Why some bytes or text are not an id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// The id has the wrong number of bytes.
    #[error("an id of {expected} bytes has {actual}")]
    WrongLength {
        /// How many bytes this kind of id has.
        expected: usize,
        /// How many were given.
        actual: usize,
    },
    /// All bytes are zero, which the W3C trace context reserves for "no id".
    #[error("an id of nothing but zeros")]
    Zero,
    /// The text is empty, too long, or holds something else than hex digits.
    #[error("not a hexadecimal id of 1 to {max_digits} digits")]
    NotHex {
        /// The longest text that is accepted.
        max_digits: usize,
    },
}

/// Parses 1 to `2 * N` hex digits, left-padded with zeros.
fn parse_hex<const N: usize>(text: &str) -> Result<[u8; N], IdError> {
    let not_hex = IdError::NotHex { max_digits: 2 * N };
    let digits = text.as_bytes();
    if digits.is_empty() || digits.len() > 2 * N {
        return Err(not_hex);
    }
    let mut bytes = [0u8; N];
    for (place, digit) in digits.iter().rev().enumerate() {
        let nibble = match digit {
            b'0'..=b'9' => digit - b'0',
            b'a'..=b'f' => digit - b'a' + 10,
            b'A'..=b'F' => digit - b'A' + 10,
            _ => return Err(not_hex),
        };
        bytes[N - 1 - place / 2] |= nibble << (4 * (place % 2));
    }
    Ok(bytes)
}

fn write_hex(bytes: &[u8], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
}

macro_rules! id {
    ($name:ident, $len:literal, $doc:literal) => {
        #[doc = $doc]
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name([u8; $len]);

        impl $name {
            /// Number of bytes.
            pub const LEN: usize = $len;

            /// The id of these bytes, unless all are zero.
            pub const fn new(bytes: [u8; $len]) -> Option<Self> {
                let mut i = 0;
                while i < $len {
                    if bytes[i] != 0 {
                        return Some(Self(bytes));
                    }
                    i += 1;
                }
                None
            }

            /// The id of a slice of exactly [`Self::LEN`] bytes.
            pub fn from_slice(bytes: &[u8]) -> Result<Self, IdError> {
                let array = bytes.try_into().map_err(|_| IdError::WrongLength {
                    expected: $len,
                    actual: bytes.len(),
                })?;
                Self::new(array).ok_or(IdError::Zero)
            }

            /// Parses hex digits of either case, left-padded with zeros when there are fewer.
            pub fn parse(text: &str) -> Result<Self, IdError> {
                Self::new(parse_hex::<$len>(text)?).ok_or(IdError::Zero)
            }

            /// The raw bytes, big-endian.
            pub const fn as_bytes(&self) -> &[u8; $len] {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write_hex(&self.0, f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
                Self::parse(&text).map_err(serde::de::Error::custom)
            }
        }
    };
}

id!(
    TraceId,
    16,
    "Identifies a trace: 16 bytes, not all zero. Printed as 32 hex digits."
);
id!(
    SpanId,
    8,
    "Identifies a span within its trace: 8 bytes, not all zero. 16 hex digits."
);

impl TraceId {
    /// Whether the high eight bytes are zero, as in ids that 64-bit tracers make.
    pub fn is_short(&self) -> bool {
        self.0[..8].iter().all(|byte| *byte == 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_hex_is_padded_on_the_left() {
        let id = TraceId::parse("aBc").expect("three digits are an id");
        assert_eq!(id.to_string(), "00000000000000000000000000000abc");
        assert!(id.is_short());
    }

    #[test]
    fn zero_is_no_id() {
        assert_eq!(TraceId::parse("0"), Err(IdError::Zero));
        assert_eq!(SpanId::from_slice(&[0; 8]), Err(IdError::Zero));
    }

    #[test]
    fn a_wrong_length_is_told_with_both_lengths() {
        assert_eq!(
            SpanId::from_slice(&[1; 7]),
            Err(IdError::WrongLength {
                expected: 8,
                actual: 7
            })
        );
    }

    #[test]
    fn what_is_not_hex_is_refused() {
        for text in ["", "../../admin", "1'--", "٣", &"1".repeat(33)] {
            assert!(
                matches!(TraceId::parse(text), Err(IdError::NotHex { .. })),
                "{text}"
            );
        }
    }
}
