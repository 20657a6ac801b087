//! The tracker against a model that remembers everything, and across restarts.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

fn tracker(watermark: i64, done: &[u64]) -> OffsetTracker {
    OffsetTracker::restore(watermark, done.iter().copied().collect())
}

fn above(tracker: &OffsetTracker) -> Vec<u64> {
    tracker.done_above().iter().collect()
}

#[test]
fn the_watermark_waits_for_the_oldest_record() {
    let mut tracker = tracker(0, &[]);
    assert!((0..4).all(|offset| tracker.take(offset)));
    tracker.finish(1);
    tracker.finish(3);
    assert_eq!((tracker.watermark(), above(&tracker)), (0, vec![1, 3]));
    tracker.finish(0);
    assert_eq!((tracker.watermark(), above(&tracker)), (2, vec![3]));
    tracker.finish(2);
    assert_eq!((tracker.watermark(), above(&tracker)), (4, vec![]));
}

#[test]
fn offsets_that_do_not_exist_are_not_waited_for() {
    let mut tracker = tracker(0, &[]);
    for offset in [2, 5, 9] {
        assert!(tracker.take(offset));
    }
    tracker.finish(2);
    assert_eq!(tracker.watermark(), 5);
    tracker.finish(9);
    tracker.finish(5);
    assert_eq!((tracker.watermark(), above(&tracker)), (10, vec![]));
}

#[test]
fn after_a_restart_exactly_what_was_done_is_skipped() {
    let mut tracker = tracker(10, &[11, 13]);
    let taken: Vec<i64> = (10..16).filter(|offset| tracker.take(*offset)).collect();
    assert_eq!(taken, [10, 12, 14, 15]);
}

#[test]
fn a_gap_before_a_record_that_is_done_is_seen_with_it() {
    let mut tracker = tracker(14, &[15]);
    assert_eq!(tracker.watermark(), 14, "14 may still come");
    tracker.see(15);
    assert_eq!(tracker.watermark(), 16);
    assert_eq!(above(&tracker), [0u64; 0]);
}

#[test]
fn what_is_done_right_at_the_watermark_moves_it() {
    assert_eq!(tracker(10, &[10, 11, 13]).watermark(), 12);
}

#[test]
fn a_record_that_is_pending_is_not_taken_twice() {
    let mut tracker = tracker(0, &[]);
    assert!(tracker.take(3));
    assert!(!tracker.take(3));
    tracker.finish(3);
    assert!(!tracker.take(3));
}

#[test]
fn finishing_what_was_never_taken_changes_nothing() {
    let mut changed = tracker(5, &[7]);
    changed.finish(5);
    changed.finish(100);
    changed.finish(-1);
    assert_eq!(changed, tracker(5, &[7]));
}

#[test]
fn looking_ahead_says_what_finishing_would_and_changes_nothing() {
    let mut tracker = tracker(0, &[]);
    (0..5).for_each(|offset| assert!(tracker.take(offset)));
    let before = tracker.clone();
    let ahead = tracker.with_finished([0, 1, 3]);
    assert_eq!(tracker, before);
    [0, 1, 3]
        .into_iter()
        .for_each(|offset| tracker.finish(offset));
    assert_eq!(ahead.watermark, tracker.watermark());
    assert_eq!(&ahead.done_above, tracker.done_above());
}

/// Everything that ever happened to a partition, remembered plainly.
struct Model {
    log: Vec<u64>,
    read: usize,
    done: BTreeSet<u64>,
    pending: Vec<u64>,
    /// What a store would hold: the position, and how many offsets were passed over.
    committed: (i64, RoaringTreemap),
    skipped: u64,
}

impl Model {
    fn new(gaps: &[u64]) -> Self {
        let mut next = 0;
        let log = gaps.iter().map(|gap| {
            next += gap + 1;
            next - 1
        });
        Self {
            log: log.collect(),
            read: 0,
            done: BTreeSet::new(),
            pending: Vec::new(),
            committed: (0, RoaringTreemap::new()),
            skipped: 0,
        }
    }

    /// Done and passed over make up everything below the watermark, and what is done above it.
    fn commit(&mut self, ahead: &Ahead) -> Result<(), TestCaseError> {
        self.committed = (ahead.watermark, ahead.done_above.clone());
        self.skipped += ahead.passed.skipped;
        let counted = self.done.len() as u64 + self.skipped;
        prop_assert_eq!(counted, ahead.watermark as u64 + ahead.done_above.len());
        Ok(())
    }

    /// Every offset below that exists is done; the first one that is not, or the reading's place.
    fn watermark(&self) -> u64 {
        let read = self
            .read
            .checked_sub(1)
            .map_or(0, |last| self.log[last] + 1);
        self.pending.iter().copied().min().unwrap_or(read)
    }

