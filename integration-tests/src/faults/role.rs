//! A process of Spoor: a role with its admin port.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, ensure};
use rustix::process::Signal;

use super::program::{Program, until};
use crate::{binary, ports, stack};

/// How long a process may take to be ready on two busy cores.
pub(super) const START: Duration = Duration::from_secs(180);
/// Longer than `shutdown_timeout`.
const STOP: Duration = Duration::from_secs(40);

/// A process of Spoor with its admin port.
pub struct Role {
    /// The process.
    pub program: Program,
    /// Its admin port.
    pub admin: u16,
    /// OTLP over HTTP, of a collector.
    pub http: u16,
    /// Its name: what it is and its number.
    pub name: String,
}

impl Role {
    /// `spoor ROLE-NUMBER` with settings; it is not started.
    pub(super) fn new(name: &str, settings: &[String], folder: &Path) -> Self {
        let [admin] = ports::free();
        let subcommand = name.split('-').next().unwrap_or(name);
        let mut line = ["setpriv", "--pdeathsig", "KILL"]
            .map(str::to_owned)
            .to_vec();
        line.extend([binary().display().to_string(), subcommand.to_owned()]);
        line.extend([
            "--config".to_owned(),
            folder.join("spoor.toml").display().to_string(),
        ]);
        let of_admin = ["collector", "ingester", "query"].contains(&subcommand);
        let own = of_admin.then(|| format!("admin.{subcommand}=127.0.0.1:{admin}"));
        for setting in settings.iter().cloned().chain(own) {
            line.extend(["--set".to_owned(), setting]);
        }
        Self {
            program: Program::new(name, line, folder, folder),
            admin,
            http: 0,
            name: name.to_owned(),
        }
    }

    /// Whether `/ready` says so.
    pub fn is_ready(&self) -> bool {
        self.page("/ready").is_some()
    }

    fn page(&self, path: &str) -> Option<String> {
        stack::fetch(&format!("http://127.0.0.1:{}{path}", self.admin), 2)
    }

    /// The sum over all series of a metric whose labels contain `labels`.
    pub fn metric(&self, name: &str, labels: &str) -> f64 {
        stack::metric(&self.page("/metrics").unwrap_or_default(), name, labels)
    }

    /// Waits until it is ready.
    pub fn until_ready(&mut self, within: Duration) -> anyhow::Result<()> {
        let (what, admin) = (format!("{} is ready", self.name), self.admin);
        let ready = || stack::fetch(&format!("http://127.0.0.1:{admin}/ready"), 2).is_some();
        let waited = until(&what, within, ready);
        waited.with_context(|| self.program.end_of_log())?;
        Ok(())
    }

    /// Ends it by SIGTERM, in order, and starts it again.
    pub fn restart(&mut self) -> anyhow::Result<()> {
        let status = self.program.stop(Signal::TERM, STOP)?;
        ensure!(status.success(), "{} ended with {status}", self.name);
        self.program.start()?;
        self.until_ready(START)
    }

    /// Starts it anew with one more setting.
    pub fn restart_with(&mut self, setting: &str) -> anyhow::Result<()> {
        self.program.stop(Signal::TERM, STOP)?;
        self.program.add(&["--set", setting]);
        self.program.start()?;
        self.until_ready(START)
    }
}
