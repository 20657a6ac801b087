//! One `spoor all-in-one` with servers of its own.

use std::fs::{self, File};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::{binary, root};

mod ports;
mod processes;

use ports::Ports;
pub use processes::Server;
pub(crate) use processes::children;

/// How long a start may take on two busy cores, recovery included.
const START: Duration = Duration::from_secs(120);

/// Which way spans go from the collector to Postgres.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deployment {
    /// Through Kafka.
    Kafka,
    /// In one process.
    Direct,
}

/// A running all-in-one.
pub struct Stack {
    deployment: Deployment,
    folder: PathBuf,
    ports: Ports,
    settings: Vec<(String, String)>,
    process: Option<Child>,
}

impl Stack {
    /// Starts a stack with an empty data directory and waits until it is ready.
    pub fn start(name: &str, deployment: Deployment) -> Self {
        Self::start_with(name, deployment, &[])
    }

    /// The same, with settings: environment variables of the binary.
    pub fn start_with(name: &str, deployment: Deployment, settings: &[(&str, &str)]) -> Self {
        let folder = root().join("target/integration").join(name);
        fs::remove_dir_all(&folder).unwrap_or_default();
        fs::create_dir_all(&folder).expect("a folder for the stack");
        let owned = settings
            .iter()
            .map(|(key, value)| ((*key).into(), (*value).into()));
        let mut stack = Self {
            deployment,
            folder,
            ports: Ports::free(),
            settings: owned.collect(),
            process: None,
        };
        stack.restart();
        stack
    }

    /// Starts the binary on the data that is there and waits until it is ready.
    pub fn restart(&mut self) {
        assert!(self.process.is_none(), "the stack is running");
        let before = self.times_ready();
        self.process = Some(spawn(self.command()));
        self.until("it is ready", START, |stack| stack.times_ready() > before);
    }

    fn command(&self) -> Command {
        let log = File::options()
            .create(true)
            .append(true)
            .open(self.log_path());
        let log = log.expect("a log file");
        let mut command = Command::new("setpriv");
        command
            .args(["--pdeathsig", "KILL"])
            .arg(binary())
            .arg("all-in-one");
        command.arg("--data-dir").arg(self.folder.join("data"));
        command.args(["--deployment", self.deployment_name()]);
        command
            .envs(self.port_settings())
            .envs(self.settings.iter().cloned());
        command
            .stdin(Stdio::null())
            .stderr(log.try_clone().expect("a log file"))
            .stdout(log);
        command
    }

    /// Runs a command of the binary beside the stack, with the stack's settings, to its end. It finds the
    /// servers by the folder of their data.
    pub fn beside(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(binary());
        command.args(arguments);
        command.arg("--data-dir").arg(self.folder.join("data"));
        command.envs(self.settings.iter().cloned());
        // A configuration that names one server is not completed with others.
        if self
            .settings
            .iter()
            .any(|(key, _)| key == "SPOOR__STORAGE__URL")
        {
            let brokers = format!("[\"{}\"]", self.brokers());
            command.env("SPOOR__KAFKA__BROKERS", brokers);
        }
        command.output().expect("the binary starts")
    }

