//! What the state machine of a partition does with each event.

use ingester::{
    Consume, DeadRecord, Decoded, DrainNext, FailureKind, MemoryBudget, Running, Verdict,
    WriteFailure, WriteRequest,
};
use model::RejectReason;
use roaring::RoaringTreemap;
use storage::{Progress, Written};

use crate::build::{SETTINGS, assigned, ms, owner, rec, running, running_from};

fn failure(kind: FailureKind) -> WriteFailure {
    WriteFailure {
        kind,
        dead_letters_acked: true,
        cause: "as the test wants it".into(),
    }
}

/// Three whole traces of one record each, and the write of all of them.
fn three_written(running: &mut Running) -> WriteRequest {
    running.admit((0..3).map(|n| rec(n, n as u64).root().decoded()), ms(0));
    running
        .next(ms(600))
        .write
        .expect("they are due, and have lingered")
}

fn offsets(request: &WriteRequest) -> Vec<i64> {
    request.load.offsets().collect()
}

fn dead(offset: i64) -> Decoded {
    Decoded::Dead(DeadRecord {
        offset,
        timestamp_ms: 0,
        key: None,
        payload: b"?".as_slice().into(),
        headers: kafka::Headers::default(),
        reason: RejectReason::Unframed,
        error: "no frame".to_owned(),
        spans: 0,
    })
}

#[test]
fn due_traces_wait_for_their_batch_to_fill_but_not_for_long() {
    let mut running = running();
    running.admit([rec(0, 0).root().decoded()], ms(0));
    let next = running.next(ms(599));
    assert!(next.write.is_none());
    assert_eq!(next.wake_at, Some(ms(600)));
    assert!(running.next(ms(600)).write.is_some());
}

#[test]
fn a_commit_mirrors_what_it_stored_and_not_a_gap_that_was_found_meanwhile() {
    let mut running = running();
    let request = three_written(&mut running);
    running.admit([rec(5, 9).decoded()], ms(650));
    match running.written(Ok(Written::default()), ms(700)) {
        Verdict::Committed(commit) => assert_eq!(commit.watermark, request.step.watermark),
        other => panic!("{other:?}"),
    }
    assert_eq!((request.step.watermark, running.watermark()), (3, 5));
}

#[test]
fn a_gap_before_records_that_were_done_is_not_waited_for() {
    let mut running = running_from(Progress {
        revision: 1,
        watermark: 14,
        done_above: RoaringTreemap::from([15]),
        ..Progress::default()
    });
    assert!(!running.wants(15));
    running.seen(15);
    assert_eq!(running.watermark(), 16);
}

#[test]
fn a_step_finishes_its_records_and_passes_no_held_one() {
    let mut running = running();
    running.admit([rec(0, 0).decoded(), rec(1, 1).root().decoded()], ms(0));
    let write = running.next(ms(600)).write.unwrap();
    assert_eq!(offsets(&write), [1]);
    assert_eq!((write.step.watermark, write.step.records), (0, 1));
    assert_eq!(write.step.done_above, RoaringTreemap::from_iter([1]));
}

#[test]
fn one_write_is_under_way_at_most() {
    let mut running = running();
    three_written(&mut running);
    running.admit([rec(3, 3).root().decoded()], ms(600));
    assert!(running.next(ms(9_000)).write.is_none());
}

#[test]
fn a_commit_moves_revision_and_watermark() {
    let mut running = running();
    three_written(&mut running);
    let verdict = running.written(Ok(Written::default()), ms(700));
    assert!(matches!(verdict, Verdict::Committed(commit) if commit.watermark == 3));
    running.admit([rec(3, 3).root().decoded()], ms(700));
    let write = running.next(ms(1_300)).write.unwrap();
    assert_eq!((write.step.expected_revision, write.step.watermark), (2, 4));
}

#[test]
fn records_that_are_done_already_are_skipped_after_a_restart() {
    let done_above = RoaringTreemap::from_iter([5, 7]);
    let progress = Progress {
        revision: 9,
        watermark: 4,
        done_above,
        ..Progress::default()
    };
    let mut running = running_from(progress);
    assert_eq!(
        (4..9).filter(|n| running.wants(*n)).collect::<Vec<_>>(),
        [4, 6, 8]
    );
    running.admit((4..9).map(|n| rec(n, n as u64).root().decoded()), ms(0));
    assert_eq!(offsets(&running.next(ms(600)).write.unwrap()), [4, 6, 8]);
}

