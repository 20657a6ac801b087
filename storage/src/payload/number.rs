//! Numbers in two parts: how long they are, which compresses, and their bits, which do not.
//!
//! The class of a number is a byte; of its magnitude's `w` significant bits the lower `w − 1`
//! follow elsewhere, as [`crate::bits`].
//!
//! ```text
//! unsigned class: 0–64: w
//! signed class:   0–64: w of a number that is not negative
//!                 65–129: 65 + w of a negative one
//!                 130–184: 130 + w of a number that is not negative, in thousands
//!                 185–229: 185 + w of a number that is not negative, in millions
//! ```

use super::DecodeError;
use super::varint::Cursor;
use crate::bits::{BitReader, BitWriter};

const NEGATIVE: u8 = 65;
const THOUSANDS: u8 = 130;
const MILLIONS: u8 = 185;
const END: u8 = 230;

/// Writes a number.
pub(super) fn put_unsigned(number: u64, classes: &mut Vec<u8>, bits: &mut BitWriter) {
    put(0, number, classes, bits);
}

/// Writes a number of either sign; short if it is small, or a round number of thousands.
pub(super) fn put_signed(number: i64, classes: &mut Vec<u8>, bits: &mut BitWriter) {
    let magnitude = number.unsigned_abs();
    if number < 0 {
        put(NEGATIVE, magnitude, classes, bits);
    } else if magnitude == 0 || !magnitude.is_multiple_of(1_000) {
        put(0, magnitude, classes, bits);
    } else if !magnitude.is_multiple_of(1_000_000) {
        put(THOUSANDS, magnitude / 1_000, classes, bits);
    } else {
        put(MILLIONS, magnitude / 1_000_000, classes, bits);
    }
}

fn put(class: u8, magnitude: u64, classes: &mut Vec<u8>, bits: &mut BitWriter) {
    let width = u64::BITS - magnitude.leading_zeros();
    classes.push(class + width as u8);
    if width > 1 {
        bits.fixed(magnitude, width - 1);
    }
}

/// Reads a number.
#[inline]
pub(super) fn unsigned(
    classes: &mut Cursor<'_>,
    bits: &mut BitReader<'_>,
) -> Result<u64, DecodeError> {
    match classes.byte()? {
        width @ ..NEGATIVE => magnitude(width, bits),
        _ => Err(DecodeError::Impossible("number")),
    }
}

/// Reads a number of either sign.
pub(super) fn signed(
    classes: &mut Cursor<'_>,
    bits: &mut BitReader<'_>,
) -> Result<i64, DecodeError> {
    let class = classes.byte()?;
    let number = match class {
        ..NEGATIVE => magnitude(class, bits)?,
        NEGATIVE..THOUSANDS => magnitude(class - NEGATIVE, bits)?.wrapping_neg(),
        THOUSANDS..MILLIONS => magnitude(class - THOUSANDS, bits)?.wrapping_mul(1_000),
        MILLIONS..END => magnitude(class - MILLIONS, bits)?.wrapping_mul(1_000_000),
        END.. => return Err(DecodeError::Impossible("number")),
    };
    Ok(number as i64)
}

#[inline]
fn magnitude(width: u8, bits: &mut BitReader<'_>) -> Result<u64, DecodeError> {
    match u32::from(width) {
        0 => Ok(0),
        width => Ok(1 << (width - 1) | bits.fixed(width - 1)?),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn number() -> impl Strategy<Value = i64> {
        let scale = prop::sample::select(vec![1i64, 1_000, 1_000_000]);
        let any = (any::<i64>(), 0u32..64, scale);
        let number = any.prop_map(|(n, shift, scale)| (n >> shift).wrapping_mul(scale));
        prop_oneof![8 => number, 1 => Just(i64::MIN), 1 => Just(i64::MAX)]
    }

    proptest! {
        #[test]
        fn numbers_of_either_sign_read_back(numbers in prop::collection::vec(number(), 0..40)) {
            let (mut classes, mut bits) = (Vec::new(), BitWriter::default());
            for n in &numbers {
                put_signed(*n, &mut classes, &mut bits);
                put_unsigned(*n as u64, &mut classes, &mut bits);
            }
            let bits = bits.finish();
            let (mut classes, mut bits) = (Cursor(&classes), BitReader::new(&bits));
            for n in &numbers {
                prop_assert_eq!(signed(&mut classes, &mut bits).ok(), Some(*n));
                prop_assert_eq!(unsigned(&mut classes, &mut bits).ok(), Some(*n as u64));
            }
        }
    }

    #[test]
    fn a_class_that_is_never_written_is_refused() {
        let mut bits = BitReader::new(&[]);
        assert!(signed(&mut Cursor(&[END]), &mut bits).is_err());
        assert!(unsigned(&mut Cursor(&[NEGATIVE]), &mut bits).is_err());
    }
}
