//! Each role in a process of its own, beside real servers.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use jiff::{Timestamp, ToSpan};
use rustix::process::{Pid, Signal, kill_process};

use super::cpu::{self, Usage, Watched};
use crate::load::Summary;
use crate::ports;

use super::Pace;
use super::receivers::Receiver;

const POSTGRES: &str = "postgres";
const START: Duration = Duration::from_secs(90);
/// Longer than anything that is measured lies back.
const KEPT: &str = "400days";
/// Exit code of a command line that is not understood.
const WRONG_USAGE: i32 = 2;
/// Less of one core than this is quiet.
const QUIET: f64 = 0.08;

/// What to measure with.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The binary under test.
    pub binary: PathBuf,
    /// The folder with the servers' programs.
    pub runtime: PathBuf,
    /// Where data and logs go. Emptied first.
    pub folder: PathBuf,
    /// Partitions of the spans' topic; none for the default.
    pub partitions: Option<u32>,
    /// How many processes ingest.
    pub ingesters: usize,
    /// Further arguments of `spoor load`, which say what the traffic is like.
    pub traffic: Vec<String>,
}

/// Servers and roles that run until they are dropped.
pub struct Cluster {
    settings: Settings,
    /// In order of their start.
    processes: Vec<Child>,
    watched: Vec<Watched>,
    environment: BTreeMap<String, String>,
    /// In the order of [`Receiver::ALL`].
    receivers: [u16; Receiver::PORTS],
    query: u16,
    collector_admin: u16,
    query_admin: u16,
    /// One for each ingester.
    ingester_admins: Vec<u16>,
}

impl Cluster {
    /// Starts everything and waits until it is ready.
    pub fn start(settings: Settings) -> anyhow::Result<Self> {
        fs::remove_dir_all(&settings.folder).unwrap_or_default();
        fs::create_dir_all(&settings.folder)?;
        let [query, collector_admin, query_admin] = ports::free();
        let receivers = ports::free();
        let ingester_admins = (0..settings.ingesters.max(1)).map(|_| ports::free::<1>()[0]);
        let ingester_admins = ingester_admins.collect();
        let mut cluster = Self {
            settings,
            processes: Vec::new(),
            watched: Vec::new(),
            environment: BTreeMap::new(),
            receivers,
            query,
            collector_admin,
            query_admin,
            ingester_admins,
        };
        cluster.start_servers()?;
        let migrated = cluster.command("migrate").stdout(Stdio::null()).status()?;
        ensure!(migrated.success(), "`spoor migrate` failed");
        cluster.start_role("collector", cluster.collector_admin)?;
        for admin in cluster.ingester_admins.clone() {
            cluster.start_role("ingester", admin)?;
        }
        cluster.start_role("query", cluster.query_admin)?;
        Ok(cluster)
    }

    fn start_role(&mut self, role: &'static str, admin: u16) -> anyhow::Result<()> {
        let log = self.log(&format!("{role}-{admin}"))?;
        let section = role.to_uppercase();
        let mut command = self.command(role);
        command.env(format!("SPOOR__ADMIN__{section}"), local(admin));
        let child = command.stdout(log.try_clone()?).stderr(log).spawn()?;
        self.watched.push(Watched {
            name: role,
            pid: child.id(),
            with_children: false,
        });
        self.processes.push(child);
        until(START, role, || {
            fetch(&format!("http://127.0.0.1:{admin}/ready")).is_some()
        })
    }

    fn start_servers(&mut self) -> anyhow::Result<()> {
        let mut servers = Command::new(&self.settings.binary)
            .arg("servers")
            .arg("--data-dir")
            .arg(self.data())
            .arg("--runtime-dir")
            .arg(&self.settings.runtime)
            .args(["--kafka-port", "0", "--kafka-controller-port", "0"])
            .args(["--registry-port", "0", "--postgres-port", "0"])
            .stdout(Stdio::piped())
            .stderr(self.log("servers")?)
            .spawn()
            .context("cannot start the servers")?;
        let output = servers.stdout.take().context("the servers say nothing")?;
        self.processes.push(servers);
        let mut found = BTreeMap::new();
        for line in BufReader::new(output).lines() {
            if let Some((name, value)) = line?.trim_start_matches("export ").split_once('=') {
                found.insert(name.to_owned(), value.to_owned());
            }
            if found.len() == 3 {
                break;
            }
        }
        let take = |name: &str| {
            let value = found.get(name).cloned();
            value.with_context(|| format!("the servers did not start: no {name}"))
        };
        self.environment = self.variables([
            take("SPOOR_TEST_KAFKA_BROKERS")?,
            take("SPOOR_TEST_REGISTRY_URL")?,
            take("SPOOR_TEST_POSTGRES_URL")?,
        ]);
        self.watch_servers();
        Ok(())
    }

