//! The admin API: who is let in, what is asked, what is answered.

use std::sync::{Arc, Mutex};

use bootstrap::{Readiness, Secret, Stop};
use futures_util::future::{BoxFuture, FutureExt};
use model::{
    Letter, LetterContent, LetterFilter, LetterGroup, LetterGroups, LetterId, LetterOrigin,
    LetterPage, PurgeReport, PurgeRequest, RedriveOutcome, RedriveReport, RedriveRequest,
    RedriveState, RejectReason,
};
use query::{
    AdminConfig, AdminError, DeadLetterAdmin, MemoryReader, Query, QueryConfig, RemoteStorageConfig,
};

use crate::support::{Response, Server};

fn letter(offset: i64) -> Letter {
    Letter {
        id: LetterId {
            partition: 2,
            offset,
        },
        reason: Some(RejectReason::UnknownSchema),
        error: "schema 9 is not known".to_owned(),
        origin: Some(LetterOrigin {
            topic: "spoor.spans".to_owned(),
            partition: 5,
            offset: 1_417,
            timestamp_ms: 12,
        }),
        schema_id: Some(9),
        attempt: 1,
        at: 1_790_000_000_000_000_001,
        by: "spoor".to_owned(),
        tenant: None,
        trace_id: None,
        services: Vec::new(),
        spans: 0,
        bytes: 8,
        redrive: RedriveState::Untouched,
    }
}

/// Three letters, and what was asked to be done with them.
#[derive(Default)]
struct Letters {
    done: Mutex<Vec<String>>,
}

impl DeadLetterAdmin for Letters {
    fn groups(&self, filter: LetterFilter) -> BoxFuture<'_, Result<Vec<LetterGroup>, AdminError>> {
        let mut groups = LetterGroups::default();
        let all = (1..4).map(letter);
        all.filter(|letter| filter.matches(letter))
            .for_each(|letter| groups.add(&letter));
        async { Ok(groups.into_groups()) }.boxed()
    }

    fn page(
        &self,
        _: LetterFilter,
        after: Option<LetterId>,
        most: usize,
    ) -> BoxFuture<'_, Result<LetterPage, AdminError>> {
        let first = after.map_or(1, |id| id.offset + 1);
        let letters: Vec<Letter> = (first..4).take(most).map(letter).collect();
        let last = letters.last().map(|letter| letter.id);
        let next = last.filter(|id| id.offset < 3);
        async move { Ok(LetterPage { letters, next }) }.boxed()
    }

    fn letter(&self, id: LetterId) -> BoxFuture<'_, Result<Option<LetterContent>, AdminError>> {
        let content = LetterContent {
            letter: letter(id.offset),
            key: Some(vec![0xab]),
            headers: vec![("tenant".to_owned(), b"default".to_vec())],
            payload: vec![0, 0, 0, 0, 9, 1, 2, 3],
            decoded: None,
            undecoded: Some((5, "schema 9 is not known".to_owned())),
        };
        async move { Ok((id.offset < 4).then_some(content)) }.boxed()
    }

    fn redrive(&self, request: RedriveRequest) -> BoxFuture<'_, Result<RedriveReport, AdminError>> {
        self.done
            .lock()
            .expect("nobody panics with it")
            .push(format!("{request:?}"));
        let busy = request.max_attempts == 9;
        let mut report = RedriveReport::new(request.dry_run);
        report.add(RedriveOutcome::Redriven);
        async move {
            match busy {
                true => Err(AdminError::Busy("another one is under way".to_owned())),
                false => Ok(report),
            }
        }
        .boxed()
    }

    fn purge(&self, request: PurgeRequest) -> BoxFuture<'_, Result<PurgeReport, AdminError>> {
        self.done
            .lock()
            .expect("nobody panics with it")
            .push(format!("{request:?}"));
        async { Err(AdminError::Refused("only from the start".to_owned())) }.boxed()
    }
}

async fn serve(token: &str, letters: Arc<Letters>) -> Server {
    let config = QueryConfig {
        listen: ([127, 0, 0, 1], 0).into(),
        grpc_listen: ([127, 0, 0, 1], 0).into(),
        remote_storage: RemoteStorageConfig {
            enabled: false,
            ..RemoteStorageConfig::default()
        },
        admin: AdminConfig {
            token: Secret::new(token),
            ..AdminConfig::default()
        },
        ..QueryConfig::default()
    };
    let readiness = Readiness::new();
    let built = Query::build(config, Arc::new(MemoryReader::new()), &readiness).await;
    let query = built.expect("a good configuration").with_admin(letters);
    let (stop, stopped) = Stop::new();
    Server {
        address: query.addresses(),
        grpc: query.grpc_address(),
        remote_storage: query.remote_storage_address(),
        readiness,
        stop,
        running: tokio::spawn(query.run(stopped)),
    }
}

