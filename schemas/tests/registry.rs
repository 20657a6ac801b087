//! The registry client against a real registry, and against servers that are none.

use std::{
    hash::{BuildHasher, Hasher, RandomState},
    io::{Read, Write},
    net::TcpListener,
    time::Duration,
};

use schemas::{
    RegistryClient, RegistryError, RegistryTimeouts, SchemaId, TRACE_CHUNK_SCHEMA, fingerprint_of,
};

fn url() -> String {
    std::env::var("SPOOR_TEST_REGISTRY_URL")
        .expect("run through `make test`, or set SPOOR_TEST_REGISTRY_URL")
}

fn client(url: &str) -> RegistryClient {
    RegistryClient::new(url, RegistryTimeouts::default()).expect("the address is one of HTTP")
}

/// A subject of this test alone.
fn subject(test: &str) -> String {
    let random = RandomState::new().build_hasher().finish();
    format!("{test}-{random:016x}-value")
}

/// The embedded schema with one more field in `Span`.
fn with_field(field: &str) -> String {
    let last = r#"{"name": "repairs","#;
    assert_eq!(TRACE_CHUNK_SCHEMA.matches(last).count(), 1);
    TRACE_CHUNK_SCHEMA.replace(last, &format!("{field},\n{last}"))
}

/// A subject that holds the embedded schema and asks for compatibility.
async fn guarded(client: &RegistryClient, test: &str) -> String {
    let subject = subject(test);
    client
        .require_compatibility(&subject)
        .await
        .expect("the rule is taken");
    client
        .register(&subject, TRACE_CHUNK_SCHEMA)
        .await
        .expect("the first schema is taken");
    subject
}

#[tokio::test]
async fn installations_that_begin_at_the_same_time_are_not_in_each_others_way() {
    for _ in 0..5 {
        let subject = subject("at-the-same-time");
        let mut all = tokio::task::JoinSet::new();
        for _ in 0..8 {
            let (client, subject) = (client(&url()), subject.clone());
            all.spawn(async move {
                client.require_compatibility(&subject).await?;
                client.register(&subject, TRACE_CHUNK_SCHEMA).await
            });
        }
        let ids = all.join_all().await.into_iter();
        let mut ids: Vec<SchemaId> = ids.map(|id| id.expect("the schema is taken")).collect();
        ids.dedup();
        assert_eq!(ids.len(), 1, "{ids:?}");
    }
}

/// Serves one connection with these bytes, or with silence.
fn server(answer: Option<Vec<u8>>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("it is bound");
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept()?;
        let mut request = [0; 4096];
        let _ = stream.read(&mut request)?;
        match answer {
            Some(answer) => stream.write_all(&answer),
            None => stream.read_to_end(&mut Vec::new()).map(drop),
        }
    });
    format!("http://{address}")
}

fn http(status: &str, headers: &str, body: &str) -> Option<Vec<u8>> {
    let length = body.len();
    let head = format!("HTTP/1.1 {status}\r\ncontent-length: {length}\r\n{headers}\r\n");
    Some([head.as_bytes(), body.as_bytes()].concat())
}

async fn fetch_from(answer: Option<Vec<u8>>) -> Result<String, RegistryError> {
    let timeouts = RegistryTimeouts {
        total: Duration::from_millis(300),
        ..RegistryTimeouts::default()
    };
    let client = RegistryClient::new(&server(answer), timeouts)?;
    client.fetch(SchemaId(1)).await
}

#[tokio::test]
async fn registering_twice_gives_the_same_id() {
    let (client, subject) = (client(&url()), subject("twice"));
    let first = client
        .register(&subject, TRACE_CHUNK_SCHEMA)
        .await
        .expect("it is taken");
    let second = client
        .register(&subject, TRACE_CHUNK_SCHEMA)
        .await
        .expect("it is there");
    assert_eq!(first, second);
}

#[tokio::test]
async fn a_registered_schema_is_given_back() {
    let (client, subject) = (client(&url()), subject("given-back"));
    let id = client
        .register(&subject, TRACE_CHUNK_SCHEMA)
        .await
        .expect("it is taken");
    let fetched = client.fetch(id).await.expect("it is there");
    assert_eq!(fingerprint_of(&fetched).ok(), Some(schemas::fingerprint()));
}

