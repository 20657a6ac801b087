//! By which record a log is known again.

use xxhash_rust::xxh3::Xxh3Default;

/// A record of a log that was read. A log that has another record at its offset is another log,
/// whatever it is called: its topic was deleted and made again, or its end was lost and grew anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Landmark {
    /// Its offset.
    pub offset: i64,
    /// Its timestamp as the log has it, in Unix milliseconds.
    pub timestamp_ms: i64,
    /// Hash of its key and its payload.
    pub hash: u64,
}

impl Landmark {
    /// A record as a landmark.
    pub fn of(offset: i64, timestamp_ms: i64, key: Option<&[u8]>, payload: Option<&[u8]>) -> Self {
        let mut hasher = Xxh3Default::new();
        for part in [key, payload] {
            // The length first, so that no two different pairs feed the same bytes.
            let len = part.map_or(-1, |part| part.len() as i64);
            hasher.update(&len.to_le_bytes());
            hasher.update(part.unwrap_or_default());
        }
        Self {
            offset,
            timestamp_ms,
            hash: hasher.digest(),
        }
    }

    /// As the columns of a row have it.
    pub(crate) fn from_columns(
        offset: Option<i64>,
        timestamp_ms: Option<i64>,
        hash: Option<i64>,
    ) -> Option<Self> {
        Some(Self {
            offset: offset?,
            timestamp_ms: timestamp_ms?,
            hash: hash?.cast_unsigned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_what_stored_rows_were_made_with() {
        let hash = |key, payload| Landmark::of(7, 9, key, payload).hash;
        let whole = hash(Some(&b"key"[..]), Some(&b"payload"[..]));
        assert_eq!(whole, 1_876_738_859_754_443_002);
    }

    #[test]
    fn records_that_differ_in_anything_are_different_landmarks() {
        let (a, b): (Option<&[u8]>, Option<&[u8]>) = (Some(b"a"), Some(b"b"));
        let all = [
            Landmark::of(1, 1, a, b),
            Landmark::of(2, 1, a, b),
            Landmark::of(1, 2, a, b),
            Landmark::of(1, 1, b, a),
            Landmark::of(1, 1, a, None),
            Landmark::of(1, 1, None, b),
            Landmark::of(1, 1, a, Some(b"")),
            Landmark::of(1, 1, Some(b"ab"), Some(b"")),
            Landmark::of(1, 1, Some(b""), Some(b"ab")),
        ];
        for (index, one) in all.iter().enumerate() {
            assert_eq!(all.iter().position(|other| other == one), Some(index));
        }
    }
}
