//! A collector that runs on free ports and is looked at from outside.
//!
//! Every test has one thread, so that its own metrics recorder sees all of its collector.

use std::net::SocketAddr;
use std::time::Duration;

use bootstrap::{ByteSize, Stop, StopHandle};
use collector::{Collector, CollectorConfig, KnownProbabilities, RunError};
use metrics::LocalRecorderGuard;
use reqwest::{RequestBuilder, Response};
use schemas::ChunkEncoder;
use tokio::task::JoinHandle;

use crate::memory::{Memory, SCHEMA};
use crate::recorder::Series;

pub const PROTOBUF: &str = "application/x-protobuf";
pub const JSON: &str = "application/json";

pub struct Running {
    pub published: Memory,
    pub http: SocketAddr,
    pub grpc: SocketAddr,
    pub jaeger_grpc: SocketAddr,
    pub jaeger_thrift: SocketAddr,
    pub zipkin: SocketAddr,
    pub sampling: SocketAddr,
    pub stop: StopHandle,
    pub task: JoinHandle<Result<(), RunError>>,
    client: reqwest::Client,
    series: Series,
    _recorder: LocalRecorderGuard<'static>,
}

/// Limits that tests reach quickly.
pub fn config() -> CollectorConfig {
    let mut config = CollectorConfig::default();
    config.otlp_grpc.address = SocketAddr::from(([127, 0, 0, 1], 0));
    config.otlp_http.address = config.otlp_grpc.address;
    config.jaeger_grpc.address = config.otlp_grpc.address;
    config.jaeger_thrift.address = config.otlp_grpc.address;
    config.zipkin.address = config.otlp_grpc.address;
    config.sampling.listener.address = config.otlp_grpc.address;
    config.limits.request_bytes = ByteSize::mib(1);
    config.admission.max_bytes = ByteSize::mib(4);
    config
}

pub async fn start() -> Running {
    start_with(config()).await
}

pub async fn start_with(config: CollectorConfig) -> Running {
    start_telling(config, KnownProbabilities::default()).await
}

/// The same; clients are told these probabilities.
pub async fn start_telling(config: CollectorConfig, known: KnownProbabilities) -> Running {
    let series = Series::default();
    let guard = metrics::set_default_local_recorder(Box::leak(Box::new(series.clone())));
    let published = Memory::default();
    let built = Collector::build(config, ChunkEncoder::new(SCHEMA), published.clone()).await;
    let collector = built
        .expect("the collector can be built")
        .with_probabilities(known);
    let addresses = collector.addresses();
    let (handle, stop) = Stop::with_grace(Duration::from_secs(5));
    Running {
        published,
        http: addresses.otlp_http.expect("it listens"),
        grpc: addresses.otlp_grpc.expect("it listens"),
        jaeger_grpc: addresses.jaeger_grpc.expect("it listens"),
        jaeger_thrift: addresses.jaeger_thrift.expect("it listens"),
        zipkin: addresses.zipkin.expect("it listens"),
        sampling: addresses.sampling.expect("it listens"),
        stop: handle,
        task: tokio::spawn(collector.run(stop)),
        client: reqwest::Client::new(),
        series,
        _recorder: guard,
    }
}

impl Running {
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.http)
    }

    /// A request to `/v1/traces`.
    pub fn post(&self, content_type: &str, body: impl Into<reqwest::Body>) -> RequestBuilder {
        let post = self.client.post(self.url("/v1/traces"));
        post.header("content-type", content_type).body(body)
    }

    pub async fn send(&self, content_type: &str, body: impl Into<reqwest::Body>) -> Response {
        self.post(content_type, body)
            .send()
            .await
            .expect("an answer")
    }

    /// A request to any receiver over HTTP.
    pub fn post_to(
        &self,
        address: SocketAddr,
        path: &str,
        body: impl Into<reqwest::Body>,
    ) -> RequestBuilder {
        self.client
            .post(format!("http://{address}{path}"))
            .body(body)
    }

    /// The value of a series, such as `name{label="value"}`; zero when it is not there.
    pub fn metric(&self, series: &str) -> f64 {
        self.series.value(series)
    }

    /// The names of all series.
    pub fn metrics(&self) -> Vec<String> {
        self.series.names()
    }

    /// Waits for a condition that must come true.
    pub async fn until(&self, what: &str, condition: impl Fn(&Self) -> bool) {
        let waiting = async {
            while !condition(self) {
                tokio::task::yield_now().await;
            }
        };
        let waited = tokio::time::timeout(Duration::from_secs(10), waiting).await;
        waited.unwrap_or_else(|_| panic!("never came true: {what}\n{:?}", self.metrics()));
    }

    /// Waits until no connection is taken any more.
    pub async fn until_refused(&self) {
        let refused = async {
            while tokio::net::TcpStream::connect(self.http).await.is_ok() {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(10), refused)
            .await
            .expect("it stops listening");
    }
}