#[tokio::test]
async fn a_new_field_with_a_default_is_compatible() {
    let client = client(&url());
    let subject = guarded(&client, "compatible").await;
    let newer = with_field(r#"{"name": "new", "type": "string", "default": ""}"#);
    assert!(
        client
            .is_compatible(&subject, &newer)
            .await
            .expect("it says so")
    );
    client
        .register(&subject, &newer)
        .await
        .expect("it is taken");
}

#[tokio::test]
async fn a_new_field_without_a_default_is_refused() {
    let client = client(&url());
    let subject = guarded(&client, "incompatible").await;
    let newer = with_field(r#"{"name": "new", "type": "string"}"#);
    assert!(
        !client
            .is_compatible(&subject, &newer)
            .await
            .expect("it says so")
    );
    let refused = client
        .register(&subject, &newer)
        .await
        .expect_err("it is refused");
    assert!(
        matches!(refused, RegistryError::Incompatible { .. }),
        "{refused:?}"
    );
    assert!(!refused.is_transient());
}

#[tokio::test]
async fn a_subject_without_a_schema_takes_any() {
    let client = client(&url());
    let any = client
        .is_compatible(&subject("empty"), TRACE_CHUNK_SCHEMA)
        .await;
    assert!(any.expect("it says so"));
}

#[tokio::test]
async fn an_unknown_id_is_not_found() {
    let unknown = client(&url()).fetch(SchemaId(2_000_000_000)).await;
    assert!(
        matches!(unknown, Err(RegistryError::NotFound { .. })),
        "{unknown:?}"
    );
}

#[tokio::test]
async fn a_registry_that_is_down_may_be_asked_again() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("it is bound");
    drop(listener);
    let down = client(&format!("http://user:secret@{address}"))
        .fetch(SchemaId(1))
        .await;
    let down = down.expect_err("nobody listens");
    assert!(down.is_transient());
    assert!(!format!("{down:?}").contains("secret"));
}

#[tokio::test]
async fn a_registry_that_is_silent_is_given_up() {
    let silent = fetch_from(None).await.expect_err("nothing comes");
    assert!(silent.is_transient(), "{silent:?}");
}

#[tokio::test]
async fn failures_are_transient_and_refusals_are_not() {
    for (status, transient) in [
        ("500 Internal Server Error", true),
        ("503 Service Unavailable", true),
        ("429 Too Many Requests", true),
        ("401 Unauthorized", false),
        ("404 Not Found", false),
    ] {
        let error = fetch_from(http(status, "", "{\"message\": \"no\"}")).await;
        assert_eq!(
            error.expect_err(status).is_transient(),
            transient,
            "{status}"
        );
    }
}

#[tokio::test]
async fn a_page_instead_of_an_answer_is_not_believed() {
    let page = fetch_from(http("200 OK", "", "<html>"))
        .await
        .expect_err("it is HTML");
    assert!(page.is_transient(), "{page:?}");
}

#[tokio::test]
async fn no_redirect_is_followed() {
    let moved = http("302 Found", "location: http://127.0.0.1:9/\r\n", "");
    let moved = fetch_from(moved).await.expect_err("it points elsewhere");
    assert!(
        matches!(moved, RegistryError::Refused { status: 302, .. }),
        "{moved:?}"
    );
}

#[tokio::test]
async fn an_endless_answer_is_cut_off() {
    let endless = "x".repeat(2 * 1024 * 1024);
    let cut = fetch_from(http("200 OK", "", &endless))
        .await
        .expect_err("it is too large");
    assert!(matches!(cut, RegistryError::TooLarge), "{cut:?}");
}

#[test]
fn an_address_that_is_not_one_of_http_is_refused() {
    for address in ["localhost:8081", "file:///etc/passwd", ""] {
        let refused = RegistryClient::new(address, RegistryTimeouts::default());
        assert!(
            matches!(refused, Err(RegistryError::InvalidUrl)),
            "{address}"
        );
    }
}

#[tokio::test]
async fn every_version_is_compatible_with_all_before_it() {
    let (client, subject) = (client(&url()), subject("history"));
    client
        .require_compatibility(&subject)
        .await
        .expect("the rule is taken");
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/avro");
    for version in 1.. {
        let Ok(schema) = std::fs::read_to_string(format!("{folder}/trace_chunk.v{version}.avsc"))
        else {
            assert!(version > 1, "there is a first version");
            return;
        };
        client
            .register(&subject, &schema)
            .await
            .expect("the registry accepts the change");
    }
}
