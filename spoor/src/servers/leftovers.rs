//! Processes that an earlier run left behind: ended before their data is adopted.
//!
//! Children die with their parent, so there should be none; but two servers on one data folder
//! destroy it, so this looks. A child runs in a folder of its own: whoever runs there, and is the
//! program that we start there, is ours.

use std::fs::read_link;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tokio::time::Instant;

use super::data_dir::DataDir;

/// How long a process may take to die of SIGKILL.
const PATIENCE: Duration = Duration::from_secs(20);
const POLL: Duration = Duration::from_millis(50);

/// Ends every leftover of this data folder and waits until it is gone.
pub(crate) async fn end(data: &DataDir) -> io::Result<()> {
    let homes = [
        (data.path().join("kafka"), "java"),
        (data.path().join("registry"), "java"),
        (data.path().join("postgres/data"), "postgres"),
    ];
    for (home, program) in homes {
        // A folder that does not exist yet has no leftovers.
        let Ok(home) = home.canonicalize() else {
            continue;
        };
        end_in(&home, program).await?;
    }
    Ok(())
}

async fn end_in(home: &Path, program: &str) -> io::Result<()> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let found = running_in(home, program)?;
        if found.is_empty() {
            return Ok(());
        }
        if Instant::now() > deadline {
            let text = format!("processes {found:?} of an earlier run do not end");
            return Err(io::Error::other(text));
        }
        for pid in found {
            tracing::warn!(
                process.pid = pid.as_raw_nonzero(),
                "Ending a {program} that an earlier run left behind"
            );
            // It may have ended by itself in the meantime.
            let _ = kill_process(pid, Signal::KILL);
        }
        tokio::time::sleep(POLL).await;
    }
}

fn running_in(home: &Path, program: &str) -> io::Result<Vec<Pid>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir("/proc")? {
        let process = entry?.path();
        let pid = process
            .file_name()
            .and_then(|name| name.to_str()?.parse().ok());
        let Some(pid) = pid.and_then(Pid::from_raw) else {
            continue;
        };
        if is_ours(&process, home, program) {
            found.push(pid);
        }
    }
    Ok(found)
}

fn is_ours(process: &Path, home: &Path, program: &str) -> bool {
    let link = |name: &str| read_link(process.join(name)).unwrap_or_else(|_| PathBuf::new());
    let runs_here = link("cwd") == home;
    runs_here
        && link("exe")
            .file_name()
            .is_some_and(|name| name.to_string_lossy().starts_with(program))
}
