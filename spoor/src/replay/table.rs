//! Jobs and comparisons as people and programs read them.

use ingester::{Comparison, Difference};
use serde_json::{Value, json};
use storage::ReplayJob;

use super::moment::show;

/// A line for each job.
pub(crate) fn jobs(jobs: &[ReplayJob]) -> String {
    if jobs.is_empty() {
        return "no replays".to_owned();
    }
    let lines: Vec<String> = jobs.iter().map(headline).collect();
    lines.join("\n")
}

fn headline(job: &ReplayJob) -> String {
    let received = job.spec.received;
    let reason = job.reason.as_ref();
    format!(
        "{:>6}  {:<9}  {:>5.1} %  {}  {} to {}{}",
        job.id,
        job.state.as_str(),
        job.ratio() * 100.0,
        job.spec.topic,
        show(received.start),
        show(received.end),
        reason.map_or_else(String::new, |reason| format!("  ({reason})"))
    )
}

/// A job with its partitions.
pub(crate) fn job(job: &ReplayJob) -> String {
    let counts = job.counts();
    let mut lines = vec![headline(job)];
    let spec = &job.spec;
    let filters = [
        spec.tenant
            .as_ref()
            .map(|tenant| format!("tenant {}", tenant.as_str())),
        spec.service
            .as_ref()
            .map(|service| format!("service {service}")),
        spec.spans_per_second
            .map(|rate| format!("{rate} spans/s at most")),
    ];
    let filters: Vec<String> = filters.into_iter().flatten().collect();
    if !filters.is_empty() {
        lines.push(filters.join(", "));
    }
    lines.push(format!(
        "{} spans stored, {} were there already, {} dropped by policies, {} records with {} spans \
         dead-lettered",
        counts.spans_stored,
        counts.spans_duplicate,
        counts.spans_dropped,
        counts.records_dead_lettered,
        counts.spans_dead_lettered
    ));
    lines.extend(job.partitions.iter().map(|partition| {
        let (done, all) = partition.done();
        let state = match (partition.finished, partition.leased) {
            (true, _) => "done",
            (false, true) => "worked on",
            (false, false) => "waits",
        };
        format!(
            "  partition {:>4}  {done:>10} of {all:>10} offsets  {state}",
            partition.stretch.partition
        )
    }));
    lines.join("\n")
}

/// A job as JSON.
pub(crate) fn job_json(job: &ReplayJob) -> Value {
    let counts = job.counts();
    json!({
        "id": job.id,
        "state": job.state.as_str(),
        "reason": job.reason,
        "topic": job.spec.topic,
        "from": show(job.spec.received.start),
        "to": show(job.spec.received.end),
        "tenant": job.spec.tenant.as_ref().map(|tenant| tenant.as_str()),
        "service": job.spec.service,
        "spans_per_second": job.spec.spans_per_second,
        "ratio": job.ratio(),
        "records": counts.records,
        "spans_stored": counts.spans_stored,
        "spans_duplicate": counts.spans_duplicate,
        "spans_dead_lettered": counts.spans_dead_lettered,
        "spans_dropped": counts.spans_dropped,
        "partitions": job.partitions.iter().map(|one| json!({
            "partition": one.stretch.partition,
            "start": one.stretch.start,
            "end": one.stretch.end,
            "watermark": one.watermark,
            "leased": one.leased,
            "finished": one.finished,
        })).collect::<Vec<_>>(),
    })
}

/// Where log and store differ, and in what.
pub(crate) fn comparison(comparison: &Comparison) -> String {
    let sums = comparison.buckets.values().fold((0, 0), |sum, side| {
        (sum.0 + side.log.spans, sum.1 + side.store.spans)
    });
    let mut lines = vec![format!(
        "{} spans in the log, {} of the range in the store",
        sums.0, sums.1
    )];
    let differing = comparison
        .buckets
        .iter()
        .filter(|(_, side)| side.log != side.store);
    lines.extend(differing.map(|(bucket, side)| {
        format!(
            "  partition {:>4}  hour {}  tenant {}: {} spans ({:032x}) in the log, {} ({:032x}) in the store",
            bucket.partition,
            show(bucket.hour),
            bucket.tenant.as_str(),
            side.log.spans,
            side.log.xor,
            side.store.spans,
            side.store.xor
        )
    }));
    for (name, difference) in [
        ("missing", &comparison.missing),
        ("extra", &comparison.extra),
    ] {
        lines.push(format!("{} {name}", difference.spans));
        lines.extend(difference.examples.iter().map(|(tenant, trace, span)| {
            format!(
                "  {name}: trace {trace} span {span} of tenant {}",
                tenant.as_str()
            )
        }));
    }
    if comparison.undecodable > 0 {
        lines.push(format!(
            "{} records cannot be decoded",
            comparison.undecodable
        ));
    }
    lines.join("\n")
}

/// The same as JSON.
pub(crate) fn comparison_json(comparison: &Comparison) -> Value {
    let difference = |of: &Difference| {
        json!({
            "spans": of.spans,
            "examples": of.examples.iter().map(|(tenant, trace, span)| json!({
                "tenant": tenant.as_str(),
                "trace_id": trace.to_string(),
                "span_id": span.to_string(),
            })).collect::<Vec<_>>(),
        })
    };
    let side = |of: &ingester::Fingerprint| {
        json!({
            "spans": of.spans,
            "xor": format!("{:032x}", of.xor),
            "sum": format!("{:032x}", of.sum),
        })
    };
    json!({
        "missing": difference(&comparison.missing),
        "extra": difference(&comparison.extra),
        "undecodable_records": comparison.undecodable,
        "buckets": comparison.buckets.iter().map(|(bucket, both)| json!({
            "partition": bucket.partition,
            "hour": show(bucket.hour),
            "tenant": bucket.tenant.as_str(),
            "log": side(&both.log),
            "store": side(&both.store),
        })).collect::<Vec<_>>(),
    })
}
