//! Tenants, time limits, queues, clients that go away, shutdown.

use std::sync::Arc;
use std::time::Duration;

use model::Tenant;
use query::{MemoryReader, QueryConfig, QueryLimits, TenancyConfig};
use storage::ReadError;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::sync::Semaphore;

use crate::support::{Server, checkout, ping};

/// A store that answers everything but the list of services in one way.
macro_rules! reader {
    ($name:ty, $this:ident => $answer:expr) => {
        impl storage::TraceReader for $name {
            async fn trace(
                &self,
                _: &model::Tenant,
                _: model::TraceId,
                _: Option<model::TimeRange>,
            ) -> Result<Option<storage::StoredTrace>, storage::ReadError> {
                let $this = self;
                $answer
            }
            async fn search(
                &self,
                _: &model::Tenant,
                _: &model::TraceQuery,
            ) -> Result<storage::FoundPage, storage::ReadError> {
                let $this = self;
                $answer
            }
            async fn attributes(
                &self,
                _: &model::Tenant,
                _: &storage::AttributeQuery,
            ) -> Result<storage::AttributeCounts, storage::ReadError> {
                let $this = self;
                $answer
            }
            async fn services(&self, _: &model::Tenant) -> Result<Vec<String>, storage::ReadError> {
                Ok(vec![])
            }
            async fn operations(
                &self,
                _: &model::Tenant,
                _: &str,
                _: Option<model::SpanKind>,
            ) -> Result<Vec<storage::Operation>, storage::ReadError> {
                let $this = self;
                $answer
            }
            async fn dependencies(
                &self,
                _: &model::Tenant,
                _: model::TimeRange,
            ) -> Result<Vec<storage::Dependency>, storage::ReadError> {
                let $this = self;
                $answer
            }
            async fn red(
                &self,
                _: &model::Tenant,
                _: &storage::RedQuery,
            ) -> Result<Vec<storage::RedPoint>, storage::ReadError> {
                let $this = self;
                $answer
            }
        }
    };
}
pub(crate) use reader;

/// Answers when it is let.
pub struct Held {
    entered: Arc<Semaphore>,
    released: Arc<Semaphore>,
}

reader! { Held, this => {
    this.entered.add_permits(1);
    let _ = this.released.acquire().await;
    Ok(Default::default())
} }

impl Held {
    pub fn new() -> (Self, Arc<Semaphore>, Arc<Semaphore>) {
        let (entered, released) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
        (
            Self {
                entered: entered.clone(),
                released: released.clone(),
            },
            entered,
            released,
        )
    }
}

fn limits(limits: QueryLimits) -> QueryConfig {
    QueryConfig {
        limits,
        ..QueryConfig::default()
    }
}

const SEARCH: &str = "/api/traces?service=web";
const V3_TRACE: &str = "/api/v3/traces/abc";

#[tokio::test]
async fn tenants_see_their_own_traces_alone() {
    let [a, b] = ["a", "b"].map(|name| Tenant::parse(name).expect("a name"));
    let reader = MemoryReader::new().with(&a, checkout()).with(&b, ping());
    let tenancy = TenancyConfig {
        required: true,
        tenants: vec!["a".into(), "b".into()],
        ..TenancyConfig::default()
    };
    let server = Server::start(
        QueryConfig {
            tenancy,
            ..QueryConfig::default()
        },
        reader,
    )
    .await;
    for (tenant, status, body) in [
        (
            "x-tenant: a\r\n",
            404,
            "{\"data\":null,\"total\":0,\"limit\":0,\"offset\":0,\"errors\":[{\"code\":404,\"msg\":\"trace not found\"}]}\n",
        ),
        ("", 401, "missing tenant header\n"),
        ("x-tenant: c\r\n", 401, "unknown tenant\n"),
    ] {
        let response = server
            .send(&format!("GET /api/traces/abc HTTP/1.0\r\n{tenant}\r\n"))
            .await;
        assert_eq!(
            (response.status, response.body.as_str()),
            (status, body),
            "{tenant}"
        );
    }
    let response = server
        .send("GET /api/traces/abc HTTP/1.0\r\nX-Tenant: b\r\n\r\n")
        .await;
    assert_eq!(response.status, 200);
}