#[test]
fn a_record_delivered_twice_is_taken_once() {
    let mut running = running();
    running.admit(
        [rec(0, 0).root().decoded(), rec(0, 0).root().decoded()],
        ms(0),
    );
    assert_eq!(offsets(&running.next(ms(600)).write.unwrap()), [0]);
}

#[test]
fn a_transient_failure_is_tried_again_with_the_same_records_and_pauses_the_log() {
    let mut running = running();
    three_written(&mut running);
    for _ in 0..2 {
        running.written(Err(failure(FailureKind::Transient)), ms(700));
        assert!(running.next(ms(700)).write.is_none());
        let again = running.next(ms(1_000)).write.unwrap();
        assert_eq!(
            (offsets(&again), again.step.expected_revision),
            (vec![0, 1, 2], 1)
        );
    }
    assert_eq!(running.next(ms(1_000)).consume, Consume::Paused);
    running.written(Ok(Written::default()), ms(1_100));
    assert!(matches!(running.next(ms(1_100)).consume, Consume::Room(_)));
}

#[test]
fn a_fenced_partition_forgets_everything_and_gives_its_memory_back() {
    let budget = MemoryBudget::new(1 << 20);
    let first = Progress {
        revision: 1,
        ..Progress::default()
    };
    let mut running = assigned(&budget).claimed(owner(1), first);
    three_written(&mut running);
    assert!(matches!(
        running.written(Err(failure(FailureKind::Fenced)), ms(700)),
        Verdict::Fenced
    ));
    let (assigned, _) = running.fenced();
    assert_eq!(budget.used(), 0);
    let theirs = Progress {
        revision: 5,
        watermark: 2,
        ..Progress::default()
    };
    assert_eq!(assigned.claimed(owner(2), theirs).watermark(), 2);
}

#[test]
fn a_refused_batch_is_halved_until_the_record_to_blame_is_a_dead_letter() {
    let mut running = running();
    let mut write = Some(three_written(&mut running));
    let (mut stored, mut dead) = (Vec::new(), Vec::new());
    while let Some(request) = write {
        let records: Vec<i64> = request.load.records().map(|record| record.offset).collect();
        let outcome = if records.contains(&1) {
            Err(failure(FailureKind::Poison))
        } else {
            stored.extend(records);
            dead.extend(
                request
                    .load
                    .dead
                    .iter()
                    .map(|record| (record.offset, record.reason)),
            );
            Ok(Written::default())
        };
        running.written(outcome, ms(700));
        write = running.next(ms(700)).write;
    }
    assert_eq!(stored, [0, 2]);
    assert_eq!(dead, [(1, RejectReason::RefusedByStore)]);
    assert_eq!((running.watermark(), running.is_idle()), (3, true));
}

#[test]
fn a_single_trace_is_halved_by_its_records() {
    let mut running = running();
    running.admit((0..4).map(|n| rec(n, 7).root().decoded()), ms(0));
    running.next(ms(600)).write.unwrap();
    running.written(Err(failure(FailureKind::Poison)), ms(700));
    assert_eq!(offsets(&running.next(ms(700)).write.unwrap()), [0, 1]);
    running.written(Ok(Written::default()), ms(700));
    assert_eq!(offsets(&running.next(ms(700)).write.unwrap()), [2, 3]);
}

#[test]
fn a_step_that_carries_no_trace_and_is_refused_waits_for_an_operator() {
    let mut running = running();
    running.admit([Decoded::Ignored { offset: 0 }], ms(0));
    running.next(ms(100)).write.unwrap();
    let verdict = running.written(Err(failure(FailureKind::Poison)), ms(200));
    assert!(matches!(verdict, Verdict::Retried { .. }));
}

#[test]
fn a_partition_with_nothing_to_write_asks_the_store_now_and_then_whether_they_agree() {
    let mut running = running();
    three_written(&mut running);
    running.written(Ok(Written::default()), ms(700));
    assert_eq!(running.next(ms(30_699)).wake_at, Some(ms(30_700)));
    let write = running.next(ms(30_700)).write.unwrap();
    assert!(write.load.is_empty());
    assert_eq!((write.step.watermark, write.step.records), (3, 0));
    running.written(Ok(Written::default()), ms(30_800));
    assert!(running.next(ms(60_799)).write.is_none());
    assert!(running.next(ms(60_800)).write.is_some());
}

