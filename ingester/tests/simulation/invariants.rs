//! What must hold after every step, and what must have come about in the end.

use std::collections::HashSet;

use storage::Progress;

use super::derived::Derived;
use super::log::Entry;
use super::member::{BUDGET, Role};
use super::store::SourceRow;
use super::world::World;
use crate::build::SETTINGS;

/// Bytes that each partition may be over the budget: a record that was condemned has headers again,
/// and a batch that was fetched is taken in whole.
const SLACK: u64 = 4 * SETTINGS.max_record_bytes;

impl World {
    /// Checks everything that must hold after a step.
    ///
    /// # Panics
    /// If it does not.
    pub fn check(&mut self) {
        self.check_memory();
        if std::mem::take(&mut self.changed) {
            self.check_places();
            self.check_counts();
            self.check_offsets();
            self.check_derived();
            self.check_sampling();
        }
    }

    /// A record that counts as done is stored, dropped by a policy or among the dead letters; any
    /// other is read again.
    fn check_places(&self) {
        let (rows, dropped) = (&self.store.rows, &self.store.dropped);
        let kept = rows.iter().chain(dropped);
        let stored: HashSet<u64> = kept.map(|row| row.content).collect();
        let there = rows.len() + dropped.len();
        assert_eq!(stored.len(), there, "spans are stored or dropped twice");
        let mut owed = Vec::new();
        let mut to_be_read: HashSet<u64> = HashSet::new();
        for (partition, source) in self.store.sources.iter().enumerate() {
            let above = &source.progress.done_above;
            let least = above.min().unwrap_or(u64::MAX);
            assert!(
                least >= source.progress.watermark as u64,
                "done offsets below the watermark are kept"
            );
            for (offset, entry) in &self.logs.partitions[partition].entries {
                let spans = entry.storable();
                if !is_done(source, *offset) {
                    to_be_read.extend(spans.iter().map(|span| span.content));
                    continue;
                }
                let name = (partition, *offset);
                let finished = source.finished.contains(offset);
                assert!(finished, "{name:?} is done and was never finished");
                let dead = self.dead_letters.contains_key(&name);
                let kept = dead || !spans.is_empty() || matches!(entry, Entry::Tombstone);
                assert!(kept, "{name:?} is done and in no place: {entry}");
                let lacks = spans.iter().filter(|span| !stored.contains(&span.content));
                owed.extend(lacks.map(|span| (name, span.content)));
            }
        }
        // After a failover a twin that was stored may be gone, together with its record's position.
        owed.retain(|(_, content)| !to_be_read.contains(content));
        assert!(owed.is_empty(), "done and in no place: {owed:?}");
    }

    /// accepted = stored + duplicates + dead-lettered + dropped, of all records that are done.
    fn check_counts(&self) {
        let (mut stored, mut dropped) = (0, 0);
        for (source, log) in self.store.sources.iter().zip(&self.logs.partitions) {
            let counts = source.progress.counts;
            let finished = &source.finished;
            assert_eq!(counts.records, finished.len() as u64, "records");
            let accepted: u64 = finished
                .iter()
                .map(|offset| log.entries[offset].span_count())
                .sum();
            assert_eq!(counts.spans(), accepted, "spans of records that are done");
            stored += counts.spans_stored;
            dropped += counts.spans_dropped;
        }
        assert_eq!(dropped, self.store.dropped.len() as u64, "dropped spans");
        assert_eq!(stored, self.store.rows.len() as u64, "spans");
    }

    /// Records and passed offsets make up every offset that counts as done.
    fn check_offsets(&self) {
        for source in &self.store.sources {
            let passed = source.passed;
            assert_eq!((passed.lost, passed.base_moved), (0, 0));
            let progress = &source.progress;
            let counted = progress.counts.records + passed.skipped;
            let done = progress.watermark as u64 + progress.done_above.len();
            assert_eq!(
                counted, done,
                "offsets that are done, and what became of each"
            );
        }
    }

    fn check_derived(&self) {
        let all = [&self.store.rows[..], &self.store.dropped].concat();
        let expected = Derived::of(&all);
        assert_eq!(self.store.derived, expected, "what follows from the spans");
    }

    fn check_memory(&self) {
        for member in &self.members {
            let used = member.budget.used();
            let holds = |role: &Role| matches!(role, Role::Running(_) | Role::Draining(_));
            let holdings = member.holdings.iter();
            let limit = match holdings.filter(|holding| holds(&holding.role)).count() {
                0 => 0,
                partitions => BUDGET + SLACK * partitions as u64,
            };
            assert!(used <= limit, "{used} bytes are held, of {limit}");
        }
    }

    /// A position was mirrored after the commit that made this revision: it is the one in the store,
    /// unless that has gone on since.
    ///
    /// # Panics
    /// If it is not.
    pub fn check_mirrored(&self, partition: usize, revision: i64) {
        let Progress {
            revision: now,
            watermark,
            ..
        } = self.store.sources[partition].progress;
        let mirrored = self.mirrored[partition];
        let agrees = match now == revision {
            true => mirrored == watermark,
            false => mirrored < watermark,
        };
        assert!(agrees, "{mirrored} is mirrored, {watermark} is stored");
    }

    /// Checks that every record of the logs is in the place where it belongs.
    ///
    /// # Panics
    /// If one is not.
    pub fn check_settled(&mut self) {
        self.changed = true;
        self.check();
        for (source, log) in self.store.sources.iter().zip(&self.logs.partitions) {
            for (offset, entry) in &log.entries {
                let finished = source.finished.contains(offset);
                assert!(finished, "offset {offset} was never finished: {entry}");
            }
            let above = &source.progress.done_above;
            assert!(above.is_empty(), "{above:?} are done above the end");
        }
        let entries = self
            .logs
            .partitions
            .iter()
            .flat_map(|log| log.entries.values());
        let sent: HashSet<u64> = entries
            .flat_map(Entry::storable)
            .map(|span| span.content)
            .collect();
        let there = self.store.rows.len() + self.store.dropped.len();
        assert_eq!(sent.len(), there, "spans that were sent");
        for member in &self.members {
            assert!(member.budget.used() <= BUDGET);
        }
    }
}

fn is_done(source: &SourceRow, offset: i64) -> bool {
    let progress = &source.progress;
    offset < progress.watermark || progress.done_above.contains(offset as u64)
}
