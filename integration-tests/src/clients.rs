//! OpenTelemetry's SDKs as programs: each exports one trace and prints what it sent.

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

fn command(language: Language) -> Command {
    let source = root().join("integration-tests/clients");
    let installed = installed();
    match language {
        Language::Python => {
            let mut command = Command::new(installed.join("python/bin/python"));
            command.arg(source.join("python/export.py"));
            command
        }
        Language::Node => {
            let mut command = Command::new("node");
            command.arg(installed.join("node/export.mjs"));
            command
        }
        Language::Java => java("Export.java"),
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

/// Runs a client and gives its report.
pub fn export(language: Language, protocol: &str, endpoint: &str) -> Report {
    let mut command = command(language);
    let output = command
        .args([protocol, endpoint])
        .output()
        .expect("the client starts");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "{language:?} over {protocol} failed:\n{errors}"
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
