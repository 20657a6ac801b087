//! What is different in Thrift's compact protocol: numbers are varints, field numbers differences,
//! and a bool stands in the head of its field.

use super::{Field, Reader, ThriftError, kind};

/// Type codes of the compact protocol.
const TRUE: u8 = 1;
const FALSE: u8 = 2;
/// A list's count that says that the real one follows.
const LONG_LIST: u8 = 15;
/// Marks a type code that does not exist: lists without elements may name any.
const NO_TYPE: u8 = 0x80;

/// The binary protocol's code of a type.
fn kind_of(compact: u8) -> u8 {
    match compact {
        TRUE | FALSE => kind::BOOL,
        3 => kind::BYTE,
        4 => kind::I16,
        5 => kind::I32,
        6 => kind::I64,
        7 => kind::DOUBLE,
        8 => kind::STRING,
        9 => kind::LIST,
        10 => kind::SET,
        11 => kind::MAP,
        12 => kind::STRUCT,
        unknown => NO_TYPE | unknown,
    }
}

impl Reader<'_> {
    pub(super) fn compact_field(&mut self, last: &mut i16) -> Result<Option<Field>, ThriftError> {
        let head = self.byte()?;
        if head == kind::STOP {
            return Ok(None);
        }
        let (difference, compact) = (head >> 4, head & 0x0f);
        *last = match difference {
            0 => self.i16()?,
            difference => last.wrapping_add(i16::from(difference)),
        };
        self.flag = match compact {
            TRUE => Some(true),
            FALSE => Some(false),
            _ => None,
        };
        let kind = kind_of(compact);
        if kind & NO_TYPE != 0 {
            return Err(ThriftError::UnknownType(compact));
        }
        Ok(Some(Field { id: *last, kind }))
    }

    /// The bool of a field's head; one that stands elsewhere has a byte of its own.
    pub(super) fn compact_bool(&mut self) -> Result<bool, ThriftError> {
        match self.flag.take() {
            Some(flag) => Ok(flag),
            None => self.byte().map(|byte| byte == TRUE),
        }
    }

    pub(super) fn compact_list(&mut self) -> Result<(u8, usize), ThriftError> {
        self.flag = None;
        let head = self.byte()?;
        let count = match head >> 4 {
            LONG_LIST => self.compact_length()?,
            count => usize::from(count),
        };
        Ok((kind_of(head & 0x0f), count))
    }

    /// An empty map is a zero and nothing else.
    pub(super) fn compact_map(&mut self) -> Result<([u8; 2], usize), ThriftError> {
        self.flag = None;
        let count = self.compact_length()?;
        let kinds = match count {
            0 => 0,
            _ => self.byte()?,
        };
        Ok(([kind_of(kinds >> 4), kind_of(kinds & 0x0f)], count))
    }

    pub(super) fn compact_length(&mut self) -> Result<usize, ThriftError> {
        let length = self.varint()?;
        usize::try_from(length).map_err(|_| ThriftError::Number)
    }

    /// A signed number: its sign is its lowest bit.
    pub(super) fn zigzag(&mut self) -> Result<i64, ThriftError> {
        let number = self.varint()?;
        Ok((number >> 1) as i64 ^ -((number & 1) as i64))
    }

    pub(super) fn varint(&mut self) -> Result<u64, ThriftError> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            let bits = u64::from(byte & 0x7f);
            if shift == 63 && bits > 1 {
                return Err(ThriftError::Number);
            }
            number |= bits << shift;
            if byte < 0x80 {
                return Ok(number);
            }
        }
        Err(ThriftError::Number)
    }
}

#[cfg(test)]
mod tests {
    use super::super::Protocol;
    use super::*;

    fn reader(bytes: &[u8]) -> Reader<'_> {
        Reader::new(Protocol::Compact, bytes)
    }

    fn skipped(kind: u8, bytes: &[u8]) -> Result<(), ThriftError> {
        let mut reader = reader(bytes);
        reader.skip(kind)?;
        reader.end()
    }

    #[test]
    fn numbers_are_zigzag_varints() {
        let read = |bytes: &[u8]| reader(bytes).i64();
        assert_eq!(read(&[0]), Ok(0));
        assert_eq!(read(&[1]), Ok(-1));
        assert_eq!(read(&[0xac, 0x02]), Ok(150));
        let least = [[0xff; 9].as_slice(), &[1]].concat();
        assert_eq!(read(&least), Ok(i64::MIN));
        let too_long = [[0xff; 9].as_slice(), &[2]].concat();
        assert_eq!(read(&too_long), Err(ThriftError::Number));
        assert_eq!(read(&[0x80]), Err(ThriftError::Truncated));
        let of_32_bits = reader(&[0x80, 0x80, 0x80, 0x80, 0x20]).i32();
        assert_eq!(of_32_bits, Err(ThriftError::Number));
    }

    #[test]
    fn field_numbers_count_from_the_one_before_in_the_same_struct() {
        let mut reader = reader(&[0x16, 2, 0x21, 0x08, 0x50, 0x00]);
        let mut last = 0;
        let field = |id, kind| Ok(Some(Field { id, kind }));
        assert_eq!(reader.field(&mut last), field(1, kind::I64));
        assert_eq!(reader.i64(), Ok(1));
        assert_eq!(reader.field(&mut last), field(3, kind::BOOL));
        assert_eq!(reader.bool(), Ok(true));
        assert_eq!(reader.field(&mut last), field(40, kind::STRING));
        assert_eq!(reader.bytes(), Ok(&[][..]));
    }

    #[test]
    fn a_bool_in_a_list_has_a_byte_of_its_own() {
        assert_eq!(skipped(kind::LIST, &[0x21, 1, 2]), Ok(()));
        assert_eq!(
            skipped(kind::LIST, &[0x31, 1, 2]),
            Err(ThriftError::Truncated)
        );
        // A field of type bool, then a list of one bool.
        assert_eq!(skipped(kind::STRUCT, &[0x11, 0x19, 0x11, 2, 0]), Ok(()));
    }

    #[test]
    fn a_double_takes_eight_bytes_whatever_they_are() {
        for bytes in [[0; 8], [0x80; 8]] {
            assert_eq!(skipped(kind::DOUBLE, &bytes), Ok(()));
            assert_eq!(
                skipped(kind::DOUBLE, &bytes[1..]),
                Err(ThriftError::Truncated)
            );
        }
    }

    #[test]
    fn lengths_and_counts_are_compared_with_what_is_left() {
        let largest = [0xff, 0xff, 0xff, 0xff, 0x0f, 1];
        assert_eq!(skipped(kind::STRING, &largest), Err(ThriftError::Truncated));
        for of in [3, 6, 7, 8, 12] {
            let list = [&[0xf0 | of][..], &largest].concat();
            assert_eq!(skipped(kind::LIST, &list), Err(ThriftError::Truncated));
        }
        let map = [&largest[..5], &[0x33, 1]].concat();
        assert_eq!(skipped(kind::MAP, &map), Err(ThriftError::Truncated));
        assert_eq!(skipped(kind::MAP, &[0]), Ok(()));
    }

    #[test]
    fn nesting_ends_before_the_stack_does() {
        let within = |depth: usize| {
            let mut bytes = [0x1c].repeat(depth - 1);
            bytes.extend(vec![0; depth]);
            skipped(kind::STRUCT, &bytes)
        };
        assert_eq!(within(32), Ok(()));
        assert_eq!(within(33), Err(ThriftError::Nesting));
        assert_eq!(within(10_000), Err(ThriftError::Nesting));
    }
}
