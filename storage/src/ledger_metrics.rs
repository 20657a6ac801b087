//! The account of the store as metrics: totals since ever, from rows and not from memory, so that
//! no restart of any role loses a count. Shown by the process that keeps the store in order.

use std::collections::BTreeMap;
use std::time::Duration;

use metrics::{Label, Unit, counter, describe_counter, describe_gauge, gauge};

use crate::replay::is_replay;
use crate::{Counts, Placement, SourceAccount, TenantTally};

/// Spans by tenant and by what became of them, since ever.
pub const SPANS: &str = "spoor_storage_ledger_spans_total";
/// Records by tenant that are done, since ever.
pub const RECORDS: &str = "spoor_storage_ledger_records_total";
/// Offsets of a source by what became of them, since ever.
pub const OFFSETS: &str = "spoor_storage_ledger_offsets_total";
/// Offsets that a source's position counts as done and that became nothing.
pub const RESIDUE: &str = "spoor_storage_ledger_residue_offsets";
/// Time until the first day that is held past retention is dropped.
pub const HOLD: &str = "spoor_storage_hold_left_seconds";

/// Tenants with labels of their own.
const TENANT_LABELS: usize = 200;
/// Label of the tenants beyond.
const OTHER_TENANT: &str = "_other";

/// Describes every metric.
pub(crate) fn describe() {
    describe_counter!(
        SPANS,
        Unit::Count,
        "Spans since ever by tenant and outcome: stored, duplicate, dead_lettered, dropped; by store where there are several. From the store's rows: take the maximum over processes."
    );
    describe_counter!(
        RECORDS,
        Unit::Count,
        "Records that are done since ever, by tenant; by store where there are several. From the store's rows: take the maximum over processes."
    );
    describe_counter!(
        OFFSETS,
        Unit::Count,
        "Offsets that are done since ever by consumer, topic, partition and outcome: record, skipped, lost. From the store's rows: take the maximum over processes."
    );
    describe_gauge!(
        RESIDUE,
        Unit::Count,
        "Offsets that the position counts as done and that became nothing, by consumer, topic and partition. Zero unless something is wrong."
    );
    describe_gauge!(
        HOLD,
        Unit::Seconds,
        "Time until the first day that a replay or a backfill holds past retention may be dropped, by store where there are several; infinite without one."
    );
}

/// Shows what the rows say.
pub(crate) fn show(placement: Placement, sources: &[SourceAccount], tallies: &[TenantTally]) {
    // A replay ends, its labels would not.
    for source in sources.iter().filter(|one| !is_replay(&one.source)) {
        show_source(source);
    }
    let mut by_tenant: BTreeMap<&str, Counts> = BTreeMap::new();
    for tally in tallies {
        let full = by_tenant.len() >= TENANT_LABELS;
        let known = !full || by_tenant.contains_key(tally.tenant.as_str());
        let tenant = if known { &tally.tenant } else { OTHER_TENANT };
        by_tenant.entry(tenant).or_default().add(&tally.counts);
    }
    for (tenant, sum) in by_tenant {
        let mut labels = placement.labels();
        labels.push(Label::new("tenant", tenant.to_owned()));
        for (outcome, spans) in [
            ("stored", sum.spans_stored),
            ("duplicate", sum.spans_duplicate),
            ("dead_lettered", sum.spans_dead_lettered),
            ("dropped", sum.spans_dropped),
        ] {
            let mut labels = labels.clone();
            labels.push(Label::new("outcome", outcome));
            counter!(SPANS, labels).absolute(spans);
        }
        counter!(RECORDS, labels).absolute(sum.records);
    }
}

fn show_source(account: &SourceAccount) {
    let source = &account.source;
    let labels = [
        ("consumer", source.consumer.clone()),
        ("topic", source.topic.clone()),
        ("partition", source.partition.to_string()),
    ];
    for (outcome, offsets) in [
        ("record", account.counts.records),
        ("skipped", account.skipped),
        ("lost", account.lost),
    ] {
        let with_outcome = [&labels[..], &[("outcome", outcome.to_owned())]].concat();
        counter!(OFFSETS, &with_outcome).absolute(offsets);
    }
    gauge!(RESIDUE, &labels).set(account.offsets_residue() as f64);
}

/// Shows how long days past retention are held.
pub(crate) fn hold(placement: Placement, left: Option<Duration>) {
    gauge!(HOLD, placement.labels()).set(left.map_or(f64::INFINITY, |left| left.as_secs_f64()));
}
