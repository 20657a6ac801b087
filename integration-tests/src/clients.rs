//! OpenTelemetry's SDKs, and Jaeger's and Zipkin's own clients, as programs: each exports one trace and prints what
//! it sent.

use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;

use crate::root;

pub mod rust;
pub mod sampled;

/// An SDK.
#[derive(Debug, Clone, Copy)]
pub enum Language {
    /// Python's SDK.
    Python,
    /// JavaScript's SDK on Node.
    Node,
    /// Java's SDK.
    Java,
}

/// What a client says it sent.
#[derive(Debug)]
pub struct Report {
    /// The trace.
    pub trace_id: String,
    /// Its spans in OTLP's terms, each with scope and resource, sorted by id.
    pub spans: Vec<Value>,
}

/// Where `make clients` has put what the clients need.
fn installed() -> PathBuf {
    let path = root().join("target/clients");
    assert!(
        path.is_dir(),
        "run through `make test`, which fills {}",
        path.display()
    );
    path
}

/// A program of an SDK's folder.
fn command(language: Language, program: &str) -> Command {
    let source = root().join("integration-tests/clients");
    let installed = installed();
    match language {
        Language::Python => {
            let mut command = Command::new(installed.join("python/bin/python"));
            command.arg(source.join(format!("python/{program}.py")));
            command
        }
        Language::Node => {
            let mut command = Command::new("node");
            command.arg(installed.join(format!("node/{program}.mjs")));
            command
        }
        Language::Java => {
            let (first, rest) = program.split_at(1);
            java(&format!("{}{rest}.java", first.to_uppercase()))
        }
    }
}

/// A program of the folder for Java, run from its source.
fn java(program: &str) -> Command {
    let source = root().join("integration-tests/clients/java");
    let mut command = Command::new("java");
    command.args(["-Dfile.encoding=UTF-8", "-Dstdout.encoding=UTF-8", "-cp"]);
    command
        .arg(installed().join("java").join("*"))
        .arg(source.join(program));
    command
}

/// Runs an SDK and gives its report.
pub fn export(language: Language, protocol: &str, endpoint: &str) -> Report {
    report(language, "export", [protocol, endpoint])
}

/// Runs a client of another make, such as `zipkin`, and gives its report.
pub fn export_with(language: Language, program: &str, protocol: &str, endpoint: &str) -> Report {
    report(language, program, [protocol, endpoint])
}

/// Runs Jaeger's own client, which sends over UDP, and gives its report.
pub fn throw(language: Language, port: u16) -> Report {
    report(language, "jaeger", ["127.0.0.1", &port.to_string()])
}

fn report(language: Language, program: &str, arguments: [&str; 2]) -> Report {
    let mut command = command(language, program);
    let output = command.args(arguments).output().expect("the client starts");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "{program} of {language:?} with {arguments:?} failed:\n{errors}"
    );
    let report: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{language:?} printed no report: {error}\n{errors}"));
    let trace_id = report["traceId"]
        .as_str()
        .expect("a report names its trace")
        .to_owned();
    let spans = report["spans"]
        .as_array()
        .expect("a report lists its spans")
        .clone();
    Report {
        trace_id,
        spans: crate::otlp_json::sorted(spans),
    }
}
