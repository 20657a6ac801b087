//! Dead letters as an operator looks at them: records that could not be stored, and what is asked
//! and told about them.
//!
//! Wherever a letter lies, in a topic or in a table, these are its nouns; in JSON, times are decimal
//! nanoseconds as text, since they are larger than what JavaScript counts exactly.

mod id;
mod filter;
mod group;
mod redrive;
mod json;

use serde::Serialize;

use crate::{RejectReason, Tenant, Trace, TraceId, UnixNanos};

pub use filter::LetterFilter;
pub use group::{LetterGroup, LetterGroups};
pub use id::{LetterId, LetterIdError, LetterRange};
pub use redrive::{PurgeReport, PurgeRequest, RedriveReport, RedriveRequest};

/// Where a record was consumed before it became a dead letter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LetterOrigin {
    /// Topic.
    pub topic: String,
    /// Partition.
    pub partition: i32,
    /// Offset.
    pub offset: i64,
    /// The record's timestamp there, in Unix milliseconds; -1 when there is none.
    pub timestamp_ms: i64,
}

/// Whether a letter has been driven again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RedriveState {
    /// Not yet.
    Untouched,
    /// Somebody began to, and has not said how it ended: the next redrive finds out.
    Begun,
    /// It has: if it failed again, that is a letter of its own.
    Redriven,
}

/// A dead letter, without its bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Letter {
    /// Where it lies.
    pub id: LetterId,
    /// Why it could not be stored; none if it does not say so in words that are known.
    #[serde(serialize_with = "json::label")]
    pub reason: Option<RejectReason>,
    /// The error in words.
    pub error: String,
    /// Where it came from; none without Kafka.
    pub origin: Option<LetterOrigin>,
    /// The schema that it names, if it could be read.
    pub schema_id: Option<u32>,
    /// How often the record has become a dead letter, from 1; 0 if it does not say.
    pub attempt: u32,
    /// When it became one.
    #[serde(serialize_with = "json::text")]
    pub at: UnixNanos,
    /// Which process decided it.
    pub by: String,
    /// Whose spans they are, as far as it could be read.
    #[serde(serialize_with = "json::optional_text")]
    pub tenant: Option<Tenant>,
    /// The trace that they belong to, as far as it could be read.
    pub trace_id: Option<TraceId>,
    /// The services of the spans that could be read: sorted, each once.
    pub services: Vec<String>,
    /// Spans that could be read.
    pub spans: u32,
    /// Bytes of the record.
    pub bytes: u64,
    /// Whether it has been driven again.
    pub redrive: RedriveState,
}

/// A dead letter with all that is in it.
#[derive(Debug, Clone, PartialEq)]
pub struct LetterContent {
    /// The letter.
    pub letter: Letter,
    /// Its key.
    pub key: Option<Vec<u8>>,
    /// Its headers, in order.
    pub headers: Vec<(String, Vec<u8>)>,
    /// Its bytes.
    pub payload: Vec<u8>,
    /// The spans that could be read.
    pub decoded: Option<Trace>,
    /// From which byte on nothing could be read, and why.
    pub undecoded: Option<(usize, String)>,
}

/// One page of a list of letters.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LetterPage {
    /// In the order of their ids.
    pub letters: Vec<Letter>,
    /// Where the next page begins: after this one. None on the last page. A page may be short, or
    /// empty, and not the last.
    pub next: Option<LetterId>,
}

#[cfg(test)]
mod tests;
