//! Protobuf's wire format: fields of a message, one after the other.

use super::DecodeError;

/// Wire types, as in the specification of protobuf's encoding. Groups (3 and 4) are refused.
const VARINT: u8 = 0;
const FIXED64: u8 = 1;
const LENGTH_DELIMITED: u8 = 2;
const FIXED32: u8 = 5;

/// A field's number and wire type.
#[derive(Debug, Clone, Copy)]
pub(super) struct Field {
    pub(super) number: u32,
    wire_type: u8,
}

impl Field {
    fn must_be(self, wire_type: u8) -> Result<(), DecodeError> {
        if self.wire_type == wire_type {
            Ok(())
        } else {
            Err(self.unexpected())
        }
    }

    #[cold]
    fn unexpected(self) -> DecodeError {
        DecodeError::WireType {
            field: self.number,
            wire_type: self.wire_type,
        }
    }
}

/// Reads the fields of one message.
#[derive(Debug)]
pub(super) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(super) fn new(message: &'a [u8]) -> Self {
        Self { rest: message }
    }

    /// The next field, or `None` at the end of the message.
    #[inline]
    pub(super) fn field(&mut self) -> Result<Option<Field>, DecodeError> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        let tag = self.raw_varint()?;
        let number = tag >> 3;
        if number == 0 || number >= 1 << 29 {
            return Err(DecodeError::FieldNumber);
        }
        Ok(Some(Field {
            number: number as u32,
            wire_type: (tag & 7) as u8,
        }))
    }

    /// The content of a string, bytes or message field.
    #[inline]
    pub(super) fn bytes(&mut self, field: Field) -> Result<&'a [u8], DecodeError> {
        field.must_be(LENGTH_DELIMITED)?;
        let len = self.raw_varint()?;
        if len > self.rest.len() as u64 {
            return Err(DecodeError::Truncated);
        }
        let (content, rest) = self.rest.split_at(len as usize);
        self.rest = rest;
        Ok(content)
    }

    #[inline]
    pub(super) fn varint(&mut self, field: Field) -> Result<u64, DecodeError> {
        field.must_be(VARINT)?;
        self.raw_varint()
    }

    #[inline]
    pub(super) fn fixed64(&mut self, field: Field) -> Result<u64, DecodeError> {
        field.must_be(FIXED64)?;
        self.take().map(u64::from_le_bytes)
    }

    #[inline]
    pub(super) fn fixed32(&mut self, field: Field) -> Result<u32, DecodeError> {
        field.must_be(FIXED32)?;
        self.take().map(u32::from_le_bytes)
    }

    /// Passes over a field that is not known.
    pub(super) fn skip(&mut self, field: Field) -> Result<(), DecodeError> {
        match field.wire_type {
            VARINT => self.raw_varint().map(drop),
            FIXED64 => self.take::<8>().map(drop),
            LENGTH_DELIMITED => self.bytes(field).map(drop),
            FIXED32 => self.take::<4>().map(drop),
            _ => Err(field.unexpected()),
        }
    }

    #[inline]
    fn take<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        let (taken, rest) = self
            .rest
            .split_first_chunk()
            .ok_or(DecodeError::Truncated)?;
        self.rest = rest;
        Ok(*taken)
    }

    #[inline]
    fn raw_varint(&mut self) -> Result<u64, DecodeError> {
        match self.rest.split_first() {
            Some((byte, rest)) if *byte < 0x80 => {
                self.rest = rest;
                Ok(u64::from(*byte))
            }
            _ => self.long_varint(),
        }
    }

    fn long_varint(&mut self) -> Result<u64, DecodeError> {
        let mut value = 0u64;
        for (index, byte) in self.rest.iter().take(10).enumerate() {
            let bits = u64::from(byte & 0x7f);
            if index == 9 && bits > 1 {
                return Err(DecodeError::Varint);
            }
            value |= bits << (7 * index);
            if *byte < 0x80 {
                self.rest = &self.rest[index + 1..];
                return Ok(value);
            }
        }
        if self.rest.len() < 10 {
            Err(DecodeError::Truncated)
        } else {
            Err(DecodeError::Varint)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn first_varint(message: &[u8]) -> Result<u64, DecodeError> {
        let mut reader = Reader::new(message);
        let field = reader.field()?.expect("a field");
        reader.varint(field)
    }

    #[test]
    fn the_longest_varint_is_read_whole() {
        let mut message = vec![0x08];
        message.extend([0xff; 9]);
        message.push(0x01);
        assert_eq!(first_varint(&message).expect("64 bits"), u64::MAX);
    }

    #[test]
    fn a_varint_of_65_bits_is_refused() {
        let mut message = vec![0x08];
        message.extend([0xff; 9]);
        message.push(0x02);
        assert!(matches!(first_varint(&message), Err(DecodeError::Varint)));
    }

    #[test]
    fn groups_are_refused() {
        let mut reader = Reader::new(&[0x0b, 0x0c]);
        let field = reader.field().expect("a tag").expect("a field");
        assert!(matches!(
            reader.skip(field),
            Err(DecodeError::WireType {
                field: 1,
                wire_type: 3
            })
        ));
    }

    #[test]
    fn a_length_beyond_the_end_is_refused_without_reading() {
        let mut reader = Reader::new(&[0x0a, 0xff, 0xff, 0xff, 0xff, 0x0f, 1]);
        let field = reader.field().expect("a tag").expect("a field");
        assert!(matches!(reader.bytes(field), Err(DecodeError::Truncated)));
    }
}
