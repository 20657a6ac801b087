//! An installation of its own for each fault: real servers, and each role a process.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};

use super::brokers::Brokers;
use super::postgres::{Postgres, SmallDisk};
use super::postgres_proxy::PostgresProxy;
use super::registry::Registry;
use super::role::{Role, START};
use super::tcp_proxy::TcpProxy;
use super::topic::{SPANS, Topics};
use crate::{ports, root};

/// What an installation is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Plan {
    /// Brokers: 1, or 3 with a network of their own.
    pub brokers: usize,
    /// Collectors, behind one address.
    pub collectors: usize,
    /// Ingesters. The first reaches Postgres by a proxy.
    pub ingesters: usize,
    /// Whether the primary has a streaming standby.
    pub standby: bool,
    /// Connections that Postgres takes.
    pub connections: u32,
    /// Size of the disk of Spoor's database, if it is to be small.
    pub disk_mebibytes: Option<u32>,
}

/// One of everything.
pub const SINGLE: Plan = Plan {
    brokers: 1,
    collectors: 1,
    ingesters: 1,
    standby: false,
    connections: 100,
    disk_mebibytes: None,
};

/// Roles, servers and what lies between them. Dropped in this order.
pub struct Site {
    /// The collectors.
    pub collectors: Vec<Role>,
    /// The ingesters.
    pub ingesters: Vec<Role>,
    /// The query service.
    pub query: Role,
    /// Before the collectors.
    pub door: TcpProxy,
    /// Between the first ingester and Postgres.
    pub watch: PostgresProxy,
    /// The schema registry.
    pub registry: Registry,
    /// Kafka.
    pub brokers: Brokers,
    /// Its topics.
    pub topics: Topics,
    /// Where the database lies, if that is small.
    pub disk: Option<SmallDisk>,
    /// The Postgres that holds the traces at present.
    pub primary: Postgres,
    /// The one that may replace it.
    pub standby: Option<Postgres>,
    query_port: u16,
    folder: PathBuf,
}

impl Site {
    /// Starts everything and waits until it is ready.
    pub fn start(name: &str, plan: Plan) -> anyhow::Result<Self> {
        let folder = root().join("target/integration/faults").join(name);
        fs::remove_dir_all(&folder).unwrap_or_default();
        fs::create_dir_all(&folder)?;
        let mut primary = Postgres::primary(plan.connections, &folder)?;
        let disk = plan
            .disk_mebibytes
            .map(|size| primary.put_on_small_disk(size))
            .transpose()?;
        let standby = plan.standby.then(|| primary.standby()).transpose()?;
        let brokers = Brokers::start(plan.brokers, &folder, &folder)?;
        let registry = Registry::start()?;
        let watch = PostgresProxy::start(primary.port)?;
        let file = folder.join("spoor.toml");
        let standby_port = standby.as_ref().map(|standby| standby.port);
        fs::write(
            &file,
            document(&brokers, &registry, primary.port, standby_port),
        )?;
        let topics = brokers.topics()?;
        let new = |name: &str, words: &[String]| Role::new(name, words, &folder);
        new("migrate", &[]).program.run()?;
        let ports: Vec<[u16; 2]> = (0..plan.collectors).map(|_| ports::free()).collect();
        let collectors = ports.iter().enumerate();
        let collectors = collectors.map(|(index, ports)| collector(index, *ports, &folder));
        let collectors = collectors.collect();
        let watched = format!("storage.url={}", url(watch.port));
        let ingesters = (0..plan.ingesters).map(|index| match index {
            0 => new("ingester-0", std::slice::from_ref(&watched)),
            _ => new(&format!("ingester-{index}"), &[]),
        });
        let [query_port] = ports::free();
        let query = new("query", &[format!("query.listen=127.0.0.1:{query_port}")]);
        let door = ports.iter().map(|[grpc, _]| ([127, 0, 0, 1], *grpc).into());
        let mut site = Self {
            door: TcpProxy::start(door.collect())?,
            ingesters: ingesters.collect(),
            brokers,
            topics,
            primary,
            standby,
            disk,
            registry,
            watch,
            collectors,
            query,
            query_port,
            folder,
        };
        for role in site.roles() {
            role.program.start()?;
        }
        for role in site.roles() {
            role.until_ready(START)?;
        }
        Ok(site)
    }

    fn roles(&mut self) -> impl Iterator<Item = &mut Role> {
        let ingesters = self.ingesters.iter_mut();
        self.collectors
            .iter_mut()
            .chain(ingesters)
            .chain([&mut self.query])
    }

