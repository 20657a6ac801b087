//! When traces are due, and that nothing is lost, doubled or reordered on the way.

use std::collections::BTreeSet;

use ingester::{BatchTargets, DueTrace, Moment, TraceAssembler};
use proptest::prelude::*;
use storage::Completeness;

use crate::build::{RULES, Rec, ms, rec};

const ALL: BatchTargets = BatchTargets {
    traces: usize::MAX,
    spans: u64::MAX,
};

fn assembler(records: impl IntoIterator<Item = (Rec, Moment)>) -> TraceAssembler {
    let mut assembler = TraceAssembler::new(RULES);
    for (rec, at) in records {
        assembler.add(rec.record(), at);
    }
    assembler
}

fn due(assembler: &mut TraceAssembler, now: Moment) -> Vec<DueTrace> {
    assembler.advance(now);
    assembler.take(ALL, now)
}

fn offsets(traces: &[DueTrace]) -> Vec<i64> {
    let records = traces.iter().flat_map(|trace| &trace.records);
    records.map(|record| record.offset).collect()
}

#[test]
fn a_trace_with_its_root_is_due_and_complete_when_it_was_quiet_for_idle_with_root() {
    let mut assembler = assembler([(rec(0, 7), ms(0)), (rec(1, 7).root(), ms(100))]);
    assert_eq!(due(&mut assembler, ms(599)), []);
    let traces = due(&mut assembler, ms(600));
    assert_eq!(offsets(&traces), [0, 1]);
    assert_eq!(traces[0].completeness, Completeness::Complete);
}

#[test]
fn a_trace_without_a_root_waits_longer_and_is_marked() {
    let mut assembler = assembler([(rec(0, 7), ms(0))]);
    assert_eq!(due(&mut assembler, ms(2_999)), []);
    assert_eq!(
        due(&mut assembler, ms(3_000))[0].completeness,
        Completeness::NoRoot
    );
}

#[test]
fn a_trace_that_never_rests_is_written_while_it_is_open() {
    let busy = (0..50).map(|n| (rec(n, 7), ms(100 * n as u64)));
    let mut assembler = assembler(busy);
    assert_eq!(due(&mut assembler, ms(4_999)), []);
    assert_eq!(
        due(&mut assembler, ms(5_000))[0].completeness,
        Completeness::StillOpen
    );
}

#[test]
fn a_giant_trace_becomes_many_and_drops_nothing() {
    let giant = (0..25).map(|n| (rec(n, 7).spans(500), ms(n as u64)));
    let mut assembler = assembler(giant);
    let traces = due(&mut assembler, ms(25));
    assert_eq!(
        traces.iter().map(|trace| trace.spans).collect::<Vec<_>>(),
        [5_500, 5_500]
    );
    assert_eq!(assembler.traces(), 1);
}

#[test]
fn late_spans_of_a_written_trace_form_a_further_entry() {
    let mut assembler = assembler([(rec(0, 7).root(), ms(0))]);
    assert_eq!(offsets(&due(&mut assembler, ms(500))), [0]);
    assembler.add(rec(1, 7).record(), ms(600));
    assert_eq!(offsets(&due(&mut assembler, ms(3_600))), [1]);
}

#[test]
fn short_memory_makes_the_oldest_traces_due() {
    let mut assembler = assembler((0..10).map(|n| (rec(n, n as u64).bytes(1_000), ms(0))));
    assembler.relieve(2_500, ms(1));
    assert_eq!(offsets(&assembler.take(ALL, ms(1))), [0, 1]);
}

#[test]
fn spans_that_join_a_due_trace_are_written_with_it() {
    let mut assembler = assembler([(rec(0, 7).root(), ms(0))]);
    assembler.advance(ms(500));
    assembler.add(rec(1, 7).record(), ms(501));
    assert_eq!(offsets(&assembler.take(ALL, ms(501))), [0, 1]);
}

#[derive(Debug, Clone)]
enum Op {
    Add {
        trace: u64,
        root: bool,
        spans: u32,
        bytes: usize,
    },
    Wait(u64),
    Relieve(u64),
    Take {
        traces: usize,
        spans: u64,
    },
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        6 => (0..20u64, any::<bool>(), 0..3_000u32, 0..2_000usize)
            .prop_map(|(trace, root, spans, bytes)| Op::Add { trace, root, spans, bytes }),
        3 => (0..4_000u64).prop_map(Op::Wait),
        1 => (0..20_000u64).prop_map(Op::Relieve),
        2 => (1..9usize, 1..9_000u64).prop_map(|(traces, spans)| Op::Take { traces, spans }),
    ]
}

/// Plays operations; what was taken after each of them.
fn play(ops: &[Op]) -> (Vec<DueTrace>, i64) {
    let mut assembler = TraceAssembler::new(RULES);
    let (mut now, mut next, mut taken) = (ms(0), 0, Vec::new());
    for op in ops {
        match *op {
            Op::Add {
                trace,
                root,
                spans,
                bytes,
            } => {
                let rec = Rec {
                    root,
                    ..rec(next, trace).spans(spans).bytes(bytes)
                };
                assembler.add(rec.record(), now);
                next += 1;
            }
            Op::Wait(millis) => now += ms(millis),
            Op::Relieve(bytes) => assembler.relieve(bytes, now),
            Op::Take { traces, spans } => {
                taken.extend(assembler.take(BatchTargets { traces, spans }, now));
            }
        }
        assembler.advance(now);
        let seen: BTreeSet<i64> = offsets(&taken).into_iter().collect();
        let oldest = (0..next).find(|offset| !seen.contains(offset));
        assert_eq!(assembler.oldest().map(|record| record.offset), oldest);
    }
    assembler.flush(now);
    taken.extend(assembler.take(ALL, now));
    assert_eq!((assembler.bytes(), assembler.traces()), (0, 0));
    (taken, next)
}

proptest! {
    #[test]
    fn every_record_is_due_exactly_once_and_its_trace_keeps_its_order(
        ops in prop::collection::vec(op(), 0..120),
    ) {
        let (taken, added) = play(&ops);
        let mut all = offsets(&taken);
        prop_assert!(taken.iter().all(|trace| trace.records.is_sorted_by_key(|r| r.offset)));
        all.sort_unstable();
        prop_assert_eq!(all, (0..added).collect::<Vec<_>>());
    }

    #[test]
    fn no_trace_is_held_longer_than_it_may_be(
        ops in prop::collection::vec(op(), 0..120),
        wait in 5_000..9_000u64,
    ) {
        let mut assembler = TraceAssembler::new(RULES);
        let adds = ops.iter().filter(|op| matches!(op, Op::Add { .. })).enumerate();
        for (n, _) in adds {
            assembler.add(rec(n as i64, n as u64 % 5).record(), ms(n as u64));
        }
        let last = ms(ops.len() as u64);
        prop_assert_eq!(assembler.traces(), due(&mut assembler, last + ms(wait)).len());
    }
}
