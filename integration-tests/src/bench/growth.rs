//! What a span costs, and what reading takes, by how many spans are there already.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde::Serialize;

use super::Phase;
use super::reads::Reads;

/// The sum of what the store has on disk, by the name it has among the sizes.
const AT_REST: &str = "store, sum";

/// Spans that were sent after others, and what was measured after them.
#[derive(Debug, Clone, Serialize)]
pub struct Step {
    /// Spans that are stored by now.
    pub spans_stored: u64,
    /// What these cost.
    pub phase: Phase,
    /// How long reading takes now.
    pub reads: Reads,
    /// Bytes per span of all so far, the warm-up left out, by part.
    pub bytes: BTreeMap<String, f64>,
}

/// The steps, one a line; nothing for none.
pub(super) fn table(steps: &[Step]) -> String {
    let Some(first) = steps.first() else {
        return String::new();
    };
    let processes: Vec<&str> = first.phase.cpu.keys().copied().collect();
    let kinds = first.reads.latencies.iter().map(|latency| latency.kind);
    let mut table = format!(
        "\n| M spans stored | {}, CPU-s per M | bytes per span at rest | {}, p99 ms |\n",
        processes.join(" | "),
        kinds.collect::<Vec<_>>().join(" | "),
    );
    let columns = 2 + processes.len() + first.reads.latencies.len();
    table += &format!("|{}\n", "---|".repeat(columns));
    for step in steps {
        let seconds = step.phase.cpu.values().map(|spent| format!("{spent:.2}"));
        let reads = step.reads.latencies.iter();
        let reads = reads.map(|latency| format!("{:.1}", latency.p99_ms));
        let row = writeln!(
            table,
            "| {:.0} | {} | {:.1} | {} |",
            step.spans_stored as f64 / 1e6,
            seconds.collect::<Vec<_>>().join(" | "),
            step.bytes.get(AT_REST).copied().unwrap_or_default(),
            reads.collect::<Vec<_>>().join(" | "),
        );
        row.unwrap_or_default();
    }
    table
}