#[tokio::test]
async fn a_query_that_takes_too_long_is_answered_with_504() {
    let (reader, _, _) = Held::new();
    let request_timeout = Duration::from_millis(50);
    let server = Server::start(
        limits(QueryLimits {
            request_timeout,
            ..QueryLimits::default()
        }),
        reader,
    )
    .await;
    let response = server.get(SEARCH).await;
    insta::assert_snapshot!(format!("{} {}", response.status, response.body), @r#"504 {"data":null,"total":0,"limit":0,"offset":0,"errors":[{"code":504,"msg":"the query took longer than 50ms"}]}"#);
    let response = server.get(V3_TRACE).await;
    insta::assert_snapshot!(format!("{} {}", response.status, response.body), @r#"504 {"error":{"httpCode":504,"message":"the query took longer than 50ms"}}"#);
}

struct Failing;

reader! { Failing, _this => Err(ReadError::Timeout) }

struct Broken;

reader! { Broken, _this => Err(ReadError::Inconsistent { table: "t", column: "c", what: "secret".into() }) }

#[tokio::test]
async fn failures_of_the_store_are_told_without_its_details() {
    let server = Server::start(QueryConfig::default(), Failing).await;
    let response = server.get(SEARCH).await;
    insta::assert_snapshot!(format!("{} {}", response.status, response.body), @r#"504 {"data":null,"total":0,"limit":0,"offset":0,"errors":[{"code":504,"msg":"the query took longer than it may"}]}"#);
    let server = Server::start(QueryConfig::default(), Broken).await;
    let response = server.get(V3_TRACE).await;
    insta::assert_snapshot!(format!("{} {}", response.status, response.body), @r#"500 {"error":{"httpCode":500,"message":"the store cannot answer, see the log of the query service"}}"#);
}

#[tokio::test]
async fn beyond_the_queue_requests_get_429() {
    let (reader, entered, released) = Held::new();
    let config = limits(QueryLimits {
        max_running: 1,
        max_waiting: 0,
        ..QueryLimits::default()
    });
    let server = Server::start(config, reader).await;
    let running = server.get(SEARCH);
    tokio::pin!(running);
    tokio::select! {
        _ = &mut running => panic!("it is held"),
        permit = entered.acquire() => permit.expect("open").forget(),
    }
    let refused = server.get(SEARCH).await;
    assert_eq!(
        (refused.status, refused.header("retry-after")),
        (429, Some("1"))
    );
    released.add_permits(1);
    assert_eq!(running.await.status, 200);
}

#[tokio::test]
async fn a_client_that_goes_away_frees_its_place() {
    let (reader, entered, released) = Held::new();
    let config = limits(QueryLimits {
        max_running: 1,
        max_waiting: 4,
        ..QueryLimits::default()
    });
    let server = Server::start(config, reader).await;
    let mut client = TcpStream::connect(server.address)
        .await
        .expect("it listens");
    let request = format!("GET {SEARCH} HTTP/1.1\r\nHost: q\r\n\r\n");
    client
        .write_all(request.as_bytes())
        .await
        .expect("it reads");
    entered.acquire().await.expect("open").forget();
    drop(client);
    released.add_permits(1);
    let next = tokio::time::timeout(Duration::from_secs(10), server.get(SEARCH)).await;
    assert_eq!(next.expect("the place is free").status, 200);
}

#[tokio::test]
async fn a_stop_finishes_what_is_under_way() {
    let (reader, entered, released) = Held::new();
    let mut server = Server::start(QueryConfig::default(), reader).await;
    let running = std::mem::replace(&mut server.running, tokio::spawn(async {}));
    let request = format!("GET {SEARCH} HTTP/1.1\r\nHost: q\r\n\r\n");
    let answer = server.send(&request);
    tokio::pin!(answer);
    tokio::select! {
        _ = &mut answer => panic!("it is held"),
        permit = entered.acquire() => permit.expect("open").forget(),
    }
    server.stop.stop();
    released.add_permits(1);
    assert_eq!(answer.await.status, 200);
    let ended = tokio::time::timeout(Duration::from_secs(10), running).await;
    ended
        .expect("it ends by itself")
        .expect("it does not panic");
    assert!(TcpStream::connect(server.address).await.is_err());
}

#[tokio::test]
async fn it_is_ready_once_the_store_answers() {
    let server = Server::with(vec![]).await;
    let wait = async {
        while !server.readiness.is_ready() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), wait)
        .await
        .expect("the store answers");
}

#[tokio::test]
async fn the_front_page_lists_the_apis() {
    let server = Server::with(vec![]).await;
    let response = server.get("/").await;
    assert_eq!(response.status, 200);
    assert!(
        response.body.contains("GET /api/traces/{id}"),
        "{response:?}"
    );
    let post = server.send("POST /api/services HTTP/1.0\r\n\r\n").await;
    assert_eq!((post.status, post.body.as_str()), (405, ""));
}

#[tokio::test]
async fn answers_are_compressed_for_clients_that_ask_for_it() {
    let server = Server::with(vec![checkout()]).await;
    let target = "/api/traces/0af7651916cd43dd8448eb211c80319c";
    let request = format!("GET {target} HTTP/1.0\r\nAccept-Encoding: gzip\r\n\r\n");
    let response = server.send(&request).await;
    assert_eq!(response.header("content-encoding"), Some("gzip"));
    assert_eq!(server.get(target).await.header("content-encoding"), None);
}
