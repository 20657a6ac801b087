//! The schema registry: slow, silent, failing, talking nonsense, lying, while a collector and an
//! ingester start, and while records come that name a schema nobody has seen.

use std::time::Duration;

use anyhow::ensure;

use crate::faults::course::{Fault, Notes, USUAL};
use crate::faults::program::until;
use crate::faults::registry::Manner;
use crate::faults::site::Site;
use crate::faults::topic::{DEAD_LETTERS, SPANS};

/// An id that the registry knows as another name of the span schema.
const ALIAS: u32 = 77;
const FOREIGN: i64 = 20;

pub(super) const FAULTS: &[Fault] = &[
    Fault {
        name: "registry-slow",
        what: "every answer takes 4 s; the collector restarts; 20 records name a new schema id",
        play: |site, notes| away(site, notes, Manner::Slow(Duration::from_secs(4))),
        after: all_understood,
        ..USUAL
    },
    Fault {
        name: "registry-silent",
        what: "takes connections and never answers for 15 s; the collector restarts; 20 records name a new schema id",
        play: |site, notes| away(site, notes, Manner::Silent),
        after: all_understood,
        ..USUAL
    },
    Fault {
        name: "registry-failing",
        what: "answers 503 for 15 s; the same",
        play: |site, notes| away(site, notes, Manner::Failing),
        after: all_understood,
        ..USUAL
    },
    Fault {
        name: "registry-babbling",
        what: "answers 200 with a page of HTML for 15 s; the same",
        play: |site, notes| away(site, notes, Manner::Babbling),
        after: all_understood,
        ..USUAL
    },
    Fault {
        name: "registry-lying",
        what: "gives another schema for the id that 20 records name; the collector and the ingester restart",
        play: lying,
        after: all_dead_letters,
        ..USUAL
    },
];

/// Records that were there before, under another id of the same schema.
fn send_foreign(site: &Site) -> anyhow::Result<()> {
    let known = site.topics.first(SPANS, 5)?;
    let renamed = known.iter().cycle().take(FOREIGN as usize).map(|record| {
        let mut payload = record.payload.clone().unwrap_or_default().to_vec();
        payload[1..5].copy_from_slice(&ALIAS.to_be_bytes());
        (record.key.clone().unwrap_or_default().to_vec(), payload)
    });
    site.topics.produce(SPANS, &renamed.collect::<Vec<_>>())
}

fn away(site: &mut Site, notes: &mut Notes, manner: Manner) -> anyhow::Result<()> {
    site.registry.alias(u64::from(ALIAS));
    site.registry.behave(manner);
    site.collectors[0].restart()?;
    send_foreign(site)?;
    std::thread::park_timeout(Duration::from_secs(15));
    notes.ready = site.readiness();
    site.registry.behave(Manner::Honest);
    Ok(())
}

fn all_understood(site: &mut Site, notes: &mut Notes) -> anyhow::Result<()> {
    let letters = site.topics.count(DEAD_LETTERS)?;
    ensure!(letters == 0, "{letters} records were given up");
    notes.add(format!(
        "the registry was asked {} times, no dead letter",
        site.registry.asked()
    ));
    Ok(())
}

fn lying(site: &mut Site, notes: &mut Notes) -> anyhow::Result<()> {
    site.registry.alias(u64::from(ALIAS));
    site.registry.behave(Manner::Lying);
    site.collectors[0].restart()?;
    site.ingesters[0].restart()?;
    send_foreign(site)?;
    until("the records are judged", Duration::from_secs(60), || {
        site.topics
            .count(DEAD_LETTERS)
            .is_ok_and(|letters| letters >= FOREIGN)
    })?;
    notes.ready = site.readiness();
    site.registry.behave(Manner::Honest);
    Ok(())
}

fn all_dead_letters(site: &mut Site, notes: &mut Notes) -> anyhow::Result<()> {
    let letters = site.topics.count(DEAD_LETTERS)?;
    ensure!(
        letters == FOREIGN,
        "{letters} dead letters instead of {FOREIGN}"
    );
    notes.add(format!(
        "{letters} dead letters, as many as records that it lied about"
    ));
    Ok(())
}
