//! The head of a Thrift message: which method is called.

use super::{Protocol, Reader, ThriftError};

/// First byte of a message of the compact protocol, and the version in the next.
const COMPACT: u8 = 0x82;
const COMPACT_VERSION: u8 = 1;
/// The upper half of the first number of a strict message of the binary protocol.
const STRICT: u32 = 0x8001;

/// Types of messages that ask for something. Old clients send calls although no answer will come.
const CALL: u8 = 1;
const ONEWAY: u8 = 4;

impl<'a> Reader<'a> {
    /// The name of the method that a message calls. The struct of its arguments follows.
    pub(in crate::decode) fn call(&mut self) -> Result<&'a [u8], ThriftError> {
        let (of_type, method) = match self.protocol {
            Protocol::Binary => self.binary_head()?,
            Protocol::Compact => self.compact_head()?,
        };
        match of_type {
            CALL | ONEWAY => Ok(method),
            other => Err(ThriftError::NoCall(other)),
        }
    }

    fn compact_head(&mut self) -> Result<(u8, &'a [u8]), ThriftError> {
        if self.byte()? != COMPACT {
            return Err(ThriftError::NoMessage);
        }
        let head = self.byte()?;
        if head & 0x1f != COMPACT_VERSION {
            return Err(ThriftError::NoMessage);
        }
        let _sequence = self.varint()?;
        Ok((head >> 5, self.bytes()?))
    }

    /// Strict messages begin with a version; older ones, which have none, with the length of the
    /// name.
    fn binary_head(&mut self) -> Result<(u8, &'a [u8]), ThriftError> {
        let before = self.rest;
        let word = self.i32()? as u32;
        let (of_type, method) = match word >> 16 {
            STRICT => (word as u8, self.bytes()?),
            half if half & 0x8000 != 0 => return Err(ThriftError::NoMessage),
            _ => {
                self.rest = before;
                let method = self.bytes()?;
                (self.byte()?, method)
            }
        };
        let _sequence = self.i32()?;
        Ok((of_type, method))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn method(protocol: Protocol, bytes: &[u8]) -> Result<&[u8], ThriftError> {
        let mut reader = Reader::new(protocol, bytes);
        let method = reader.call()?;
        reader.end().map(|()| method)
    }

    #[test]
    fn calls_of_every_form_are_understood() {
        for of_type in [CALL, ONEWAY] {
            let strict = [&[0x80, 1, 0, of_type, 0, 0, 0, 1][..], b"m", &[0; 4]].concat();
            let old = [&[0, 0, 0, 1][..], b"m", &[of_type, 0, 0, 0, 9]].concat();
            let compact = [&[0x82, of_type << 5 | 1, 0xac, 2, 1][..], b"m"].concat();
            assert_eq!(method(Protocol::Binary, &strict), Ok(&b"m"[..]));
            assert_eq!(method(Protocol::Binary, &old), Ok(&b"m"[..]));
            assert_eq!(method(Protocol::Compact, &compact), Ok(&b"m"[..]));
        }
    }

    #[test]
    fn what_is_no_call_of_the_protocol_is_refused() {
        let answer = [&[0x82, 2 << 5 | 1, 0, 1][..], b"m"].concat();
        assert_eq!(
            method(Protocol::Compact, &answer),
            Err(ThriftError::NoCall(2))
        );
        for other in [&[0x80, 1, 0, 1][..], &[0x82, 0x22, 0, 0], b"GET / HTTP/1.1"] {
            assert_eq!(
                method(Protocol::Compact, other),
                Err(ThriftError::NoMessage)
            );
        }
        let of_another_version = [0x80, 2, 0, 1, 0, 0, 0, 0];
        assert_eq!(
            method(Protocol::Binary, &of_another_version),
            Err(ThriftError::NoMessage)
        );
        let text = b"GET / HTTP/1.1";
        assert_eq!(method(Protocol::Binary, text), Err(ThriftError::Truncated));
    }
}