async fn get(server: &Server, path: &str) -> Response {
    let head = format!("GET /admin/dead-letters{path} HTTP/1.0");
    server
        .send(&format!("{head}\r\nauthorization: Bearer hunter2\r\n\r\n"))
        .await
}

async fn post(server: &Server, path: &str, body: &str) -> Response {
    let head = format!("POST /admin/dead-letters/{path} HTTP/1.0");
    let headers = format!(
        "authorization: Bearer hunter2\r\ncontent-length: {}",
        body.len()
    );
    server
        .send(&format!("{head}\r\n{headers}\r\n\r\n{body}"))
        .await
}

#[tokio::test]
async fn without_a_token_in_the_configuration_there_is_no_admin_api() {
    let server = serve("", Arc::default()).await;
    assert_eq!(get(&server, "").await.status, 404);
    assert_eq!(
        post(&server, "redrive", r#"{"all":true}"#).await.status,
        404
    );
}

#[tokio::test]
async fn nothing_is_told_or_done_without_the_token() {
    let letters = Arc::new(Letters::default());
    let server = serve("hunter2", letters.clone()).await;
    for header in [
        "",
        "authorization: Bearer hunter3\r\n",
        "authorization: hunter2\r\n",
    ] {
        for request in ["GET /admin/dead-letters", "POST /admin/dead-letters/purge"] {
            let response = server
                .send(&format!("{request} HTTP/1.0\r\n{header}\r\n"))
                .await;
            assert_eq!(response.status, 401, "{request} {header}");
            assert_eq!(response.header("www-authenticate"), Some("Bearer"));
        }
    }
    assert!(letters.done.lock().unwrap().is_empty());
}

#[tokio::test]
async fn letters_are_grouped_listed_and_opened() {
    let server = serve("hunter2", Arc::default()).await;
    insta::assert_snapshot!(get(&server, "?reason=unknown_schema").await.body);
    assert_eq!(get(&server, "?reason=unframed").await.json()["records"], 0);
    let page = get(&server, "/records?limit=2").await.json();
    assert_eq!(
        (page["letters"][1]["id"].as_str(), page["next"].as_str()),
        (Some("2/2"), Some("2/2"))
    );
    let rest = get(&server, "/records?limit=2&after=2/2").await.json();
    assert_eq!(
        (&rest["letters"][0]["id"], &rest["next"]),
        (&"2/3".into(), &serde_json::Value::Null)
    );
    insta::assert_snapshot!(get(&server, "/2/3").await.body);
    assert_eq!(get(&server, "/2/4").await.status, 404);
}

#[tokio::test]
async fn garbage_is_refused_before_anything_is_asked() {
    let letters = Arc::new(Letters::default());
    let server = serve("hunter2", letters.clone()).await;
    for path in [
        "/2/x",
        "/-1/3",
        "/%2e%2e/3",
        "?reasons=unframed",
        "?since=now",
        "/records?after=7",
    ] {
        assert_eq!(get(&server, path).await.status, 400, "{path}");
    }
    for (path, body) in [
        ("redrive", "{}"),
        ("redrive", "{"),
        ("redrive", r#"{"all":true,"id":"0/1"}"#),
        ("purge", r#"{"upTo":"0/1"}"#),
        ("purge", r#"{"reason":"unframed","yes":true}"#),
    ] {
        assert_eq!(post(&server, path, body).await.status, 400, "{path} {body}");
    }
    assert!(letters.done.lock().unwrap().is_empty());
}

#[tokio::test]
async fn letters_are_driven_again_and_what_cannot_be_done_is_told() {
    let server = serve("hunter2", Arc::default()).await;
    let done = post(&server, "redrive", r#"{"schemaId":9,"dryRun":true}"#).await;
    insta::assert_snapshot!(done.body);
    let busy = post(&server, "redrive", r#"{"all":true,"maxAttempts":9}"#).await;
    insta::assert_snapshot!(format!("{} {}", busy.status, busy.body), @r#"409 {"error":{"httpCode":409,"message":"another one is under way"}}"#);
    let refused = post(&server, "purge", r#"{"id":"0/5","yes":true}"#).await;
    insta::assert_snapshot!(format!("{} {}", refused.status, refused.body), @r#"400 {"error":{"httpCode":400,"message":"only from the start"}}"#);
}
