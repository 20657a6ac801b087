//! `spoor load` and `spoor load verify` as commands.

use std::path::Path;
use std::process::{Child, Command, Stdio};

use anyhow::Context;
use rustix::process::{Pid, Signal, kill_process};
use serde::Deserialize;

use crate::{Stack, binary};

/// What `spoor load --json` prints.
#[derive(Debug, Deserialize)]
pub struct Summary {
    /// Spans acknowledged.
    pub spans: u64,
    /// How long it took.
    pub seconds: f64,
    /// Requests acknowledged; older binaries do not tell.
    pub requests: Option<u64>,
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
    /// Ids of all traces, where they had a seed of their own.
    #[serde(default)]
    pub trace_ids: Vec<String>,
    /// Bytes of all requests that were made ahead.
    pub otlp_bytes: Option<u64>,
    /// Bytes of the same, compressed as one stream.
    pub zstd_bytes: Option<u64>,
}

/// What `spoor load verify --json` prints.
#[derive(Debug, Clone, Deserialize)]
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
        self.verdict().expect("everything is there once");
    }

    /// The same, as a result.
    pub fn verdict(&self) -> anyhow::Result<()> {
        let examples = self.examples.join("\n");
        anyhow::ensure!(
            self.wrong() == [0; 5],
            "lost, doubled, altered, ghosts, derived wrong: {}\n{examples}",
            self.figures()
        );
        Ok(())
    }

    /// Lost, doubled, altered, ghosts, derived figures that are wrong.
    pub fn figures(&self) -> String {
        self.wrong().map(|count| count.to_string()).join(", ")
    }

    fn wrong(&self) -> [u64; 5] {
        [
            self.lost,
            self.doubled,
            self.altered,
            self.ghosts,
            self.derived_wrong,
        ]
    }
}

/// A load generator that sends until it is stopped.
pub struct Load(Option<Child>);

impl Load {
    /// Begins to send to an address.
    pub fn start(endpoint: &str, ledger: &Path, arguments: &[&str]) -> Self {
        Self(Some(start_at(endpoint, ledger, arguments)))
    }

    /// Lets it send what it has made, and gives its summary.
    pub fn stop(mut self) -> anyhow::Result<Summary> {
        let child = self.0.take().context("the load generator was stopped")?;
        // It may have failed already, which its status tells.
        kill_process(Pid::from_child(&child), Signal::INT).unwrap_or_default();
        let output = child.wait_with_output()?;
        anyhow::ensure!(output.status.success(), "the load generator failed");
        Ok(serde_json::from_slice(&output.stdout)?)
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        if let Some(child) = &mut self.0 {
            child.kill().unwrap_or_default();
            child.wait().map(drop).unwrap_or_default();
        }
    }
}

/// Begins to send spans to a stack.
pub fn start(stack: &Stack, ledger: &Path, arguments: &[&str]) -> Child {
    start_at(&stack.otlp_grpc(), ledger, arguments)
}

/// Begins to send spans to an address: the same ones each time, unless the arguments name a seed.
pub fn start_at(endpoint: &str, ledger: &Path, arguments: &[&str]) -> Child {
    let seed: &[&str] = match arguments.contains(&"--seed") {
        true => &[],
        false => &["--seed", "1"],
    };
    Command::new(binary())
        .args(["load", "--json", "--endpoint", endpoint, "--ledger"])
        .arg(ledger)
        .args(seed)
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
    verify_at(&stack.query(), ledger, arguments)
}

/// The same by the query service at an address.
pub fn verify_at(query: &str, ledger: &Path, arguments: &[&str]) -> Findings {
    let output = Command::new(binary())
        .args(["load", "verify", "--json", "--query", query])
        .args(arguments)
        .arg(ledger)
        .output()
        .expect("the verifier starts");
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|_| panic!("no findings: {}", String::from_utf8_lossy(&output.stderr)))
}

/// Sends everything of a ledger once more, and gives the number of spans.
pub fn again(endpoint: &str, ledger: &Path) -> anyhow::Result<u64> {
    let output = Command::new(binary())
        .args(["load", "again", "--json", "--endpoint", endpoint])
        .arg(ledger)
        .output()?;
    let errors = String::from_utf8_lossy(&output.stderr);
    anyhow::ensure!(
        output.status.success(),
        "the ledger was not sent again: {errors}"
    );
    let told: serde_json::Value = serde_json::from_slice(&output.stdout)?;
    told["spans"]
        .as_u64()
        .context("the number of spans is not told")
}
