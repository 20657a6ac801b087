//! What is asked and told when letters are driven again or purged.

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use crate::{LetterFilter, LetterId, LetterRange, RedriveOutcome, UnixNanos};

/// Letters to be driven again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RedriveRequest {
    /// Which.
    pub filter: LetterFilter,
    /// A record that has been a dead letter this often is not driven again.
    pub max_attempts: u32,
    /// Whether to say what would be done, and do nothing.
    pub dry_run: bool,
}

impl RedriveRequest {
    /// How often a record may become a dead letter unless told otherwise.
    pub const MAX_ATTEMPTS: u32 = 3;
}

/// What became of letters that were to be driven again.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct RedriveReport {
    /// Whether nothing was done, and this is what would be.
    pub dry_run: bool,
    /// Letters that were meant.
    pub selected: u64,
    /// What became of them.
    #[serde(serialize_with = "by_label")]
    outcomes: [u64; RedriveOutcome::ALL.len()],
    /// Letters of a redrive that had died, found to have been given back.
    pub found: u64,
    /// Letters of a redrive that had died, found not to have been given back.
    pub withdrawn: u64,
}

impl RedriveReport {
    /// Nothing yet.
    pub fn new(dry_run: bool) -> Self {
        Self {
            dry_run,
            ..Self::default()
        }
    }

    /// Counts a letter.
    pub fn add(&mut self, outcome: RedriveOutcome) {
        self.selected += 1;
        self.outcomes[outcome as usize] += 1;
    }

    /// Letters with this outcome.
    pub fn count(&self, outcome: RedriveOutcome) -> u64 {
        self.outcomes[outcome as usize]
    }

    /// The outcomes that occurred, with their counts.
    pub fn outcomes(&self) -> impl Iterator<Item = (RedriveOutcome, u64)> {
        RedriveOutcome::ALL
            .iter()
            .copied()
            .zip(self.outcomes)
            .filter(|(_, count)| *count > 0)
    }
}

fn by_label<S: Serializer>(
    counts: &[u64; RedriveOutcome::ALL.len()],
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let mut map = serializer.serialize_map(Some(counts.len()))?;
    for (outcome, count) in RedriveOutcome::ALL.iter().zip(counts) {
        map.serialize_entry(outcome.as_str(), count)?;
    }
    map.end()
}

/// Letters to be deleted for good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PurgeRequest {
    /// Those that lie here. In a topic each must begin where its partition's log begins.
    pub ranges: Vec<LetterRange>,
    /// Those that became letters before this moment.
    pub before: Option<UnixNanos>,
    /// Whether to say what would be deleted, and delete nothing.
    pub dry_run: bool,
}

/// What was deleted.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct PurgeReport {
    /// Whether nothing was deleted, and this is what would be.
    pub dry_run: bool,
    /// How many letters. In a topic: how many offsets, which compaction does not thin out.
    pub records: u64,
    /// Of each partition that was cut, the last letter that went.
    pub up_to: Vec<LetterId>,
}
