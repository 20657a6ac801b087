//! What one search may cost.

use serde::{Deserialize, Serialize};

use crate::ReadError;

/// What one search may cost. Beyond it the search fails; it never answers with less. A listing of
/// attributes stops there and says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SearchLimits {
    /// Most segments that a search reads, those of the traces that it returns included. Some
    /// 0.1 ms of CPU each.
    pub max_segments: u64,
    /// Most bytes of their compressed payloads. Only the answer is held in memory, where it takes
    /// ten to thirty times as much.
    pub max_payload_bytes: u64,
    /// Segments that a listing of attributes looks into, the newest. More: counts of more spans,
    /// for some 0.1 ms of CPU each.
    pub counted_segments: u64,
}

impl SearchLimits {
    /// No limits.
    pub(crate) const NONE: Self = Self {
        max_segments: u64::MAX,
        max_payload_bytes: u64::MAX,
        counted_segments: u64::MAX,
    };
}

impl Default for SearchLimits {
    fn default() -> Self {
        Self {
            max_segments: 200_000,
            max_payload_bytes: 256 << 20,
            counted_segments: 2_000,
        }
    }
}

/// What a read has cost so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Cost {
    /// Segments read.
    pub(crate) segments: u64,
    /// Bytes of their payloads.
    pub(crate) payload_bytes: u64,
}

impl Cost {
    /// Counts a segment, unless it is one too many.
    pub(crate) fn spend(&mut self, payload: &[u8], limits: &SearchLimits) -> Result<(), ReadError> {
        self.segments += 1;
        self.payload_bytes += payload.len() as u64;
        let within =
            self.segments <= limits.max_segments && self.payload_bytes <= limits.max_payload_bytes;
        within.then_some(()).ok_or(ReadError::TooBroad {
            segments: self.segments,
            payload_bytes: self.payload_bytes,
        })
    }
}
