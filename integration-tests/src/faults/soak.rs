//! A nemesis: one fault after the other on one installation, for as long as it is told to.

use std::time::{Duration, Instant};

use anyhow::Context;

use super::catalogue;
use super::course::{Fault, Notes, Outcome, USUAL, recovered};
use super::program::until;
use super::site::{Plan, SINGLE, Site};

/// What every repeatable fault finds what it needs in.
const EVERYTHING: Plan = Plan {
    brokers: 3,
    collectors: 2,
    ingesters: 2,
    ..SINGLE
};
/// The load goes on this long between two faults.
const PAUSE: Duration = Duration::from_secs(5);

/// Runs it, telling each outcome as it comes. The last one is that of the ledger.
pub fn soak(duration: Duration, seed: u64, tell: &mut dyn FnMut(&Outcome)) -> anyhow::Result<()> {
    let whole = Fault {
        name: "soak",
        what: "all of the above on one installation, then the ledger",
        plan: EVERYTHING,
        within: Duration::from_secs(120),
        ..USUAL
    };
    let faults = catalogue::repeatable();
    let mut site = Site::start(whole.name, EVERYTHING).context("the site does not start")?;
    let load = whole.load(&site);
    until("spans are coming in", Duration::from_secs(60), || {
        site.accepted() > 3_000.0
    })?;
    let end = Instant::now() + duration;
    let mut random = Random(seed);
    while Instant::now() < end {
        let fault = faults[random.next() as usize % faults.len()];
        let mut notes = Notes::default();
        let played = (fault.play)(&mut site, &mut notes);
        let failure = played.and_then(|()| recovered(&site, whole.within));
        let failure = failure.map(|time| notes.recovery = Some(time)).err();
        tell(&Outcome {
            name: fault.name,
            what: fault.what,
            within: whole.within,
            notes,
            failure: failure.map(|error| format!("{error:#}")),
        });
        std::thread::park_timeout(PAUSE);
    }
    let mut notes = Notes::default();
    let summary = load.stop()?;
    let settled = whole.settle(&site, &summary, &mut notes);
    let settled = settled.and_then(|()| site.nobody_died());
    tell(&Outcome {
        name: whole.name,
        what: whole.what,
        within: whole.within,
        notes,
        failure: settled.err().map(|error| format!("{error:#}")),
    });
    Ok(())
}

/// The same seed gives the same order (splitmix64).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}
