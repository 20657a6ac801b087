//! How long reading takes, one request at a time.

use std::time::Instant;

use anyhow::{Context, ensure};
use jiff::{Timestamp, ToSpan};
use reqwest::Url;
use serde::Serialize;
use serde_json::Value;

/// Traces that a search asks for.
const LIMIT: &str = "20";

/// Searches that many spans of any service answer.
const BY_CONTENT: [(&str, &[(&str, &str)]); 4] = [
    (
        "common value",
        &[("tags", r#"{"http.request.method":"GET"}"#)],
    ),
    (
        "duration",
        &[("minDuration", "200ms"), ("maxDuration", "400ms")],
    ),
    ("errors", &[("tags", r#"{"error":"true"}"#)]),
    (
        "two predicates on one span",
        &[(
            "tags",
            r#"{"http.request.method":"GET","http.response.status_code":"500"}"#,
        )],
    ),
];

/// How long requests of one kind took.
#[derive(Debug, Clone, Serialize)]
pub struct Latency {
    /// What was asked for.
    pub kind: &'static str,
    /// How often.
    pub requests: usize,
    /// Half of them took less, milliseconds.
    pub p50_ms: f64,
    /// 99 of 100 took less, milliseconds.
    pub p99_ms: f64,
}

/// Asks in every way that people do.
pub fn measure(query: &str, requests: usize) -> anyhow::Result<Vec<Latency>> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(Reader::new(query)?.measure(requests))
}

struct Reader {
    client: reqwest::Client,
    query: Url,
}

/// What was found in the store, to ask for.
#[derive(Debug, Default)]
struct Known {
    traces: Vec<String>,
    services: Vec<String>,
    operations: Vec<(String, String)>,
    /// Service and a value of `app.request_id`, which no two spans share.
    unique: Vec<(String, String)>,
}

impl Reader {
    fn new(query: &str) -> anyhow::Result<Self> {
        let client = reqwest::Client::builder().build()?;
        Ok(Self {
            client,
            query: Url::parse(query)?,
        })
    }

    async fn measure(&self, requests: usize) -> anyhow::Result<Vec<Latency>> {
        let known = self.look_around().await?;
        let mut found = self.what_is_known(&known, requests).await?;
        for (kind, parameters) in BY_CONTENT {
            let url = |i| {
                let mut all = parameters.to_vec();
                all.push(("service", nth::<String>(&known.services, i)));
                self.search(&all)
            };
            found.push(self.time(kind, requests, url).await?);
        }
        let now = Timestamp::now();
        let (from, until) = ((now - 24.hours()).to_string(), now.to_string());
        let day = [
            ("query.start_time_min", from.as_str()),
            ("query.start_time_max", until.as_str()),
            ("query.search_depth", LIMIT),
        ];
        let url = |_| self.url("api/v3/traces", &day);
        found.push(self.time("no service", requests, url).await?);
        Ok(found)
    }

    /// By names and values that are known to be there.
    async fn what_is_known(&self, known: &Known, requests: usize) -> anyhow::Result<Vec<Latency>> {
        let by_id = |i| self.url(&format!("api/traces/{}", nth(&known.traces, i)), &[]);
        let service = |i| self.search(&[("service", nth::<String>(&known.services, i))]);
        let operation = |i| {
            let (service, operation) = nth(&known.operations, i);
            self.search(&[("service", service), ("operation", operation)])
        };
        let unique = |i| {
            let (service, id) = nth(&known.unique, i);
            let tags = format!("{{\"app.request_id\":\"{id}\"}}");
            self.search(&[("service", service), ("tags", &tags)])
        };
        Ok(vec![
            self.time("by id", requests, by_id).await?,
            self.time("service", requests, service).await?,
            self.time("service and operation", requests, operation)
                .await?,
            self.time("unique value", requests, unique).await?,
        ])
    }

    fn url(&self, path: &str, parameters: &[(&str, &str)]) -> Url {
        let mut url = self.query.clone();
        url.set_path(path);
        if !parameters.is_empty() {
            url.query_pairs_mut().extend_pairs(parameters);
        }
        url
    }

    fn search(&self, parameters: &[(&str, &str)]) -> Url {
        let mut all = vec![("lookback", "24h"), ("limit", LIMIT)];
        all.extend_from_slice(parameters);
        self.url("api/traces", &all)
    }

    async fn get(&self, url: Url) -> anyhow::Result<Value> {
        let response = self.client.get(url.clone()).send().await?;
        let (status, body) = (response.status(), response.bytes().await?);
        ensure!(status.is_success(), "{url}: {status}");
        serde_json::from_slice(&body).with_context(|| format!("{url}"))
    }

    async fn look_around(&self) -> anyhow::Result<Known> {
        let mut known = Known::default();
        let services = self.get(self.url("api/services", &[])).await?;
        known.services = texts(&services["data"]);
        ensure!(!known.services.is_empty(), "nothing is stored");
        for service in known.services.clone() {
            let traces = self.get(self.search(&[("service", &service)])).await?;
            for trace in traces["data"].as_array().into_iter().flatten() {
                known.learn(trace);
            }
        }
        ensure!(!known.unique.is_empty(), "no span has an id of its request");
        Ok(known)
    }

    async fn time(
        &self,
        kind: &'static str,
        requests: usize,
        url: impl Fn(usize) -> Url,
    ) -> anyhow::Result<Latency> {
        let mut took = Vec::with_capacity(requests);
        for index in 0..requests {
            let url = url(index);
            let began = Instant::now();
            let response = self.client.get(url.clone()).send().await?;
            let (status, body) = (response.status(), response.bytes().await?);
            took.push(began.elapsed().as_secs_f64() * 1e3);
            ensure!(status.is_success() && !body.is_empty(), "{url}: {status}");
        }
        took.sort_by(f64::total_cmp);
        let quantile = |part: f64| took[((took.len() - 1) as f64 * part) as usize];
        Ok(Latency {
            kind,
            requests,
            p50_ms: quantile(0.5),
            p99_ms: quantile(0.99),
        })
    }
}

impl Known {
    fn learn(&mut self, trace: &Value) {
        self.traces
            .extend(trace["traceID"].as_str().map(str::to_owned));
        for span in trace["spans"].as_array().into_iter().flatten() {
            let process = span["processID"].as_str().unwrap_or_default();
            let service = trace["processes"][process]["serviceName"].as_str();
            let (Some(service), Some(operation)) = (service, span["operationName"].as_str()) else {
                continue;
            };
            self.operations
                .push((service.to_owned(), operation.to_owned()));
            let tags = span["tags"].as_array().into_iter().flatten();
            let id = tags.filter(|tag| tag["key"] == "app.request_id");
            let ids = id.filter_map(|tag| tag["value"].as_str());
            self.unique
                .extend(ids.map(|id| (service.to_owned(), id.to_owned())));
        }
    }
}

/// One of a list that is not empty, in turns.
fn nth<T>(list: &[T], index: usize) -> &T {
    &list[index % list.len()]
}

fn texts(values: &Value) -> Vec<String> {
    let values = values.as_array().into_iter().flatten();
    values
        .filter_map(|value| value.as_str().map(str::to_owned))
        .collect()
}
