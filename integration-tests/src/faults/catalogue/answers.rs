//! Answers that clients never get, and what they send again.

use std::time::Duration;

use anyhow::ensure;

use crate::faults::course::{Fault, Notes, USUAL, nothing_more};
use crate::faults::program::until;
use crate::faults::site::Site;
use crate::faults::tcp_proxy::Way;
use crate::faults::topic::SPANS;
use crate::load;

pub(super) const FAULTS: &[Fault] = &[
    Fault {
        name: "answers-lost",
        what: "answers to clients swallowed for 2 s, then their connections broken, five times; they send again at once",
        play: lost,
        after: duplicates,
        ..USUAL
    },
    Fault {
        name: "sent-again-later",
        what: "everything exported once more, byte for byte, by clients that heard no answer: after all is stored, folded, merged, and the ingester restarted",
        play: nothing_more,
        after: again,
        ..USUAL
    },
];

fn lost(site: &mut Site, notes: &mut Notes) -> anyhow::Result<()> {
    for _ in 0..5 {
        site.door.set(Way::Open, Way::Swallowed);
        std::thread::park_timeout(Duration::from_secs(2));
        notes.ready = site.readiness();
        site.door.sever();
        site.door.set(Way::Open, Way::Open);
        std::thread::park_timeout(Duration::from_secs(1));
    }
    Ok(())
}

fn duplicates(site: &mut Site, notes: &mut Notes) -> anyhow::Result<()> {
    let found = site.number("SELECT sum(spans_duplicate)::bigint FROM spoor.progress")?;
    ensure!(found > 0, "no span came twice");
    notes.add(format!("{found} spans came twice and changed nothing"));
    Ok(())
}

/// Everything that could count a span.
const COUNTS: &str = "SELECT concat_ws(' ',
    (SELECT concat_ws(' ', count(*), sum(span_count), sum(error_count)) FROM spoor.segment),
    (SELECT concat_ws(' ', count(*), sum(calls), sum(errors), sum(duration_sum_ns)) FROM spoor_v1.red),
    (SELECT concat_ws(' ', count(*), sum(spans)) FROM spoor_v1.red_buckets),
    (SELECT concat_ws(' ', count(*), sum(calls), sum(errors), sum(duration_sum_ns)) FROM spoor_v1.edges),
    (SELECT count(*) FROM spoor_v1.operations))";

fn counts(site: &Site) -> anyhow::Result<String> {
    let rows = site.primary.superuser()?.query(COUNTS)?;
    Ok(rows.concat().concat())
}

fn again(site: &mut Site, notes: &mut Notes) -> anyhow::Result<()> {
    let unfolded =
        "SELECT (SELECT count(*) FROM spoor.red_part) + (SELECT count(*) FROM spoor.edge_part)";
    until("the parts are folded", Duration::from_secs(120), || {
        site.number(unfolded).is_ok_and(|rows| rows == 0)
    })?;
    // Nothing is remembered by anybody but the store.
    site.ingesters[0].restart()?;
    let wait = crate::longer("10", "600").parse()?;
    std::thread::park_timeout(Duration::from_secs(wait));
    let before = counts(site)?;
    let sent = load::again(&site.otlp_grpc(), &site.file("ledger"))?;
    let ends = site.topics.ends(SPANS)?;
    until("the lag is zero", Duration::from_secs(60), || {
        site.has_done(&ends)
    })?;
    let after = counts(site)?;
    ensure!(
        before == after,
        "the counts have changed: {before}, then {after}"
    );
    let twice = site.number("SELECT sum(spans_duplicate)::bigint FROM spoor.progress")?;
    ensure!(
        twice as u64 >= sent,
        "{sent} spans were sent again, {twice} found to be there"
    );
    notes.add(format!(
        "{sent} spans again {wait} s later: no count changed anywhere"
    ));
    load::verify_at(
        &site.query_address(),
        &site.file("ledger"),
        &["--exclusive"],
    )
    .verdict()
}