    /// Address that clients send to.
    pub fn otlp_grpc(&self) -> String {
        format!("http://127.0.0.1:{}", self.door.port)
    }

    /// Address of the query service.
    pub fn query_address(&self) -> String {
        format!("http://127.0.0.1:{}", self.query_port)
    }

    /// Where a file may lie.
    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// `spoor migrate` once more.
    pub fn migrate(&self) -> anyhow::Result<()> {
        Role::new("migrate", &[], &self.folder).program.run()
    }

    /// The sum of a metric over all collectors.
    pub fn accepted(&self) -> f64 {
        let accepted = "spoor_collector_spans_accepted_total";
        self.collectors
            .iter()
            .map(|role| role.metric(accepted, ""))
            .sum()
    }

    /// The first offset that is not done, by partition, as the store has it.
    pub fn watermarks(&self) -> anyhow::Result<BTreeMap<i32, i64>> {
        let rows = self.primary.superuser()?.query(&format!(
            "SELECT partition, watermark FROM spoor.progress
             WHERE consumer = 'live' AND topic = '{SPANS}'"
        ))?;
        let pair = |row: Vec<String>| anyhow::Ok((row[0].parse()?, row[1].parse()?));
        rows.into_iter().map(pair).collect()
    }

    /// Whether everything below these ends is done.
    pub fn has_done(&self, ends: &BTreeMap<i32, i64>) -> bool {
        self.watermarks().is_ok_and(|done| {
            let of = |partition: &i32| done.get(partition).copied().unwrap_or_default();
            ends.iter().all(|(partition, end)| of(partition) >= *end)
        })
    }

    /// A number that a statement gives.
    pub fn number(&self, sql: &str) -> anyhow::Result<i64> {
        let rows = self.primary.superuser()?.query(sql)?;
        let first = rows.first().and_then(|row| row.first()).context("no row")?;
        first.parse().with_context(|| format!("{sql} gave {first}"))
    }

    /// Who says that it is ready, one word per kind of role.
    pub fn readiness(&self) -> String {
        let of = |roles: &[Role]| match roles.iter().all(Role::is_ready) {
            true => "yes",
            false => "no",
        };
        let query = std::slice::from_ref(&self.query);
        [&self.collectors[..], &self.ingesters, query]
            .map(of)
            .join(" / ")
    }

    /// Whether every process runs, and no thread of any has panicked.
    pub fn nobody_died(&mut self) -> anyhow::Result<()> {
        for role in self.roles() {
            ensure!(
                role.program.is_running(),
                "{} has ended:\n{}",
                role.name,
                role.program.end_of_log()
            );
            let panics = role.metric("spoor_process_panics_total", "");
            ensure!(panics == 0.0, "{} has panicked {panics} times", role.name);
        }
        Ok(())
    }
}

fn collector(index: usize, [grpc, http]: [u16; 2], folder: &Path) -> Role {
    let words = [
        format!("collector.otlp_grpc.address=127.0.0.1:{grpc}"),
        format!("collector.otlp_http.address=127.0.0.1:{http}"),
    ];
    let role = Role::new(&format!("collector-{index}"), &words, folder);
    Role { http, ..role }
}

fn url(port: u16) -> String {
    format!("postgres://spoor@127.0.0.1:{port}/spoor?sslmode=disable")
}

/// The configuration of all roles.
fn document(brokers: &Brokers, registry: &Registry, primary: u16, standby: Option<u16>) -> String {
    let addresses = brokers.addresses();
    let list: Vec<String> = addresses.split(',').map(|one| format!("{one:?}")).collect();
    let hosts = standby.map(|port| format!("{:?}", format!("127.0.0.1:{port}")));
    let any = r#"address = "127.0.0.1:0""#;
    format!(
        "[kafka]\nbrokers = [{}]\n\
         [registry]\nurl = \"http://127.0.0.1:{}\"\n\
         [storage]\nurl = {:?}\nhosts = [{}]\n\
         [collector.jaeger_grpc]\n{any}\n[collector.jaeger_thrift]\n{any}\n\
         [collector.zipkin]\n{any}\n\
         [query]\ngrpc_listen = \"127.0.0.1:0\"\n\
         # A silent member is given up sooner than usual, so that a run takes less time.\n\
         [ingester.consume]\nsession_timeout = \"6s\"\ndrain_timeout = \"4s\"\n",
        list.join(", "),
        registry.port,
        url(primary),
        hosts.unwrap_or_default()
    )
}
