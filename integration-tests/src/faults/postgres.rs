//! Postgres: a primary made by `initdb`, standbys copied from it, and what may happen to them.

use std::fs;
use std::os::unix::fs::{MetadataExt, chown};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, ensure};
use rustix::process::{Pid, Signal, kill_process};

use super::network::run;
use super::program::{Program, until};
use super::session::Session;
use crate::{ports, root};

/// The database, and the role that Spoor is: no superuser.
const SPOOR: &str = "spoor";
const LONG: Duration = Duration::from_secs(180);

/// A server with its data.
pub struct Postgres {
    /// Where it listens.
    pub port: u16,
    program: Program,
    data: PathBuf,
    home: PathBuf,
    logs: PathBuf,
}

impl Postgres {
    /// Makes and starts a primary that takes so many connections.
    pub fn primary(connections: u32, logs: &Path) -> anyhow::Result<Self> {
        // Beside the other temporary files, where an unprivileged user may go.
        let home = tempfile::Builder::new()
            .prefix("spoor-faults-")
            .tempdir()?
            .keep();
        let programs = programs(&home)?;
        let data = home.join("data");
        fs::create_dir_all(&data)?;
        own(&home)?;
        let mut line = unprivileged()?;
        line.push(programs.join("bin/initdb").display().to_string());
        line.extend(["--username=postgres", "--auth=trust", "--encoding=UTF8"].map(str::to_owned));
        line.extend(["--locale=C", "--no-sync", "--data-checksums", "-D"].map(str::to_owned));
        line.push(data.display().to_string());
        Program::new("initdb", line, &home, logs).run()?;
        let [port] = ports::free();
        let settings = format!(
            "listen_addresses = '127.0.0.1'\nport = {port}\nunix_socket_directories = ''\n\
             max_connections = {connections}\nshared_buffers = 128MB\nmax_wal_size = 1GB\n\
             wal_level = replica\nmax_wal_senders = 4\nwal_keep_size = 512MB\nhot_standby = on\n\
             max_locks_per_transaction = 256\njit = off\nlog_line_prefix = '%t [%p] %a '\n\
             wal_receiver_status_interval = 1s\nwal_retrieve_retry_interval = 500ms\n"
        );
        append(&data.join("postgresql.conf"), &settings)?;
        let mut server = Self::at("postgres-0", port, data, home, logs)?;
        server.start()?;
        let mut session = Session::open(port, "postgres", "postgres")?;
        session.query("CREATE ROLE spoor LOGIN")?;
        session.query("CREATE DATABASE spoor OWNER spoor")?;
        Ok(server)
    }

    fn at(
        name: &str,
        port: u16,
        data: PathBuf,
        home: PathBuf,
        logs: &Path,
    ) -> anyhow::Result<Self> {
        let mut line = unprivileged()?;
        line.push(programs(&home)?.join("bin/postgres").display().to_string());
        line.extend(["-D".to_owned(), data.display().to_string()]);
        let program = Program::new(name, line, &home, logs);
        let logs = logs.to_owned();
        Ok(Self {
            port,
            program,
            data,
            home,
            logs,
        })
    }

    /// A standby that streams from this server: a copy of its data while it is stopped.
    pub fn standby(&mut self) -> anyhow::Result<Self> {
        self.stop()?;
        let [port] = ports::free();
        let home = tempfile::Builder::new()
            .prefix("spoor-faults-")
            .tempdir()?
            .keep();
        let data = home.join("data");
        let words = ["cp", "-a"].map(str::to_owned).into_iter();
        let copy = words.chain([&self.data, &data].map(|path| path.display().to_string()));
        run(&copy.collect::<Vec<_>>())?;
        let settings = format!(
            "port = {port}\nprimary_conninfo = 'host=127.0.0.1 port={} user=postgres'\n",
            self.port
        );
        append(&data.join("postgresql.conf"), &settings)?;
        fs::write(data.join("standby.signal"), "")?;
        own(&home)?;
        self.start()?;
        let mut standby = Self::at("postgres-1", port, data, home, &self.logs)?;
        standby.start()?;
        let mut session = self.superuser()?;
        until("the standby streams", LONG, || {
            let rows = session.query("SELECT state FROM pg_stat_replication");
            rows.is_ok_and(|rows| rows == [["streaming"]])
        })?;
        Ok(standby)
    }

    /// Starts it and waits until it takes sessions.
    pub fn start(&mut self) -> anyhow::Result<()> {
        fs::remove_file(self.data.join("postmaster.pid")).unwrap_or_default();
        self.program.start()?;
        let port = self.port;
        until("Postgres takes sessions", LONG, || {
            Session::open(port, "postgres", "postgres").is_ok()
        })?;
        Ok(())
    }

    /// Stops it in order: sessions are ended.
    pub fn stop(&mut self) -> anyhow::Result<()> {
        self.program.stop(Signal::INT, LONG).map(drop)
    }

    /// `kill -9` of the server and of all its sessions, as when the machine goes down.
    pub fn kill(&mut self) {
        let children = self.children();
        self.program.kill();
        for child in children {
            kill_process(child, Signal::KILL).unwrap_or_default();
        }
    }

