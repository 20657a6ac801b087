//! What a newcomer reads: which deployment runs and why, and how to send a first span.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use bootstrap::Process;

use super::running::Addresses;
use crate::config::{Config, Deployment, StoreKind};
use crate::console::say;
use crate::servers::Plan;

const POLL: Duration = Duration::from_millis(50);

/// The first lines: the deployment, what is started for it, and why.
pub(crate) fn deployment(config: &Config, plan: Plan) {
    let (_, store) = store(config);
    let path = match config.deployment {
        Deployment::Kafka => format!("collector → Kafka → ingester → {store} → query"),
        Deployment::Direct => format!("collector → {store} → query, without Kafka"),
    };
    let name = config.deployment.name();
    say(format!(
        "spoor {}, deployment {name}: {path}",
        env!("CARGO_PKG_VERSION")
    ));
    let by_kafka = config.deployment == Deployment::Kafka;
    let brokers = config.kafka.brokers.join(", ");
    let servers = [
        (by_kafka, "Kafka", plan.kafka, "kafka.brokers", brokers),
        (
            by_kafka,
            "schema registry",
            plan.registry,
            "registry.url",
            String::new(),
        ),
        (
            config.storage.kind == StoreKind::Remote,
            "storage plug-in",
            false,
            "storage.remote.endpoint",
            config.storage.remote.endpoint.clone(),
        ),
        (
            config.storage.kind == StoreKind::Postgres,
            "Postgres",
            plan.postgres,
            "storage.url",
            config.storage.store().url.redacted(),
        ),
    ];
    for (used, server, own, key, address) in servers {
        match (used, own) {
            (false, _) => {}
            (true, true) => say(format!("  {server}: its own, because {key} is empty")),
            (true, false) => say(format!("  {server}: {key} {address}").trim_end()),
        }
    }
}

/// Waits until every part is ready.
pub(crate) async fn until_ready(process: &Process) {
    while !process.readiness.is_ready() {
        tokio::time::sleep(POLL).await;
    }
}

/// Said once: the addresses, and a first span to copy.
pub(crate) fn ready(
    config: &Config,
    addresses: &Addresses,
    process: &Process,
    data: Option<&Path>,
) {
    let line = |what: &str, address: String| say(format!("  {what:<16} {address}"));
    say(format!(
        "spoor is ready, deployment {}",
        config.deployment.name()
    ));
    let receivers = addresses.collector;
    for (what, scheme, address) in [
        ("OTLP over gRPC", "", receivers.otlp_grpc),
        ("OTLP over HTTP", "http://", receivers.otlp_http),
        ("Jaeger over gRPC", "", receivers.jaeger_grpc),
        ("Jaeger Thrift", "http://", receivers.jaeger_thrift),
        ("Zipkin", "http://", receivers.zipkin),
        ("what to sample", "http://", receivers.sampling),
    ] {
        if let Some(address) = address {
            line(what, format!("{scheme}{}", reachable(address)));
        }
    }
    line(
        "query API",
        format!("http://{}", reachable(addresses.query)),
    );
    line("query over gRPC", reachable(addresses.query_grpc));
    if let Some(address) = addresses.remote_storage {
        line("Jaeger storage", reachable(address));
    }
    line(
        "admin",
        format!("http://{}/ready and /metrics", reachable(process.admin)),
    );
    if config.deployment == Deployment::Kafka {
        line("Kafka", config.kafka.brokers.join(", "));
    }
    let (address, store) = store(config);
    line(store, address);
    if let Some(data) = data {
        line("data", data.display().to_string());
    }
    if let Some(address) = receivers.otlp_http {
        first_span(&reachable(address), &reachable(addresses.query));
    }
}

/// Where the traces are kept, and what that is.
fn store(config: &Config) -> (String, &'static str) {
    match config.storage.kind {
        StoreKind::Postgres => (config.storage.store().url.redacted(), "Postgres"),
        StoreKind::Remote => (config.storage.remote.endpoint.clone(), "storage plug-in"),
    }
}

/// A span of now with a trace id that nobody has used yet.
fn first_span(collector: &str, query: &str) {
    let trace = uuid::Uuid::new_v4().simple().to_string();
    let span = &trace[..16];
    say("Send a first span:");
    say(format!(
        "  curl -sS http://{collector}/v1/traces -H 'content-type: application/json' -d \
         '{{\"resourceSpans\":[{{\"resource\":{{\"attributes\":[{{\"key\":\"service.name\",\
         \"value\":{{\"stringValue\":\"hello\"}}}}]}},\"scopeSpans\":[{{\"spans\":[{{\
         \"traceId\":\"{trace}\",\"spanId\":\"{span}\",\"name\":\"first span\",\"kind\":1,\
         \"startTimeUnixNano\":\"'$(date +%s)000000000'\",\
         \"endTimeUnixNano\":\"'$(date +%s)250000000'\"}}]}}]}}]}}'"
    ));
    say("and two seconds later see it:");
    say(format!("  curl -sS http://{query}/api/traces/{trace}"));
}

/// An address as a client on this machine writes it.
fn reachable(address: SocketAddr) -> String {
    match address.ip().is_unspecified() {
        true => format!("localhost:{}", address.port()),
        false => address.to_string(),
    }
}