#[test]
fn a_partition_that_has_read_nothing_has_nothing_to_ask() {
    let mut running = running();
    assert!(running.next(ms(0)).write.is_none());
    let next = running.next(ms(90_000));
    assert!(next.write.is_none() && next.wake_at.is_none());
}

#[test]
fn dead_letters_and_tombstones_are_finished_without_assembly() {
    let mut running = running();
    running.admit([dead(0), Decoded::Ignored { offset: 1 }], ms(0));
    let write = running.next(ms(100)).write.unwrap();
    let step = &write.step;
    assert_eq!(
        (step.records, step.records_dead_lettered, step.watermark),
        (2, 1, 2)
    );
}

#[test]
fn dead_letters_that_were_acknowledged_are_not_sent_again() {
    let mut running = running();
    running.admit([dead(0)], ms(0));
    assert_eq!(running.next(ms(100)).write.unwrap().load.dead_acked, 0);
    running.written(Err(failure(FailureKind::Transient)), ms(200));
    assert_eq!(running.next(ms(900)).write.unwrap().load.dead_acked, 1);
}

#[test]
fn no_more_is_consumed_than_the_budget_has_room_for() {
    let budget = MemoryBudget::new(8_000);
    let first = Progress {
        revision: 1,
        ..Progress::default()
    };
    let mut running = assigned(&budget).claimed(owner(1), first);
    let mut offset = 0;
    while let Consume::Room(room) = running.next(ms(0)).consume {
        assert!(room >= SETTINGS.max_record_bytes);
        running.admit([rec(offset, offset as u64).bytes(600).decoded()], ms(0));
        offset += 1;
    }
    assert!(
        (6_000..=8_000).contains(&budget.used()),
        "{} in use",
        budget.used()
    );
    assert!(
        running.next(ms(100)).write.is_some(),
        "the oldest are written early"
    );
}

#[test]
fn a_budget_too_small_for_a_record_takes_one_at_a_time() {
    let first = Progress {
        revision: 1,
        ..Progress::default()
    };
    let mut running = assigned(&MemoryBudget::new(10)).claimed(owner(1), first);
    for offset in 0..3 {
        assert!(matches!(running.next(ms(0)).consume, Consume::Room(_)));
        running.admit([rec(offset, 0).decoded()], ms(0));
        assert_eq!(running.next(ms(0)).consume, Consume::Full);
        assert!(running.next(ms(100)).write.is_some());
        running.written(Ok(Written::default()), ms(100));
    }
}

#[test]
fn a_revoked_partition_finishes_its_write_and_leaves_the_rest() {
    let mut running = running();
    three_written(&mut running);
    running.admit([rec(3, 3).root().decoded()], ms(600));
    let mut draining = running.revoke();
    assert!(matches!(draining.next(ms(9_000)), DrainNext::Wait(_)));
    draining.written(Ok(Written::default()), ms(9_000));
    assert!(matches!(draining.next(ms(9_000)), DrainNext::Release));
    let released = draining.release();
    assert_eq!((released.watermark, released.records_left), (3, 1));
}

#[test]
fn a_stopped_partition_writes_what_it_holds_before_it_lets_go() {
    let mut running = running();
    running.admit([rec(0, 0).decoded(), dead(1)], ms(0));
    let mut draining = running.stop(ms(1));
    let DrainNext::Write(write) = draining.next(ms(1)) else {
        panic!("there is something to write");
    };
    let mut written = offsets(&write);
    written.sort_unstable();
    assert_eq!(written, [0, 1]);
    draining.written(Ok(Written::default()), ms(2));
    assert!(matches!(draining.next(ms(2)), DrainNext::Release));
    assert_eq!(draining.release().watermark, 2);
}

#[test]
fn a_stopped_partition_that_is_fenced_lets_go_at_once() {
    let mut running = running();
    running.admit([rec(0, 0).decoded()], ms(0));
    let mut draining = running.stop(ms(1));
    draining.next(ms(1));
    draining.written(Err(failure(FailureKind::Fenced)), ms(2));
    assert!(matches!(draining.next(ms(2)), DrainNext::Release));
}
