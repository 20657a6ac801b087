//! `spoor load` and `spoor load verify` as commands.

use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde::Deserialize;

use crate::{Stack, binary};

/// What `spoor load --json` prints.
#[derive(Debug, Deserialize)]
pub struct Summary {
    /// Spans acknowledged.
    pub spans: u64,
    /// How long it took.
    pub seconds: f64,
    /// Requests sent again.
    pub retries: u64,
    /// Half of the requests were acknowledged within this.
    pub ack_p50_ms: f64,
    /// 99 of 100 requests were.
    pub ack_p99_ms: f64,
    /// From the last ack of a trace until it is found whole; half of the traces are faster.
    pub freshness_p50_ms: Option<f64>,
    /// The same for 99 of 100 traces.
    pub freshness_p99_ms: Option<f64>,
}

/// What `spoor load verify --json` prints.
#[derive(Debug, Deserialize)]
pub struct Findings {
    /// Acknowledged spans that were looked for.
    pub acked: u64,
    lost: u64,
    doubled: u64,
    altered: u64,
    ghosts: u64,
    derived_wrong: u64,
    examples: Vec<String>,
}

impl Findings {
    /// Fails unless every acknowledged span is there once, as it was sent.
    pub fn assert_clean(&self) {
        let wrong = [
            self.lost,
            self.doubled,
            self.altered,
            self.ghosts,
            self.derived_wrong,
        ];
        assert_eq!(
            wrong,
            [0; 5],
            "lost, doubled, altered, ghosts, derived: {}",
            self.examples.join("\n")
        );
    }
}

/// Begins to send spans to a stack.
pub fn start(stack: &Stack, ledger: &Path, arguments: &[&str]) -> Child {
    Command::new(binary())
        .args([
            "load",
            "--json",
            "--endpoint",
            &stack.otlp_grpc(),
            "--ledger",
        ])
        .arg(ledger)
        .args(arguments)
        .stdout(Stdio::piped())
        .spawn()
        .expect("the load generator starts")
}

/// Waits for a load generator to end and gives its summary.
pub fn finish(load: Child) -> Summary {
    let output = load.wait_with_output().expect("the load generator ends");
    assert!(output.status.success(), "the load generator failed");
    serde_json::from_slice(&output.stdout).expect("a summary")
}

/// Sends spans and waits for the end.
pub fn run(stack: &Stack, ledger: &Path, arguments: &[&str]) -> Summary {
    finish(start(stack, ledger, arguments))
}

/// Reads everything of a ledger back.
pub fn verify(stack: &Stack, ledger: &Path, arguments: &[&str]) -> Findings {
    let output = Command::new(binary())
        .args(["load", "verify", "--json", "--query", &stack.query()])
        .args(arguments)
        .arg(ledger)
        .output()
        .expect("the verifier starts");
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|_| panic!("no findings: {}", String::from_utf8_lossy(&output.stderr)))
}
