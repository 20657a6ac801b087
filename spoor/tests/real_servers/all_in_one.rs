//! `spoor all-in-one` takes a span over HTTP, shows it, and ends as it should.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, ExitStatus, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use crate::support::{Folder, POSTGRES_ALONE, until};

const FREE_PORTS: [&str; 14] = [
    "embedded.kafka.port=0",
    "embedded.kafka.controller_port=0",
    "embedded.registry.port=0",
    "embedded.postgres.port=0",
    "collector.otlp_grpc.address=127.0.0.1:0",
    "collector.otlp_http.address=127.0.0.1:0",
    "collector.jaeger_grpc.address=127.0.0.1:0",
    "collector.jaeger_thrift.address=127.0.0.1:0",
    "collector.zipkin.address=127.0.0.1:0",
    "collector.sampling.listener.address=127.0.0.1:0",
    "query.listen=127.0.0.1:0",
    "query.grpc_listen=127.0.0.1:0",
    "query.remote_storage.listen=127.0.0.1:0",
    "admin.collector=127.0.0.1:0",
];

/// A running all-in-one, killed when the test ends.
struct AllInOne {
    process: Child,
    first_lines: Vec<String>,
    addresses: BTreeMap<String, String>,
}

impl AllInOne {
    /// Starts it and waits until it says that it is ready.
    fn start(folder: &Folder, arguments: &[&str]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_spoor"));
        command
            .args(["all-in-one", "--data-dir"])
            .arg(folder.path())
            .args(arguments);
        command.args(FREE_PORTS.iter().flat_map(|setting| ["--set", *setting]));
        let mut process = command.stdout(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let mut lines = lines.map_while(Result::ok);
        let first_lines: Vec<String> = lines
            .by_ref()
            .take_while(|line| !line.starts_with("spoor is ready"))
            .collect();
        let addresses = lines
            .by_ref()
            .take_while(|line| !line.contains("first span"))
            .filter_map(|line| {
                let (what, address) = line.trim().rsplit_once("  ")?;
                Some((what.trim().to_owned(), address.trim().to_owned()))
            })
            .collect();
        // Whatever else it prints must find an open pipe.
        std::thread::spawn(move || lines.for_each(drop));
        Self {
            process,
            first_lines,
            addresses,
        }
    }

    fn address(&self, what: &str) -> &str {
        self.addresses
            .get(what)
            .unwrap_or_else(|| panic!("{:?} lacks {what}", self.addresses))
    }

    async fn send_span(&self, trace: &str) {
        let now = std::time::SystemTime::UNIX_EPOCH
            .elapsed()
            .unwrap()
            .as_nanos();
        let body = serde_json::json!({ "resourceSpans": [{
            "resource": { "attributes": [
                { "key": "service.name", "value": { "stringValue": "hello" } }
            ] },
            "scopeSpans": [{ "spans": [{
                "traceId": trace, "spanId": &trace[..16], "name": "first span", "kind": 1,
                "startTimeUnixNano": now.to_string(), "endTimeUnixNano": (now + 1_000).to_string(),
            }] }],
        }] });
        let url = format!("{}/v1/traces", self.address("OTLP over HTTP"));
        let answer = reqwest::Client::new()
            .post(url)
            .json(&body)
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), 200);
    }

    async fn until_found(&self, trace: &str) {
        let url = format!("{}/api/traces/{trace}", self.address("query API"));
        until("the trace is found", async || {
            let answer = reqwest::get(&url).await.unwrap();
            answer.status() == 200 && answer.text().await.unwrap().contains("first span")
        })
        .await;
    }

    fn pid(&self) -> Pid {
        Pid::from_child(&self.process)
    }

    fn stop(mut self) -> ExitStatus {
        kill_process(self.pid(), Signal::TERM).unwrap();
        self.process.wait().unwrap()
    }
}

impl Drop for AllInOne {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";

#[tokio::test]
async fn a_span_goes_through_kafka_to_the_query_api() {
    let folder = Folder::new();
    let spoor = AllInOne::start(&folder, &[]);
    assert!(
        spoor.first_lines[0].contains("deployment kafka"),
        "{:?}",
        spoor.first_lines
    );
    spoor.send_span(TRACE).await;
    spoor.until_found(TRACE).await;
    assert_eq!(spoor.stop().code(), Some(0));
    assert_eq!(folder.processes(), []);
}

#[tokio::test]
async fn a_span_goes_straight_to_the_store_where_there_is_no_kafka() {
    let folder = Folder::new();
    let spoor = AllInOne::start(&folder, &POSTGRES_ALONE);
    assert!(
        spoor.first_lines[0].contains("deployment direct"),
        "{:?}",
        spoor.first_lines
    );
    spoor.send_span(TRACE).await;
    spoor.until_found(TRACE).await;
    assert_eq!(spoor.stop().code(), Some(0));
    assert_eq!(folder.processes(), []);
}

/// Runs a command that is told nothing but the folder.
fn beside(folder: &Folder, arguments: &[&str]) -> (bool, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_spoor"));
    let output = command
        .args(arguments)
        .arg("--data-dir")
        .arg(folder.path())
        .output()
        .unwrap();
    let (out, error) = (output.stdout, output.stderr);
    let text = [out, error].map(|text| String::from_utf8(text).unwrap());
    (output.status.success(), text.concat())
}

#[tokio::test]
async fn commands_beside_it_find_its_servers_by_the_folder_of_its_data() {
    let folder = Folder::new();
    let spoor = AllInOne::start(&folder, &POSTGRES_ALONE);
    spoor.send_span(TRACE).await;
    spoor.until_found(TRACE).await;
    for (arguments, told) in [
        (&["sizes"][..], "1 spans in 1 segments"),
        (&["audit"], "residue: 0."),
        (&["purge", "--yes"], "the store is empty"),
    ] {
        let (is_done, text) = beside(&folder, arguments);
        assert!(is_done && text.contains(told), "{arguments:?}: {text}");
    }
    assert_eq!(spoor.stop().code(), Some(0));
    let (is_done, text) = beside(&folder, &["sizes"]);
    assert!(
        !is_done && text.contains("no spoor all-in-one runs in"),
        "{text}"
    );
}

#[tokio::test]
async fn an_acknowledged_span_survives_the_death_of_every_process() {
    let folder = Folder::new();
    let spoor = AllInOne::start(&folder, &[]);
    spoor.send_span(TRACE).await;
    for pid in folder.processes().into_iter().chain([spoor.pid()]) {
        let _ = kill_process(pid, Signal::KILL);
    }
    drop(spoor);
    AllInOne::start(&folder, &[]).until_found(TRACE).await;
}

#[tokio::test]
async fn the_admin_port_says_that_everything_is_ready() {
    let folder = Folder::new();
    let spoor = AllInOne::start(&folder, &POSTGRES_ALONE);
    let admin = spoor.address("admin").split("/ready").next().unwrap();
    let answer = reqwest::get(format!("{admin}/ready")).await.unwrap();
    assert_eq!(answer.status(), 200, "{}", answer.text().await.unwrap());
}
