//! The Confluent frame: a zero byte and the schema's id in front of every record.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Bytes of the frame: the magic byte and four of the id.
pub const FRAME_LEN: usize = 5;

const MAGIC: u8 = 0;

/// Id of a schema in the registry. Never changes its meaning within one registry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SchemaId(pub u32);

impl fmt::Display for SchemaId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Begins a record written with the schema `id`.
pub(crate) fn begin(id: SchemaId, out: &mut Vec<u8>) {
    out.push(MAGIC);
    out.extend_from_slice(&id.0.to_be_bytes());
}

/// Parts a record into its schema's id and its Avro body; none if it is not framed.
pub(crate) fn open(record: &[u8]) -> Option<(SchemaId, &[u8])> {
    let (frame, body) = record.split_first_chunk::<FRAME_LEN>()?;
    let [MAGIC, id @ ..] = *frame else {
        return None;
    };
    Some((SchemaId(u32::from_be_bytes(id)), body))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_gives_its_id_and_body_back() {
        let mut record = Vec::new();
        begin(SchemaId(0x0102_0304), &mut record);
        record.push(9);
        assert_eq!(record[..FRAME_LEN], [0, 1, 2, 3, 4]);
        assert_eq!(open(&record), Some((SchemaId(0x0102_0304), &[9u8][..])));
    }

    #[test]
    fn what_is_short_or_has_another_magic_byte_is_unframed() {
        assert_eq!(open(&[0, 0, 0, 1]), None);
        assert_eq!(open(&[1, 0, 0, 0, 1, 9]), None);
    }
}
