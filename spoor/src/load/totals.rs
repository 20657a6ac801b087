//! What follows from the spans, as the ledger implies it and as the query service tells it:
//! services, operations, edges between services, calls and errors.

use std::collections::{BTreeMap, HashMap};

use anyhow::Context;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::Span;
use serde::Deserialize;
use serde::de::DeserializeOwned;

/// Kinds as the APIs spell them, by OTLP's number.
const KINDS: [&str; 6] = [
    "unspecified",
    "internal",
    "server",
    "client",
    "producer",
    "consumer",
];

/// Calls and errors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Red {
    calls: u64,
    errors: u64,
}

/// Derived figures: by service, operation and kind, and by caller and callee.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Totals {
    red: BTreeMap<(String, String, String), Red>,
    operations: BTreeMap<(String, String, String), ()>,
    edges: BTreeMap<(String, String), u64>,
}

/// What the ledger implies, and the time it covers in nanoseconds.
#[derive(Debug, Clone, Default)]
pub struct Expected {
    totals: Totals,
    span_of_time: Option<(u64, u64)>,
}

impl Expected {
    /// Adds the spans of one trace.
    pub fn add<'a>(&mut self, spans: impl Iterator<Item = (&'a Option<Resource>, &'a Span)>) {
        let spans: Vec<(String, &Span)> = spans
            .map(|(resource, span)| (service_name(resource), span))
            .collect();
        let by_id: HashMap<&[u8], &str> = spans
            .iter()
            .map(|(service, span)| (span.span_id.as_slice(), service.as_str()))
            .collect();
        for (service, span) in &spans {
            self.count(service, span);
            if let Some(caller) = by_id.get(span.parent_span_id.as_slice()) {
                *self
                    .totals
                    .edges
                    .entry(((*caller).to_owned(), service.clone()))
                    .or_default() += 1;
            }
        }
    }

    fn count(&mut self, service: &str, span: &Span) {
        let kind = KINDS[span.kind as usize % KINDS.len()].to_owned();
        let key = (service.to_owned(), span.name.clone(), kind);
        let red = self.totals.red.entry(key.clone()).or_default();
        red.calls += 1;
        red.errors += u64::from(span.status.as_ref().is_some_and(|status| status.code == 2));
        self.totals.operations.insert(key, ());
        let start = span.start_time_unix_nano;
        let (first, last) = self.span_of_time.unwrap_or((start, start));
        self.span_of_time = Some((first.min(start), last.max(start)));
    }
}

fn service_name(resource: &Option<Resource>) -> String {
    let attributes = resource.iter().flat_map(|resource| &resource.attributes);
    let named = attributes.filter(|attribute| attribute.key == "service.name");
    let value = named
        .filter_map(|attribute| attribute.value.as_ref()?.value.as_ref())
        .next();
    match value {
        Some(Value::StringValue(name)) => name.clone(),
        _ => String::new(),
    }
}

#[derive(Deserialize)]
struct Services {
    services: Vec<String>,
}

