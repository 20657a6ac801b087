//! Records that can never be stored: kept with their bytes as they were, and why.

use bytes::Bytes;

use crate::headers::Headers;
use crate::record::{OutboundRecord, Record, TopicPartition};

/// Prefix of the headers that this module writes; the original's other headers are untouched.
pub const HEADER_PREFIX: &str = "dlq-";
/// Reason, a label from a closed set.
pub const REASON: &str = "dlq-reason";
/// The error in words, with its causes.
pub const ERROR: &str = "dlq-error";
/// Topic that the record was consumed from.
pub const TOPIC: &str = "dlq-topic";
/// Partition that the record was consumed from.
pub const PARTITION: &str = "dlq-partition";
/// Offset of the record there.
pub const OFFSET: &str = "dlq-offset";
/// Timestamp of the record there, in Unix milliseconds.
pub const TIMESTAMP: &str = "dlq-timestamp-ms";
/// Schema that the record names; absent when it names none.
pub const SCHEMA_ID: &str = "dlq-schema-id";
/// How often the record has become a dead letter, from 1.
pub const ATTEMPT: &str = "dlq-attempt";
/// When, in Unix nanoseconds.
pub const AT: &str = "dlq-at";
/// Which process decided it.
pub const BY: &str = "dlq-by";

/// Of a record that was driven again: the dead letter that it was, see [`DeadLetter::identity`].
pub const REDRIVEN: &str = "dlq-redriven";

/// Longest identity that is believed: a topic's name and four numbers are shorter.
const MAX_IDENTITY: usize = 400;

/// Longest error text that is kept, in bytes.
const MAX_ERROR: usize = 2_048;

/// Why a record is a dead letter and where it came from, as its headers say it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLetter {
    /// Reason, a label from a closed set.
    pub reason: String,
    /// The error in words, with its causes. Cut off after 2 KiB.
    pub error: String,
    /// Where the record was consumed.
    pub origin: TopicPartition,
    /// At which offset.
    pub offset: i64,
    /// The record's timestamp there, in Unix milliseconds; -1 when there is none.
    pub timestamp_ms: i64,
    /// The schema that the record names, if it could be read.
    pub schema_id: Option<u32>,
    /// How often this record has become a dead letter, from 1.
    pub attempt: u32,
    /// When, in Unix nanoseconds.
    pub at: u64,
    /// Which process decided it.
    pub by: String,
    /// The dead letter that this record was before it was driven again.
    pub redriven: Option<String>,
}

/// Why a record is not a dead letter that can be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DeadLetterError {
    /// A header is missing.
    #[error("the record has no header {header}")]
    Missing {
        /// Name of the header.
        header: &'static str,
    },
    /// A header is not what it should be.
    #[error("header {header} cannot be read")]
    Malformed {
        /// Name of the header.
        header: &'static str,
    },
}

/// A record ready to be produced: original key and payload, original headers and ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLetterRecord {
    /// Original key.
    pub key: Option<Bytes>,
    /// Original payload.
    pub payload: Option<Bytes>,
    /// Original headers, then ours.
    pub headers: Headers,
}

impl DeadLetter {
    /// A dead letter of a record as it was consumed from `origin`. The attempt follows from the
    /// record's own headers: one more than it had, 1 for a record that comes for the first time.
    pub fn of(record: &Record, origin: &TopicPartition, reason: &str, error: &str) -> Self {
        let earlier = record.header(ATTEMPT).and_then(number::<u32>).unwrap_or(0);
        Self {
            reason: reason.to_owned(),
            error: error.to_owned(),
            origin: origin.clone(),
            offset: record.offset,
            timestamp_ms: record.timestamp_ms,
            schema_id: None,
            attempt: earlier.saturating_add(1),
            at: 0,
            by: String::new(),
            redriven: redriven(record),
        }
    }

    /// Names the schema.
    #[must_use]
    pub fn schema(mut self, id: Option<u32>) -> Self {
        self.schema_id = id;
        self
    }

    /// Says when, in Unix nanoseconds, and by which process.
    #[must_use]
    pub fn decided(mut self, at: u64, by: &str) -> Self {
        self.at = at;
        by.clone_into(&mut self.by);
        self
    }

    /// The record to produce: the original's key, payload and headers, and these facts as
    /// headers. Facts of an earlier attempt are replaced.
    pub fn record(&self, original: &Record) -> DeadLetterRecord {
        DeadLetterRecord {
            key: original.key.clone(),
            payload: original.payload.clone(),
            headers: with_ours(original, self.facts()),
        }
    }

    /// Who the letter is, whichever copy of it this is: where its record was consumed the first
    /// time, and how often it has become a dead letter since. Copies come from an ingester that
    /// died before it could note that the letter was kept, and from a redrive that did.
    pub fn identity(&self) -> String {
        let attempt = self.attempt;
        let earlier = self.redriven.as_deref().and_then(root);
        match earlier {
            Some(root) => format!("{root}/{attempt}"),
            None => format!(
                "{}/{}/{}/{attempt}",
                self.origin, self.offset, self.timestamp_ms
            ),
        }
    }