    /// The configuration of the roles, given the addresses of Kafka, registry and Postgres.
    fn variables(&self, [kafka, registry, postgres]: [String; 3]) -> BTreeMap<String, String> {
        let receivers = Receiver::SECTIONS.iter().zip(self.receivers);
        let receivers = receivers.map(|(section, port)| {
            let name = format!("SPOOR__COLLECTOR__{section}__ADDRESS");
            (name, local(port))
        });
        let any = || local(0);
        let others = [
            ("KAFKA__BROKERS", format!("[\"{kafka}\"]")),
            ("REGISTRY__URL", registry),
            ("STORAGE__URL", postgres),
            ("COLLECTOR__SAMPLING__LISTENER__ADDRESS", any()),
            ("QUERY__REMOTE_STORAGE__LISTEN", any()),
            ("QUERY__LISTEN", local(self.query)),
            ("QUERY__GRPC_LISTEN", any()),
            ("COLLECTOR__TIMES__MAX_AGE", KEPT.to_owned()),
            ("STORAGE__RETENTION", KEPT.to_owned()),
        ];
        let partitions = self.settings.partitions;
        let partitions = partitions.map(|count| ("TOPICS__PARTITIONS", count.to_string()));
        let others = others.into_iter().chain(partitions);
        let others = others.map(|(name, value)| (format!("SPOOR__{name}"), value));
        receivers.chain(others).collect()
    }

    /// The servers are the processes whose folder lies in the data; of Postgres the first one, which
    /// all others descend from.
    fn watch_servers(&mut self) {
        if let Some(pid) = self.postgres() {
            self.watched.push(Watched {
                name: POSTGRES,
                pid,
                with_children: true,
            });
        }
        let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
        for entry in entries {
            let Some(pid) = entry
                .file_name()
                .to_str()
                .and_then(|name| name.parse().ok())
            else {
                continue;
            };
            let line = fs::read(entry.path().join("cmdline")).unwrap_or_default();
            let line = String::from_utf8_lossy(&line);
            if line.contains("kafka.Kafka") && line.contains(&*self.data().to_string_lossy()) {
                self.watched.push(Watched {
                    name: "kafka",
                    pid,
                    with_children: false,
                });
            }
        }
    }

    /// The process of Postgres that all others descend from.
    fn postgres(&self) -> Option<u32> {
        let file = fs::read_to_string(self.data().join("postgres/data/postmaster.pid"));
        file.ok()?.lines().next()?.parse().ok()
    }

    /// Stops Postgres, which its supervisor starts again, and has the operating system forget the files
    /// that it holds in memory; whether that was permitted: it needs root.
    pub fn restart_postgres_cold(&mut self) -> anyhow::Result<bool> {
        let before = self.postgres().context("Postgres does not run")?;
        let pid = Pid::from_raw(i32::try_from(before)?).context("no process")?;
        kill_process(pid, Signal::INT)?;
        until(START, "Postgres runs again", || {
            self.postgres().is_some_and(|now| now != before)
        })?;
        let now = self.postgres().context("Postgres does not run")?;
        let of_postgres = self.watched.iter_mut().filter(|of| of.name == POSTGRES);
        of_postgres.for_each(|watched| watched.pid = now);
        let services = format!("{}/api/services", self.query_url());
        until(START, "the query service reads again", || {
            fetch(&services).is_some()
        })?;
        rustix::fs::sync();
        Ok(fs::write("/proc/sys/vm/drop_caches", "3").is_ok())
    }

    fn data(&self) -> PathBuf {
        self.settings.folder.join("data")
    }

    fn log(&self, name: &str) -> anyhow::Result<File> {
        Ok(File::create(
            self.settings.folder.join(name).with_extension("log"),
        )?)
    }

    fn command(&self, subcommand: &str) -> Command {
        let mut command = Command::new(&self.settings.binary);
        command
            .arg(subcommand)
            .envs(&self.environment)
            .stdin(Stdio::null());
        command
    }

