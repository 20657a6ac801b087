//! The directory of a run: which segments its ordinals stand for, and when their spans start.
//!
//! Ordinals are cut into chunks of [`CHUNK`]; the catalogue has the bounds of each chunk, so that
//! a search reads the newest chunks first and stops. Times are milliseconds, rounded outwards.
//! Format of a chunk, version 1; integers are little-endian, bits as in [`crate::bits`]:
//!
//! ```text
//! chunk   = 0x01, u8 age parameter, u8 length parameter, u8 step parameter, u16 count,
//!           i64 latest start of the chunk, i64 first segment's number, count × segment as bits
//! segment = Rice(step) of zigzag(number − previous number − 1) (the first one less 1 at first)
//!           Rice(age) of the chunk's latest start − the segment's latest start
//!           Rice(length) of the segment's latest start − its earliest start
//! ```

use super::page::PageError;
use crate::bits::{BitReader, BitWriter, rice_parameter};

/// Ordinals of a chunk.
pub(super) const CHUNK: usize = 1_024;

const VERSION: u8 = 1;
const HEADER: usize = 22;
const NANOS_PER_MILLI: i64 = 1_000_000;

/// A segment, and when its spans start: no earlier and no later than this, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct DirectoryEntry {
    /// The segment's number.
    pub(crate) segment_id: i64,
    /// No span starts earlier.
    pub(crate) first_ms: i64,
    /// No span starts later.
    pub(crate) last_ms: i64,
}

impl DirectoryEntry {
    /// The entry of a segment whose spans start from `start_ns` to `last_start_ns`.
    pub(super) fn new(segment_id: i64, start_ns: i64, last_start_ns: i64) -> Self {
        let last_ms = last_start_ns / NANOS_PER_MILLI;
        Self {
            segment_id,
            first_ms: start_ns / NANOS_PER_MILLI,
            last_ms: last_ms + i64::from(last_start_ns % NANOS_PER_MILLI != 0),
        }
    }

    /// Nanosecond before which no span starts.
    pub(crate) fn first_ns(&self) -> i64 {
        self.first_ms.saturating_mul(NANOS_PER_MILLI)
    }

    /// Nanosecond after which no span starts.
    pub(crate) fn last_ns(&self) -> i64 {
        self.last_ms.saturating_mul(NANOS_PER_MILLI)
    }
}

/// Bounds of a chunk, or of all of them: no span starts earlier or later, in nanoseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Bounds {
    /// No span starts earlier.
    pub(crate) first_ns: i64,
    /// No span starts later.
    pub(crate) last_ns: i64,
}

impl Bounds {
    /// The bounds of some entries, at least one.
    pub(super) fn of(entries: &[DirectoryEntry]) -> Self {
        let first = entries.iter().map(DirectoryEntry::first_ns).min();
        let last = entries.iter().map(DirectoryEntry::last_ns).max();
        Self {
            first_ns: first.unwrap_or(0),
            last_ns: last.unwrap_or(0),
        }
    }
}

/// Encodes a chunk of at least one entry.
pub(super) fn encode(entries: &[DirectoryEntry]) -> Vec<u8> {
    let latest = entries.iter().map(|entry| entry.last_ms).max().unwrap_or(0);
    let first_id = entries.first().map_or(0, |entry| entry.segment_id);
    let numbers = |of: &dyn Fn(usize) -> u64| (0..entries.len()).map(of).collect::<Vec<u64>>();
    let steps = numbers(&|at| {
        let previous = match at {
            0 => first_id.wrapping_sub(1),
            at => entries[at - 1].segment_id,
        };
        zigzag(
            entries[at]
                .segment_id
                .wrapping_sub(previous)
                .wrapping_sub(1),
        )
    });
    let ages = numbers(&|at| (latest - entries[at].last_ms) as u64);
    let lengths = numbers(&|at| (entries[at].last_ms - entries[at].first_ms) as u64);
    let parameters = [&ages, &lengths, &steps].map(|numbers| parameter(numbers));
    let mut bytes = vec![VERSION];
    bytes.extend(parameters.map(|parameter| parameter as u8));
    bytes.extend_from_slice(&(entries.len() as u16).to_le_bytes());
    bytes.extend_from_slice(&latest.to_le_bytes());
    bytes.extend_from_slice(&first_id.to_le_bytes());
    let mut bits = BitWriter::after(bytes);
    for at in 0..entries.len() {
        bits.rice(steps[at], parameters[2]);
        bits.rice(ages[at], parameters[0]);
        bits.rice(lengths[at], parameters[1]);
    }
    bits.finish()
}

