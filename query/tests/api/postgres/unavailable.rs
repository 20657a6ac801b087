//! What clients and operators see while Postgres is away.

use std::net::TcpListener;
use std::time::Duration;

use query::QueryConfig;
use storage::{DatabaseUrl, PostgresStore, StorageConfig};

use crate::support::Server;

/// A port that nothing listens on.
fn closed_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("an address").port()
}

#[tokio::test]
async fn requests_are_answered_with_503_and_readiness_tells_why() {
    let config = StorageConfig {
        url: DatabaseUrl(format!(
            "postgres://nobody@127.0.0.1:{}/none",
            closed_port()
        )),
        acquire_timeout: Duration::from_millis(200),
        ..StorageConfig::default()
    };
    let store = PostgresStore::connect(&config)
        .await
        .expect("a good configuration");
    let server = Server::start(QueryConfig::default(), store).await;
    let response = server.get("/api/traces/abc").await;
    assert_eq!(
        (response.status, response.header("retry-after")),
        (503, Some("1"))
    );
    insta::assert_snapshot!(response.body, @r#"{"data":null,"total":0,"limit":0,"offset":0,"errors":[{"code":503,"msg":"the store is not available for now"}]}"#);
    let response = server.get("/api/v3/services").await;
    insta::assert_snapshot!(response.body, @r#"{"error":{"httpCode":503,"message":"the store is not available for now"}}"#);
    assert!(!server.readiness.is_ready());
}
