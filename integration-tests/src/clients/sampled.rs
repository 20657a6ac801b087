//! A program that samples as it is told by Jaeger's remote sampler.

use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};
use std::sync::{Arc, Mutex};

use super::java;

/// OpenTelemetry's Java SDK with Jaeger's remote sampler, at work until it is dropped.
pub struct RemotelySampled {
    process: Child,
    counts: Arc<Mutex<Vec<u32>>>,
}

impl RemotelySampled {
    /// Begins traces of the service `java-shop`, operation `POST /checkout`.
    pub fn start(otlp_http: &str, sampling_grpc: &str, traces_per_second: u32) -> Self {
        let mut command = java("Sample.java");
        let rate = traces_per_second.to_string();
        command
            .args([otlp_http, sampling_grpc, &rate])
            .stdout(Stdio::piped());
        let mut process = command.spawn().expect("the client starts");
        let output = process.stdout.take().expect("it is piped");
        let counts = Arc::new(Mutex::new(Vec::new()));
        let heard = counts.clone();
        std::thread::spawn(move || {
            let lines = BufReader::new(output).lines().map_while(Result::ok);
            for count in lines.filter_map(|line| line.parse().ok()) {
                heard.lock().expect("no panic").push(count);
            }
        });
        Self { process, counts }
    }

    /// How many traces of each second were sampled, so far.
    pub fn sampled(&self) -> Vec<u32> {
        self.counts.lock().expect("no panic").clone()
    }
}

impl Drop for RemotelySampled {
    fn drop(&mut self) {
        // It may have ended by itself.
        self.process.kill().unwrap_or_default();
        self.process.wait().expect("a killed process ends");
    }
}
