//! A stock Jaeger UI: a stand-in page, and every endpoint that the real one's pages call.

use std::fs;

use query::{BuildError, MemoryReader, Query, QueryConfig};
use tempfile::TempDir;

use crate::support::{Response, Server, checkout};

/// The places of a page that are filled, old ones and new ones.
const PAGE: &str = r#"<!doctype html><base href="/" data-inject-target="BASE_URL" />
<script>
const JAEGER_CONFIG = DEFAULT_CONFIG;
const JAEGER_VERSION = DEFAULT_VERSION;
const JAEGER_BACKEND_CAPABILITIES = DEFAULT_BACKEND_CAPABILITIES;
const JAEGER_STORAGE_CAPABILITIES = DEFAULT_STORAGE_CAPABILITIES;
// JAEGER_CONFIG_JS
// the line above may be replaced
</script><script src="static/index-DvR3kx9A.js"></script>
"#;

/// A folder with a page, assets and a configuration.
fn folder(config: &str) -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let write = |name: &str, text: &str| {
        fs::write(folder.path().join(name), text).expect("a file");
    };
    fs::create_dir(folder.path().join("static")).expect("a folder");
    write("index.html", PAGE);
    write("static/index-DvR3kx9A.js", "start();");
    write("static/logo.svg", "<svg/>");
    write("ui.json", config);
    write(
        "ui.js",
        "function UIConfig() { return { archiveEnabled: true }; }",
    );
    folder
}

fn config(folder: &TempDir, base_path: &str, file: &str) -> QueryConfig {
    QueryConfig {
        ui_dir: Some(folder.path().to_owned()),
        ui_config: Some(folder.path().join(file)),
        base_path: base_path.to_owned(),
        ..QueryConfig::default()
    }
}

async fn serve(config: QueryConfig) -> Server {
    let tenant = model::Tenant::default();
    let reader = MemoryReader::new().with(&tenant, checkout());
    Server::start(config, reader).await
}

