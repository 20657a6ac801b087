//! A stock Jaeger UI, served as Jaeger serves it: the page with the configuration put in, its
//! assets, and the page again for every path that is nobody else's.

mod file;
mod page;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::response::Response;
use bootstrap::chain;
use http::request::Parts;
use http::{HeaderValue, Method, StatusCode, header};
use storage::Capabilities;

use self::page::Custom;
use super::answer::plain_text;
use crate::config::QueryConfig;

/// How often the configuration of the UI is read again.
const REREAD: Duration = Duration::from_secs(10);

/// Where APIs lie: what is not found there is not there.
const APIS: [&str; 4] = ["api", "analytics", "admin", "zipkin"];
/// Where the assets lie, as far as the page does not name them otherwise.
const ASSETS: &str = "static";

/// Why a UI cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum UiError {
    /// A file that is needed cannot be read.
    #[error("{} cannot be read", path.display())]
    File {
        /// Its path.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// The configuration of the UI is no JSON object.
    #[error("{} holds no JSON object", path.display())]
    Json {
        /// Its path.
        path: PathBuf,
        /// The cause; none if it is another value.
        source: Option<serde_json::Error>,
    },
    /// The configuration of the UI is a script without the function that the page calls.
    #[error("{} does not define function UIConfig()", .0.display())]
    Script(PathBuf),
}

/// The UI.
#[derive(Debug)]
pub(super) struct Ui {
    folder: PathBuf,
    config: Option<PathBuf>,
    /// The base path without its last slash.
    base: String,
    /// What the page is told that the store can do, as far as it was known at the start.
    able: Capabilities,
    page: String,
    shown: Mutex<Shown>,
}

#[derive(Debug, Clone)]
struct Shown {
    page: Arc<str>,
    read_at: Instant,
}

impl Ui {
    /// Reads the page and its configuration; `None` where no folder is configured.
    pub(super) fn open(config: &QueryConfig, able: Capabilities) -> Result<Option<Self>, UiError> {
        let Some(folder) = config.ui_dir.clone() else {
            return Ok(None);
        };
        let page = text(&folder.join("index.html"))?;
        let base = config.base_path.trim_end_matches('/').to_owned();
        let custom = custom(config.ui_config.as_deref())?;
        let shown = page::inject(&page, &custom, &base, &able);
        Ok(Some(Self {
            folder,
            config: config.ui_config.clone(),
            base,
            able,
            page,
            shown: Mutex::new(Shown {
                page: shown.into(),
                read_at: Instant::now(),
            }),
        }))
    }

    /// The answer to a request that no route is for; `None` if there is nothing.
    pub(super) async fn answer(&self, request: &Parts) -> Option<Response> {
        if !matches!(request.method, Method::GET | Method::HEAD) {
            return None;
        }
        let path = request.uri.path().strip_prefix(&self.base)?;
        if !path.is_empty() && !path.starts_with('/') {
            return None;
        }
        let first = path.split('/').nth(1).unwrap_or_default();
        if APIS.contains(&first) {
            return None;
        }
        let is_page = matches!(path, "" | "/" | "/index.html");
        if !is_page && let Some(asset) = file::read(&self.folder, path).await {
            return Some(asset_response(request, asset));
        }
        (first != ASSETS).then(|| self.page_response())
    }

    fn page_response(&self) -> Response {
        let mut response = Response::new(Body::from(self.shown().to_string()));
        let headers = response.headers_mut();
        let html = HeaderValue::from_static("text/html; charset=utf-8");
        headers.insert(header::CONTENT_TYPE, html);
        // It names assets that the next version does not have.
        let never = HeaderValue::from_static("no-cache, no-store, must-revalidate");
        headers.insert(header::CACHE_CONTROL, never);
        response
    }

    /// The page, with a configuration that is not old. One that is broken now leaves the last one.
    fn shown(&self) -> Arc<str> {
        let mut shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        if self.config.is_some() && shown.read_at.elapsed() >= REREAD {
            shown.read_at = Instant::now();
            match custom(self.config.as_deref()) {
                Ok(custom) => {
                    let page = page::inject(&self.page, &custom, &self.base, &self.able);
                    shown.page = page.into();
                }
                Err(error) => tracing::warn!(
                    error = %chain(&error),
                    "The UI keeps the configuration that it has"
                ),
            }
        }
        shown.page.clone()
    }
}

fn asset_response(request: &Parts, asset: file::Asset) -> Response {
    let known = request.headers.get(header::IF_NONE_MATCH);
    let is_known = known.is_some_and(|tags| {
        let tags = tags.to_str().unwrap_or_default();
        tags.split(',').any(|tag| tag.trim() == asset.tag)
    });
    let mut response = match is_known {
        true => plain_text(StatusCode::NOT_MODIFIED, Body::empty()),
        false => Response::new(Body::from(asset.content)),
    };
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(asset.kind));
    if let Ok(tag) = HeaderValue::from_str(&asset.tag) {
        headers.insert(header::ETAG, tag);
    }
    let cached = match asset.is_named_by_content {
        true => "public, max-age=31536000, immutable",
        false => "no-cache",
    };
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(cached));
    response
}

fn text(path: &Path) -> Result<String, UiError> {
    std::fs::read_to_string(path).map_err(|source| UiError::File {
        path: path.to_owned(),
        source,
    })
}

/// The operator's configuration: a script by its name, JSON otherwise.
fn custom(path: Option<&Path>) -> Result<Custom, UiError> {
    let Some(path) = path else {
        return Ok(Custom::None);
    };
    let text = text(path)?;
    if path.extension().is_some_and(|kind| kind == "js") {
        return match page::defines_config(&text) {
            true => Ok(Custom::Script(text)),
            false => Err(UiError::Script(path.to_owned())),
        };
    }
    let refused = |source| UiError::Json {
        path: path.to_owned(),
        source,
    };
    match serde_json::from_str(&text).map_err(|error| refused(Some(error)))? {
        values @ serde_json::Value::Object(_) => Ok(Custom::Json(values)),
        _ => Err(refused(None)),
    }
}
