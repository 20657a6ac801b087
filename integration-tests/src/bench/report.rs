//! What was measured, as a table and as JSON.

use std::collections::BTreeMap;
use std::fmt::{self, Display, Formatter};

use serde::Serialize;

use super::cpu::Usage;
use super::growth::Step;
use super::reads::{Latency, Reads};
use super::{growth, receivers};
use crate::load::Summary;

/// Spans that were sent at one pace, and what the processes spent on them.
#[derive(Debug, Clone, Serialize)]
pub struct Phase {
    /// What it is called.
    pub name: String,
    /// Spans acknowledged.
    pub spans: u64,
    /// Spans per second of wall-clock time, as acknowledged.
    pub spans_per_second: f64,
    /// Bytes that a span took in its request, uncompressed.
    pub bytes_per_span: f64,
    /// Spans of a request.
    pub spans_per_request: f64,
    /// Median of the time to an acknowledgement, milliseconds.
    pub ack_p50_ms: f64,
    /// 99 of 100 acknowledgements came sooner, milliseconds.
    pub ack_p99_ms: f64,
    /// From the last ack of a trace until it is found whole, milliseconds.
    pub freshness_p50_ms: Option<f64>,
    /// The same for 99 of 100 traces.
    pub freshness_p99_ms: Option<f64>,
    /// CPU-seconds per million spans, by process.
    pub cpu: BTreeMap<&'static str, f64>,
    /// Highest resident memory in MB, by process.
    pub memory_mb: BTreeMap<&'static str, f64>,
}

impl Phase {
    pub(super) fn new(
        name: &str,
        summary: &Summary,
        before: &Usage,
        after: &Usage,
        peak: &Usage,
    ) -> Self {
        let per_million = 1e6 / summary.spans.max(1) as f64;
        let spent = |(name, seconds): (&&'static str, &f64)| {
            let earlier = before.cpu.get(*name).copied().unwrap_or_default();
            (*name, (seconds - earlier) * per_million)
        };
        let megabytes = |(name, bytes): (&&'static str, &u64)| (*name, *bytes as f64 / 1e6);
        Self {
            name: name.to_owned(),
            spans: summary.spans,
            spans_per_second: summary.spans as f64 / summary.seconds,
            bytes_per_span: summary.otlp_bytes.unwrap_or_default() as f64
                / summary.spans.max(1) as f64,
            spans_per_request: summary.spans as f64 / summary.requests.unwrap_or(1).max(1) as f64,
            ack_p50_ms: summary.ack_p50_ms,
            ack_p99_ms: summary.ack_p99_ms,
            freshness_p50_ms: summary.freshness_p50_ms,
            freshness_p99_ms: summary.freshness_p99_ms,
            cpu: after.cpu.iter().map(spent).collect(),
            memory_mb: peak.memory.iter().map(megabytes).collect(),
        }
    }

    /// CPU-seconds per million spans of all processes that a span passes through.
    pub fn cpu_to_queryable(&self) -> f64 {
        let reading = self.cpu.get("query").copied().unwrap_or_default();
        self.cpu.values().sum::<f64>() - reading
    }
}

/// All that was measured.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// By pace.
    pub phases: Vec<Phase>,
    /// What a span costs by how many are there; none unless there were several steps.
    pub growth: Vec<Step>,
    /// At full speed through each receiver, named for its protocol; none unless asked for.
    pub receivers: Vec<Phase>,
    /// Latencies of reading under several circumstances.
    pub reads: Vec<Reads>,
    /// Bytes per span at rest, by part.
    pub bytes: BTreeMap<String, f64>,
}

impl Display for Phase {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "\n{}: {} spans, {:.0} spans/s, ack p50 {:.1} ms, p99 {:.1} ms",
            self.name, self.spans, self.spans_per_second, self.ack_p50_ms, self.ack_p99_ms
        )?;
        if let (Some(p50), Some(p99)) = (self.freshness_p50_ms, self.freshness_p99_ms) {
            writeln!(f, "queryable after p50 {p50:.0} ms, p99 {p99:.0} ms")?;
        }
        writeln!(
            f,
            "\n| process | CPU-s per million spans | spans per CPU-s | peak MB |\n|---|---|---|---|"
        )?;
        for (name, seconds) in &self.cpu {
            let memory = self.memory_mb.get(name).copied().unwrap_or_default();
            let speed = 1e6 / seconds.max(1e-3);
            writeln!(f, "| {name} | {seconds:.2} | {speed:.0} | {memory:.0} |")?;
        }
        let sum = self.cpu_to_queryable();
        writeln!(f, "| **to queryable** | {sum:.2} | {:.0} | |", 1e6 / sum)
    }
}

/// What was read, and what lies on the disks: the phases are told one by one.
impl Display for Report {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(&growth::table(&self.growth))?;
        write_reads(f, &self.reads)?;
        writeln!(f, "\n| at rest | bytes per span |\n|---|---|")?;
        for (part, bytes) in &self.bytes {
            writeln!(f, "| {part} | {bytes:.1} |")?;
        }
        f.write_str(&receivers::table(&self.receivers))
    }
}

/// A row for each kind, a column for each of the circumstances.
fn write_reads(f: &mut Formatter<'_>, reads: &[Reads]) -> fmt::Result {
    write!(f, "\n| read: p50, p99 ms |")?;
    for of in reads {
        write!(f, " {} ({} of each) |", of.when, of.requests())?;
    }
    writeln!(f, "\n|{}", "---|".repeat(reads.len() + 1))?;
    let kinds = reads.first().map(|first| first.latencies.len());
    for kind in 0..kinds.unwrap_or_default() {
        for (column, of) in reads.iter().enumerate() {
            let Latency {
                kind,
                p50_ms,
                p99_ms,
                ..
            } = &of.latencies[kind];
            if column == 0 {
                write!(f, "| {kind} |")?;
            }
            write!(f, " {p50_ms:.1}, {p99_ms:.1} |")?;
        }
        writeln!(f)?;
    }
    Ok(())
}

/// Medians of both sides' CPU per span, and the second over the first.
pub fn ratios(of: &[Report], against: &[Report]) -> String {
    let mut lines = String::from(
        "\n| CPU-s per million spans | other | this | this / other |\n|---|---|---|---|\n",
    );
    let names = of.iter().flat_map(|report| &report.phases);
    let mut rows: Vec<(String, &'static str)> = names
        .flat_map(|phase| phase.cpu.keys().map(|name| (phase.name.clone(), *name)))
        .collect();
    rows.sort();
    rows.dedup();
    for (phase, process) in rows {
        let here = median(of, &phase, process);
        let there = median(against, &phase, process);
        lines += &format!(
            "| {phase}, {process} | {there:.2} | {here:.2} | {:.2} |\n",
            here / there.max(1e-3)
        );
    }
    lines
}

fn median(reports: &[Report], phase: &str, process: &str) -> f64 {
    let phases = reports.iter().flat_map(|report| &report.phases);
    let of_phase = phases.filter(|one| one.name == phase);
    let mut seconds: Vec<f64> = of_phase
        .filter_map(|one| one.cpu.get(process).copied())
        .collect();
    seconds.sort_by(f64::total_cmp);
    seconds.get(seconds.len() / 2).copied().unwrap_or_default()
}
