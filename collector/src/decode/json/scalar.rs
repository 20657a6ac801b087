//! Scalars of JSON: texts, ids in hex, numbers as numbers or strings, base64. Null stands for
//! the default of each.

use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use model::{IdError, SpanId, TraceId};
use serde::de::{DeserializeSeed, Deserializer, Error, Unexpected, Visitor};

use crate::decode::builder::Builder;

/// Standard base64, padded or not.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// A string, borrowed from the body unless it holds escapes or must be repaired.
pub(in crate::decode) struct Text<'x, 'a>(pub(in crate::decode) &'x mut Builder<'a>);

impl<'a> DeserializeSeed<'a> for Text<'_, 'a> {
    type Value = &'a str;

    fn deserialize<D: Deserializer<'a>>(self, json: D) -> Result<&'a str, D::Error> {
        json.deserialize_any(self)
    }
}

impl<'a> Visitor<'a> for Text<'_, 'a> {
    type Value = &'a str;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_borrowed_str<E>(self, text: &'a str) -> Result<&'a str, E> {
        Ok(self.0.valid_text(text))
    }

    fn visit_str<E>(self, text: &str) -> Result<&'a str, E> {
        let text = self.0.arena().alloc_str(text);
        Ok(self.0.valid_text(text))
    }

    fn visit_unit<E>(self) -> Result<&'a str, E> {
        Ok("")
    }
}

/// A string that is parsed at once.
pub(in crate::decode) struct Parsed<F>(pub(in crate::decode) F);

impl<'a, T, F: FnOnce(&str) -> T> DeserializeSeed<'a> for Parsed<F> {
    type Value = T;

    fn deserialize<D: Deserializer<'a>>(self, json: D) -> Result<T, D::Error> {
        json.deserialize_any(self)
    }
}

impl<T, F: FnOnce(&str) -> T> Visitor<'_> for Parsed<F> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_str<E>(self, text: &str) -> Result<T, E> {
        Ok((self.0)(text))
    }

    fn visit_unit<E>(self) -> Result<T, E> {
        Ok((self.0)(""))
    }
}

/// The trace id of exactly 32 hex digits.
pub(in crate::decode) fn trace_id(hex: &str) -> Result<TraceId, IdError> {
    check_digits(hex, TraceId::LEN).and_then(|()| TraceId::parse(hex))
}

/// The span id of exactly 16 hex digits.
pub(in crate::decode) fn span_id(hex: &str) -> Result<SpanId, IdError> {
    check_digits(hex, SpanId::LEN).and_then(|()| SpanId::parse(hex))
}

fn check_digits(hex: &str, expected: usize) -> Result<(), IdError> {
    let actual = hex.len().div_ceil(2);
    if hex.len() == 2 * expected {
        Ok(())
    } else {
        Err(IdError::WrongLength { expected, actual })
    }
}

/// Bytes in base64, with the standard or the URL-safe alphabet.
pub(in crate::decode) struct Base64;

impl<'a> DeserializeSeed<'a> for Base64 {
    type Value = Vec<u8>;

    fn deserialize<D: Deserializer<'a>>(self, json: D) -> Result<Vec<u8>, D::Error> {
        let decode = |text: &str| BASE64.decode(text.replace('-', "+").replace('_', "/"));
        Parsed(decode).deserialize(json)?.map_err(D::Error::custom)
    }
}

/// A whole number of one of protobuf's types, as a number or a decimal string.
pub(in crate::decode) struct Whole<T>(std::marker::PhantomData<T>);

impl<T> Whole<T> {
    pub(in crate::decode) fn new() -> Self {
        Self(std::marker::PhantomData)
    }
}

impl<'a, T> DeserializeSeed<'a> for Whole<T>
where
    T: TryFrom<i128> + FromStr + Default,
{
    type Value = T;

    fn deserialize<D: Deserializer<'a>>(self, json: D) -> Result<T, D::Error> {
        json.deserialize_any(self)
    }
}

impl<T> Visitor<'_> for Whole<T>
where
    T: TryFrom<i128> + FromStr + Default,
{
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a whole number in range, or a string of one")
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<T, E> {
        let out_of_range = |_| E::invalid_value(Unexpected::Unsigned(number), &self);
        T::try_from(i128::from(number)).map_err(out_of_range)
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<T, E> {
        let out_of_range = |_| E::invalid_value(Unexpected::Signed(number), &self);
        T::try_from(i128::from(number)).map_err(out_of_range)
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<T, E> {
        let whole = (number.fract() == 0.0 && number.abs() < 1e19).then_some(number as i128);
        let wrong = || E::invalid_value(Unexpected::Float(number), &self);
        whole
            .and_then(|whole| T::try_from(whole).ok())
            .ok_or_else(wrong)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
        text.parse()
            .map_err(|_| E::invalid_value(Unexpected::Str(text), &self))
    }

    fn visit_unit<E>(self) -> Result<T, E> {
        Ok(T::default())
    }
}

/// A count of dropped things.
pub(in crate::decode) struct Count;

impl<'a> DeserializeSeed<'a> for Count {
    type Value = u32;

    fn deserialize<D: Deserializer<'a>>(self, json: D) -> Result<u32, D::Error> {
        Whole::<u32>::new().deserialize(json)
    }
}

/// The number of an enum; names are not allowed.
pub(in crate::decode) struct EnumNumber;

impl<'a> DeserializeSeed<'a> for EnumNumber {
    type Value = i64;

    fn deserialize<D: Deserializer<'a>>(self, json: D) -> Result<i64, D::Error> {
        json.deserialize_any(self)
    }
}

impl Visitor<'_> for EnumNumber {
    type Value = i64;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the number of an enum's value")
    }

    fn visit_i64<E>(self, number: i64) -> Result<i64, E> {
        Ok(number)
    }

    fn visit_u64<E>(self, number: u64) -> Result<i64, E> {
        Ok(i64::try_from(number).unwrap_or(i64::MAX))
    }

    fn visit_unit<E>(self) -> Result<i64, E> {
        Ok(0)
    }
}

/// A double, as a number or as a string, which is how NaN and the infinities travel.
pub(in crate::decode) struct Double;

impl<'a> DeserializeSeed<'a> for Double {
    type Value = f64;

    fn deserialize<D: Deserializer<'a>>(self, json: D) -> Result<f64, D::Error> {
        json.deserialize_any(self)
    }
}

impl Visitor<'_> for Double {
    type Value = f64;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number, or a string of one")
    }

    fn visit_f64<E>(self, number: f64) -> Result<f64, E> {
        Ok(number)
    }

    fn visit_i64<E>(self, number: i64) -> Result<f64, E> {
        Ok(number as f64)
    }

    fn visit_u64<E>(self, number: u64) -> Result<f64, E> {
        Ok(number as f64)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<f64, E> {
        text.parse()
            .map_err(|_| E::invalid_value(Unexpected::Str(text), &self))
    }

    fn visit_unit<E>(self) -> Result<f64, E> {
        Ok(0.0)
    }
}
