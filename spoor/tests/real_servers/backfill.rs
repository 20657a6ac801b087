//! `spoor backfill` brings files in, whatever their form and age, and once.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use prost::Message;

use crate::support::{Folder, Servers, until};

/// Long before any retention: 12 February 2011.
const START: u64 = 1_297_500_000_000_000_000;

/// A role beside the servers, killed when the test ends.
struct Role(Child);

impl Drop for Role {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn spoor(servers: &Servers, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_spoor"));
    command
        .args(arguments)
        .env("SPOOR__KAFKA__BROKERS", servers.address("KAFKA_BROKERS"))
        .env("SPOOR__STORAGE__URL", servers.address("POSTGRES_URL"))
        .env("SPOOR__REGISTRY__URL", servers.address("REGISTRY_URL"))
        .env("SPOOR__ADMIN__INGESTER", "127.0.0.1:0")
        .env("SPOOR__ADMIN__QUERY", "127.0.0.1:0");
    command
}

fn start(servers: &Servers, arguments: &[&str]) -> Role {
    let mut command = spoor(servers, arguments);
    Role(command.stdout(Stdio::null()).spawn().unwrap())
}

fn output(servers: &Servers, arguments: &[&str], files: &[PathBuf]) -> Output {
    let mut command = spoor(servers, arguments);
    command.args(files).output().unwrap()
}

fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

/// One span of a service that is named after its file.
fn otlp(number: u64, service: &str) -> String {
    serde_json::json!({ "resourceSpans": [{
        "resource": { "attributes": [
            { "key": "service.name", "value": { "stringValue": service } }
        ] },
        "scopeSpans": [{ "spans": [{
            "traceId": format!("{number:032x}"), "spanId": format!("{number:016x}"),
            "name": "old", "kind": 1,
            "startTimeUnixNano": START.to_string(), "endTimeUnixNano": (START + 1_000_000).to_string(),
        }] }],
    }] })
    .to_string()
}

fn jaeger(number: u64, service: &str) -> String {
    serde_json::json!({ "data": [{ "traceID": format!("{number:x}"), "spans": [{
        "traceID": format!("{number:x}"), "spanID": format!("{number:x}"), "operationName": "old",
        "references": [], "startTime": START / 1_000, "duration": 1_000, "tags": [], "logs": [],
        "processID": "p1",
    }], "processes": { "p1": { "serviceName": service, "tags": [] } } }] })
    .to_string()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// A file of each form and each compression. Each has a service of its own, and so many spans.
fn files(folder: &Path) -> Vec<(PathBuf, &'static str, usize)> {
    let protobuf: ExportTraceServiceRequest = serde_json::from_str(&otlp(1, "pb")).unwrap();
    let lines = [otlp(2, "lines"), otlp(3, "lines")].join("\n");
    let zstd = zstd::encode_all(jaeger(5, "jaeger").as_bytes(), 1).unwrap();
    let all = [
        ("a.otlp.pb", "pb", 1, protobuf.encode_to_vec()),
        ("b.otlp.json", "lines", 2, lines.into_bytes()),
        ("c.otlp.json.gz", "gz", 1, gzip(otlp(4, "gz").as_bytes())),
        ("d.jaeger.json.zst", "jaeger", 1, zstd),
    ];
    all.map(|(name, service, spans, bytes)| {
        let path = folder.join(name);
        std::fs::write(&path, bytes).unwrap();
        (path, service, spans)
    })
    .to_vec()
}

/// Traces of a service that a search over its day finds.
async fn found(query: &str, service: &str) -> usize {
    let (from, to) = (START / 1_000 - 1_000_000, START / 1_000 + 1_000_000);
    let url = format!("{query}/api/traces?service={service}&start={from}&end={to}&limit=10");
    let Ok(answer) = reqwest::get(url).await else {
        return 0;
    };
    let body: serde_json::Value = answer.json().await.unwrap_or_default();
    body["data"].as_array().map_or(0, Vec::len)
}

#[tokio::test]
async fn files_of_every_form_are_found_by_search_and_stored_once() {
    let folder = Folder::new();
    let servers = Servers::start(&folder, &[]);
    assert!(output(&servers, &["migrate"], &[]).status.success());
    let listen = format!("127.0.0.1:{}", free_port());
    let _ingester = start(&servers, &["ingester"]);
    let _query = start(
        &servers,
        &[
            "query",
            "--set",
            &format!("query.listen={listen}"),
            "--set",
            "query.grpc_listen=127.0.0.1:0",
            "--set",
            "query.remote_storage.listen=127.0.0.1:0",
        ],
    );
    let query = format!("http://{listen}");

    let files = files(folder.path());
    let paths: Vec<PathBuf> = files.iter().map(|(path, ..)| path.clone()).collect();
    for _ in 0..2 {
        let done = output(&servers, &["backfill"], &paths);
        let text = String::from_utf8_lossy(&done.stdout).into_owned();
        assert!(done.status.success(), "{text}");
        assert!(text.contains("b.otlp.json: 2 spans published"), "{text}");
        for (_, service, traces) in &files {
            until("the old spans are found", async || {
                found(&query, service).await == *traces
            })
            .await;
        }
    }
    replay_changes_nothing(&servers).await;
    let broken = folder.path().join("e.otlp.pb");
    std::fs::write(&broken, b"no protobuf").unwrap();
    let refused = output(&servers, &["backfill"], &[broken]);
    assert_eq!(refused.status.code(), Some(1));
}

/// Everything lies twice in the topic, and once in the store.
async fn replay_changes_nothing(servers: &Servers) {
    let day = [
        "--from",
        "-1h",
        "--to",
        "now",
        "--topic",
        "spoor.spans.replay",
    ];
    let again = output(
        servers,
        &[&["replay", "start", "--json"], &day[..]].concat(),
        &[],
    );
    let job: serde_json::Value = serde_json::from_slice(&again.stdout).unwrap();
    let id = job["id"].to_string();
    let show = || -> serde_json::Value {
        let shown = output(servers, &["replay", "show", "--json", &id], &[]);
        serde_json::from_slice(&shown.stdout).unwrap()
    };
    until("the replay is done", async || show()["state"] == "done").await;
    let job = show();
    assert_eq!(
        (&job["spans_stored"], &job["spans_duplicate"]),
        (&0.into(), &10.into()),
        "{job}"
    );
    assert!(
        output(servers, &["replay", "verify", &id], &[])
            .status
            .success()
    );
}