/// The parameter for numbers of which a few may be huge: those are left out of the mean.
fn parameter(numbers: &[u64]) -> u32 {
    let mut sorted = numbers.to_vec();
    sorted.sort_unstable();
    let usual = &sorted[..sorted.len() - sorted.len() / 20];
    let sum = usual.iter().fold(0u64, |sum, n| sum.saturating_add(*n));
    rice_parameter(sum / usual.len().max(1) as u64).min(47)
}

/// Decodes a chunk.
pub(super) fn decode(body: &[u8]) -> Result<Vec<DirectoryEntry>, PageError> {
    let (header, bits) = body.split_at_checked(HEADER).ok_or(PageError::Truncated)?;
    let [version, age, length, step, count @ ..] = header else {
        return Err(PageError::Truncated);
    };
    let (count, numbers) = count.split_at(2);
    if *version != VERSION {
        return Err(PageError::Version(*version));
    }
    if [age, length, step].iter().any(|parameter| **parameter > 47) {
        return Err(PageError::Impossible("parameter"));
    }
    let count = usize::from(u16::from_le_bytes([count[0], count[1]]));
    if count > CHUNK || count > bits.len().saturating_mul(8) {
        return Err(PageError::Impossible("number of segments"));
    }
    let latest = long(&numbers[..8]);
    let mut previous = long(&numbers[8..]).wrapping_sub(1);
    let mut bits = BitReader::new(bits);
    let mut entries = Vec::with_capacity(count);
    for _ in 0..count {
        let number = unzigzag(bits.rice(u32::from(*step))?);
        previous = previous.wrapping_add(number).wrapping_add(1);
        let last_ms = less(latest, bits.rice(u32::from(*age))?)?;
        entries.push(DirectoryEntry {
            segment_id: previous,
            first_ms: less(last_ms, bits.rice(u32::from(*length))?)?,
            last_ms,
        });
    }
    Ok(entries)
}

fn less(from: i64, by: u64) -> Result<i64, PageError> {
    from.checked_sub_unsigned(by)
        .ok_or(PageError::Impossible("time"))
}

fn long(bytes: &[u8]) -> i64 {
    bytes
        .iter()
        .rev()
        .fold(0i64, |number, byte| number << 8 | i64::from(*byte))
}

fn zigzag(number: i64) -> u64 {
    (number << 1 ^ number >> 63) as u64
}

fn unzigzag(number: u64) -> i64 {
    (number >> 1) as i64 ^ -((number & 1) as i64)
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    fn entry() -> impl Strategy<Value = DirectoryEntry> {
        let id = prop_oneof![4 => 0i64..5_000, 1 => 0..i64::MAX];
        let start = prop_oneof![4 => 1_700_000_000_000_000_000i64..1_700_000_100_000_000_000, 1 => 0..i64::MAX];
        (id, start, 0i64..90_000_000_000).prop_map(|(id, start, length)| {
            DirectoryEntry::new(id, start, start.saturating_add(length))
        })
    }

    proptest! {
        #[test]
        fn a_chunk_reads_back_as_it_was_written(entries in vec(entry(), 1..CHUNK)) {
            prop_assert_eq!(decode(&encode(&entries)), Ok(entries));
        }

        #[test]
        fn arbitrary_bytes_are_read_or_refused(bytes in vec(any::<u8>(), 0..200)) {
            let mut body = vec![VERSION, 3, 3, 3];
            body.extend(bytes);
            let _ = decode(&body);
        }

        #[test]
        fn bounds_are_rounded_outwards(start in 0..i64::MAX / 2, length in 0..i64::MAX / 4) {
            let entry = DirectoryEntry::new(1, start, start + length);
            prop_assert!(entry.first_ns() <= start && start + length <= entry.last_ns());
        }
    }

    #[test]
    fn neighbours_of_one_second_take_about_two_bytes_each() {
        let at = |ordinal: i64| 1_700_000_000_000_000_000 + ordinal * 1_000_000;
        let entries: Vec<_> = (0..1_000)
            .map(|ordinal| DirectoryEntry::new(ordinal, at(ordinal), at(ordinal) + 100_000_000))
            .collect();
        let size = encode(&entries).len();
        assert!(size < 2_600, "{size} bytes");
    }

    #[test]
    fn a_chunk_is_what_it_was_when_its_format_was_settled() {
        let entries =
            [(4_096, 1_000), (4_097, 900), (8_192, 1_200)].map(|(segment_id, ms)| DirectoryEntry {
                segment_id,
                first_ms: ms - 10,
                last_ms: ms,
            });
        let hex: String = encode(&entries)
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        assert_eq!(hex, include_str!("directory_v1.hex").trim());
    }
}
