//! What spans and resources say of themselves, by OpenTelemetry's semantic conventions.

use opentelemetry_proto::tonic::common::v1::{AnyValue, ArrayValue, KeyValue, any_value::Value};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::span::Event;
use rand::Rng;
use rand_chacha::ChaCha8Rng;

use super::shop::{SERVICES, Store, VERBS};
use super::tree::{Node, Role};

fn attribute(key: &str, value: Value) -> KeyValue {
    KeyValue {
        key: key.to_owned(),
        value: Some(AnyValue { value: Some(value) }),
        ..Default::default()
    }
}

fn text(key: &str, value: impl Into<String>) -> KeyValue {
    attribute(key, Value::StringValue(value.into()))
}

fn int(key: &str, value: i64) -> KeyValue {
    attribute(key, Value::IntValue(value))
}

fn uuid(rng: &mut ChaCha8Rng) -> String {
    uuid::Builder::from_random_bytes(rng.random())
        .into_uuid()
        .to_string()
}

/// An attribute with a value that no other span has.
pub fn unique(number: u32, rng: &mut ChaCha8Rng) -> KeyValue {
    text(
        &format!("app.unique.{number}"),
        format!("{:032x}", rng.random::<u128>()),
    )
}

/// The resource of one process of a service: the same at every call.
pub fn resource(shop: u64, service: usize, instance: usize) -> Resource {
    let of = &SERVICES[service];
    let name = match shop {
        0 => of.name.to_owned(),
        _ => format!("{}-{shop}", of.name),
    };
    let pod = format!("{name}-{:x}-{instance:x}", 0x5f3a + service * 17);
    let arguments = ["serve", "--listen", ":8080"].map(|one| AnyValue {
        value: Some(Value::StringValue(one.to_owned())),
    });
    Resource {
        attributes: vec![
            text("service.name", name),
            text("service.version", format!("2.{}.{}", service % 7, instance)),
            text("service.instance.id", format!("{pod}-{service:04x}")),
            text("deployment.environment.name", "production"),
            text(
                "host.name",
                format!("node-{:02}", (service * 3 + instance) % 24),
            ),
            text("k8s.namespace.name", "shop"),
            text("k8s.pod.name", pod),
            int("process.pid", 1 + service as i64),
            attribute(
                "process.command_args",
                Value::ArrayValue(ArrayValue {
                    values: arguments.into(),
                }),
            ),
            text("telemetry.sdk.language", of.language.sdk()),
            text("telemetry.sdk.name", "opentelemetry"),
            text("telemetry.sdk.version", "1.38.0"),
        ],
        ..Default::default()
    }
}

/// Name and attributes of a span.
pub fn describe(node: &Node, failed: bool, rng: &mut ChaCha8Rng) -> (String, Vec<KeyValue>) {
    let service = &SERVICES[node.service];
    let noun = service.nouns[node.operation % service.nouns.len()];
    let (method, suffix) = VERBS[(node.operation >> 4) % VERBS.len()];
    match node.role {
        Role::Server => http_server(method, &format!("/api/{noun}{suffix}"), failed, rng),
        Role::Client => http_client(node, method, failed, rng),
        Role::Query => query(service.store, noun, method, rng),
        Role::Internal => internal(noun, node.operation, rng),
        Role::Producer | Role::Consumer => message(node, noun, rng),
    }
}

fn status_code(failed: bool) -> i64 {
    if failed { 500 } else { 200 }
}

fn http_server(
    method: &str,
    route: &str,
    failed: bool,
    rng: &mut ChaCha8Rng,
) -> (String, Vec<KeyValue>) {
    let id = rng.random_range(1..200_000);
    let attributes = vec![
        text("http.request.method", method),
        text("http.route", route),
        text("url.path", route.replace("{id}", &id.to_string())),
        text("url.scheme", "https"),
        int("http.response.status_code", status_code(failed)),
        text(
            "client.address",
            format!("10.{}.{}.{}", id % 4, id % 251, id % 253),
        ),
        text("network.protocol.version", "1.1"),
        text(
            "user_agent.original",
            ["okhttp/4.12.0", "Mozilla/5.0 (X11; Linux x86_64)"][id % 2],
        ),
        text("app.request_id", uuid(rng)),
        attribute("app.cache_hit", Value::BoolValue(id % 3 == 0)),
    ];
    (format!("{method} {route}"), attributes)
}

fn http_client(
    node: &Node,
    method: &str,
    failed: bool,
    rng: &mut ChaCha8Rng,
) -> (String, Vec<KeyValue>) {
    let service = &SERVICES[node.service];
    let callee = service
        .calls
        .get(node.operation % service.calls.len().max(1));
    let peer = callee.map_or("outside", |index| SERVICES[*index].name);
    let attributes = vec![
        text("http.request.method", method),
        text(
            "url.full",
            format!(
                "https://{peer}.shop.svc:8443/api/{}",
                rng.random_range(1..50_000)
            ),
        ),
        text("server.address", format!("{peer}.shop.svc")),
        int("server.port", 8443),
        text(
            "network.peer.address",
            format!("10.96.{}.{}", node.service, rng.random_range(1..20)),
        ),
        int("http.response.status_code", status_code(failed)),
        int("http.response.body.size", rng.random_range(40..80_000)),
    ];
    (method.to_owned(), attributes)
}