    fn deployment_name(&self) -> &'static str {
        match self.deployment {
            Deployment::Kafka => "kafka",
            Deployment::Direct => "direct",
        }
    }

    fn port_settings(&self) -> Vec<(&'static str, String)> {
        let local = |port: u16| format!("127.0.0.1:{port}");
        let ports = &self.ports;
        vec![
            ("SPOOR__COLLECTOR__OTLP_GRPC__ADDRESS", local(ports.grpc)),
            ("SPOOR__COLLECTOR__OTLP_HTTP__ADDRESS", local(ports.http)),
            // Any free port: no test of a stack sends to these.
            ("SPOOR__COLLECTOR__JAEGER_GRPC__ADDRESS", local(0)),
            ("SPOOR__COLLECTOR__JAEGER_THRIFT__ADDRESS", local(0)),
            ("SPOOR__COLLECTOR__ZIPKIN__ADDRESS", local(0)),
            ("SPOOR__COLLECTOR__SAMPLING__LISTENER__ADDRESS", local(0)),
            ("SPOOR__QUERY__LISTEN", local(ports.query)),
            ("SPOOR__QUERY__GRPC_LISTEN", local(ports.query_grpc)),
            (
                "SPOOR__QUERY__REMOTE_STORAGE__LISTEN",
                local(ports.remote_storage),
            ),
            ("SPOOR__ADMIN__COLLECTOR", local(ports.admin)),
            ("SPOOR__EMBEDDED__KAFKA__PORT", ports.kafka.to_string()),
            (
                "SPOOR__EMBEDDED__KAFKA__CONTROLLER_PORT",
                ports.controller.to_string(),
            ),
            (
                "SPOOR__EMBEDDED__REGISTRY__PORT",
                ports.registry.to_string(),
            ),
            (
                "SPOOR__EMBEDDED__POSTGRES__PORT",
                ports.postgres.to_string(),
            ),
        ]
    }

    fn log_path(&self) -> PathBuf {
        self.folder.join("spoor.log")
    }

    /// Where a file of this stack's tests may lie.
    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// What the binary has printed so far.
    pub fn log(&self) -> String {
        fs::read_to_string(self.log_path()).unwrap_or_default()
    }

    /// How often the binary has said that it is ready. `/ready` answers for the parts that have
    /// begun, which are not all of them while it starts.
    fn times_ready(&self) -> usize {
        self.log().matches("spoor is ready").count()
    }

    /// Address of OTLP over gRPC.
    pub fn otlp_grpc(&self) -> String {
        format!("http://127.0.0.1:{}", self.ports.grpc)
    }

    /// Address of OTLP over HTTP.
    pub fn otlp_http(&self) -> String {
        format!("http://127.0.0.1:{}", self.ports.http)
    }

    /// Address that the binary has told where it said that it is ready, by what it said is there.
    pub fn told_address(&self, what: &str) -> String {
        let log = self.log();
        let lines = log
            .lines()
            .rev()
            .filter_map(|line| line.trim().strip_prefix(what));
        let address = lines.map(str::trim).next().expect("it was told");
        let address = address.strip_prefix("http://").unwrap_or(address);
        format!("http://{address}")
    }

    /// `host:port` of its Kafka.
    pub fn brokers(&self) -> String {
        format!("127.0.0.1:{}", self.ports.kafka)
    }

    /// Base URL of its schema registry.
    pub fn registry(&self) -> String {
        format!("http://127.0.0.1:{}/apis/ccompat/v7", self.ports.registry)
    }

    /// Address of Jaeger's remote storage.
    pub fn remote_storage(&self) -> String {
        format!("http://127.0.0.1:{}", self.ports.remote_storage)
    }

    /// Address of the query service.
    pub fn query(&self) -> String {
        format!("http://127.0.0.1:{}", self.ports.query)
    }

    /// The answer of a query, if its status is 200.
    pub fn get(&self, path: &str) -> Option<Value> {
        let body = fetch(&format!("{}{path}", self.query()), 10)?;
        Some(serde_json::from_str(&body).expect("the query service answers JSON"))
    }

    /// The text of an admin page, if its status is 200.
    pub fn admin(&self, path: &str) -> Option<String> {
        fetch(&format!("http://127.0.0.1:{}{path}", self.ports.admin), 10)
    }

    /// The sum over all series of a metric whose labels contain `labels`.
    pub fn metric(&self, name: &str, labels: &str) -> f64 {
        metric(&self.admin("/metrics").unwrap_or_default(), name, labels)
    }

    /// Waits until something holds, with the end of the log in the message when it does not.
    pub fn until(&self, what: &str, within: Duration, holds: impl Fn(&Self) -> bool) {
        let deadline = Instant::now() + within;
        while !holds(self) {
            if Instant::now() > deadline {
                let log = self.log();
                let end = log.lines().rev().take(40).collect::<Vec<_>>();
                let end = end.into_iter().rev().collect::<Vec<_>>().join("\n");
                panic!("not within {within:?}: {what}\n{end}");
            }
            std::thread::yield_now();
            park(Duration::from_millis(50));
        }
    }

    /// Process id of the binary.
    pub fn pid(&self) -> Pid {
        let process = self.process.as_ref().expect("the stack is running");
        Pid::from_child(process)
    }

    /// Resident memory of the binary in bytes, without its servers.
    pub fn resident_bytes(&self) -> u64 {
        processes::resident_bytes(self.pid())
    }

    /// Processes that run in the data directory: the servers, whoever their parent is.
    pub fn processes(&self) -> Vec<Pid> {
        processes::inside(&self.folder)
    }

    /// Runs a second binary on the same data directory, with ports of its own, to its end.
    pub fn second_instance(&self) -> Output {
        let mut other = Self {
            deployment: self.deployment,
            folder: self.folder.clone(),
            ports: Ports::free(),
            settings: Vec::new(),
            process: None,
        };
        other.settings.clone_from(&self.settings);
        let mut command = other.command();
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command.output().expect("the binary starts")
    }

    /// Presses Ctrl-C and waits for the end of the binary.
    pub fn stop(&mut self) -> ExitStatus {
        kill_process(self.pid(), Signal::INT).expect("the binary is there");
        let mut process = self.process.take().expect("the stack is running");
        process.wait().expect("the binary ends")
    }

    /// `kill -9` of the binary and of all its servers, at the same time.
    pub fn kill_everything(&mut self) {
        let mut process = self.process.take().expect("the stack is running");
        processes::kill_tree(Pid::from_child(&process));
        process.wait().expect("a killed process ends");
    }

    /// Sends a signal to a server of this stack.
    pub fn signal(&self, server: Server, signal: Signal) {
        if let Some(pid) = processes::server(self.pid(), server) {
            // It may have ended in between.
            kill_process(pid, signal).unwrap_or_default();
        }
    }

    /// Keeps a server from running for a while: it is killed whenever it comes up again.
    pub fn hold_down(&self, server: Server, time: Duration) {
        let end = Instant::now() + time;
        while Instant::now() < end {
            self.signal(server, Signal::KILL);
            park(Duration::from_millis(100));
        }
    }

    /// Keeps a server from running as long as something is done.
    pub fn while_down<T>(&self, server: Server, what: impl FnOnce(&Self) -> T) -> T {
        let (done, is_done) = mpsc::channel::<()>();
        std::thread::scope(|scope| {
            scope.spawn(move || {
                while is_done.try_recv() == Err(mpsc::TryRecvError::Empty) {
                    self.hold_down(server, Duration::from_millis(100));
                }
            });
            let outcome = what(self);
            drop(done);
            outcome
        })
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        if self.process.is_some() {
            self.kill_everything();
        }
    }
}

