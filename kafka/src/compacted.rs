//! Reads compacted topics: the last value of each key, and the changes after that.

use crate::config::KafkaConfig;
use crate::consumer::ConsumeError;

/// A key and its last value; `None` when the key was deleted.
pub type CompactedEntry = (Vec<u8>, Option<Vec<u8>>);

/// Reads a topic from its start to its end at the time of the call. Each key once, with its last
/// value, in the order of these values.
pub async fn read_compacted(
    _kafka: &KafkaConfig,
    _topic: &str,
) -> Result<Vec<CompactedEntry>, ConsumeError> {
    todo!()
}

/// Reads a topic as [`read_compacted`] does; what comes later is had from the second value, with
/// no gap between the two.
pub async fn follow_compacted(
    _kafka: &KafkaConfig,
    _topic: &str,
) -> Result<(Vec<CompactedEntry>, CompactedChanges), ConsumeError> {
    todo!()
}

/// Later changes of a compacted topic.
pub struct CompactedChanges;

impl CompactedChanges {
    /// The next change. Waits for it, through any outage. Cancel safe.
    pub async fn next(&mut self) -> CompactedEntry {
        todo!()
    }
}
