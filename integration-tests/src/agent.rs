//! One `spoor agent`, a process of its own in front of a stack.

use std::fs;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::faults::program::Program;
use crate::{Stack, binary, fetch, ports, stack};

/// How long a start, or the end of one, may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// The ports of one agent.
#[derive(Debug, Clone, Copy)]
struct Ports {
    grpc: u16,
    http: u16,
    compact: u16,
    binary: u16,
    zipkin: u16,
    sampling: u16,
    admin: u16,
}

/// A running agent.
pub struct Agent {
    program: Program,
    ports: Ports,
}

impl Agent {
    /// Starts an agent of a stack's collector and waits until it is ready. It adds nothing to what
    /// passes. `settings` are environment variables of the binary.
    pub fn start(stack: &Stack, settings: &[(&str, &str)]) -> Self {
        let [grpc, http, compact, binary, zipkin, sampling, admin] = ports::free();
        let ports = Ports {
            grpc,
            http,
            compact,
            binary,
            zipkin,
            sampling,
            admin,
        };
        let folder = stack.file("agent");
        fs::create_dir_all(&folder).expect("a folder for the agent");
        let program = Program::new("agent", line(stack, ports, settings), &folder, &folder);
        let mut agent = Self { program, ports };
        agent.restart();
        agent
    }

    /// Starts it with the settings that it had before.
    pub fn restart(&mut self) {
        self.program.start().expect("the agent starts");
        self.until("it is ready", PATIENCE, |agent| {
            agent.admin("/ready").is_some()
        });
    }

    /// `kill -9`.
    pub fn kill(&mut self) {
        self.program.kill();
    }

    /// Asks it to end and waits for a success.
    pub fn stop(&mut self) {
        let ended = self.program.stop(Signal::TERM, PATIENCE);
        assert!(
            ended.expect("it ends").success(),
            "{}",
            self.program.end_of_log()
        );
    }

    /// Address of OTLP over gRPC.
    pub fn otlp_grpc(&self) -> String {
        format!("http://127.0.0.1:{}", self.ports.grpc)
    }

    /// Address of OTLP over HTTP.
    pub fn otlp_http(&self) -> String {
        format!("http://127.0.0.1:{}", self.ports.http)
    }

    /// Address of what to sample.
    pub fn sampling(&self) -> String {
        format!("http://127.0.0.1:{}", self.ports.sampling)
    }

    /// Port of Jaeger's Thrift, compact protocol.
    pub fn jaeger_compact(&self) -> u16 {
        self.ports.compact
    }

    /// Port of Jaeger's Thrift, binary protocol.
    pub fn jaeger_binary(&self) -> u16 {
        self.ports.binary
    }

    /// Port of Zipkin's Thrift, compact protocol.
    pub fn zipkin_compact(&self) -> u16 {
        self.ports.zipkin
    }

    /// The sum over all series of a metric whose labels contain `labels`.
    pub fn metric(&self, name: &str, labels: &str) -> f64 {
        stack::metric(&self.admin("/metrics").unwrap_or_default(), name, labels)
    }

    /// Waits until something holds.
    pub fn until(&self, what: &str, within: Duration, holds: impl Fn(&Self) -> bool) {
        let deadline = Instant::now() + within;
        while !holds(self) {
            assert!(
                Instant::now() < deadline,
                "not within {within:?}: {what}\n{}",
                self.program.end_of_log()
            );
            std::thread::park_timeout(Duration::from_millis(50));
        }
    }

    fn admin(&self, path: &str) -> Option<String> {
        fetch(&format!("http://127.0.0.1:{}{path}", self.ports.admin), 10)
    }
}

/// The command line of an agent. It dies with this process.
fn line(stack: &Stack, ports: Ports, settings: &[(&str, &str)]) -> Vec<String> {
    let local = |port: u16| format!("127.0.0.1:{port}");
    let collectors = stack.otlp_grpc().replace("http://", "");
    let of_agent = [
        ("AGENT__OTLP_GRPC__ADDRESS", local(ports.grpc)),
        ("AGENT__OTLP_HTTP__ADDRESS", local(ports.http)),
        ("AGENT__JAEGER_COMPACT__ADDRESS", local(ports.compact)),
        ("AGENT__JAEGER_BINARY__ADDRESS", local(ports.binary)),
        ("AGENT__ZIPKIN_COMPACT__ADDRESS", local(ports.zipkin)),
        ("AGENT__SAMPLING__LISTENER__ADDRESS", local(ports.sampling)),
        ("AGENT__SAMPLING__URL", stack.told_address("what to sample")),
        ("AGENT__ENRICH__HOST", "false".to_owned()),
        ("AGENT__ENRICH__ENVIRONMENT", "false".to_owned()),
        ("AGENT__PUBLISH__COLLECTORS", format!("[\"{collectors}\"]")),
        ("ADMIN__AGENT", local(ports.admin)),
    ];
    let mut line: Vec<String> = ["setpriv", "--pdeathsig", "KILL", "env"]
        .map(str::to_owned)
        .into();
    line.extend(of_agent.map(|(key, value)| format!("SPOOR__{key}={value}")));
    let settings = settings.iter();
    line.extend(settings.map(|(key, value)| format!("{key}={value}")));
    line.extend([binary().display().to_string(), "agent".to_owned()]);
    line
}
