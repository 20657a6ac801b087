//! Outcomes as a table of Markdown, as it goes into `docs/delivery.md`.

use std::time::Duration;

use super::course::{Notes, Outcome};

/// The lines above the rows.
pub const HEAD: &str = "\
| fault | what is done under load | ready meanwhile (collector / ingester / query) | spans acked, sent again | recovery (limit) | lost, doubled, altered, ghosts, derived wrong | |
|---|---|---|---|---|---|---|";

/// One row.
pub fn row(outcome: &Outcome) -> String {
    let Notes {
        ready,
        figures,
        retries,
        spans,
        recovery,
        findings,
        ..
    } = &outcome.notes;
    let verdict = match &outcome.failure {
        None => String::new(),
        Some(failure) => format!("**failed**: {}", failure.lines().next().unwrap_or_default()),
    };
    let found = findings
        .as_ref()
        .map_or("not verified".to_owned(), |found| found.figures());
    let further = figures
        .iter()
        .cloned()
        .chain((!verdict.is_empty()).then_some(verdict));
    format!(
        "| `{}` | {} | {} | {spans}, {retries} | {} ({}) | {found} | {} |",
        outcome.name,
        outcome.what,
        if ready.is_empty() { "–" } else { ready },
        recovery.map_or("–".to_owned(), seconds),
        seconds(outcome.within),
        further.collect::<Vec<_>>().join("; ")
    )
}

fn seconds(time: Duration) -> String {
    format!("{:.1} s", time.as_secs_f64())
}