    /// Address of the query service.
    pub fn query_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.query)
    }

    /// What the processes have used so far.
    pub fn usage(&self) -> Usage {
        Usage::of(&self.watched)
    }

    /// Begins to send spans to a receiver.
    pub(super) fn load(&self, seed: u64, pace: Pace) -> anyhow::Result<Load> {
        let Pace {
            receiver,
            spans,
            rate,
            freshness,
            days_ago,
        } = pace;
        let port = self.receivers[receiver.port];
        let mut command = self.command("load");
        command
            .args(["--json", "--ahead", "--connections", "8"])
            .args(["--endpoint", &format!("http://127.0.0.1:{port}")])
            .args(["--protocol", receiver.protocol])
            .args(["--seed", &seed.to_string(), "--spans", &spans.to_string()])
            .args(["--rate", &rate.to_string()])
            .args(&self.settings.traffic)
            .stdout(Stdio::piped());
        if days_ago > 0 {
            let then = Timestamp::now() - (i64::from(days_ago) * 24).hours();
            command.args(["--base", &then.as_nanosecond().to_string()]);
        }
        if freshness {
            command.args(["--freshness", &self.query_url()]);
        }
        Ok(Load(command.spawn()?))
    }

    /// Waits until as many spans are stored as were sent.
    pub fn until_stored(&self, spans: u64, within: Duration) -> anyhow::Result<()> {
        let stored = |admin: &u16| {
            let page = fetch(&format!("http://127.0.0.1:{admin}/metrics")).unwrap_or_default();
            metric(&page, "spoor_ingester_spans_stored_total")
        };
        until(within, "all spans are stored", || {
            self.ingester_admins.iter().map(stored).sum::<f64>() >= spans as f64
        })
    }

    /// Waits until the processes have nothing left to do, or for so long.
    pub fn until_quiet(&self, longest: Duration) {
        let deadline = Instant::now() + longest;
        let (mut before, mut quiet) = (self.usage().total(), 0);
        while quiet < 3 && Instant::now() < deadline {
            std::thread::park_timeout(Duration::from_secs(1));
            let now = self.usage().total();
            quiet = if now - before < QUIET { quiet + 1 } else { 0 };
            before = now;
        }
    }

    /// What the store takes on disk by part, as the binary says it; nothing if it is one that does
    /// not know the question yet.
    pub fn sizes(&self) -> anyhow::Result<BTreeMap<String, u64>> {
        let output = self.command("sizes").arg("--json").output()?;
        if output.status.code() == Some(WRONG_USAGE) {
            return Ok(BTreeMap::new());
        }
        ensure!(output.status.success(), "`spoor sizes` failed");
        Ok(serde_json::from_slice(&output.stdout)?)
    }

    /// Bytes of the files in which Kafka keeps everything.
    pub fn bytes_in_kafka(&self) -> u64 {
        cpu::bytes_below(&self.data().join("kafka"))
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        for mut process in self.processes.drain(..).rev() {
            kill_process(Pid::from_child(&process), Signal::INT).unwrap_or_default();
            process.wait().map(drop).unwrap_or_default();
        }
    }
}

/// A load generator at work.
pub struct Load(Child);

impl Load {
    /// Whether it still sends, or waits for answers.
    pub fn is_running(&mut self) -> bool {
        matches!(self.0.try_wait(), Ok(None))
    }

    /// Waits for its end, calling `each` now and then, and gives its summary.
    pub fn wait(mut self, mut each: impl FnMut()) -> anyhow::Result<Summary> {
        while self.0.try_wait()?.is_none() {
            each();
            std::thread::park_timeout(Duration::from_millis(200));
        }
        let output = self.0.wait_with_output()?;
        ensure!(output.status.success(), "the load generator failed");
        Ok(serde_json::from_slice(&output.stdout)?)
    }
}

/// The sum of all series of a metric.
fn metric(page: &str, name: &str) -> f64 {
    let lines = page.lines().filter(|line| {
        let rest = line.strip_prefix(name);
        rest.is_some_and(|rest| rest.starts_with([' ', '{']))
    });
    lines
        .filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok())
        .sum()
}

fn local(port: u16) -> String {
    format!("127.0.0.1:{port}")
}

fn until(within: Duration, what: &str, holds: impl Fn() -> bool) -> anyhow::Result<()> {
    let deadline = Instant::now() + within;
    while !holds() {
        if Instant::now() > deadline {
            bail!("not within {within:?}: {what}");
        }
        std::thread::park_timeout(Duration::from_millis(100));
    }
    Ok(())
}

fn fetch(url: &str) -> Option<String> {
    let arguments = ["--silent", "--fail", "--max-time", "10", url];
    let output = Command::new("curl").args(arguments).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then_some(text)
}
