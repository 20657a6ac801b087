//! What other plug-ins do: some have fewer methods, refuse spans, or are away. Each stand-in is a
//! gRPC server of its own that answers as told.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::response::Response;
use axum::routing::post;
use http::{HeaderMap, HeaderName, HeaderValue};
use http_body_util::{BodyExt, Full};
use model::{
    Span, SpanBatch, SpanId, SpanPredicate, Tenant, TimeRange, Trace, TraceId, TraceQuery,
};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTracePartialSuccess, ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use prost::Message;
use remote_storage::{Positions, RemoteConfig, RemoteStore, RemoteWriter};
use schemas::jaeger_storage as wire;
use storage::{
    Completeness, Owner, PluginError, ReadError, Remedy, Source, TraceReader, TraceSpans,
    TraceWriter, WriteBatch, WriteError, Written,
};
use tokio::net::TcpListener;
use tokio::sync::Mutex;
use tonic::{Code, Status};

const EXPORT: &str = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";
const SERVICES: &str = "/jaeger.storage.v2.TraceReader/GetServices";

fn message(message: &impl Message) -> Response {
    let body = message.encode_to_vec();
    let mut framed = vec![0];
    framed.extend_from_slice(&(body.len() as u32).to_be_bytes());
    framed.extend_from_slice(&body);
    let well = HeaderMap::from_iter([(
        HeaderName::from_static("grpc-status"),
        HeaderValue::from_static("0"),
    )]);
    let body = Full::new(Bytes::from(framed)).with_trailers(async { Some(Ok(well)) });
    let mut response = Response::new(Body::new(body));
    let headers = response.headers_mut();
    headers.insert("content-type", HeaderValue::from_static("application/grpc"));
    response
}

/// A plug-in that answers these methods, and no others.
async fn plug_in(methods: Router) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let missing = || async { Status::unimplemented("no such method").into_http::<Body>() };
    tokio::spawn(async move { axum::serve(listener, methods.fallback(missing)).await });
    address
}

/// One that answers every export alike.
async fn taking(answer: impl Fn() -> Response + Clone + Send + Sync + 'static) -> SocketAddr {
    plug_in(Router::new().route(EXPORT, post(move || std::future::ready(answer())))).await
}

/// One that refuses every export with this status.
async fn refusing(code: Code, words: &'static str) -> SocketAddr {
    taking(move || Status::new(code, words).into_http::<Body>()).await
}

fn config(address: SocketAddr) -> RemoteConfig {
    RemoteConfig {
        endpoint: format!("http://{address}"),
        ..RemoteConfig::default()
    }
}

fn store(address: SocketAddr) -> Arc<RemoteStore> {
    Arc::new(RemoteStore::new(&config(address)).expect("an address"))
}

/// What Kafka says of the consumed position.
struct Told(Option<i64>);

impl Positions for Told {
    async fn committed(&self, _: &Source) -> Result<Option<i64>, PluginError> {
        Ok(self.0)
    }
}

fn trace() -> Trace {
    let id = TraceId::new([7; 16]).expect("not zero");
    let span = |number: u8| {
        let id_of_span = SpanId::new([number; 8]).expect("not zero");
        Span::new(id, id_of_span, "x".repeat(1_000), 1_000, 2_000)
    };
    let scopes = vec![model::ScopeSpans {
        spans: (1..=20).map(span).collect(),
        ..Default::default()
    }];
    let resources = vec![model::ResourceSpans {
        scopes,
        ..Default::default()
    }];
    Trace { id, resources }
}

async fn write(store: Arc<RemoteStore>, tenant: &str) -> Result<Written, WriteError> {
    let (trace, tenant) = (trace(), Tenant::parse(tenant).expect("a name"));
    let batch = SpanBatch::of_trace(&trace);
    let spans: Vec<u32> = (0..batch.spans.len() as u32).collect();
    let part = TraceSpans {
        source: None,
        tenant: &tenant,
        trace_id: trace.id,
        received: TimeRange::ALL,
        completeness: Completeness::Complete,
        verdict: None,
        batch: &batch,
        spans: &spans,
    };
    let batch = WriteBatch {
        progress: &[],
        traces: &[part],
    };
    RemoteWriter::new(store, Told(None)).write(batch).await
}

