//! What an audit has found, as people and programs read it.

use std::fmt::Write;

use ingester::audit::{Audit, CounterTotals, LogState, Residue, TenantSums, tenant_sums};
use serde_json::{Value, json};
use storage::SourceAccount;

/// Tenants and partitions in tables, then what does not add up.
pub(crate) fn text(audit: &Audit, counters: &CounterTotals) -> String {
    let mut out = String::new();
    tenants(&mut out, audit);
    sources(&mut out, audit);
    details(&mut out, audit, counters);
    match audit.residues.len() {
        0 => out.push_str("residue: 0. Everything adds up."),
        n => {
            let _ = writeln!(out, "residue: {n} sums do not add up");
            let lines: Vec<String> = audit.residues.iter().map(Residue::to_string).collect();
            out.push_str(&lines.join("\n"));
        }
    }
    out
}

fn tenants(out: &mut String, audit: &Audit) {
    let _ = writeln!(
        out,
        "{:<20} {:>14} = {:>14} + {:>12} + {:>13} + {:>12} + {:>11}   {:>14} + {:>12}",
        "tenant",
        "accepted",
        "stored",
        "duplicates",
        "dead-lettered",
        "dropped",
        "in flight",
        "there",
        "removed"
    );
    for (tenant, sums) in tenant_sums(audit) {
        let name = if tenant.is_empty() {
            "(unknown)"
        } else {
            &tenant
        };
        let _ = writeln!(
            out,
            "{:<20} {:>14} = {:>14} + {:>12} + {:>13} + {:>12} + {:>11}   {:>14} + {:>12}",
            name,
            sums.accepted(),
            sums.stored,
            sums.duplicate,
            sums.dead_lettered,
            sums.dropped,
            sums.in_flight,
            sums.there,
            sums.removed
        );
    }
}

fn sources(out: &mut String, audit: &Audit) {
    let _ = writeln!(
        out,
        "\n{:<32} {:>12} {:>12} {:>12} {:>10} {:>9} {:>9} {:>9}",
        "partition", "from", "position", "records", "skipped", "lost", "in flight", "residue"
    );
    let of_log = audit.logs.iter().map(|state| (&state.account, Some(state)));
    let others = audit.account.sources.iter().filter(|source| {
        let mut known = audit.logs.iter();
        !known.any(|state| state.account.source == source.source)
    });
    for (account, state) in of_log.chain(others.map(|source| (source, None))) {
        let _ = writeln!(out, "{}", source_line(account, state));
    }
}

fn source_line(account: &SourceAccount, state: Option<&LogState>) -> String {
    let source = &account.source;
    let name = format!("{}/{} {}", source.topic, source.partition, source.consumer);
    let number = |number: Option<i64>| number.map_or("-".to_owned(), |n| n.to_string());
    format!(
        "{:<32} {:>12} {:>12} {:>12} {:>10} {:>9} {:>9} {:>9}",
        name,
        number(account.base),
        account.watermark,
        account.counts.records,
        account.skipped,
        account.lost,
        number(state.map(|state| state.in_flight() as i64)),
        account.offsets_residue()
    )
}

fn details(out: &mut String, audit: &Audit, counters: &CounterTotals) {
    out.push('\n');
    if !audit.in_flight.is_read {
        let _ = writeln!(
            out,
            "{} offsets are in flight and were not read: the spans in them are not counted",
            audit.in_flight.records
        );
    }
    if let Some(contents) = &audit.contents {
        let _ = writeln!(
            out,
            "log: {} records that are done, {} spans: {} dead-lettered, {} dropped by policies, {} \
             removed with their day, {} missing; {} records cannot be decoded",
            contents.records,
            contents.spans.values().sum::<u64>(),
            contents.dead_lettered,
            contents.dropped,
            contents.removed,
            contents.missing_spans,
            contents.undecodable
        );
    }
    if let Some(recount) = &audit.recount {
        let _ = writeln!(
            out,
            "recount: {} spans of {} traces in {} segments, {} dropped ones: {} figures differ, {} spans doubled, \
             {} figures could not be compared",
            recount.spans,
            recount.traces,
            recount.segments,
            recount.dropped,
            recount.differences,
            recount.doubled,
            recount.unsure
        );
    }
    if !counters.accepted.is_empty() || counters.stored > 0 {
        let _ = writeln!(
            out,
            "counters since their start: {} accepted; {} stored, {} duplicates, {} dead-lettered, \
             {} dropped",
            counters.accepted.values().sum::<u64>(),
            counters.stored,
            counters.duplicate,
            counters.dead_lettered,
            counters.dropped
        );
    }
}

/// The same for programs.
pub(crate) fn json(audit: &Audit, counters: &CounterTotals) -> Value {
    let tenants = tenant_sums(audit).into_iter();
    let tenants: serde_json::Map<String, Value> =
        tenants.map(|(name, sums)| (name, tenant(&sums))).collect();
    let sources = audit.account.sources.iter().map(|account| {
        let mut logs = audit.logs.iter();
        let state = logs.find(|state| state.account.source == account.source);
        json!({
            "consumer": account.source.consumer,
            "topic": account.source.topic,
            "partition": account.source.partition,
            "base": account.base,
            "watermark": account.watermark,
            "done_above": account.done_above.len(),
            "records": account.counts.records,
            "skipped": account.skipped,
            "lost": account.lost,
            "residue": account.offsets_residue(),
            "in_flight": state.map(LogState::in_flight),
            "low": state.map(|state| state.low),
            "high": state.map(|state| state.high),
        })
    });
    let residues = audit.residues.iter();
    let residues = residues.map(|one| json!({ "kind": one.kind(), "what": one.to_string() }));
    json!({
        "clean": audit.residues.is_empty(),
        "tenants": tenants,
        "sources": sources.collect::<Vec<_>>(),
        "in_flight": { "offsets": audit.in_flight.records, "read": audit.in_flight.is_read },
        "log": audit.contents.as_ref().map(|found| json!({
            "records": found.records,
            "spans": found.spans,
            "undecodable": found.undecodable,
            "dead_lettered": found.dead_lettered,
            "dropped": found.dropped,
            "removed": found.removed,
            "missing": found.missing_spans,
        })),
        "recount": audit.recount.as_ref().map(|found| json!({
            "segments": found.segments,
            "traces": found.traces,
            "spans": found.spans,
            "dropped": found.dropped,
            "doubled": found.doubled,
            "differences": found.differences,
            "unsure": found.unsure,
        })),
        "counters": {
            "accepted": counters.accepted,
            "stored": counters.stored,
            "duplicate": counters.duplicate,
            "dead_lettered": counters.dead_lettered,
            "dropped": counters.dropped,
        },
        "residues": residues.collect::<Vec<_>>(),
    })
}

fn tenant(sums: &TenantSums) -> Value {
    json!({
        "accepted": sums.accepted(),
        "stored": sums.stored,
        "duplicates": sums.duplicate,
        "dead_lettered": sums.dead_lettered,
        "dropped": sums.dropped,
        "in_flight": sums.in_flight,
        "there": sums.there,
        "removed": sums.removed,
    })
}