#[derive(Deserialize)]
struct Operations {
    operations: Vec<Operation>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Operation {
    name: String,
    span_kind: String,
}

#[derive(Deserialize)]
struct Dependencies {
    data: Vec<Dependency>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Dependency {
    parent: String,
    child: String,
    call_count: u64,
}

#[derive(Deserialize)]
struct Family {
    metrics: Vec<Series>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Series {
    labels: Vec<Label>,
    metric_points: Vec<Point>,
}

#[derive(Deserialize)]
struct Label {
    name: String,
    value: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Point {
    gauge_value: Gauge,
    timestamp: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Gauge {
    double_value: f64,
}

impl Totals {
    /// Asks the query service for all figures of the time that the ledger covers.
    pub async fn read(
        client: &reqwest::Client,
        query: &str,
        expected: &Expected,
    ) -> anyhow::Result<Self> {
        let (first, last) = expected.span_of_time.context("the ledger holds no span")?;
        let mut totals = Self::default();
        let end_ms = last / 1_000_000 + 120_000;
        let lookback = end_ms - first / 1_000_000 + 120_000;
        let url = format!("{query}/api/dependencies?endTs={end_ms}&lookback={lookback}");
        for edge in get::<Dependencies>(client, &url).await?.data {
            totals
                .edges
                .insert((edge.parent, edge.child), edge.call_count);
        }
        for service in get::<Services>(client, &format!("{query}/api/v3/services"))
            .await?
            .services
        {
            let url = format!("{query}/api/v3/operations?service={service}");
            for operation in get::<Operations>(client, &url).await?.operations {
                totals
                    .operations
                    .insert((service.clone(), operation.name, operation.span_kind), ());
            }
            for kind in KINDS {
                totals
                    .read_red(client, query, &service, kind, end_ms, lookback)
                    .await?;
            }
        }
        Ok(totals)
    }

    /// One minute at a time: the rate of a minute, times sixty, is its number of calls.
    async fn read_red(
        &mut self,
        client: &reqwest::Client,
        query: &str,
        service: &str,
        kind: &str,
        end_ms: u64,
        lookback: u64,
    ) -> anyhow::Result<()> {
        let family = |name: &str| {
            format!(
                "{query}/api/metrics/{name}?service={service}&spanKind={kind}&groupByOperation=true\
                 &step=60000&ratePer=60000&endTs={end_ms}&lookback={lookback}"
            )
        };
        let errors = points(get(client, &family("errors")).await?);
        for ((operation, timestamp), rate) in points(get(client, &family("calls")).await?) {
            let calls = (rate * 60.0).round();
            let ratio = errors
                .get(&(operation.clone(), timestamp))
                .copied()
                .unwrap_or_default();
            let key = (service.to_owned(), operation, kind.to_owned());
            let red = self.red.entry(key).or_default();
            red.calls += calls as u64;
            red.errors += (ratio * calls).round() as u64;
        }
        self.red.retain(|_, red| red.calls > 0);
        Ok(())
    }

    /// What differs, a line each.
    pub fn differences(&self, expected: &Expected) -> Vec<String> {
        let expected = &expected.totals;
        let mut lines = compare("RED", &expected.red, &self.red);
        lines.extend(compare("operation", &expected.operations, &self.operations));
        lines.extend(compare("edge", &expected.edges, &self.edges));
        lines
    }
}

fn compare<K: Ord + std::fmt::Debug, V: PartialEq + std::fmt::Debug>(
    what: &str,
    expected: &BTreeMap<K, V>,
    found: &BTreeMap<K, V>,
) -> Vec<String> {
    let keys = expected
        .keys()
        .chain(found.keys().filter(|key| !expected.contains_key(*key)));
    let differing = keys.filter(|key| expected.get(*key) != found.get(*key));
    let line = |key| {
        format!(
            "{what} {key:?}: {:?} sent, {:?} told",
            expected.get(key),
            found.get(key)
        )
    };
    differing.map(line).collect()
}

/// Values by operation and time.
fn points(family: Family) -> BTreeMap<(String, String), f64> {
    let of_series = |series: Series| {
        let operation = series
            .labels
            .into_iter()
            .find(|label| label.name == "operation");
        let operation = operation.map(|label| label.value).unwrap_or_default();
        let points = series.metric_points.into_iter();
        points.map(move |one| {
            (
                (operation.clone(), one.timestamp),
                one.gauge_value.double_value,
            )
        })
    };
    family.metrics.into_iter().flat_map(of_series).collect()
}

async fn get<T: DeserializeOwned>(client: &reqwest::Client, url: &str) -> anyhow::Result<T> {
    let response = client
        .get(url)
        .send()
        .await
        .with_context(|| format!("GET {url}"))?;
    let body = response.error_for_status()?.bytes().await?;
    serde_json::from_slice(&body).with_context(|| format!("answer to GET {url}"))
}
