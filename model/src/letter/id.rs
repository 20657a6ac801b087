//! Where a letter lies.

use std::fmt;

use serde::{Serialize, Serializer};

/// Why some text names no letter.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} names no dead letter: expecting partition/offset, as in 2/1417, or partition/first-last"
)]
pub struct LetterIdError(String);

/// Where a letter lies: partition and offset of the dead-letter topic. In a deployment without
/// Kafka the partition is 0 and the offset is the number of the row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LetterId {
    /// Partition, from 0.
    pub partition: i32,
    /// Offset, from 0.
    pub offset: i64,
}

impl LetterId {
    /// Reads `partition/offset`.
    ///
    /// # Errors
    /// If the text is anything else.
    pub fn parse(text: &str) -> Result<Self, LetterIdError> {
        let parts = text.split_once('/');
        let id = parts.and_then(|(partition, offset)| {
            Some(Self {
                partition: number(partition)?,
                offset: number(offset)?,
            })
        });
        id.ok_or_else(|| LetterIdError(text.chars().take(64).collect()))
    }
}

impl fmt::Display for LetterId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.partition, self.offset)
    }
}

impl Serialize for LetterId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Letters that lie beside each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LetterRange {
    /// Partition, from 0.
    pub partition: i32,
    /// Offset of the first one.
    pub first: i64,
    /// Offset of the last one.
    pub last: i64,
}

impl LetterRange {
    /// Reads `partition/offset` or `partition/first-last`, both ends included.
    ///
    /// # Errors
    /// If the text is anything else, or the last comes before the first.
    pub fn parse(text: &str) -> Result<Self, LetterIdError> {
        let (start, end) = text.split_once('-').unwrap_or((text, ""));
        let LetterId { partition, offset } = LetterId::parse(start)?;
        let last = match text.contains('-') {
            true => number(end),
            false => Some(offset),
        };
        last.filter(|last| *last >= offset)
            .map(|last| Self {
                partition,
                first: offset,
                last,
            })
            .ok_or_else(|| LetterIdError(text.chars().take(64).collect()))
    }

    /// Everything of a partition up to a letter, that one included.
    pub fn up_to(id: LetterId) -> Self {
        Self {
            partition: id.partition,
            first: 0,
            last: id.offset,
        }
    }

    /// Whether a letter lies in it.
    pub fn contains(&self, id: LetterId) -> bool {
        id.partition == self.partition && (self.first..=self.last).contains(&id.offset)
    }
}

impl fmt::Display for LetterRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}-{}", self.partition, self.first, self.last)
    }
}

/// Digits and nothing else: `parse` alone would take a sign.
fn number<N: std::str::FromStr>(text: &str) -> Option<N> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| digits)
}
