//! Processor time and memory of processes, as `/proc` tells them.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// Linux tells processor time in hundredths of a second, whatever it counts in.
const TICKS_PER_SECOND: f64 = 100.0;

/// A process to watch.
#[derive(Debug, Clone, Copy)]
pub struct Watched {
    /// What it is called in the report.
    pub name: &'static str,
    /// Its id.
    pub pid: u32,
    /// Whether what its children use counts as well, ended ones included.
    pub with_children: bool,
}

/// What processes have used up to some moment.
#[derive(Debug, Clone, Default)]
pub struct Usage {
    /// Seconds of processor time by name.
    pub cpu: BTreeMap<&'static str, f64>,
    /// Bytes of resident memory by name.
    pub memory: BTreeMap<&'static str, u64>,
}

impl Usage {
    /// Of these processes, now. One that has ended counts nothing.
    pub fn of(watched: &[Watched]) -> Self {
        let mut usage = Self::default();
        for process in watched {
            let mut ticks = 0;
            let mut memory = 0;
            for pid in family(process) {
                let of_children = process.with_children && pid == process.pid;
                ticks += ticks_of(pid, of_children).unwrap_or(0);
                memory += resident_bytes(pid).unwrap_or(0);
            }
            let seconds = ticks as f64 / TICKS_PER_SECOND;
            *usage.cpu.entry(process.name).or_default() += seconds;
            *usage.memory.entry(process.name).or_default() += memory;
        }
        usage
    }

    /// Keeps the higher memory of both.
    pub fn keep_highest_memory(&mut self, other: &Self) {
        for (name, bytes) in &other.memory {
            let highest = self.memory.entry(name).or_default();
            *highest = (*highest).max(*bytes);
        }
    }

    /// Processor time of all processes together.
    pub fn total(&self) -> f64 {
        self.cpu.values().sum()
    }
}

fn family(process: &Watched) -> Vec<u32> {
    let mut family = vec![process.pid];
    if process.with_children {
        let path = format!("/proc/{0}/task/{0}/children", process.pid);
        let children = fs::read_to_string(path).unwrap_or_default();
        family.extend(
            children
                .split_whitespace()
                .filter_map(|pid| pid.parse::<u32>().ok()),
        );
    }
    family
}

/// Clock ticks in user and kernel mode; with those of children that were waited for.
fn ticks_of(pid: u32, of_children: bool) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let fields: Vec<&str> = stat.rsplit(')').next()?.split_whitespace().collect();
    // After the name: state is field 3 of proc(5), utime 14, stime 15, cutime 16, cstime 17.
    let until = if of_children { 15 } else { 13 };
    fields
        .get(11..until)?
        .iter()
        .map(|n| n.parse::<u64>().ok())
        .sum()
}

fn resident_bytes(pid: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let own = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        line.split_whitespace().next()?.parse::<u64>().ok()
    };
    // Shared memory counts once, not in every process that has it.
    Some((own("RssAnon:")? + own("RssFile:")?) * 1024)
}

/// Bytes of the files below a folder.
pub(super) fn bytes_below(folder: &Path) -> u64 {
    let Ok(entries) = fs::read_dir(folder) else {
        return 0;
    };
    entries
        .flatten()
        .map(|entry| match entry.metadata() {
            Ok(meta) if meta.is_dir() => bytes_below(&entry.path()),
            Ok(meta) => meta.len(),
            Err(_) => 0,
        })
        .sum()
}
