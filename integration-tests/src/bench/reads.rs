//! How long reading takes, one request at a time.
//!
//! What is asked for is spread over the services; traces and values are those of the newest traces of each.

use std::future::Future;
use std::time::Instant;

use anyhow::{Context, ensure};
use jiff::{Timestamp, ToSpan};
use reqwest::Url;
use serde::Serialize;
use serde_json::Value;

/// Traces that a search asks for.
const LIMIT: &str = "20";
/// Services whose traces are looked at for what to ask for, at most.
const LOOKED_AROUND: usize = 100;

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

/// How long requests took under some circumstances.
#[derive(Debug, Clone, Serialize)]
pub struct Reads {
    /// The circumstances.
    pub when: String,
    /// By kind.
    pub latencies: Vec<Latency>,
}

impl Reads {
    /// How many requests of a kind there were.
    pub fn requests(&self) -> usize {
        let first = self.latencies.first();
        first.map_or(0, |latency| latency.requests)
    }
}

/// What people ask, in every way that they do, of what is stored just now: looked up before it is
/// asked, since to look warms what is cold.
pub struct Questions {
    client: reqwest::Client,
    kinds: Vec<(&'static str, Vec<Url>)>,
}

impl Questions {
    /// So many different ones of each kind.
    pub fn prepare(query: &str, of_each: usize) -> anyhow::Result<Self> {
        let reader = Reader::new(query)?;
        let known = block_on(reader.look_around())?;
        let mut kinds = reader.by_what_is_known(&known, of_each);
        kinds.extend(reader.by_content(&known, of_each));
        Ok(Self {
            client: reader.client,
            kinds,
        })
    }

    /// Asks one of each kind, in rounds, as long as `more` says so, which is told how many there were.
    pub fn ask(
        &self,
        when: impl Into<String>,
        more: impl FnMut(usize) -> bool,
    ) -> anyhow::Result<Reads> {
        let latencies = block_on(self.rounds(more))?;
        Ok(Reads {
            when: when.into(),
            latencies,
        })
    }

    async fn rounds(&self, mut more: impl FnMut(usize) -> bool) -> anyhow::Result<Vec<Latency>> {
        let mut took: Vec<Vec<f64>> = self.kinds.iter().map(|_| Vec::new()).collect();
        let mut round = 0;
        while more(round) {
            for ((_, urls), took) in self.kinds.iter().zip(&mut took) {
                took.push(self.time(nth(urls, round)).await?);
            }
            round += 1;
        }
        let kinds = self.kinds.iter().zip(took);
        Ok(kinds.map(|((kind, _), took)| latency(kind, took)).collect())
    }

    /// Milliseconds until the answer is there, whole.
    async fn time(&self, url: &Url) -> anyhow::Result<f64> {
        let began = Instant::now();
        let response = self.client.get(url.clone()).send().await?;
        let (status, body) = (response.status(), response.bytes().await?);
        ensure!(status.is_success() && !body.is_empty(), "{url}: {status}");
        Ok(began.elapsed().as_secs_f64() * 1e3)
    }
}

fn block_on<T>(future: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(future)
}

fn latency(kind: &'static str, mut took: Vec<f64>) -> Latency {
    took.sort_by(f64::total_cmp);
    let quantile = |part: f64| {
        let last = took.len().saturating_sub(1);
        let place = (last as f64 * part) as usize;
        took.get(place).copied().unwrap_or_default()
    };
    Latency {
        kind,
        requests: took.len(),
        p50_ms: quantile(0.5),
        p99_ms: quantile(0.99),
    }
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

    /// By what spans of some service contain; and by nothing at all.
    fn by_content(&self, known: &Known, count: usize) -> Vec<(&'static str, Vec<Url>)> {
        let of_services = BY_CONTENT.into_iter().map(|(kind, parameters)| {
            let url = |i| {
                let mut all = parameters.to_vec();
                all.push(("service", nth::<String>(&known.services, i)));
                self.search(&all)
            };
            (kind, (0..count).map(url).collect())
        });
        let now = Timestamp::now();
        let (from, until) = (
            (now - 24.hours()).to_string(),
            (now + 1.hours()).to_string(),
        );
        let day = [
            ("query.start_time_min", from.as_str()),
            ("query.start_time_max", until.as_str()),
            ("query.search_depth", LIMIT),
        ];
        let no_service = ("no service", vec![self.url("api/v3/traces", &day)]);
        of_services.chain([no_service]).collect()
    }

    /// By names and values that are known to be there.
    fn by_what_is_known(&self, known: &Known, count: usize) -> Vec<(&'static str, Vec<Url>)> {
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
        vec![
            ("by id", (0..count).map(by_id).collect()),
            ("service", (0..count).map(service).collect()),
            ("service and operation", (0..count).map(operation).collect()),
            ("unique value", (0..count).map(unique).collect()),
        ]
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
        let step = known.services.len().div_ceil(LOOKED_AROUND);
        for service in known.services.clone().iter().step_by(step) {
            let traces = self.get(self.search(&[("service", service)])).await?;
            for trace in traces["data"].as_array().into_iter().flatten() {
                known.learn(trace);
            }
        }
        ensure!(!known.unique.is_empty(), "no span has an id of its request");
        Ok(known)
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