fn query(store: Store, noun: &str, method: &str, rng: &mut ChaCha8Rng) -> (String, Vec<KeyValue>) {
    let (system, verb) = match store {
        Store::Redis => ("redis", if method == "GET" { "GET" } else { "SET" }),
        Store::Mongo => ("mongodb", if method == "GET" { "find" } else { "update" }),
        Store::Postgres | Store::None => (
            "postgresql",
            if method == "GET" { "SELECT" } else { "UPDATE" },
        ),
    };
    let id = rng.random_range(1..500_000);
    let statement = match system {
        "redis" => format!("{verb} {noun}:{id}"),
        "mongodb" => format!("{{\"{verb}\":\"{noun}s\",\"filter\":{{\"_id\":{id}}}}}"),
        _ if verb == "SELECT" => {
            format!("SELECT * FROM {noun} WHERE id = {id} AND deleted_at IS NULL")
        }
        _ => format!("UPDATE {noun} SET version = version + 1, updated_at = now() WHERE id = {id}"),
    };
    let attributes = vec![
        text("db.system.name", system),
        text("db.namespace", "shop"),
        text("db.operation.name", verb),
        text("db.collection.name", noun),
        text("db.query.text", statement),
        text("server.address", format!("{system}-{}.shop.svc", id % 3)),
        int("server.port", 5_000 + (id % 3) as i64),
        int(
            "db.response.returned_rows",
            i64::from(rng.random_range(0..500u32)),
        ),
    ];
    (format!("{verb} {noun}"), attributes)
}

fn internal(noun: &str, operation: usize, rng: &mut ChaCha8Rng) -> (String, Vec<KeyValue>) {
    let step = ["validate", "compute", "render", "serialise"][operation % 4];
    let attributes = vec![
        text("code.function.name", format!("com.shop.{noun}.{step}")),
        int("thread.id", rng.random_range(1..64)),
        text("thread.name", format!("worker-{}", rng.random_range(1..16))),
        attribute(
            "app.weight",
            Value::DoubleValue(f64::from(rng.random_range(0..1_000u32)) / 8.0),
        ),
    ];
    (format!("{noun}.{step}"), attributes)
}

fn message(node: &Node, noun: &str, rng: &mut ChaCha8Rng) -> (String, Vec<KeyValue>) {
    let verb = if node.role == Role::Producer {
        "send"
    } else {
        "process"
    };
    let topic = format!("shop.{noun}");
    let attributes = vec![
        text("messaging.system", "kafka"),
        text("messaging.operation.type", verb),
        text("messaging.destination.name", topic.clone()),
        int("messaging.kafka.offset", rng.random_range(1..9_000_000)),
        text(
            "messaging.destination.partition.id",
            (node.operation % 12).to_string(),
        ),
        text("messaging.message.id", uuid(rng)),
        int("messaging.message.body.size", rng.random_range(80..20_000)),
    ];
    (format!("{verb} {topic}"), attributes)
}

/// The exception of a failed span, with a stack trace in its language's manner.
pub fn exception(service: usize, at: u64, rng: &mut ChaCha8Rng) -> Event {
    let of = &SERVICES[service];
    let kinds = [
        "TimeoutException",
        "IllegalStateException",
        "ConnectionReset",
    ];
    let kind = kinds[rng.random_range(0..kinds.len())];
    let frames = (0..12).map(|depth| {
        format!(
            "\tat com.shop.{}.Handler{depth}.call(Handler{depth}.java:{})",
            of.name,
            40 + depth * 7
        )
    });
    let trace = format!(
        "com.shop.{kind}: upstream\n{}",
        frames.collect::<Vec<_>>().join("\n")
    );
    Event {
        time_unix_nano: at,
        name: "exception".to_owned(),
        attributes: vec![
            text("exception.type", format!("com.shop.{kind}")),
            text(
                "exception.message",
                format!("no answer within {} ms", rng.random_range(50..5_000)),
            ),
            text("exception.stacktrace", trace),
            attribute("exception.escaped", Value::BoolValue(false)),
        ],
        ..Default::default()
    }
}

/// Names of the instrumentation scopes, by role.
pub fn scope(node: &Node) -> (&'static str, &'static str) {
    match node.role {
        Role::Server | Role::Client => ("io.opentelemetry.http", "2.9.0"),
        Role::Query => ("io.opentelemetry.db", "2.9.0"),
        Role::Internal => ("shop.tracer", ""),
        Role::Producer | Role::Consumer => ("io.opentelemetry.kafka", "2.9.0"),
    }
}
