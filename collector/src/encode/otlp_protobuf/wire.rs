//! Writes protobuf's wire format, messages within messages in one pass.

/// Wire types, as in the specification of protobuf's encoding.
const VARINT: u8 = 0;
const FIXED64: u8 = 1;
const LENGTH_DELIMITED: u8 = 2;
const FIXED32: u8 = 5;

/// Longest varint of a length.
const MAX_LENGTH: usize = 10;

/// Writes fields of one message at the end of a buffer. What is zero or empty is left out, unless
/// the name of the function says that it is told.
pub(super) struct Writer<'b> {
    to: &'b mut Vec<u8>,
}

impl<'b> Writer<'b> {
    pub(super) fn new(to: &'b mut Vec<u8>) -> Self {
        Self { to }
    }

    pub(super) fn varint(&mut self, number: u32, value: u64) {
        if value != 0 {
            self.told_varint(number, value);
        }
    }

    pub(super) fn fixed64(&mut self, number: u32, value: u64) {
        if value != 0 {
            self.told_fixed64(number, value);
        }
    }

    pub(super) fn fixed32(&mut self, number: u32, value: u32) {
        if value != 0 {
            self.tag(number, FIXED32);
            self.to.extend_from_slice(&value.to_le_bytes());
        }
    }

    pub(super) fn bytes(&mut self, number: u32, bytes: &[u8]) {
        if !bytes.is_empty() {
            self.told_bytes(number, bytes);
        }
    }

    pub(super) fn told_varint(&mut self, number: u32, value: u64) {
        self.tag(number, VARINT);
        self.raw_varint(value);
    }

    pub(super) fn told_fixed64(&mut self, number: u32, value: u64) {
        self.tag(number, FIXED64);
        self.to.extend_from_slice(&value.to_le_bytes());
    }

    pub(super) fn told_bytes(&mut self, number: u32, bytes: &[u8]) {
        self.tag(number, LENGTH_DELIMITED);
        self.raw_varint(bytes.len() as u64);
        self.to.extend_from_slice(bytes);
    }

    /// A message within the message. One byte is left for its length; the few messages that are
    /// longer than such a length are moved when they are known.
    pub(super) fn message(&mut self, number: u32, write: impl FnOnce(&mut Writer<'_>)) {
        self.tag(number, LENGTH_DELIMITED);
        let length_at = self.to.len();
        self.to.push(0);
        write(&mut Writer::new(self.to));
        let begin = length_at + 1;
        let length = self.to.len() - begin;
        let (encoded, of) = length_varint(length);
        if of > 1 {
            let end = self.to.len();
            self.to.resize(end + of - 1, 0);
            self.to.copy_within(begin..end, length_at + of);
        }
        self.to[length_at..length_at + of].copy_from_slice(&encoded[..of]);
    }

    fn tag(&mut self, number: u32, wire_type: u8) {
        self.raw_varint(u64::from(number) << 3 | u64::from(wire_type));
    }

    fn raw_varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.to.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.to.push(value as u8);
    }
}

/// A length as a varint, and how many bytes of the array it takes.
fn length_varint(length: usize) -> ([u8; MAX_LENGTH], usize) {
    let (mut encoded, mut left, mut at) = ([0; MAX_LENGTH], length, 0);
    while left >= 0x80 {
        encoded[at] = left as u8 | 0x80;
        left >>= 7;
        at += 1;
    }
    encoded[at] = left as u8;
    (encoded, at + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_message_makes_room_for_its_length() {
        for length in [0, 1, 127, 128, 16_383, 16_384, 70_000] {
            let mut written = vec![7];
            Writer::new(&mut written).message(1, |to| to.to.extend(vec![5; length]));
            let (encoded, of) = length_varint(length);
            let expected = [&[7, 0x0a], &encoded[..of], &vec![5; length]].concat();
            assert_eq!(written, expected, "{length}");
        }
    }

    #[test]
    fn what_is_zero_is_left_out_unless_it_is_told() {
        let mut written = Vec::new();
        let mut writer = Writer::new(&mut written);
        writer.varint(1, 0);
        writer.fixed64(2, 0);
        writer.fixed32(3, 0);
        writer.bytes(4, b"");
        writer.told_varint(5, 0);
        writer.told_bytes(6, b"");
        assert_eq!(written, [0x28, 0, 0x32, 0]);
    }
}
