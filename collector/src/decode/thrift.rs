//! Thrift's binary and compact protocols: fields of a struct, one after the other.
//!
//! Lengths and counts are compared with the bytes that are left before anything is done with
//! them. Nothing is allocated here.

mod compact;
mod message;

/// Structs, lists and maps may be nested this deep in what is passed over.
const MAX_NESTING: u32 = 32;

/// How values are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Protocol {
    /// Every number in all its bytes.
    Binary,
    /// Numbers as varints, field numbers as differences.
    Compact,
}

/// Type codes of the binary protocol, which stand for those of the compact one as well.
pub(super) mod kind {
    pub(in crate::decode) const STOP: u8 = 0;
    pub(in crate::decode) const BOOL: u8 = 2;
    pub(in crate::decode) const BYTE: u8 = 3;
    pub(in crate::decode) const DOUBLE: u8 = 4;
    pub(in crate::decode) const I16: u8 = 6;
    pub(in crate::decode) const I32: u8 = 8;
    pub(in crate::decode) const I64: u8 = 10;
    pub(in crate::decode) const STRING: u8 = 11;
    pub(in crate::decode) const STRUCT: u8 = 12;
    pub(in crate::decode) const MAP: u8 = 13;
    pub(in crate::decode) const SET: u8 = 14;
    pub(in crate::decode) const LIST: u8 = 15;
}

/// Why bytes are not what they should be in the protocol of Thrift that they should be in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ThriftError {
    /// A value, or as many values as are announced, do not fit into what is left.
    #[error("the Thrift struct ends in the middle of a value")]
    Truncated,
    /// A length or a count below zero.
    #[error("the Thrift struct has a length of {0}")]
    NegativeLength(i32),
    /// A type code that does not exist.
    #[error("the Thrift struct has a value of the unknown type {0}")]
    UnknownType(u8),
    /// Unknown fields within unknown fields.
    #[error("an unknown field of the Thrift struct is nested more than {MAX_NESTING} deep")]
    Nesting,
    /// A list of something else than it should be.
    #[error("the Thrift list has elements of type {0} and should have structs")]
    NoStructs(u8),
    /// A field that must be there.
    #[error("the required Thrift field `{0}` is not set")]
    Missing(&'static str),
    /// A number of more bits than its type has.
    #[error("the Thrift struct has a number that is too large for its type")]
    Number,
    /// Not the head of a message of the protocol.
    #[error("the bytes do not begin as a Thrift message of this protocol does")]
    NoMessage,
    /// A message that is not a call.
    #[error("the Thrift message is of type {0} and should be a call")]
    NoCall(u8),
    /// A call of a method that is not there.
    #[error("the Thrift message calls a method that is not there")]
    UnknownMethod,
    /// Bytes behind the end.
    #[error("{0} bytes follow the Thrift value")]
    Trailing(usize),
}

/// A field's number and type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Field {
    pub(super) id: i16,
    pub(super) kind: u8,
}

