//! The processes below a stack, by `/proc`.

use std::fs;
use std::path::Path;

use rustix::process::{Pid, Signal, kill_process};

/// A server that the stack has started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Server {
    /// The broker.
    Kafka,
    /// The schema registry.
    Registry,
    /// The database.
    Postgres,
}

impl Server {
    /// What its command line contains and no other's.
    fn mark(self) -> &'static str {
        match self {
            Self::Kafka => "kafka.Kafka",
            Self::Registry => "apicurio-registry",
            Self::Postgres => "bin/postgres",
        }
    }
}

/// Children of every process.
pub(crate) fn children(of: Pid) -> Vec<Pid> {
    let entries = fs::read_dir("/proc").expect("/proc is there").flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    let children = pids.filter(|pid| parent(*pid) == Some(of.as_raw_nonzero().get()));
    children.filter_map(Pid::from_raw).collect()
}

fn parent(pid: i32) -> Option<i32> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit(')')
        .next()?
        .split_whitespace()
        .nth(1)?
        .parse()
        .ok()
}

fn descendants(of: Pid) -> Vec<Pid> {
    let mut found = children(of);
    let mut next = 0;
    while let Some(pid) = found.get(next).copied() {
        found.extend(children(pid));
        next += 1;
    }
    found
}

/// Kills a process and all below it; all are stopped first, so that none sees another die.
pub(super) fn kill_tree(top: Pid) {
    let mut all = vec![top];
    all.extend(descendants(top));
    for signal in [Signal::STOP, Signal::KILL] {
        for pid in &all {
            kill_process(*pid, signal).unwrap_or_default();
        }
    }
}

/// The process of a server, if it runs.
pub(super) fn server(top: Pid, server: Server) -> Option<Pid> {
    let is_it = |pid: &Pid| {
        let path = format!("/proc/{}/cmdline", pid.as_raw_nonzero());
        let line = fs::read(path).unwrap_or_default();
        String::from_utf8_lossy(&line).contains(server.mark())
    };
    descendants(top).into_iter().find(is_it)
}

/// Resident memory in bytes.
pub(super) fn resident_bytes(pid: Pid) -> u64 {
    let path = format!("/proc/{}/status", pid.as_raw_nonzero());
    let status = fs::read_to_string(path).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    kib.unwrap_or_default() * 1024
}

/// Every process whose working directory lies below a folder.
pub(super) fn inside(folder: &Path) -> Vec<Pid> {
    let entries = fs::read_dir("/proc").expect("/proc is there").flatten();
    let inside = entries.filter(|entry| {
        fs::read_link(entry.path().join("cwd")).is_ok_and(|cwd| cwd.starts_with(folder))
    });
    inside
        .filter_map(|entry| Pid::from_raw(entry.file_name().to_str()?.parse().ok()?))
        .collect()
}
