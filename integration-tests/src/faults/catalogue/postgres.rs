//! Postgres in trouble, and a standby in its place.

use std::fs;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use rustix::process::Signal;

use super::last;
use crate::faults::course::{Fault, Notes, USUAL, nothing_more};
use crate::faults::program::until;
use crate::faults::site::{Plan, SINGLE, Site};

const WITH_STANDBY: Plan = Plan {
    standby: true,
    ..SINGLE
};

pub(super) const FAULTS: &[Fault] = &[
    Fault {
        name: "postgres-terminated",
        what: "every session of Spoor ended by `pg_terminate_backend` twice a second for 10 s",
        play: terminated,
        ..USUAL
    },
    Fault {
        name: "postgres-frozen",
        what: "SIGSTOP of Postgres and its sessions for 20 s",
        play: frozen,
        ..USUAL
    },
    Fault {
        name: "postgres-killed",
        what: "`kill -9` of Postgres and its sessions, started again 5 s later",
        play: killed,
        ..USUAL
    },
    Fault {
        name: "postgres-no-connections",
        what: "every connection that Spoor may have taken by somebody else for 15 s",
        plan: Plan {
            connections: 40,
            ..SINGLE
        },
        play: no_connections,
        ..USUAL
    },
    Fault {
        name: "postgres-disk-full",
        what: "no byte left on the disk of the database (a small tmpfs filled up) for 15 s",
        plan: Plan {
            disk_mebibytes: Some(256),
            ..SINGLE
        },
        play: disk_full,
        ..USUAL
    },
    Fault {
        name: "postgres-failover",
        what: "`kill -9` of the primary, its streaming standby is promoted",
        plan: WITH_STANDBY,
        play: |site, notes| failover(site, notes, Duration::ZERO),
        after: nothing_more,
        ..USUAL
    },
    Fault {
        name: "postgres-stale-standby",
        what: "the standby stops streaming, 10 s later `kill -9` of the primary, the standby is promoted",
        plan: WITH_STANDBY,
        play: |site, notes| failover(site, notes, Duration::from_secs(10)),
        ..USUAL
    },
];

fn terminated(site: &mut Site, notes: &mut Notes) -> anyhow::Result<()> {
    let mut session = site.primary.superuser()?;
    let until = Instant::now() + Duration::from_secs(10);
    let mut ended = 0;
    while Instant::now() < until {
        ended += session.query(END_SESSIONS)?.len();
        std::thread::park_timeout(Duration::from_millis(500));
        notes.ready = site.readiness();
    }
    notes.add(format!("{ended} sessions ended"));
    Ok(())
}

const END_SESSIONS: &str =
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'spoor%'";

fn frozen(site: &mut Site, notes: &mut Notes) -> anyhow::Result<()> {
    site.primary.signal_all(Signal::STOP);
    last(site, notes, Duration::from_secs(20));
    site.primary.signal_all(Signal::CONT);
    Ok(())
}

fn killed(site: &mut Site, notes: &mut Notes) -> anyhow::Result<()> {
    site.primary.kill();
    last(site, notes, Duration::from_secs(5));
    site.primary.start()
}

fn no_connections(site: &mut Site, notes: &mut Notes) -> anyhow::Result<()> {
    let mut superuser = site.primary.superuser()?;
    let mut taken = Vec::new();
    let left = "SELECT 1 FROM pg_stat_activity WHERE application_name LIKE 'spoor%'";
    until("every connection is taken", Duration::from_secs(30), || {
        superuser.query(END_SESSIONS).unwrap_or_default();
        while let Ok(session) = site.primary.session() {
            taken.push(session);
        }
        superuser.query(left).is_ok_and(|rows| rows.is_empty())
    })?;
    notes.add(format!("{} connections taken", taken.len()));
    last(site, notes, Duration::from_secs(15));
    drop(taken);
    Ok(())
}

fn disk_full(site: &mut Site, notes: &mut Notes) -> anyhow::Result<()> {
    let disk = site.disk.as_ref().context("the site has no small disk")?;
    let ballast = disk.folder().join("ballast");
    // Fills up to the last byte, and fails by that.
    let filled = fs::File::create(&ballast)
        .and_then(|mut file| std::io::copy(&mut std::io::repeat(0), &mut file));
    ensure!(filled.is_err(), "the disk is not full");
    until("a write fails", Duration::from_secs(60), || {
        let failures = "spoor_storage_transactions_total";
        site.ingesters[0].metric(failures, r#"outcome="transient""#) > 0.0
    })?;
    last(site, notes, Duration::from_secs(15));
    fs::remove_file(&ballast)?;
    Ok(())
}

fn failover(site: &mut Site, notes: &mut Notes, lag: Duration) -> anyhow::Result<()> {
    let standby = site.standby.take().context("the site has no standby")?;
    if !lag.is_zero() {
        let mut session = standby.superuser()?;
        session.query("ALTER SYSTEM SET primary_conninfo = ''")?;
        session.query("SELECT pg_reload_conf()")?;
        std::thread::park_timeout(lag);
    }
    let stored = "SELECT coalesce(sum(spans_stored), 0)::bigint FROM spoor.progress";
    let before = site.number(stored)?;
    site.primary.kill();
    std::thread::park_timeout(Duration::from_secs(2));
    notes.ready = site.readiness();
    standby.promote()?;
    site.primary = standby;
    let after = site.number(stored)?;
    notes.add(format!(
        "{} committed spans were not on the standby",
        (before - after).max(0)
    ));
    ensure!(lag.is_zero() || after < before, "the standby was not stale");
    let began = Instant::now();
    until("queries are answered", Duration::from_secs(60), || {
        site.query.is_ready()
    })?;
    notes.add(format!(
        "queries answered after {:.1} s",
        began.elapsed().as_secs_f64()
    ));
    Ok(())
}
