//! Reads a ledger's traces back and compares them with what was sent, field by field.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use opentelemetry_proto::tonic::common::v1::InstrumentationScope;
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, Span, Status, TracesData};
use serde::{Deserialize, Serialize};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::ledger::{self, AckedWindow};
use super::totals::{Expected, Totals};
use super::traffic::Recipe;
use super::{VerifyArgs, console};

/// A span with all that belongs to it.
#[derive(Debug, Clone, PartialEq)]
pub struct WholeSpan {
    resource: Option<Resource>,
    resource_schema: String,
    scope: Option<InstrumentationScope>,
    scope_schema: String,
    /// The span itself.
    pub span: Span,
}

/// What a verification found.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Findings {
    /// Acknowledged spans that were looked for.
    pub acked: u64,
    /// Acknowledged and not there.
    pub lost: u64,
    /// There more than once.
    pub doubled: u64,
    /// There, but not as they were sent.
    pub altered: u64,
    /// There, though never sent.
    pub ghosts: u64,
    /// Services, operations, edges or RED counts that differ from the ledger's.
    pub derived_wrong: u64,
    /// Examples, a line each.
    pub examples: Vec<String>,
}

impl Findings {
    fn add(&mut self, other: Self) {
        self.acked += other.acked;
        self.lost += other.lost;
        self.doubled += other.doubled;
        self.altered += other.altered;
        self.ghosts += other.ghosts;
        let room = 20usize.saturating_sub(self.examples.len());
        self.examples.extend(other.examples.into_iter().take(room));
    }

    fn are_clean(&self) -> bool {
        self.lost + self.doubled + self.altered + self.ghosts + self.derived_wrong == 0
    }
}

/// The envelope of a trace in api_v3.
#[derive(Deserialize)]
struct Envelope {
    result: TracesData,
}

/// The spans of a trace that the query service has; none when it does not know the trace.
pub async fn fetch(
    client: &reqwest::Client,
    query: &str,
    trace_id: &[u8],
) -> anyhow::Result<Vec<WholeSpan>> {
    let hex: String = trace_id.iter().map(|byte| format!("{byte:02x}")).collect();
    let url = format!("{query}/api/v3/traces/{hex}?rawTraces=true");
    let response = client
        .get(&url)
        .send()
        .await
        .with_context(|| format!("GET {url}"))?;
    match response.status().as_u16() {
        404 => Ok(Vec::new()),
        200 => {
            let body = response.bytes().await?;
            let envelope: Envelope =
                serde_json::from_slice(&body).with_context(|| format!("answer to GET {url}"))?;
            Ok(whole_spans(envelope.result.resource_spans))
        }
        status => bail!("GET {url} answered {status}"),
    }
}

fn whole_spans(resource_spans: Vec<ResourceSpans>) -> Vec<WholeSpan> {
    let mut found = Vec::new();
    for of_resource in resource_spans {
        for of_scope in of_resource.scope_spans {
            found.extend(of_scope.spans.into_iter().map(|mut span| {
                // A status without code and message says as much as none.
                span.status = span.status.filter(|status| *status != Status::default());
                WholeSpan {
                    resource: of_resource.resource.clone(),
                    resource_schema: of_resource.schema_url.clone(),
                    scope: of_scope.scope.clone(),
                    scope_schema: of_scope.schema_url.clone(),
                    span,
                }
            }));
        }
    }
    found
}

/// The traces of a window: spans that were acknowledged, and ids of those that were not.
#[derive(Default)]
struct ExpectedTrace {
    acked: Vec<WholeSpan>,
    unsure: BTreeSet<Vec<u8>>,
}

fn expected_traces(
    recipe: &Recipe,
    number: u64,
    acked: &AckedWindow,
) -> BTreeMap<Vec<u8>, ExpectedTrace> {
    let mut traces: BTreeMap<Vec<u8>, ExpectedTrace> = BTreeMap::new();
    let window = recipe.window(number, acked.base);
    for (index, request) in window.requests.into_iter().enumerate() {
        for whole in whole_spans(request.resource_spans) {
            let trace = traces.entry(whole.span.trace_id.clone()).or_default();
            if acked.requests.contains(&index) {
                trace.acked.push(whole);
            } else {
                trace.unsure.insert(whole.span.span_id);
            }
        }
    }
    traces
}

