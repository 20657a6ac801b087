//! A program that a fault may stop, freeze, kill and start again.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use rustix::process::{Pid, Signal, kill_process};

use crate::stack::spawn;

/// A program with its arguments, running or not.
pub struct Program {
    name: String,
    line: Vec<String>,
    folder: PathBuf,
    log: PathBuf,
    child: Option<Child>,
}

impl Program {
    /// Something that can be started: the words of its command line, and where it runs. Its
    /// output is appended to `NAME.log` in `logs`.
    pub fn new(name: &str, line: Vec<String>, folder: &Path, logs: &Path) -> Self {
        Self {
            name: name.to_owned(),
            line,
            folder: folder.to_owned(),
            log: logs.join(format!("{name}.log")),
            child: None,
        }
    }

    /// Adds words to its command line, for its next start.
    pub fn add(&mut self, words: &[&str]) {
        self.line
            .extend(words.iter().map(|word| (*word).to_owned()));
    }

    /// Starts it. It dies with this process.
    pub fn start(&mut self) -> anyhow::Result<()> {
        ensure!(self.child.is_none(), "{} runs already", self.name);
        let log = File::options().create(true).append(true).open(&self.log)?;
        let mut command = Command::new(&self.line[0]);
        command.args(&self.line[1..]).current_dir(&self.folder);
        command.stdin(Stdio::null()).stderr(log.try_clone()?);
        command.stdout(log);
        self.child = Some(spawn(command));
        Ok(())
    }

    /// Runs it to its end, which must be a success.
    pub fn run(&mut self) -> anyhow::Result<()> {
        self.start()?;
        let status = self.wait()?;
        ensure!(
            status.success(),
            "{} ended with {status}:\n{}",
            self.name,
            self.end_of_log()
        );
        Ok(())
    }

    /// Waits for its end.
    pub fn wait(&mut self) -> anyhow::Result<ExitStatus> {
        let mut child = self.child.take().context("it does not run")?;
        Ok(child.wait()?)
    }

    /// Sends a signal, if it runs.
    pub fn signal(&self, signal: Signal) {
        if let Some(child) = &self.child {
            // It may have ended by itself.
            kill_process(Pid::from_child(child), signal).unwrap_or_default();
        }
    }

    /// `kill -9`, and waits for the end.
    pub fn kill(&mut self) {
        self.signal(Signal::KILL);
        if let Some(mut child) = self.child.take() {
            child.wait().map(drop).unwrap_or_default();
        }
    }

    /// Asks it to end and waits; `kill -9` when it does not within `patience`, which is an error.
    pub fn stop(&mut self, signal: Signal, patience: Duration) -> anyhow::Result<ExitStatus> {
        self.signal(signal);
        let deadline = Instant::now() + patience;
        let child = self.child.as_mut().context("it does not run")?;
        while Instant::now() < deadline {
            if let Some(status) = child.try_wait()? {
                self.child = None;
                return Ok(status);
            }
            std::thread::park_timeout(Duration::from_millis(20));
        }
        self.kill();
        anyhow::bail!("{} did not end within {patience:?}", self.name)
    }

    /// Process id, if it runs.
    pub fn pid(&self) -> Option<Pid> {
        self.child.as_ref().map(Pid::from_child)
    }

    /// Whether it was started and has not ended by itself.
    pub fn is_running(&mut self) -> bool {
        matches!(self.child.as_mut().map(Child::try_wait), Some(Ok(None)))
    }

    /// What it has printed.
    pub fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// The last lines that it has printed.
    pub fn end_of_log(&self) -> String {
        let log = self.log();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(15)..].join("\n")
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Waits until something holds.
pub fn until(
    what: &str,
    within: Duration,
    mut holds: impl FnMut() -> bool,
) -> anyhow::Result<Duration> {
    let began = Instant::now();
    while !holds() {
        ensure!(began.elapsed() < within, "not within {within:?}: {what}");
        std::thread::park_timeout(Duration::from_millis(50));
    }
    Ok(began.elapsed())
}
