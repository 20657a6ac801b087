//! An ingester freezes at an exact point of a write, another takes its partitions over, and the
//! first one wakes up.

use std::time::Duration;

use rustix::process::Signal;

use crate::faults::course::{Fault, Notes, USUAL};
use crate::faults::postgres_proxy::Point;
use crate::faults::program::until;
use crate::faults::site::{Plan, SINGLE, Site};

const TWO: Plan = Plan {
    ingesters: 2,
    ..SINGLE
};
const PARTITIONS: f64 = 8.0;

pub(super) const FAULTS: &[Fault] = &[
    Fault {
        name: "zombie-before-begin",
        what: "SIGSTOP of an ingester before `BEGIN` of a write; another takes over; SIGCONT",
        plan: TWO,
        play: |site, notes| zombie(site, notes, Point::BeforeBegin),
        after: told,
        ..USUAL
    },
    Fault {
        name: "zombie-mid-copy",
        what: "the same in the middle of `COPY`",
        plan: TWO,
        play: |site, notes| zombie(site, notes, Point::MidCopy),
        after: told,
        ..USUAL
    },
    Fault {
        name: "zombie-before-commit",
        what: "the same between `COPY` and `COMMIT`",
        plan: TWO,
        play: |site, notes| zombie(site, notes, Point::BeforeCommit),
        after: told,
        ..USUAL
    },
    Fault {
        name: "zombie-after-commit",
        what: "the same after `COMMIT`, whose answer is withheld until it wakes up",
        plan: TWO,
        play: |site, notes| zombie(site, notes, Point::AfterCommit),
        after: told,
        ..USUAL
    },
];

fn zombie(site: &mut Site, notes: &mut Notes, point: Point) -> anyhow::Result<()> {
    site.watch.arm(point);
    site.watch.until_sprung(Duration::from_secs(60))?;
    let zombie = &site.ingesters[0];
    zombie.program.signal(Signal::STOP);
    let heirs = &site.ingesters[1..];
    let owned = || -> f64 {
        let of =
            |role: &crate::faults::role::Role| role.metric("spoor_ingester_partitions_owned", "");
        heirs.iter().map(of).sum()
    };
    let taken = until(
        "the others own every partition",
        Duration::from_secs(90),
        || owned() >= PARTITIONS,
    )?;
    // The partition whose lock the zombie holds goes on as well.
    let ends = site.topics.ends(crate::faults::topic::SPANS)?;
    until(
        "its partitions go on without it",
        Duration::from_secs(60),
        || site.has_done(&ends),
    )?;
    notes.ready = format!(
        "yes / {} / yes",
        if heirs.iter().all(|one| one.is_ready()) {
            "yes"
        } else {
            "no"
        }
    );
    notes.add(format!("taken over after {:.1} s", taken.as_secs_f64()));
    zombie.program.signal(Signal::CONT);
    site.watch.release();
    Ok(())
}

/// What became of the write that the zombie went on with.
fn told(site: &mut Site, notes: &mut Notes) -> anyhow::Result<()> {
    let outcomes = "spoor_storage_transactions_total";
    let fenced = site.ingesters[0].metric(outcomes, r#"outcome="fenced""#);
    let heirs = site.ingesters[1..].iter();
    let ended: f64 = heirs
        .map(|heir| heir.metric("spoor_storage_frozen_writers_ended_total", ""))
        .sum();
    notes.add(format!(
        "{} writes of it fenced, {} sessions of it ended",
        fenced as u64, ended as u64
    ));
    Ok(())
}
