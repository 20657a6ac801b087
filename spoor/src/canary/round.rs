//! Writing a trace, and looking for traces.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use bootstrap::{chain, clock};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use serde::Serialize;
use tokio::time::Instant;

use super::apis::{self, Api, Kind};
use super::schedule::Schedule;
use super::seeded::{SeededTrace, trace};
use super::verdict::{Outcome, compare};
use super::{CanaryArgs, metrics};
use crate::load::Protocol;
use crate::load::encode::encode;
use crate::load::send::{self, Exporter};

/// Pause between two looks for a trace that was just written.
const PAUSE: Duration = Duration::from_millis(50);
/// How long the collector may ask for another try.
const RETRY_FOR: Duration = Duration::from_secs(20);

/// What was written and found so far.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct Tally {
    /// Traces accepted.
    written: u64,
    /// Traces that were not accepted.
    refused: u64,
    /// Traces that were not found whole in time.
    late: u64,
    /// Longest that one took to be found whole, in seconds.
    slowest_seconds: f64,
    /// Readings by how they came out.
    reads: BTreeMap<&'static str, u64>,
    /// The first of what was not as it should be.
    examples: Vec<String>,
}

impl Tally {
    /// Whether everything was accepted, found in time, and as it was sent.
    pub(crate) fn is_clean(&self) -> bool {
        let bad = self
            .reads
            .iter()
            .filter(|(outcome, _)| **outcome != Outcome::Ok.as_str());
        self.refused == 0 && self.late == 0 && bad.map(|(_, count)| count).sum::<u64>() == 0
    }

    fn note(&mut self, example: String) {
        tracing::error!("{example}");
        if self.examples.len() < 20 {
            self.examples.push(example);
        }
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for example in &self.examples {
            writeln!(f, "{example}")?;
        }
        let reads: Vec<String> = self.reads.iter().map(|(o, n)| format!("{n} {o}")).collect();
        write!(
            f,
            "{} traces written, {} refused, {} found late, the slowest after {:.2} s; reads: {}",
            self.written,
            self.refused,
            self.late,
            self.slowest_seconds,
            reads.join(", ")
        )
    }
}

/// Writes and reads.
pub(crate) struct Canary {
    client: reqwest::Client,
    exporter: Exporter,
    protocol: Protocol,
    query: String,
    seed: u64,
    visible_within: Duration,
    schedule: Schedule,
    rng: ChaCha8Rng,
    tally: Tally,
}

impl Canary {
    /// Connects when it first writes.
    pub(crate) fn new(args: &CanaryArgs) -> anyhow::Result<Self> {
        let otlp = args.otlp.as_deref();
        let otlp = otlp.unwrap_or(args.protocol.default_endpoint());
        anyhow::ensure!(
            args.protocol.is_otlp(),
            "a canary sends OTLP: its traces are read back to the last field"
        );
        Ok(Self {
            client: args.client()?,
            exporter: Exporter::new(args.protocol, otlp)?,
            protocol: args.protocol,
            query: args.query.trim_end_matches('/').to_owned(),
            seed: args.seed,
            visible_within: args.visible_within,
            schedule: Schedule::new(args.ages.clone(), args.oldest),
            rng: ChaCha8Rng::seed_from_u64(clock::now()),
            tally: Tally::default(),
        })
    }

    /// What was written and found.
    pub(crate) fn tally(&self) -> Tally {
        self.tally.clone()
    }

    /// Traces that were sent, accepted or not.
    pub(crate) fn written(&self) -> u64 {
        self.tally.written + self.tally.refused
    }

    /// How long until a trace is due; none if none will be.
    pub(crate) fn next_due(&self, now: u64) -> Option<Duration> {
        self.schedule.next_due(now)
    }

    /// Writes the trace of this moment, and looks for it until it is there.
    pub(crate) async fn write(&mut self, now: u64) {
        let trace = trace(self.seed, now);
        let sent = match encode(self.protocol, &trace.request()) {
            Ok(body) => self.exporter.send(body, RETRY_FOR).await,
            Err(error) => Err(error),
        };
        let accepted = sent.and_then(send::all_accepted);
        metrics::wrote(accepted.is_ok());
        match accepted {
            Ok(_) => {
                self.tally.written += 1;
                self.schedule.wrote(trace.at);
                self.await_whole(&trace).await;
            }
            Err(error) => {
                self.tally.refused += 1;
                self.tally
                    .note(format!("trace {} was not accepted: {error:#}", trace.id));
            }
        }
    }

    async fn await_whole(&mut self, trace: &SeededTrace) {
        let began = Instant::now();
        loop {
            let outcome = self.look(Api::JaegerV3, Kind::Id, trace).await;
            let after = began.elapsed();
            let found = matches!(outcome, Ok(Outcome::Ok));
            if found || after > self.visible_within {
                metrics::visible(after);
                let slowest = self.tally.slowest_seconds.max(after.as_secs_f64());
                self.tally.slowest_seconds = slowest;
                if !found {
                    self.tally.late += 1;
                    let within = self.visible_within;
                    self.tally.note(format!(
                        "trace {} is not found whole {within:?} after its ack",
                        trace.id
                    ));
                }
                return;
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Looks for every trace that is due.
    pub(crate) async fn check_due(&mut self, now: u64) {
        while let Some(at) = self.schedule.take_due(now) {
            self.check(at).await;
        }
    }

    /// Looks for an old trace, if there is one.
    pub(crate) async fn check_old(&mut self, now: u64) {
        if let Some(at) = self.schedule.pick_old(now, &mut self.rng) {
            self.check(at).await;
        }
    }

    /// Looks for a trace through every API, by its id and by search.
    async fn check(&mut self, at: u64) {
        let trace = trace(self.seed, at);
        for (api, kind) in Api::ALL
            .into_iter()
            .flat_map(|api| Kind::ALL.map(|kind| (api, kind)))
        {
            let looked = self.look(api, kind, &trace).await;
            let now = clock::now();
            let age = Duration::from_nanos(now.saturating_sub(at));
            let (outcome, why) = match looked {
                Ok(outcome) => (outcome, String::new()),
                Err(error) => (Outcome::Failed, format!(" ({})", chain(&*error))),
            };
            metrics::read(api, kind, outcome, age, now);
            *self.tally.reads.entry(outcome.as_str()).or_default() += 1;
            if outcome != Outcome::Ok {
                self.tally.note(format!(
                    "trace {} is {} by {} of {} at an age of {age:.1?}{why}",
                    trace.id,
                    outcome.as_str(),
                    kind.as_str(),
                    api.as_str()
                ));
            }
        }
    }

    async fn look(&self, api: Api, kind: Kind, trace: &SeededTrace) -> anyhow::Result<Outcome> {
        let found = apis::read(&self.client, &self.query, api, kind, trace).await?;
        Ok(compare(&trace.spans, &found))
    }
}