    /// The record to produce to the topic that the letter came from: key, payload and headers as
    /// they were, and the letter's attempt and identity, so that it is known again.
    pub fn again(&self, dead: &Record) -> DeadLetterRecord {
        let known_by = [
            (ATTEMPT, self.attempt.to_string()),
            (REDRIVEN, self.identity()),
        ];
        DeadLetterRecord {
            key: dead.key.clone(),
            payload: dead.payload.clone(),
            headers: with_ours(dead, known_by.into_iter()),
        }
    }

    /// Reads the facts back from a record of the dead-letter topic.
    pub fn parse(record: &Record) -> Result<Self, DeadLetterError> {
        let origin = TopicPartition::new(text(record, TOPIC)?, parsed(record, PARTITION)?);
        let schema_id = match record.header(SCHEMA_ID) {
            Some(_) => Some(parsed(record, SCHEMA_ID)?),
            None => None,
        };
        Ok(Self {
            reason: text(record, REASON)?,
            error: text(record, ERROR)?,
            origin,
            offset: parsed(record, OFFSET)?,
            timestamp_ms: parsed(record, TIMESTAMP)?,
            schema_id,
            attempt: parsed(record, ATTEMPT)?,
            at: parsed(record, AT)?,
            by: text(record, BY)?,
            redriven: redriven(record),
        })
    }

    fn facts(&self) -> impl Iterator<Item = (&'static str, String)> {
        let error = self.error[..self.error.floor_char_boundary(MAX_ERROR)].to_owned();
        [
            Some((REASON, self.reason.clone())),
            Some((ERROR, error)),
            Some((TOPIC, self.origin.topic.to_string())),
            Some((PARTITION, self.origin.partition.to_string())),
            Some((OFFSET, self.offset.to_string())),
            Some((TIMESTAMP, self.timestamp_ms.to_string())),
            self.schema_id.map(|id| (SCHEMA_ID, id.to_string())),
            Some((ATTEMPT, self.attempt.to_string())),
            Some((AT, self.at.to_string())),
            Some((BY, self.by.clone())),
            self.redriven.clone().map(|letter| (REDRIVEN, letter)),
        ]
        .into_iter()
        .flatten()
    }
}

impl DeadLetterRecord {
    /// The headers as [`OutboundRecord`] borrows them.
    pub fn header_refs(&self) -> Vec<(&str, &[u8])> {
        self.headers.iter().collect()
    }

    /// The record for a topic, with the headers from [`Self::header_refs`]. It goes to the
    /// partition of its original key; one without a key, to any.
    pub fn outbound<'a>(
        &'a self,
        topic: &'a str,
        headers: &'a [(&'a str, &'a [u8])],
    ) -> OutboundRecord<'a> {
        let key = self.key.as_deref().unwrap_or_default();
        OutboundRecord {
            topic,
            key,
            payload: self.payload.as_deref().unwrap_or_default(),
            headers,
        }
    }
}

/// A record's headers that are not ours, and ours behind them.
fn with_ours(record: &Record, ours: impl Iterator<Item = (&'static str, String)>) -> Headers {
    let headers = record.headers.iter();
    let kept = headers.filter(|(name, _)| !name.starts_with(HEADER_PREFIX));
    let ours: Vec<(&str, String)> = ours.collect();
    let ours = ours.iter().map(|(name, value)| (*name, value.as_bytes()));
    kept.chain(ours).collect()
}

/// The dead letter that a record was, if it says so in a way that can be believed.
fn redriven(record: &Record) -> Option<String> {
    let letter = text(record, REDRIVEN).ok()?;
    let believed = letter.len() <= MAX_IDENTITY && root(&letter).is_some();
    believed.then_some(letter)
}

/// An identity without its attempt.
fn root(identity: &str) -> Option<&str> {
    let (root, attempt) = identity.rsplit_once('/')?;
    attempt.parse::<u32>().ok().map(|_| root)
}

fn text(record: &Record, header: &'static str) -> Result<String, DeadLetterError> {
    let value = record
        .header(header)
        .ok_or(DeadLetterError::Missing { header })?;
    let text = std::str::from_utf8(value).map_err(|_| DeadLetterError::Malformed { header })?;
    Ok(text.to_owned())
}

fn parsed<T: std::str::FromStr>(
    record: &Record,
    header: &'static str,
) -> Result<T, DeadLetterError> {
    let value = record
        .header(header)
        .ok_or(DeadLetterError::Missing { header })?;
    number(value).ok_or(DeadLetterError::Malformed { header })
}

fn number<T: std::str::FromStr>(value: &[u8]) -> Option<T> {
    std::str::from_utf8(value).ok()?.parse().ok()
}

#[cfg(test)]
mod tests;