    fn restart(&mut self, watermark: u64) {
        self.pending.clear();
        self.read = self.log.partition_point(|offset| *offset < watermark);
    }
}

#[derive(Debug, Clone)]
enum Op {
    Read,
    Finish(prop::sample::Index),
    Restart,
}

fn ops() -> impl Strategy<Value = Vec<Op>> {
    let op = prop_oneof![
        4 => Just(Op::Read),
        3 => any::<prop::sample::Index>().prop_map(Op::Finish),
        1 => Just(Op::Restart),
    ];
    prop::collection::vec(op, 0..120)
}

fn read(model: &mut Model, tracker: &mut OffsetTracker) -> Result<(), TestCaseError> {
    let Some(&offset) = model.log.get(model.read) else {
        return Ok(());
    };
    model.read += 1;
    let fresh = tracker.take(offset as i64);
    prop_assert_eq!(fresh, !model.done.contains(&offset), "offset {}", offset);
    if fresh {
        model.pending.push(offset);
    }
    Ok(())
}

fn check(model: &Model, tracker: &OffsetTracker) -> Result<(), TestCaseError> {
    let watermark = tracker.watermark() as u64;
    let below = model.log.iter().filter(|offset| **offset < watermark);
    for offset in below {
        prop_assert!(model.done.contains(offset), "{} is not done", offset);
    }
    // Reading ahead of what was done before a restart may leave the model behind, never ahead.
    prop_assert!(watermark >= model.watermark());
    let above: BTreeSet<u64> = tracker.done_above().iter().collect();
    let expected: BTreeSet<u64> = model.done.range(watermark..).copied().collect();
    prop_assert_eq!(above, expected);
    prop_assert_eq!(tracker.pending(), model.pending.len());
    Ok(())
}

proptest! {
    #[test]
    fn every_record_is_done_once_whatever_the_order_the_gaps_and_the_restarts(
        gaps in prop::collection::vec(prop_oneof![3 => Just(0_u64), 1 => 0_u64..5], 1..60),
        ops in ops(),
    ) {
        let (mut model, mut tracker) = (Model::new(&gaps), tracker(0, &[]));
        for op in ops {
            match op {
                Op::Read => read(&mut model, &mut tracker)?,
                Op::Finish(_) if model.pending.is_empty() => {}
                Op::Finish(which) => {
                    let offset = model.pending.swap_remove(which.index(model.pending.len()));
                    prop_assert!(model.done.insert(offset), "{} done twice", offset);
                    let ahead = tracker.with_finished([offset as i64]);
                    tracker.finish(offset as i64);
                    prop_assert_eq!(ahead.watermark, tracker.watermark());
                    prop_assert_eq!(&ahead.done_above, tracker.done_above());
                    tracker.settle(ahead.watermark, ahead.passed);
                    model.commit(&ahead)?;
                }
                Op::Restart => {
                    let (watermark, done_above) = model.committed.clone();
                    tracker = OffsetTracker::restore(watermark, done_above);
                    model.restart(tracker.watermark() as u64);
                }
            }
            check(&model, &tracker)?;
        }
    }
}

#[test]
fn what_the_log_has_lost_is_counted_once_the_watermark_has_passed_it() {
    let mut tracker = tracker(3, &[5]);
    tracker.take(3);
    tracker.lose(8);
    tracker.take(9);
    let counted = |lost, skipped| Passed {
        skipped,
        lost,
        base_moved: 0,
    };
    let ahead = tracker.with_finished([9]);
    assert_eq!((ahead.watermark, ahead.passed), (3, counted(0, 0)));
    let ahead = tracker.with_finished([3, 9]);
    assert_eq!((ahead.watermark, ahead.passed), (10, counted(3, 1)));
    tracker.finish(3);
    tracker.finish(9);
    tracker.settle(10, ahead.passed);
    assert_eq!(tracker.with_finished([]).passed, counted(0, 0));
}

#[test]
fn counting_begins_where_the_log_does_and_begins_anew_with_it() {
    let mut tracker = tracker(0, &[]);
    tracker.begin(100);
    assert!(tracker.take(102));
    tracker.finish(102);
    let ahead = tracker.with_finished([]);
    let (records, passed) = (1, ahead.passed);
    assert_eq!((passed.base_moved, passed.skipped), (100, 2));
    assert_eq!(records + 2, ahead.watermark - passed.base_moved);
    tracker.begin_anew(7);
    let anew = tracker.with_finished([]);
    assert_eq!((anew.watermark, anew.passed.skipped), (7, 2));
    assert_eq!(records + 2, anew.watermark - anew.passed.base_moved);
}
