//! What must hold after every step, and what must have come about in the end.

use storage::Progress;

use super::derived::Derived;
use super::log::Entry;
use super::member::{BUDGET, Role};
use super::world::World;
use crate::build::SETTINGS;

/// Bytes that a member may be over its budget: a record that was condemned has headers again, and
/// a batch that was fetched is taken in whole.
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
        }
    }

    /// A record that counts as done is stored or among the dead letters; any other is read again.
    fn check_places(&self) {
        let Progress {
            watermark,
            done_above,
            ..
        } = &self.store.progress;
        let done = |offset: i64| offset < *watermark || done_above.contains(offset as u64);
        let stored: std::collections::HashSet<u64> =
            self.store.rows.iter().map(|row| row.content).collect();
        for (offset, entry) in self.log.entries.iter().filter(|(offset, _)| done(**offset)) {
            let kept = match entry {
                Entry::Spans {
                    spans,
                    poison: false,
                    ..
                } => spans.iter().all(|span| stored.contains(&span.content)),
                Entry::Spans { .. } | Entry::Garbage => self.dead_letters.contains_key(offset),
                Entry::Tombstone => true,
            };
            assert!(kept, "offset {offset} is done and in no place: {entry}");
            let finished = self.store.finished.contains(offset);
            assert!(finished, "offset {offset} was never finished");
        }
        assert_eq!(
            stored.len(),
            self.store.rows.len(),
            "spans are stored twice"
        );
        let apart = done_above
            .min()
            .is_none_or(|least| least >= *watermark as u64);
        assert!(apart, "done offsets below the watermark are kept");
    }

    /// accepted = stored + duplicates + dead-lettered, of all records that are done.
    fn check_counts(&self) {
        let counts = self.store.progress.counts;
        let finished = &self.store.finished;
        assert_eq!(counts.records, finished.len() as u64, "records");
        assert_eq!(counts.spans_stored, self.store.rows.len() as u64, "spans");
        let accepted: u64 = finished
            .iter()
            .map(|offset| self.log.entries[offset].span_count())
            .sum();
        let accounted = counts.spans_stored + counts.spans_duplicate + counts.spans_dead_lettered;
        assert_eq!(accounted, accepted, "spans of records that are done");
    }

    /// Records and passed offsets make up every offset that counts as done.
    fn check_offsets(&self) {
        let Progress {
            watermark,
            done_above,
            counts,
            ..
        } = &self.store.progress;
        let passed = self.store.passed;
        assert_eq!((passed.lost, passed.base_moved), (0, 0));
        let counted = counts.records + passed.skipped;
        let done = *watermark as u64 + done_above.len();
        assert_eq!(
            counted, done,
            "offsets that are done, and what became of each"
        );
    }

    fn check_derived(&self) {
        let expected = Derived::of(&self.store.rows);
        assert_eq!(self.store.derived, expected, "what follows from the spans");
    }

    fn check_memory(&self) {
        for member in &self.members {
            let used = member.budget.used();
            let limit = match member.role {
                Role::Absent | Role::Assigned(_) => 0,
                Role::Running(_) | Role::Draining(_) => BUDGET + SLACK,
            };
            assert!(used <= limit, "{used} bytes are held, of {limit}");
        }
    }

    /// Checks that every record of the log is in the place where it belongs.
    ///
    /// # Panics
    /// If one is not.
    pub fn check_settled(&mut self) {
        self.changed = true;
        self.check();
        for (offset, entry) in &self.log.entries {
            let finished = self.store.finished.contains(offset);
            assert!(finished, "offset {offset} was never finished: {entry}");
        }
        let above = &self.store.progress.done_above;
        assert!(above.is_empty(), "{above:?} are done above the end");
        assert!(self.members[0].budget.used() <= BUDGET);
    }
}