    /// Freezes or thaws the server with all its sessions.
    pub fn signal_all(&self, signal: Signal) {
        for pid in self.children().into_iter().chain(self.program.pid()) {
            kill_process(pid, signal).unwrap_or_default();
        }
    }

    fn children(&self) -> Vec<Pid> {
        let of = |pid: Pid| crate::stack::children(pid);
        self.program.pid().map(of).unwrap_or_default()
    }

    /// Becomes the primary.
    pub fn promote(&self) -> anyhow::Result<()> {
        let rows = self.superuser()?.query("SELECT pg_promote(true, 60)")?;
        ensure!(rows == [["t"]], "the standby was not promoted: {rows:?}");
        Ok(())
    }

    /// A superuser's session in Spoor's database.
    pub fn superuser(&self) -> anyhow::Result<Session> {
        Session::open(self.port, "postgres", SPOOR)
    }

    /// A session like Spoor's own.
    pub fn session(&self) -> anyhow::Result<Session> {
        Session::open(self.port, SPOOR, SPOOR)
    }

    /// Moves Spoor's database to a file system of so many MiB, and gives its mount point.
    pub fn put_on_small_disk(&self, mebibytes: u32) -> anyhow::Result<SmallDisk> {
        let folder = self.home.join("small");
        fs::create_dir_all(&folder)?;
        let disk = SmallDisk::mount(&folder, mebibytes)?;
        let inside = folder.join("tablespace");
        fs::create_dir_all(&inside)?;
        own(&inside)?;
        let mut session = Session::open(self.port, "postgres", "postgres")?;
        session.query(&format!(
            "CREATE TABLESPACE small LOCATION '{}'",
            inside.display()
        ))?;
        session.query("ALTER DATABASE spoor SET TABLESPACE small")?;
        Ok(disk)
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        self.kill();
        fs::remove_dir_all(&self.home).unwrap_or_default();
    }
}

/// A file system in memory that fills up.
pub struct SmallDisk(PathBuf);

impl SmallDisk {
    fn mount(folder: &Path, mebibytes: u32) -> anyhow::Result<Self> {
        let words = [
            "mount",
            "-t",
            "tmpfs",
            "-o",
            &format!("size={mebibytes}m"),
            "spoor",
        ];
        mount(&words, folder)?;
        Ok(Self(folder.to_owned()))
    }

    /// Where it is mounted.
    pub fn folder(&self) -> &Path {
        &self.0
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        mount(&["umount", "--lazy"], &self.0).unwrap_or_default();
    }
}

fn mount(words: &[&str], folder: &Path) -> anyhow::Result<()> {
    let mut line: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
    line.push(folder.display().to_string());
    run(&line)
}

fn append(path: &Path, text: &str) -> anyhow::Result<()> {
    let mut all = fs::read_to_string(path)?;
    all.push_str(text);
    Ok(fs::write(path, all)?)
}

/// Postgres refuses to run as root: the user and group of `nobody`, or none to change to.
fn nobody() -> anyhow::Result<Option<(u32, u32)>> {
    if !rustix::process::geteuid().is_root() {
        return Ok(None);
    }
    let passwd = fs::read_to_string("/etc/passwd")?;
    let line = passwd.lines().find(|line| line.starts_with("nobody:"));
    let fields: Vec<&str> = line
        .context("there is no user nobody")?
        .split(':')
        .collect();
    Ok(Some((fields[2].parse()?, fields[3].parse()?)))
}

/// The words before a command line that is to run as nobody and to die with us.
fn unprivileged() -> anyhow::Result<Vec<String>> {
    let mut line = ["setpriv", "--pdeathsig", "KILL"]
        .map(str::to_owned)
        .to_vec();
    if let Some((uid, gid)) = nobody()? {
        line.extend([format!("--reuid={uid}"), format!("--regid={gid}")]);
        line.push("--clear-groups".to_owned());
    }
    Ok(line)
}

fn own(path: &Path) -> anyhow::Result<()> {
    let Some((uid, gid)) = nobody()? else {
        return Ok(());
    };
    let status = Command::new("chown")
        .arg("-R")
        .arg(format!("{uid}:{gid}"))
        .arg(path)
        .status()?;
    ensure!(
        status.success(),
        "{} cannot be given to nobody",
        path.display()
    );
    Ok(chown(path, Some(uid), Some(gid))?)
}

/// Folder with Postgres' programs: where `make runtime` has put them, or a copy where nobody may
/// read it.
fn programs(home: &Path) -> anyhow::Result<PathBuf> {
    let made = root().join("target/runtime/postgres");
    let open = |folder: &Path| fs::metadata(folder).is_ok_and(|found| found.mode() & 0o001 != 0);
    if nobody()?.is_none() || made.canonicalize()?.ancestors().all(open) {
        return Ok(made);
    }
    let copy = home.join("programs");
    if !copy.exists() {
        let words = ["cp", "-a"].map(str::to_owned).into_iter();
        let paths = [&made, &copy].map(|path| path.display().to_string());
        run(&words.chain(paths).collect::<Vec<_>>())?;
        own(&copy)?;
    }
    Ok(copy)
}