/// Compares what was found of one trace with what was sent.
fn compare(expected: &ExpectedTrace, found: &[WholeSpan]) -> Findings {
    let mut findings = Findings::default();
    let mut by_id: HashMap<&[u8], Vec<&WholeSpan>> = HashMap::new();
    for whole in found {
        by_id.entry(&whole.span.span_id).or_default().push(whole);
    }
    for sent in &expected.acked {
        findings.acked += 1;
        let there = by_id
            .remove(sent.span.span_id.as_slice())
            .unwrap_or_default();
        let finding = match there.as_slice() {
            [] => Some((&mut findings.lost, "lost")),
            [one] if *one == sent => None,
            [_] => Some((&mut findings.altered, "altered")),
            _ => Some((&mut findings.doubled, "doubled")),
        };
        if let Some((count, what)) = finding {
            *count += 1;
            findings
                .examples
                .push(format!("{what}: {sent:?}\n  found: {there:?}"));
        }
    }
    for (id, there) in by_id {
        if !expected.unsure.contains(id) {
            findings.ghosts += there.len() as u64;
        } else if there.len() > 1 {
            findings.doubled += 1;
        }
    }
    findings
}

/// Verifies a ledger; `Ok(true)` when everything is as it should be.
pub async fn verify(args: VerifyArgs) -> anyhow::Result<bool> {
    let (recipe, windows) = ledger::read(&args.ledger)?;
    let client = reqwest::Client::builder()
        .timeout(Duration::from_secs(60))
        .build()?;
    let query: Arc<str> = args.query.trim_end_matches('/').into();
    let places = Arc::new(Semaphore::new(args.connections.max(1)));
    let settled = Instant::now() + args.settle;
    let mut checks = JoinSet::new();
    let mut findings = Findings::default();
    let mut totals = Expected::default();
    for (number, acked) in &windows {
        let traces = expected_traces(&recipe, *number, acked);
        for (index, (trace_id, expected)) in traces.into_iter().enumerate() {
            if args.exclusive {
                totals.add(
                    expected
                        .acked
                        .iter()
                        .map(|whole| (&whole.resource, &whole.span)),
                );
            }
            if (number + index as u64).is_multiple_of(args.sample.max(1)) {
                let place = places.clone().acquire_owned().await?;
                let (client, query) = (client.clone(), query.clone());
                checks.spawn(async move {
                    let found = check(&client, &query, &trace_id, &expected, settled).await;
                    drop(place);
                    found
                });
            }
        }
        while let Some(done) = checks.try_join_next() {
            findings.add(done.context("a check panicked")??);
        }
    }
    while let Some(done) = checks.join_next().await {
        findings.add(done.context("a check panicked")??);
    }
    if args.exclusive {
        let differences = Totals::read(&client, &query, &totals)
            .await?
            .differences(&totals);
        findings.derived_wrong = differences.len() as u64;
        findings.examples.extend(differences.into_iter().take(20));
    }
    report(&findings, args.json)?;
    Ok(findings.are_clean())
}

/// Looks at one trace, again until `settled` for as long as spans are missing.
async fn check(
    client: &reqwest::Client,
    query: &str,
    trace_id: &[u8],
    expected: &ExpectedTrace,
    settled: Instant,
) -> anyhow::Result<Findings> {
    loop {
        let findings = compare(expected, &fetch(client, query, trace_id).await?);
        if findings.lost == 0 || Instant::now() >= settled {
            return Ok(findings);
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

fn report(findings: &Findings, json: bool) -> anyhow::Result<()> {
    if json {
        console::line(&serde_json::to_string(findings)?);
        return Ok(());
    }
    findings
        .examples
        .iter()
        .for_each(|example| console::line(example));
    console::line(&format!(
        "{} acked spans: {} lost, {} doubled, {} altered, {} ghosts; {} derived figures wrong",
        findings.acked,
        findings.lost,
        findings.doubled,
        findings.altered,
        findings.ghosts,
        findings.derived_wrong
    ));
    Ok(())
}
