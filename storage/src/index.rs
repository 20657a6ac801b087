//! The token index: tokens and a time range in, candidate segments out, newest first.
//!
//! It is made of *posting runs*. A transaction writes one for each day and block of segments that
//! it touches: pages of token → ordinals ([`page`]), and a directory of ordinal → segment
//! ([`directory`]). The pages of a day and level lie in one table, its present *generation*; the
//! catalogue (`posting_table`, `posting_run`) says which run lies where, and from when to when the
//! spans of its segments start.
//!
//! A worker seals a generation once it holds many runs, writes fewer and larger ones of the next
//! level in their place, and drops the old table once no query can still read it. Rows are never
//! updated or deleted but in the catalogue. A reader sees catalogue and pages in one snapshot.

mod page;
mod directory;
mod run;
mod tables;
mod write;
mod kway;
mod merge;
mod lookup;

pub(crate) use directory::{Bounds, DirectoryEntry};
pub(crate) use lookup::{Run, chunk_ranges, days, directories, ordinals, runs};
pub(crate) use merge::{MergeOutcome, merge_once};
pub(crate) use run::RunBuilder;
pub(crate) use tables::{create_partition, drop_partition, drop_table};
pub(crate) use write::write_run;

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Whether bytes are a page, read to its end.
pub(crate) fn decodes_page(bytes: &[u8]) -> bool {
    let mut ordinals = Vec::new();
    let Ok(mut page) = page::PageReader::new(bytes) else {
        return false;
    };
    loop {
        match page.next(&mut ordinals) {
            Ok(Some(_)) => {}
            Ok(None) => return true,
            Err(_) => return false,
        }
    }
}

/// Whether bytes are a chunk of a directory.
pub(crate) fn decodes_directory(bytes: &[u8]) -> bool {
    directory::decode(bytes).is_ok()
}

/// How the token index is kept.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct IndexConfig {
    /// Runs of one level that are merged into one of the next. More: less merging and fewer
    /// tables, slower searches.
    pub fan_in: u32,
    /// Segments from which on a run is not merged again. More: faster searches for rare values,
    /// more memory and longer transactions when merging.
    pub max_run_segments: u32,
    /// How long the pages of merged runs are kept for queries that began before the merge; at least
    /// twice `read_timeout`.
    #[serde(with = "humantime_serde")]
    pub keep_merged: Duration,
    /// Longest wait of the merge worker for writers to let go of a table. Writers that come later
    /// wait behind it; beyond it the merge is put off.
    #[serde(with = "humantime_serde")]
    pub lock_timeout: Duration,
}

impl Default for IndexConfig {
    fn default() -> Self {
        Self {
            fan_in: 32,
            max_run_segments: 262_144,
            keep_merged: Duration::from_secs(120),
            lock_timeout: Duration::from_millis(500),
        }
    }
}
