//! Runs `spoor servers` in a folder of its own and looks at the processes it leaves.

use std::collections::BTreeMap;
use std::fs::read_link;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

/// Longest wait for anything. Java takes its time on a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);

/// Postgres alone is up in a second; what holds for it holds for every child.
pub const POSTGRES_ALONE: [&str; 2] = ["--deployment", "direct"];

/// Every port a free one.
const FREE_PORTS: [&str; 8] = [
    "--kafka-port",
    "0",
    "--kafka-controller-port",
    "0",
    "--registry-port",
    "0",
    "--postgres-port",
    "0",
];

/// A data folder that no process uses any more when the test ends.
pub struct Folder(TempDir);

impl Folder {
    pub fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub fn path(&self) -> &Path {
        self.0.path()
    }

    /// Every process that runs inside.
    pub fn processes(&self) -> Vec<Pid> {
        let home = self.path().canonicalize().unwrap();
        let all = std::fs::read_dir("/proc").unwrap().flatten();
        all.filter(|entry| {
            read_link(entry.path().join("cwd")).is_ok_and(|cwd| cwd.starts_with(&home))
        })
        .filter_map(|entry| {
            entry
                .file_name()
                .to_str()?
                .parse()
                .ok()
                .and_then(Pid::from_raw)
        })
        .collect()
    }

    /// The process that runs inside the folder `home` and was started first.
    pub fn process_in(&self, home: &str) -> Pid {
        let home = self.path().join(home).canonicalize().unwrap();
        let runs_there =
            |pid: &Pid| read_link(format!("/proc/{pid}/cwd")).is_ok_and(|cwd| cwd == home);
        self.processes()
            .into_iter()
            .filter(runs_there)
            .min_by_key(|pid| pid.as_raw_nonzero())
            .unwrap()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        for pid in self.processes() {
            let _ = kill_process(pid, Signal::KILL);
        }
    }
}

/// `spoor servers` with all that is needed to run beside other tests.
pub fn command(folder: &Folder, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_spoor"));
    command.arg("servers").arg("--data-dir").arg(folder.path());
    command.args(FREE_PORTS).args(arguments);
    command
}

/// A running `spoor servers`, killed when the test ends.
pub struct Servers {
    process: Child,
    exports: BTreeMap<String, String>,
}

impl Servers {
    /// Starts the servers and waits until they say where they listen.
    pub fn start(folder: &Folder, arguments: &[&str]) -> Self {
        let mut command = command(folder, arguments);
        let mut process = command.stdout(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let exports: BTreeMap<String, String> = lines
            .map_while(Result::ok)
            .filter_map(|line| {
                let (name, value) = line.strip_prefix("export ")?.split_once('=')?;
                Some((name.to_owned(), value.to_owned()))
            })
            .take(3)
            .collect();
        assert_eq!(exports.len(), 3, "the servers did not come up");
        Self { process, exports }
    }

    /// The value of `SPOOR_TEST_<name>`.
    pub fn address(&self, name: &str) -> &str {
        &self.exports[&format!("SPOOR_TEST_{name}")]
    }

    pub fn pid(&self) -> Pid {
        Pid::from_child(&self.process)
    }

    pub fn signal(&self, signal: Signal) {
        kill_process(self.pid(), signal).unwrap();
    }

    pub fn ended(mut self) -> ExitStatus {
        self.process.wait().unwrap()
    }
}

impl Drop for Servers {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Waits until the condition holds.
pub async fn until(what: &str, mut condition: impl AsyncFnMut() -> bool) {
    let waiting = async {
        while !condition().await {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let waited = tokio::time::timeout(PATIENCE, waiting).await;
    waited.unwrap_or_else(|_| panic!("waited in vain until {what}"));
}