async fn remedy(address: SocketAddr) -> Remedy {
    match write(store(address), "default").await {
        Err(WriteError::Plugin { remedy, .. }) => remedy,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_large_batch_goes_out_in_exports_that_a_plug_in_takes() {
    let seen: Arc<Mutex<Vec<(usize, usize)>>> = Arc::default();
    let (noted, answer) = (seen.clone(), ExportTraceServiceResponse::default());
    let take = async move |body: Bytes| {
        let request = ExportTraceServiceRequest::decode(&body[5..]).expect("an export");
        let scopes = request.resource_spans.iter().flat_map(|of| &of.scope_spans);
        let spans = scopes.map(|of| of.spans.len()).sum();
        noted.lock().await.push((body.len(), spans));
        message(&answer)
    };
    let address = plug_in(Router::new().route(EXPORT, post(take))).await;
    let config = RemoteConfig {
        max_request: bootstrap::ByteSize::kib(4),
        ..config(address)
    };
    let store = RemoteStore::new(&config).expect("an address");
    let written = write(Arc::new(store), "default")
        .await
        .expect("it is taken");
    let seen = seen.lock().await;
    assert_eq!(written.spans_stored, 20);
    assert_eq!(written.segments, seen.len() as u64);
    assert_eq!(seen.iter().map(|(_, spans)| spans).sum::<usize>(), 20);
    assert!(
        seen.len() >= 4 && seen.iter().all(|(bytes, _)| *bytes < 6_000),
        "{seen:?}"
    );
}

#[tokio::test]
async fn what_an_answer_to_an_export_asks_for() {
    assert_eq!(
        remedy(refusing(Code::Unavailable, "full").await).await,
        Remedy::TryAgain
    );
    assert_eq!(
        remedy(refusing(Code::InvalidArgument, "no").await).await,
        Remedy::Bisect
    );
    assert_eq!(
        remedy(refusing(Code::PermissionDenied, "no").await).await,
        Remedy::CallOperator
    );
    let nothing_is_taken = plug_in(Router::new()).await;
    assert_eq!(remedy(nothing_is_taken).await, Remedy::CallOperator);
}

#[tokio::test]
async fn spans_that_a_plug_in_counts_as_refused_are_looked_for() {
    let answer = |rejected_spans: i64| {
        let partial = ExportTracePartialSuccess {
            rejected_spans,
            error_message: "some words".to_owned(),
        };
        ExportTraceServiceResponse {
            partial_success: Some(partial),
        }
    };
    let some = taking(move || message(&answer(3))).await;
    assert_eq!(remedy(some).await, Remedy::Bisect);
    // Words alone are a warning.
    let none = taking(move || message(&answer(0))).await;
    let written = write(store(none), "default").await.expect("it is taken");
    assert_eq!(written.spans_stored, 20);
}

#[tokio::test]
async fn without_tenancy_one_tenant_alone_is_written_and_read() {
    let address = taking(|| message(&ExportTraceServiceResponse::default())).await;
    let refused = write(store(address), "acme").await;
    let refused = refused.expect_err("the plug-in would mix it with others");
    assert!(matches!(
        refused,
        WriteError::Plugin {
            remedy: Remedy::Bisect,
            ..
        }
    ));
    let acme = Tenant::parse("acme").expect("a name");
    let read = store(address).services(&acme).await;
    assert!(matches!(read, Err(ReadError::Unsupported(_))), "{read:?}");
    write(store(address), "default").await.expect("it is taken");
}

#[tokio::test]
async fn a_plug_in_with_few_methods_declares_little_and_lists_no_calls() {
    let answer = wire::GetServicesResponse {
        services: vec!["b".to_owned(), "a".to_owned(), "b".to_owned()],
    };
    let services = post(move || std::future::ready(message(&answer)));
    let store = store(plug_in(Router::new().route(SERVICES, services)).await);
    let tenant = Tenant::default();
    assert_eq!(store.services(&tenant).await.expect("listed"), ["a", "b"]);
    let calls = store.dependencies(&tenant, TimeRange::ALL).await;
    assert_eq!(calls.expect("none"), []);
    let able = store.capabilities();
    assert!(!able.dependencies && !able.without_service && !able.same_span && !able.filters);
    let any = store.search(&tenant, &TraceQuery::any(9)).await;
    assert!(matches!(any, Err(ReadError::Unsupported(_))), "{any:?}");
    let of_service = TraceQuery {
        predicates: vec![SpanPredicate::Service("a".to_owned())],
        ..TraceQuery::any(9)
    };
    let missing = store.search(&tenant, &of_service).await;
    assert!(
        matches!(missing, Err(ReadError::Unsupported(_))),
        "{missing:?}"
    );
}

#[tokio::test]
async fn a_plug_in_that_is_away_or_silent_is_told_apart_from_one_that_refuses() {
    let away = SocketAddr::from(([127, 0, 0, 1], 1));
    let tenant = Tenant::default();
    let read = store(away).services(&tenant).await;
    assert!(matches!(read, Err(ReadError::PluginAway(_))), "{read:?}");
    assert_eq!(remedy(away).await, Remedy::TryAgain);
    let silent = Router::new().fallback(std::future::pending::<Response>);
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let config = RemoteConfig {
        read_timeout: Duration::from_millis(50),
        ..config(listener.local_addr().expect("an address"))
    };
    tokio::spawn(async move { axum::serve(listener, silent).await });
    let store = RemoteStore::new(&config).expect("an address");
    let read = store.services(&tenant).await;
    assert!(matches!(read, Err(ReadError::Timeout)), "{read:?}");
}

#[tokio::test]
async fn reading_goes_on_where_the_group_has_committed() {
    let source = Source {
        consumer: storage::LIVE_CONSUMER.to_owned(),
        topic: "spans".to_owned(),
        partition: 3,
    };
    let store = store(SocketAddr::from(([127, 0, 0, 1], 1)));
    for (told, watermark, revision) in [(None, 0, 1), (Some(42), 42, 2)] {
        let writer = RemoteWriter::new(store.clone(), Told(told));
        let claimed = writer.claim(&source, Owner(uuid::Uuid::new_v4())).await;
        let progress = claimed.expect("it is told");
        assert_eq!(
            (progress.watermark, progress.revision),
            (watermark, revision)
        );
        assert!(progress.done_above.is_empty());
    }
}
