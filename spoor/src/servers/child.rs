//! One child process that dies with this one, whatever ends it.
//!
//! A child is started as `spoor child … -- program`: the new process asks the kernel to be killed
//! when its parent dies, makes sure that the parent still lives, and becomes the program. The kernel
//! ties that to the thread that started it, so each child has a thread that waits for its end.

use std::ffi::OsString;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::set_parent_process_death_signal;
use rustix::process::{Pid, Signal, getppid, kill_process, kill_process_group};
use tokio::sync::oneshot;

use super::user::User;

/// Variables that a child inherits. Everything else, secrets included, stays here.
const INHERITED: [&str; 6] = [
    "PATH",
    "HOME",
    "TZ",
    "TMPDIR",
    "JAVA_TOOL_OPTIONS",
    "LD_LIBRARY_PATH",
];
/// A log file larger than this is moved aside when its server starts.
const LARGE_LOG: u64 = 16 << 20;
/// How much of the end of a log file an error shows.
const TAIL: u64 = 2_000;

/// Why a child did not start or did not do its work.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ChildError {
    /// The process or its log file could not be made.
    #[error("cannot run {}", program.display())]
    Launch {
        /// The program.
        program: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// It ended although it should not have, or not with success.
    #[error("{name} ended with {status}; {} ends with:\n{tail}", log.display())]
    Ended {
        /// The server's name.
        name: &'static str,
        /// Exit code or signal.
        status: String,
        /// Its log file.
        log: PathBuf,
        /// The end of the log file.
        tail: String,
    },
    /// It does not answer.
    #[error("{name} did not come up within {seconds} s; {} ends with:\n{tail}", log.display())]
    Late {
        /// The server's name.
        name: &'static str,
        /// How long it was waited for.
        seconds: u64,
        /// Its log file.
        log: PathBuf,
        /// The end of the log file.
        tail: String,
    },
}

/// What to run.
#[derive(Debug, Clone)]
pub(crate) struct ChildSpec {
    /// The server's name.
    pub(crate) name: &'static str,
    /// The program.
    pub(crate) program: PathBuf,
    /// Its arguments.
    pub(crate) arguments: Vec<OsString>,
    /// The folder it runs in, by which leftovers are recognised.
    pub(crate) folder: PathBuf,
    /// Another user than this process's.
    pub(crate) user: Option<User>,
    /// Where its output goes.
    pub(crate) log: PathBuf,
    /// What asks it to stop.
    pub(crate) stop_signal: Signal,
    /// What ends it when this process dies.
    pub(crate) orphan_signal: Signal,
    /// How long it may take to stop.
    pub(crate) stop_timeout: Duration,
}

impl ChildSpec {
    /// An error that says how the child ended.
    pub(crate) fn ended(&self, status: &str) -> ChildError {
        ChildError::Ended {
            name: self.name,
            status: status.to_owned(),
            log: self.log.clone(),
            tail: tail(&self.log),
        }
    }

    /// An error that says how long the child was waited for.
    pub(crate) fn late(&self, waited: Duration) -> ChildError {
        ChildError::Late {
            name: self.name,
            seconds: waited.as_secs(),
            log: self.log.clone(),
            tail: tail(&self.log),
        }
    }

    /// Starts the child.
    pub(crate) async fn launch(&self) -> Result<Child, ChildError> {
        let failed = |source| ChildError::Launch {
            program: self.program.clone(),
            source,
        };
        let mut command = self.command().map_err(failed)?;
        let (started, start) = oneshot::channel();
        let (ended, end) = oneshot::channel();
        let waiter = move || match command.spawn() {
            Ok(mut child) => {
                // Nobody may be listening any more: the process is stopping.
                let _ = started.send(Ok(child.id()));
                let _ = ended.send(child.wait());
            }
            Err(error) => {
                let _ = started.send(Err(error));
            }
        };
        let thread = std::thread::Builder::new().name(format!("child-{}", self.name));
        thread.spawn(waiter).map_err(failed)?;
        let pid = start
            .await
            .unwrap_or_else(|_| Err(io::Error::other("its thread died")));
        Ok(Child {
            pid: pid.map_err(failed)?,
            end,
        })
    }