/// Spawns from a thread that lives as long as this process: the signal that ends the child with
/// its parent is tied to the thread that made it.
pub(crate) fn spawn(mut command: Command) -> Child {
    let (sender, child) = mpsc::channel();
    std::thread::spawn(move || {
        sender.send(command.spawn()).unwrap_or_default();
        loop {
            std::thread::park();
        }
    });
    child
        .recv()
        .expect("the thread answers")
        .expect("the binary starts")
}

fn park(time: Duration) {
    std::thread::park_timeout(time);
}

/// The sum over all series of a metric whose labels contain `labels`, on a page of metrics.
pub(crate) fn metric(page: &str, name: &str, labels: &str) -> f64 {
    let lines = page.lines().filter(|line| {
        let rest = line.strip_prefix(name);
        rest.is_some_and(|rest| rest.starts_with([' ', '{']) && rest.contains(labels))
    });
    let values = lines.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok());
    values.sum()
}

/// The body of a GET, if its status is 200 and it comes within so many seconds.
pub fn fetch(url: &str, seconds: u8) -> Option<String> {
    let output = Command::new("curl")
        .args([
            "--silent",
            "--fail",
            "--max-time",
            &seconds.to_string(),
            url,
        ])
        .output()
        .expect("curl is installed");
    output
        .status
        .success()
        .then(|| String::from_utf8(output.stdout).expect("text"))
}