/// Reads values one after the other.
#[derive(Debug)]
pub(super) struct Reader<'a> {
    rest: &'a [u8],
    protocol: Protocol,
    /// The value of the field that was read last, if it is a bool in the compact protocol: it
    /// stands in the field's head.
    flag: Option<bool>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(protocol: Protocol, bytes: &'a [u8]) -> Self {
        Self {
            rest: bytes,
            protocol,
            flag: None,
        }
    }

    /// Refuses what is left.
    pub(super) fn end(&self) -> Result<(), ThriftError> {
        match self.rest.len() {
            0 => Ok(()),
            left => Err(ThriftError::Trailing(left)),
        }
    }

    /// The next field of a struct, or none at its end. `last` is the number of the field before it
    /// in the same struct, zero at the beginning: the compact protocol counts from there.
    pub(super) fn field(&mut self, last: &mut i16) -> Result<Option<Field>, ThriftError> {
        if self.protocol == Protocol::Compact {
            return self.compact_field(last);
        }
        match self.byte()? {
            kind::STOP => Ok(None),
            kind => Ok(Some(Field {
                id: self.i16()?,
                kind,
            })),
        }
    }

    pub(super) fn byte(&mut self) -> Result<u8, ThriftError> {
        self.take().map(|[byte]| byte)
    }

    pub(super) fn bool(&mut self) -> Result<bool, ThriftError> {
        match self.protocol {
            Protocol::Binary => self.byte().map(|byte| byte != 0),
            Protocol::Compact => self.compact_bool(),
        }
    }

    pub(super) fn i16(&mut self) -> Result<i16, ThriftError> {
        match self.protocol {
            Protocol::Binary => self.take().map(i16::from_be_bytes),
            Protocol::Compact => self.zigzag()?.try_into().map_err(|_| ThriftError::Number),
        }
    }

    pub(super) fn i32(&mut self) -> Result<i32, ThriftError> {
        match self.protocol {
            Protocol::Binary => self.take().map(i32::from_be_bytes),
            Protocol::Compact => self.zigzag()?.try_into().map_err(|_| ThriftError::Number),
        }
    }

    pub(super) fn i64(&mut self) -> Result<i64, ThriftError> {
        match self.protocol {
            Protocol::Binary => self.take().map(i64::from_be_bytes),
            Protocol::Compact => self.zigzag(),
        }
    }

    pub(super) fn double(&mut self) -> Result<f64, ThriftError> {
        match self.protocol {
            Protocol::Binary => self.take().map(f64::from_be_bytes),
            // Every library writes it the other way round, after the first one that did.
            Protocol::Compact => self.take().map(f64::from_le_bytes),
        }
    }

    /// A string or binary value.
    pub(super) fn bytes(&mut self) -> Result<&'a [u8], ThriftError> {
        let length = self.length()?;
        let (bytes, rest) = self
            .rest
            .split_at_checked(length)
            .ok_or(ThriftError::Truncated)?;
        self.rest = rest;
        Ok(bytes)
    }

    /// The head of a list of structs: how many follow.
    pub(super) fn structs(&mut self) -> Result<usize, ThriftError> {
        let (element, count) = self.list()?;
        // Writers name any type for a list without elements.
        if count > 0 && element != kind::STRUCT {
            return Err(ThriftError::NoStructs(element));
        }
        self.room_for(count, kind::STRUCT)?;
        Ok(count)
    }

    /// Passes over a value.
    pub(super) fn skip(&mut self, kind: u8) -> Result<(), ThriftError> {
        self.skip_at(kind, 1)
    }

    fn skip_at(&mut self, kind: u8, depth: u32) -> Result<(), ThriftError> {
        if depth > MAX_NESTING {
            return Err(ThriftError::Nesting);
        }
        match kind {
            kind::BOOL => self.bool().map(drop),
            kind::BYTE => self.byte().map(drop),
            kind::I16 => self.i16().map(drop),
            kind::I32 => self.i32().map(drop),
            kind::I64 => self.i64().map(drop),
            kind::DOUBLE => self.double().map(drop),
            kind::STRING => self.bytes().map(drop),
            kind::STRUCT => {
                let mut last = 0;
                while let Some(field) = self.field(&mut last)? {
                    self.skip_at(field.kind, depth + 1)?;
                }
                Ok(())
            }
            kind::LIST | kind::SET => {
                let (element, count) = self.list()?;
                self.skip_elements(&[element], count, depth)
            }
            kind::MAP => {
                let (kinds, count) = self.map()?;
                self.skip_elements(&kinds, count, depth)
            }
            unknown => Err(ThriftError::UnknownType(unknown)),
        }
    }

    fn skip_elements(&mut self, kinds: &[u8], count: usize, depth: u32) -> Result<(), ThriftError> {
        for kind in kinds.iter().filter(|_| count > 0) {
            self.room_for(count, *kind)?;
        }
        for _ in 0..count {
            for kind in kinds {
                self.skip_at(*kind, depth + 1)?;
            }
        }
        Ok(())
    }

    /// The head of a list or set: the type of its elements and how many follow.
    fn list(&mut self) -> Result<(u8, usize), ThriftError> {
        match self.protocol {
            Protocol::Binary => Ok((self.byte()?, self.length()?)),
            Protocol::Compact => self.compact_list(),
        }
    }

    /// The head of a map: the types of keys and values, and how many pairs follow.
    fn map(&mut self) -> Result<([u8; 2], usize), ThriftError> {
        match self.protocol {
            Protocol::Binary => Ok(([self.byte()?, self.byte()?], self.length()?)),
            Protocol::Compact => self.compact_map(),
        }
    }

    /// Refuses more values than the bytes that are left can hold.
    fn room_for(&self, count: usize, kind: u8) -> Result<(), ThriftError> {
        let least = match kind {
            kind::I16..=kind::I64 | kind::STRING | kind::LIST | kind::SET | kind::MAP
                if self.protocol == Protocol::Compact =>
            {
                1
            }
            kind::BOOL | kind::BYTE | kind::STRUCT => 1,
            kind::I16 => 2,
            kind::I32 | kind::STRING => 4,
            kind::LIST | kind::SET => 5,
            kind::MAP => 6,
            kind::I64 | kind::DOUBLE => 8,
            unknown => return Err(ThriftError::UnknownType(unknown)),
        };
        if count > self.rest.len() / least {
            return Err(ThriftError::Truncated);
        }
        Ok(())
    }

    fn length(&mut self) -> Result<usize, ThriftError> {
        if self.protocol == Protocol::Compact {
            return self.compact_length();
        }
        let length = self.i32()?;
        usize::try_from(length).map_err(|_| ThriftError::NegativeLength(length))
    }

    fn take<const N: usize>(&mut self) -> Result<[u8; N], ThriftError> {
        let (taken, rest) = self
            .rest
            .split_first_chunk()
            .ok_or(ThriftError::Truncated)?;
        self.rest = rest;
        Ok(*taken)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn skipped(kind: u8, bytes: &[u8]) -> Result<(), ThriftError> {
        let mut reader = Reader::new(Protocol::Binary, bytes);
        reader.skip(kind)?;
        reader.end()
    }

    #[test]
    fn lengths_and_counts_are_compared_with_what_is_left() {
        let largest = [0x7f, 0xff, 0xff, 0xff, 1];
        assert_eq!(skipped(kind::STRING, &largest), Err(ThriftError::Truncated));
        let negative = [0xff, 0xff, 0xff, 0xff];
        let refused = Err(ThriftError::NegativeLength(-1));
        assert_eq!(skipped(kind::STRING, &negative), refused);
        for of in [kind::STRUCT, kind::BYTE, kind::MAP, kind::I64] {
            let list = [&[of][..], &largest].concat();
            assert_eq!(skipped(kind::LIST, &list), Err(ThriftError::Truncated));
            let map = [&[kind::BYTE, of][..], &largest].concat();
            assert_eq!(skipped(kind::MAP, &map), Err(ThriftError::Truncated));
        }
    }

    #[test]
    fn nesting_ends_before_the_stack_does() {
        let within = |depth: usize| {
            let mut bytes = [kind::STRUCT, 0, 1].repeat(depth - 1);
            bytes.extend(vec![kind::STOP; depth]);
            skipped(kind::STRUCT, &bytes)
        };
        assert_eq!(within(32), Ok(()));
        assert_eq!(within(33), Err(ThriftError::Nesting));
        assert_eq!(within(10_000), Err(ThriftError::Nesting));
    }

    #[test]
    fn lists_without_elements_may_name_any_type() {
        let empty = [kind::STOP, 0, 0, 0, 0];
        assert_eq!(skipped(kind::LIST, &empty), Ok(()));
        assert_eq!(Reader::new(Protocol::Binary, &empty).structs(), Ok(0));
        let one = [kind::STOP, 0, 0, 0, 1];
        assert_eq!(skipped(kind::LIST, &one), Err(ThriftError::UnknownType(0)));
        assert_eq!(
            Reader::new(Protocol::Binary, &one).structs(),
            Err(ThriftError::NoStructs(0))
        );
    }
}
