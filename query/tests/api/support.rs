//! A running query service and a client that shows every byte.

use std::net::SocketAddr;
use std::sync::Arc;

use bootstrap::{Readiness, Stop, StopHandle};
use model::{
    KeyValue, Resource, ResourceSpans, Scope, ScopeSpans, Span, SpanId, SpanKind, StatusCode,
    Tenant, Trace, TraceId, Value,
};
use query::{MemoryReader, Query, QueryConfig, RemoteStorageConfig};
use storage::TraceReader;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

/// A second in 2026, in nanoseconds.
pub const T0: u64 = 1_790_000_000_000_000_000;
pub const MS: u64 = 1_000_000;

/// A service that runs until it is dropped.
pub struct Server {
    pub address: SocketAddr,
    pub grpc: SocketAddr,
    pub remote_storage: Option<SocketAddr>,
    pub readiness: Readiness,
    pub stop: StopHandle,
    pub running: JoinHandle<()>,
}

/// A response, head and body apart.
#[derive(Debug)]
pub struct Response {
    pub status: u16,
    pub head: String,
    pub body: String,
}

impl Response {
    /// The value of a header, by its lower-case name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

impl Server {
    /// A service over these traces of the default tenant.
    pub async fn with(traces: Vec<Trace>) -> Self {
        let tenant = Tenant::default();
        let reader = traces
            .into_iter()
            .fold(MemoryReader::new(), |reader, trace| {
                reader.with(&tenant, trace)
            });
        Self::start(QueryConfig::default(), reader).await
    }

    /// A service over any store.
    pub async fn start<R: TraceReader>(config: QueryConfig, reader: R) -> Self {
        Self::share(config, Arc::new(reader)).await
    }

    /// A service over a store that others use too.
    pub async fn share<R: TraceReader>(config: QueryConfig, reader: Arc<R>) -> Self {
        let config = QueryConfig {
            listen: "127.0.0.1:0".parse().expect("an address"),
            grpc_listen: "127.0.0.1:0".parse().expect("an address"),
            remote_storage: RemoteStorageConfig {
                listen: "127.0.0.1:0".parse().expect("an address"),
                ..config.remote_storage
            },
            ..config
        };
        let readiness = Readiness::new();
        let query = Query::build(config, reader, &readiness)
            .await
            .expect("it starts");
        let (handle, stop) = Stop::new();
        Self {
            address: query.addresses(),
            grpc: query.grpc_address(),
            remote_storage: query.remote_storage_address(),
            readiness,
            stop: handle,
            running: tokio::spawn(query.run(stop)),
        }
    }

    pub async fn get(&self, target: &str) -> Response {
        self.send(&format!("GET {target} HTTP/1.0\r\n\r\n")).await
    }

    /// Sends a request as it is written, and reads to the end of the connection.
    pub async fn send(&self, request: &str) -> Response {
        let mut stream = TcpStream::connect(self.address).await.expect("it listens");
        stream
            .write_all(request.as_bytes())
            .await
            .expect("it reads");
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).await.expect("it answers");
        let text = String::from_utf8_lossy(&bytes);
        let (head, body) = text.split_once("\r\n\r\n").expect("a head and a body");
        Response {
            status: head[9..12].parse().expect("a status"),
            head: head.to_owned(),
            body: body.to_owned(),
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.force();
    }
}

pub fn trace_id(text: &str) -> TraceId {
    TraceId::parse(text).expect("an id")
}

pub fn span_id(number: u64) -> SpanId {
    SpanId::new(number.to_be_bytes()).expect("not zero")
}

/// A span of one millisecond that starts `at` milliseconds after [`T0`].
pub fn span(trace: &str, number: u64, name: &str, at: u64) -> Span {
    let start = T0 + at * MS;
    Span::new(trace_id(trace), span_id(number), name, start, start + MS)
}

/// The spans of a service.
pub fn of_service(service: &str, spans: Vec<Span>) -> ResourceSpans {
    ResourceSpans {
        resource: Resource {
            attributes: vec![KeyValue::new("service.name", service)],
            ..Resource::default()
        },
        scopes: vec![ScopeSpans {
            scope: Scope::default(),
            spans,
        }],
    }
}

pub fn trace(id: &str, resources: Vec<ResourceSpans>) -> Trace {
    Trace {
        id: trace_id(id),
        resources,
    }
}

/// A checkout of 100 ms: `web` calls `payment`, which fails.
pub fn checkout() -> Trace {
    let id = "0af7651916cd43dd8448eb211c80319c";
    let mut root = span(id, 1, "GET /checkout", 0);
    root.end = root.start + 100 * MS;
    root.kind = SpanKind::Server;
    root.attributes = vec![
        KeyValue::new("http.status_code", 500i64),
        KeyValue::new("cart", "42' OR 1=1--"),
    ];
    let mut charge = span(id, 2, "charge", 10);
    charge.end = charge.start + 50 * MS;
    charge.parent_span_id = Some(span_id(1));
    charge.kind = SpanKind::Client;
    charge.status = StatusCode::Error;
    charge.status_message = "card declined".to_owned();
    charge.attributes = vec![KeyValue {
        key: "amount".to_owned(),
        value: Value::Double(72.5),
    }];
    trace(
        id,
        vec![
            of_service("web", vec![root]),
            of_service("payment", vec![charge]),
        ],
    )
}

/// A short trace of `web`, one second after the checkout.
pub fn ping() -> Trace {
    trace(
        "abc",
        vec![of_service("web", vec![span("abc", 3, "ping", 1_000)])],
    )
}
