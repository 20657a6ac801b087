//! Edges and RED are those of all spans at once, whatever order and grouping the spans came in.

use std::collections::BTreeMap;

use model::{NANOS_PER_MINUTE, SpanBatch, SpanKind, SpanRef, Trace};
use proptest::prelude::*;

use super::edges::EdgeDelta;
use super::{Edges, KnownTrace, Node, Red};
use crate::{DurationHistogram, test_traces};

const NOON: u64 = 1_764_000_000_000_000_000;

type EdgeSums = BTreeMap<(u64, String, String), (i64, i64, i64)>;

fn nodes<'a>(batch: &SpanBatch<'a>) -> Vec<Node<'a>> {
    let mut hasher = model::IdentityHasher::new("t", batch);
    let mut services = model::ServiceNames::new(batch);
    let node = |span| Node::new(hasher.span(span), services.of(span), span);
    batch.spans.iter().map(node).collect()
}

/// The definition, looking at every pair of spans.
fn by_definition(all: &[Node<'_>]) -> EdgeSums {
    let mut sums = EdgeSums::new();
    for child in all {
        let others = || all.iter().filter(|other| other.hash != child.hash);
        let shared = others()
            .filter(|other| child.kind == SpanKind::Server && other.kind == SpanKind::Client)
            .filter(|other| other.id == child.id)
            .min_by_key(|other| other.hash);
        let parent = others()
            .filter(|other| Some(other.id) == child.parent)
            .min_by_key(|other| (other.kind != SpanKind::Server, other.hash));
        let Some(caller) = shared.or(parent) else {
            continue;
        };
        let minute = child.start / NANOS_PER_MINUTE * NANOS_PER_MINUTE;
        let key = (minute, caller.service.to_owned(), child.service.to_owned());
        let sum = sums.entry(key).or_default();
        sum.0 += 1;
        sum.1 += i64::from(child.error);
        sum.2 += child.duration as i64;
    }
    sums
}

fn add(sums: &mut EdgeSums, edges: &Edges<'_>) {
    for (
        key,
        EdgeDelta {
            calls,
            errors,
            duration_sum,
        },
    ) in edges.sorted()
    {
        let key = (key.minute, key.parent.to_owned(), key.child.to_owned());
        let sum = sums.entry(key).or_default();
        sum.0 += calls;
        sum.1 += errors;
        sum.2 += duration_sum;
    }
}

/// Writes the traces one after the other, as spans of one trace.
fn step_by_step(steps: &[Trace]) -> (EdgeSums, KnownTrace) {
    let (mut sums, mut known) = (EdgeSums::new(), KnownTrace::default());
    for (number, step) in steps.iter().enumerate() {
        let batch = SpanBatch::of_trace(step);
        let mut new = nodes(&batch);
        new.retain(|node| !known.holds(node.id, node.hash));
        new.sort_by_key(|node| node.hash);
        new.dedup_by_key(|node| node.hash);
        let mut edges = Edges::default();
        edges.add_trace("t", Some(&known), &new);
        add(&mut sums, &edges);
        known.add_segment(number as i64, "t", &batch);
    }
    sums.retain(|_, sum| *sum != (0, 0, 0));
    (sums, known)
}

proptest! {
    #[test]
    fn edges_are_those_of_all_spans_at_once(steps in prop::collection::vec(test_traces::trace(NOON), 1..6)) {
        let (sums, known) = step_by_step(&steps);
        let all: Vec<Node<'_>> = (0..known.len() as u32).map(|at| known.node(at)).collect();
        prop_assert_eq!(sums, by_definition(&all));
    }

    #[test]
    fn red_counts_every_span_once_in_its_minute(trace in test_traces::trace(NOON)) {
        let batch = SpanBatch::of_trace(&trace);
        let all: Vec<u32> = (0..batch.spans.len() as u32).collect();
        let mut red = Red::default();
        red.add("t", &batch, &all);
        let histograms = red.histograms();
        let mut calls = 0;
        for (key, delta) in red.sorted() {
            let of_key = batch.spans.iter().filter(|span| {
                let minute = span.start / NANOS_PER_MINUTE * NANOS_PER_MINUTE;
                let service = batch.service_name(batch.resource(span));
                (minute, service, span.kind) == (key.minute, key.service, key.kind)
                    && span.operation_name() == key.operation
            });
            prop_assert_eq!(delta.calls, of_key.clone().count() as i64);
            let durations: u64 = of_key.clone().map(|span| span.duration()).sum();
            prop_assert_eq!(delta.duration_sum, durations as i64);
            let bars = histograms.of(delta).iter();
            prop_assert_eq!(bars.map(|bar| i64::from(bar.count)).sum::<i64>(), delta.calls);
            for bar in histograms.of(delta) {
                let in_bucket = |span: &&SpanRef<'_>| DurationHistogram::bucket(span.duration()) == bar.bucket;
                prop_assert_eq!(of_key.clone().filter(in_bucket).count(), bar.count as usize);
            }
            calls += delta.calls;
        }
        prop_assert_eq!(calls, batch.spans.len() as i64);
    }
}