    /// Runs the child to its end; anything but success is an error.
    pub(crate) async fn run(&self) -> Result<(), ChildError> {
        let mut child = self.launch().await?;
        match child.ended().await {
            Ok(status) if status.success() => Ok(()),
            status => Err(self.ended(&describe(status))),
        }
    }

    fn command(&self) -> io::Result<Command> {
        let log = open_log(&self.log)?;
        let mut command = Command::new("/proc/self/exe");
        command
            .arg("child")
            .args(["--parent", &std::process::id().to_string()])
            .args(["--signal", &self.orphan_signal.as_raw().to_string(), "--"])
            .arg(&self.program)
            .args(&self.arguments)
            .current_dir(&self.folder)
            .env_clear()
            .env("LC_ALL", "C")
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            // Ctrl-C in a terminal reaches its whole process group; children are stopped in order.
            .process_group(0);
        for name in INHERITED {
            if let Some(value) = std::env::var_os(name) {
                command.env(name, value);
            }
        }
        if let Some(user) = &self.user {
            command.uid(user.uid).gid(user.gid);
        }
        Ok(command)
    }
}

/// A running child.
pub(crate) struct Child {
    pid: u32,
    end: oneshot::Receiver<io::Result<ExitStatus>>,
}

impl Child {
    /// Its process id.
    pub(crate) fn pid(&self) -> u32 {
        self.pid
    }

    /// Waits for its end. Once.
    pub(crate) async fn ended(&mut self) -> io::Result<ExitStatus> {
        (&mut self.end)
            .await
            .unwrap_or_else(|_| Err(io::Error::other("its thread died")))
    }

    /// Asks it to stop, and kills it with all it has started if it does not in time.
    pub(crate) async fn stop(mut self, spec: &ChildSpec) {
        let Some(pid) = i32::try_from(self.pid).ok().and_then(Pid::from_raw) else {
            return;
        };
        if self.end.try_recv().is_ok() {
            return;
        }
        // It may end by itself at this very moment.
        let _ = kill_process(pid, spec.stop_signal);
        if tokio::time::timeout(spec.stop_timeout, self.ended())
            .await
            .is_err()
        {
            tracing::warn!(
                "{} does not stop within {:?}: killing it",
                spec.name,
                spec.stop_timeout
            );
            let _ = kill_process_group(pid, Signal::KILL);
            // SIGKILL cannot be refused.
            let _ = self.ended().await;
        }
    }
}

/// How a child ended, in words.
pub(crate) fn describe(status: io::Result<ExitStatus>) -> String {
    match status {
        Ok(status) => status.to_string(),
        Err(error) => error.to_string(),
    }
}

/// `spoor child`: becomes `program`, which gets `signal` when the process `parent` dies.
/// Returns only if that fails.
pub(crate) fn become_program(parent: u32, signal: i32, program: &[OsString]) -> io::Error {
    if let Err(error) = set_parent_process_death_signal(Signal::from_named_raw(signal)) {
        return error.into();
    }
    let lives = getppid().is_some_and(|pid| pid.as_raw_nonzero().get() == parent as i32);
    match program {
        _ if !lives => io::Error::other("the parent process has ended"),
        [program, arguments @ ..] => Command::new(program).args(arguments).exec(),
        [] => io::Error::other("no program"),
    }
}

fn open_log(path: &Path) -> io::Result<File> {
    if std::fs::metadata(path).is_ok_and(|log| log.len() > LARGE_LOG) {
        std::fs::rename(path, path.with_extension("log.1"))?;
    }
    OpenOptions::new().create(true).append(true).open(path)
}

fn tail(log: &Path) -> String {
    let read = || {
        let mut file = File::open(log)?;
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(length.saturating_sub(TAIL)))?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        io::Result::Ok(String::from_utf8_lossy(&bytes).into_owned())
    };
    read().unwrap_or_else(|error| format!("(cannot be read: {error})"))
}
