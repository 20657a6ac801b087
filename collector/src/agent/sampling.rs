//! What to sample, passed on from collectors: fresh while they answer, the last answer while they
//! do not.

mod answers;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::body::Body;
use axum::response::Response;
use axum::routing::get;
use bytes::{Bytes, BytesMut};
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue, StatusCode, Uri};
use tokio::time::Instant;

use self::answers::{Answers, Question};
use super::config::{AgentConfig, AgentSamplingConfig};
use super::metrics::sampling_answered;
use crate::receive::in_text;

/// The port of a collector for what to sample, where none is configured.
const PORT: u16 = 5778;
/// The paths that mean something of their own; all others mean [`ANY_OTHER`].
const PATHS: [&str; 3] = ["/", "/api/sampling", "/baggageRestrictions"];
const ANY_OTHER: &str = "/sampling";
/// Longest question. It holds the name of a service.
const MAX_QUESTION: usize = 4 << 10;
/// Longest answer.
const MAX_ANSWER: usize = 1 << 20;

/// Asks collectors and remembers what they answered.
pub(super) struct Asking {
    config: AgentSamplingConfig,
    url: String,
    tenant_header: String,
    client: reqwest::Client,
    answers: Mutex<Answers>,
}

/// Why a collector's answer is none.
#[derive(Debug, thiserror::Error)]
enum AskError {
    #[error("no collector answers")]
    Unreachable(#[from] reqwest::Error),
    #[error("the answer is larger than {MAX_ANSWER} bytes")]
    TooLarge,
}

impl Asking {
    /// # Errors
    /// When the system's TLS cannot be used.
    pub(super) fn new(config: &AgentConfig) -> Result<Self, reqwest::Error> {
        let sampling = config.sampling.clone();
        let client = reqwest::Client::builder()
            .timeout(sampling.timeout)
            .redirect(reqwest::redirect::Policy::none())
            .build()?;
        let (max, max_bytes) = (sampling.max_answers, sampling.max_bytes.as_usize());
        let answers = Answers::new(max, max_bytes, sampling.refresh_interval);
        Ok(Self {
            url: url(config),
            config: sampling,
            tenant_header: config.tenancy.header.clone(),
            client,
            answers: Mutex::new(answers),
        })
    }

    /// Every path is answered, as collectors do.
    pub(super) fn router(self) -> Router {
        let asking = Arc::new(self);
        let answer = move |uri: Uri, headers: HeaderMap| {
            let asking = asking.clone();
            async move { asking.answer(&uri, &headers).await }
        };
        Router::new().fallback_service(get(answer))
    }

    async fn answer(&self, uri: &Uri, headers: &HeaderMap) -> Response {
        let asked = path_and_query(uri);
        if asked.len() > MAX_QUESTION {
            let words = "the question is too long\n".to_owned();
            return in_text(StatusCode::BAD_REQUEST, words);
        }
        let tenant = headers.get(&self.tenant_header);
        let question = Question {
            path_and_query: asked,
            tenant: tenant.map_or(Vec::new(), |tenant| tenant.as_bytes().to_owned()),
        };
        if let Some(body) = self.lock().fresh(&question, Instant::now()) {
            sampling_answered("fresh");
            return in_json(body);
        }
        let asked = self.ask(&question, headers).await;
        let (status, body) = match asked {
            Ok((StatusCode::OK, body)) => {
                let mut answers = self.lock();
                answers.remember(question, body.clone(), Instant::now());
                sampling_answered("asked");
                return in_json(body);
            }
            Ok((status, body)) if status.is_client_error() => {
                sampling_answered("asked");
                return in_text(status, text(&body));
            }
            Ok((_, body)) => (StatusCode::INTERNAL_SERVER_ERROR, text(&body)),
            Err(error) => {
                let words = format!("collector error: {error}\n");
                (StatusCode::INTERNAL_SERVER_ERROR, words)
            }
        };
        if let Some(body) = self.lock().outlived(&question, Instant::now()) {
            sampling_answered("outlived");
            return in_json(body);
        }
        sampling_answered("failed");
        in_text(status, body)
    }

    async fn ask(
        &self,
        question: &Question,
        headers: &HeaderMap,
    ) -> Result<(StatusCode, Bytes), AskError> {
        let url = format!("{}{}", self.url, question.path_and_query);
        let mut request = self.client.get(url);
        if let Some(tenant) = headers.get(&self.tenant_header) {
            request = request.header(&self.tenant_header, tenant);
        }
        let mut response = request.send().await?;
        let (status, mut body) = (response.status(), BytesMut::new());
        while let Some(chunk) = response.chunk().await? {
            if body.len() + chunk.len() > MAX_ANSWER {
                return Err(AskError::TooLarge);
            }
            body.extend_from_slice(&chunk);
        }
        Ok((status, body.freeze()))
    }

    fn lock(&self) -> MutexGuard<'_, Answers> {
        self.answers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the port of this service is configured with.
    pub(super) fn config(&self) -> &AgentSamplingConfig {
        &self.config
    }
}

/// Where collectors tell what to sample, without a slash at the end.
fn url(config: &AgentConfig) -> String {
    let told = config.sampling.url.trim_end_matches('/');
    if !told.is_empty() {
        return told.to_owned();
    }
    let first = config.publish.collectors.first();
    let host = first.and_then(|first| Some(first.rsplit_once(':')?.0));
    format!("http://{}:{PORT}", host.unwrap_or("localhost"))
}

/// What the collector is asked: one of the paths that it knows, so that nobody reaches another one
/// through the agent.
fn path_and_query(uri: &Uri) -> String {
    let known = PATHS.into_iter().find(|path| *path == uri.path());
    let path = known.unwrap_or(ANY_OTHER);
    match uri.query() {
        Some(query) => format!("{path}?{query}"),
        None => path.to_owned(),
    }
}

fn text(body: &Bytes) -> String {
    String::from_utf8_lossy(body).into_owned()
}

fn in_json(body: Bytes) -> Response {
    let mut answer = Response::new(Body::from(body));
    let content_type = HeaderValue::from_static("application/json");
    answer.headers_mut().insert(CONTENT_TYPE, content_type);
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_client_asks_reaches_the_known_paths_alone() {
        let asked = |uri: &'static str| path_and_query(&Uri::from_static(uri));
        assert_eq!(asked("/?service=shop"), "/?service=shop");
        let restrictions = "/baggageRestrictions?service=shop";
        assert_eq!(asked(restrictions), restrictions);
        for other in [
            "/sampling?service=a",
            "/x/../admin?service=a",
            "/%2e%2e/?service=a",
        ] {
            assert_eq!(asked(other), "/sampling?service=a", "{other}");
        }
        assert_eq!(asked("/sampling"), "/sampling");
    }

    #[test]
    fn without_a_url_the_first_collector_is_asked_on_jaegers_port() {
        let mut config = AgentConfig::default();
        config.publish.collectors = vec!["collectors.tracing:4317".to_owned()];
        assert_eq!(url(&config), "http://collectors.tracing:5778");
        config.sampling.url = "http://elsewhere:1/".to_owned();
        assert_eq!(url(&config), "http://elsewhere:1");
    }
}
