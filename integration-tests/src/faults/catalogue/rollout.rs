//! Restarts in order, as at each release.

use std::time::Duration;

use anyhow::ensure;

use crate::faults::course::{Fault, Notes, USUAL};
use crate::faults::site::{Plan, SINGLE, Site};

const TWO: Plan = Plan {
    collectors: 2,
    ingesters: 2,
    ..SINGLE
};

pub(super) const FAULTS: &[Fault] = &[Fault {
    name: "rolling-restarts",
    what: "two collectors behind one address and two ingesters, each restarted by SIGTERM in turn, five times",
    plan: TWO,
    play: restarts,
    after: no_client_noticed,
    ..USUAL
}];

fn restarts(site: &mut Site, notes: &mut Notes) -> anyhow::Result<()> {
    for _ in 0..5 {
        for index in 0..site.collectors.len() {
            site.collectors[index].restart()?;
        }
        for index in 0..site.ingesters.len() {
            site.ingesters[index].restart()?;
        }
        std::thread::park_timeout(Duration::from_millis(500));
    }
    notes.ready = site.readiness();
    Ok(())
}

fn no_client_noticed(_: &mut Site, notes: &mut Notes) -> anyhow::Result<()> {
    let retries = notes.retries;
    ensure!(retries == 0, "clients had to send {retries} requests again");
    notes.add("20 restarts, no client noticed");
    Ok(())
}
