//! Three brokers, and what may happen to one of them.

use std::time::Duration;

use anyhow::{Context, ensure};
use rustix::process::Signal;

use super::last;
use crate::faults::course::{Fault, Notes, USUAL};
use crate::faults::network::{Cut, From};
use crate::faults::program::until;
use crate::faults::site::{Plan, SINGLE, Site};
use crate::faults::topic::SPANS;

const THREE: Plan = Plan {
    brokers: 3,
    ..SINGLE
};
const WHILE: Duration = Duration::from_secs(20);

pub(super) const FAULTS: &[Fault] = &[
    Fault {
        name: "broker-killed",
        what: "`kill -9` of one of three brokers, started again 20 s later",
        plan: THREE,
        play: killed,
        ..USUAL
    },
    Fault {
        name: "broker-frozen",
        what: "SIGSTOP of one of three brokers for 20 s",
        plan: THREE,
        play: frozen,
        ..USUAL
    },
    Fault {
        name: "broker-cut-off",
        what: "one of three brokers cut off from everybody, both ways, for 20 s",
        plan: THREE,
        play: |site, notes| cut(site, notes, Cut::BothWays, From::Everybody),
        ..USUAL
    },
    Fault {
        name: "broker-mute",
        what: "nothing that one of three brokers sends arrives anywhere for 20 s: records are delivered, their acks lost",
        plan: THREE,
        play: |site, notes| cut(site, notes, Cut::Outgoing, From::Everybody),
        ..USUAL
    },
    Fault {
        name: "broker-deaf",
        what: "nothing arrives at one of three brokers for 20 s; what it sends does",
        plan: THREE,
        play: |site, notes| cut(site, notes, Cut::Incoming, From::Everybody),
        ..USUAL
    },
    Fault {
        name: "brokers-divided",
        what: "one of three brokers cut off from the other two for 20 s; clients reach all three",
        plan: THREE,
        play: |site, notes| cut(site, notes, Cut::BothWays, From::Members),
        ..USUAL
    },
    Fault {
        name: "brokers-rolling",
        what: "the three brokers restarted in order, one after the other",
        plan: THREE,
        play: rolling,
        ..USUAL
    },
    Fault {
        name: "partitions-added",
        what: "`spoor.spans` grows from 8 to 16 partitions",
        play: grown,
        ..USUAL
    },
    Fault {
        name: "topic-made-again",
        what: "`spoor.spans` deleted once all is stored, and made again; an operator says `on_offset_gap=skip`",
        play: made_again,
        one_log: false,
        ..USUAL
    },
];

fn killed(site: &mut Site, notes: &mut Notes) -> anyhow::Result<()> {
    site.brokers.nodes[0].kill();
    last(site, notes, WHILE);
    site.brokers.nodes[0].start()
}

fn frozen(site: &mut Site, notes: &mut Notes) -> anyhow::Result<()> {
    site.brokers.nodes[0].signal(Signal::STOP);
    last(site, notes, WHILE);
    site.brokers.nodes[0].signal(Signal::CONT);
    Ok(())
}

fn cut(site: &mut Site, notes: &mut Notes, cut: Cut, from: From) -> anyhow::Result<()> {
    site.brokers.network()?.cut(0, cut, from)?;
    last(site, notes, WHILE);
    site.brokers.network()?.heal(0)
}

fn rolling(site: &mut Site, notes: &mut Notes) -> anyhow::Result<()> {
    for index in 0..site.brokers.nodes.len() {
        let node = &mut site.brokers.nodes[index];
        node.stop(Signal::TERM, Duration::from_secs(60))?;
        node.start()?;
        let port = site.brokers.address(index);
        until("the broker listens", Duration::from_secs(60), || {
            std::net::TcpStream::connect(port).is_ok()
        })?;
        // In sync again before the next one goes, as an operator would wait.
        std::thread::park_timeout(Duration::from_secs(8));
        notes.ready = site.readiness();
    }
    Ok(())
}

fn grown(site: &mut Site, notes: &mut Notes) -> anyhow::Result<()> {
    site.topics.grow(SPANS, 16)?;
    until(
        "the ingester reads the new partitions",
        Duration::from_secs(360),
        || site.ingesters[0].metric("spoor_ingester_partitions_owned", "") >= 16.0,
    )?;
    notes.ready = site.readiness();
    until(
        "spans lie in the new partitions",
        Duration::from_secs(400),
        || {
            let done = site.watermarks().unwrap_or_default();
            done.iter()
                .any(|(partition, watermark)| *partition >= 8 && *watermark > 0)
        },
    )?;
    Ok(())
}

fn made_again(site: &mut Site, notes: &mut Notes) -> anyhow::Result<()> {
    use crate::faults::tcp_proxy::Way;
    site.door.set(Way::Held, Way::Open);
    let ends = site.topics.ends(SPANS)?;
    until("all is stored", Duration::from_secs(30), || {
        site.has_done(&ends)
    })?;
    site.topics.delete(SPANS)?;
    std::thread::park_timeout(Duration::from_secs(2));
    site.migrate()?;
    site.door.set(Way::Open, Way::Open);
    let told = until(
        "the ingester says that it is not ready",
        Duration::from_secs(90),
        || !site.ingesters[0].is_ready(),
    )?;
    notes.ready = site.readiness();
    notes.add(format!("told after {:.1} s", told.as_secs_f64()));
    site.ingesters[0].restart_with("ingester.consume.on_offset_gap=skip")?;
    // The old positions were higher than the new log's: they must have gone back.
    let new_ends = site.topics.ends(SPANS)?;
    until(
        "positions are those of the new log",
        Duration::from_secs(60),
        || {
            let Ok(done) = site.watermarks() else {
                return false;
            };
            done.iter().all(|(partition, watermark)| {
                let old = ends.get(partition).copied().unwrap_or_default();
                *watermark < old || new_ends.get(partition).is_some_and(|end| *end >= old)
            })
        },
    )?;
    let gaps = site.ingesters[0].metric("spoor_ingester_offset_gap_records_total", "");
    ensure!(gaps >= 0.0, "no gap was counted");
    ends.first_key_value()
        .context("a topic without partitions")
        .map(drop)
}
