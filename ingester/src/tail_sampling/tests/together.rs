//! A trace that one transaction writes in parts.

use std::sync::OnceLock;

use model::{SpanBatch, StatusCode, Tenant, TimeRange, Trace};
use serde_json::{Value, json};
use storage::{Completeness, TraceSpans};

use super::sampler;
use super::samples::trace;
use crate::{DueTrace, TailSampler, TraceVerdict};

/// A trace whose second span failed.
fn failing() -> Trace {
    let mut trace = trace(1, &["shop", "bank"]);
    trace.resources[1].scopes[0].spans[0].status = StatusCode::Error;
    trace
}

fn due(trace: &Trace) -> DueTrace {
    DueTrace {
        tenant: Tenant::default(),
        trace_id: trace.id,
        received: TimeRange { start: 0, end: 0 },
        completeness: Completeness::Complete,
        records: Vec::new(),
        spans: 1,
        bytes: 0,
        verdict: OnceLock::new(),
    }
}

/// Judges each span of a trace as a part of its own, all of them together.
fn judge(sampler: &TailSampler, trace: &Trace, parts: &[DueTrace]) -> Vec<bool> {
    let batch = SpanBatch::of_trace(trace);
    let indices: Vec<u32> = (0..batch.spans.len() as u32).collect();
    let tenant = Tenant::default();
    let spans = indices.chunks(1).map(|spans| TraceSpans {
        source: None,
        tenant: &tenant,
        trace_id: trace.id,
        received: TimeRange { start: 0, end: 0 },
        completeness: Completeness::Complete,
        verdict: None,
        batch: &batch,
        spans,
    });
    let mut spans: Vec<_> = spans.collect();
    sampler.judge(&parts.iter().collect::<Vec<_>>(), &mut spans);
    let kept = |of: &TraceSpans<'_, '_>| of.verdict.expect("it was judged").kept;
    spans.iter().map(kept).collect()
}

fn judged(policy: Value) -> Vec<bool> {
    let trace = failing();
    judge(
        &sampler(json!([policy])),
        &trace,
        &[due(&trace), due(&trace)],
    )
}

#[test]
fn what_the_second_part_tells_decides_for_the_first() {
    let errors = json!({"name": "errors", "type": "status_code",
        "status_code": {"status_codes": ["ERROR"]}});
    assert_eq!(judged(errors), [true, true]);
    let bank = json!({"name": "bank", "type": "drop", "drop": {"drop_sub_policy": [
        {"name": "bank", "type": "service_name", "service_name": {"values": ["bank"]}}]}});
    assert_eq!(judged(bank), [false, false]);
}

#[test]
fn parts_are_counted_as_one_trace() {
    let two = json!({"name": "two", "type": "span_count", "span_count": {"min_spans": 2}});
    assert_eq!(judged(two), [true, true]);
    let rate = json!({"name": "rate", "type": "rate_limiting",
        "rate_limiting": {"spans_per_second": 2}});
    assert_eq!(judged(rate), [true, true]);
}

#[test]
fn a_part_that_joins_a_write_that_is_tried_again_follows_what_was_said() {
    let trace = failing();
    let parts = [due(&trace), due(&trace)];
    let said = TraceVerdict {
        kept: false,
        policy: "".into(),
        weight: None,
    };
    parts[0].verdict.set(said).expect("nothing was said");
    let all = sampler(json!([{"name": "all", "type": "always_sample"}]));
    assert_eq!(judge(&all, &trace, &parts), [false, false]);
}