#[tokio::test]
async fn the_page_has_the_configuration_in_it_and_is_never_kept() {
    let folder = folder(r#"{"archiveEnabled":true}"#);
    let server = serve(config(&folder, "/", "ui.json")).await;
    let page = server.get("/search?service=web").await;
    assert_eq!(page.status, 200);
    assert_eq!(
        page.header("content-type"),
        Some("text/html; charset=utf-8")
    );
    assert_eq!(
        page.header("cache-control"),
        Some("no-cache, no-store, must-revalidate")
    );
    for place in [
        r#"JAEGER_CONFIG = {"archiveEnabled":true};"#,
        r#""searchWithoutServiceName":true"#,
        r#""gitVersion":"v"#,
        r#""metricsStorage":true"#,
    ] {
        assert!(page.body.contains(place), "{place}: {}", page.body);
    }
    for path in [
        "/",
        "/index.html",
        "/trace/abc",
        "/trace/a...b",
        "/monitor",
        "/plexus-demo",
    ] {
        assert_eq!(server.get(path).await.body, page.body, "{path}");
    }
}

#[tokio::test]
async fn a_script_may_configure_it_under_a_base_path() {
    let folder = folder("{}");
    let server = serve(config(&folder, "/jaeger", "ui.js")).await;
    for path in ["/jaeger", "/jaeger/", "/jaeger/search"] {
        let page = server.get(path).await;
        assert_eq!(page.status, 200, "{path}");
        assert!(page.body.contains("\nfunction UIConfig() {"), "{page:?}");
        assert!(page.body.contains(r#"<base href="/jaeger/""#), "{page:?}");
    }
    for path in ["/", "/search", "/jaegerx", "/static/logo.svg"] {
        assert_eq!(server.get(path).await.status, 404, "{path}");
    }
    assert_eq!(server.get("/jaeger/static/logo.svg").await.status, 200);
}

async fn with_tag(server: &Server, path: &str, tag: &str) -> Response {
    let request = format!("GET {path} HTTP/1.0\r\nif-none-match: {tag}\r\n\r\n");
    server.send(&request).await
}

#[tokio::test]
async fn assets_are_kept_by_browsers_as_long_as_their_names_tell() {
    let folder = folder("{}");
    let server = serve(config(&folder, "/", "ui.json")).await;
    let hashed = server.get("/static/index-DvR3kx9A.js").await;
    assert_eq!((hashed.status, hashed.body.as_str()), (200, "start();"));
    let kind = hashed.header("content-type");
    assert_eq!(kind, Some("text/javascript; charset=utf-8"));
    let cached = hashed.header("cache-control");
    assert_eq!(cached, Some("public, max-age=31536000, immutable"));
    let plain = server.get("/static/logo.svg").await;
    assert_eq!(plain.header("content-type"), Some("image/svg+xml"));
    assert_eq!(plain.header("cache-control"), Some("no-cache"));
    let tag = plain.header("etag").expect("a tag");
    assert_eq!(with_tag(&server, "/static/logo.svg", tag).await.status, 304);
    assert_eq!(
        with_tag(&server, "/static/logo.svg", "\"other\"")
            .await
            .status,
        200
    );
}

#[tokio::test]
async fn what_is_not_there_is_not_the_page() {
    let folder = folder("{}");
    let server = serve(config(&folder, "/", "ui.json")).await;
    for path in [
        "/api/nothing",
        "/api",
        "/analytics/v1/nothing",
        "/static/gone.js",
        "/static/%2e%2e/ui.json",
        "/admin/dead-letters",
        "/zipkin/nothing",
    ] {
        let response = server.get(path).await;
        assert_eq!(response.status, 404, "{path}");
        assert!(!response.body.contains("<script"), "{path}");
    }
    let post = server.send("POST /search HTTP/1.0\r\n\r\n").await;
    assert_eq!(post.status, 404);
}

#[tokio::test]
async fn a_folder_or_a_configuration_that_cannot_be_used_is_refused_at_the_start() {
    let folder = folder("[]");
    let broken = |file: &str| config(&folder, "/", file);
    fs::write(folder.path().join("empty.js"), "const a = 1;").expect("a file");
    let nowhere = QueryConfig {
        ui_dir: Some(folder.path().join("nowhere")),
        ..QueryConfig::default()
    };
    let mut told = String::new();
    for config in [
        broken("ui.json"),
        broken("empty.js"),
        broken("gone.json"),
        nowhere,
    ] {
        let readiness = bootstrap::Readiness::new();
        let reader = std::sync::Arc::new(MemoryReader::new());
        let built = Query::build(config, reader, &readiness).await;
        let Err(BuildError::Ui(error)) = built else {
            panic!("it is not refused");
        };
        let folder = folder.path().display().to_string();
        told += &format!("{}\n", error.to_string().replace(&folder, "…"));
    }
    assert_eq!(told.lines().count(), 4, "{told}");
}

/// What each page of the UI asks for, as recorded, with the status it must get.
const CALLS: [(&str, &str, u16); 25] = [
    // Search, of every generation.
    ("GET", "/api/v3/services", 200),
    ("GET", "/api/v3/operations?service=web", 200),
    ("GET", "/api/services", 200),
    ("GET", "/api/services/web/operations", 200),
    ("GET", "/api/operations?service=web&spanKind=server", 200),
    (
        "GET",
        "/api/v3/trace-summaries?query.serviceName=web&query.operationName=GET%20%2Fcheckout&query.startTimeMin=2026-09-21T00%3A00%3A00.000Z&query.startTimeMax=2026-09-22T00%3A00%3A00.000Z&query.searchDepth=20&query.durationMin=1ms&query.durationMax=1.5s&query.attributes=%7B%22http.status_code%22%3A%22500%22%7D",
        200,
    ),
    (
        "GET",
        "/api/v3/trace-summaries?query.startTimeMin=2026-09-21T00%3A00%3A00Z&query.startTimeMax=2026-09-22T00%3A00%3A00Z&query.searchDepth=20",
        200,
    ),
    (
        "GET",
        "/api/traces?end=1790000100000000&limit=20&lookback=1h&maxDuration&minDuration&service=web&start=1789990000000000&tags=%7B%22error%22%3A%22true%22%7D",
        200,
    ),
    ("GET", "/api/traces?limit=20&lookback=1h&service=web", 200),
    ("POST", "/api/transform", 200),
    // A trace, its JSON links, two of them.
    ("GET", "/api/traces/0af7651916cd43dd8448eb211c80319c", 200),
    (
        "GET",
        "/api/traces/0af7651916cd43dd8448eb211c80319c?prettyPrint=true",
        200,
    ),
    (
        "GET",
        "/api/traces/0af7651916cd43dd8448eb211c80319c?raw=true&prettyPrint=true",
        200,
    ),
    (
        "GET",
        "/api/traces?traceID=0af7651916cd43dd8448eb211c80319c&traceID=abc",
        200,
    ),
    ("GET", "/api/traces/def", 404),
    ("POST", "/api/archive/0af7651916cd43dd8448eb211c80319c", 200),
    // System architecture.
    (
        "GET",
        "/api/dependencies?endTs=1790000100000&lookback=604800000",
        200,
    ),
    // Monitor.
    (
        "GET",
        "/api/metrics/latencies?service=web&endTs=1790000100000&lookback=3600000&quantile=0.95&step=60000&ratePer=600000&spanKind=server",
        200,
    ),
    (
        "GET",
        "/api/metrics/calls?service=web&endTs=1790000100000&lookback=3600000&step=60000&ratePer=600000&spanKind=server",
        200,
    ),
    (
        "GET",
        "/api/metrics/errors?service=web&endTs=1790000100000&lookback=3600000&step=60000&ratePer=600000&spanKind=server",
        200,
    ),
    (
        "GET",
        "/api/metrics/latencies?service=web&groupByOperation=true&endTs=1790000100000&lookback=3600000&quantile=0.95&step=60000&ratePer=600000&spanKind=server",
        200,
    ),
    (
        "GET",
        "/api/metrics/calls?service=web&groupByOperation=true&endTs=1790000100000&lookback=3600000&step=60000&ratePer=600000&spanKind=server",
        200,
    ),
    (
        "GET",
        "/api/metrics/errors?service=web&groupByOperation=true&endTs=1790000100000&lookback=3600000&step=60000&ratePer=600000&spanKind=server",
        200,
    ),
    // Pages that are off by default.
    (
        "GET",
        "/analytics/v1/dependencies?service=web&operation=charge&start=1790000100&end=1790000200",
        200,
    ),
    ("GET", "/api/quality-metrics?hours=24&service=web", 200),
];

const UPLOAD: &str = r#"{"resourceSpans":[]}"#;

#[tokio::test]
async fn every_page_finds_the_endpoints_that_it_calls_under_a_base_path_too() {
    let folder = folder("{}");
    for base in ["", "/jaeger"] {
        let path = if base.is_empty() { "/" } else { base };
        let server = serve(config(&folder, path, "ui.json")).await;
        for (method, target, status) in CALLS {
            let body = if target == "/api/transform" {
                UPLOAD
            } else {
                ""
            };
            let length = body.len();
            let request = format!(
                "{method} {base}{target} HTTP/1.0\r\ncontent-length: {length}\r\n\r\n{body}"
            );
            let response = server.send(&request).await;
            assert_eq!(response.status, status, "{base}{target}: {}", response.body);
            assert!(serde_json::from_str::<serde_json::Value>(&response.body).is_ok());
        }
    }
}
