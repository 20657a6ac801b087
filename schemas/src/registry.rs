//! The schema registry: a client of the Confluent-compatible HTTP API.
//!
//! Needed at deploy and start, and when a record names an unknown schema; never per record. The
//! registry is not trusted: answers are bounded in time and size, and no redirect is followed.

use std::time::Duration;

use reqwest::{Client, Method, Response, StatusCode, Url, redirect};
use serde::Deserialize;
use serde_json::json;

use crate::SchemaId;

/// Most bytes of an answer that are read.
const MAX_ANSWER: usize = 1024 * 1024;

/// How long the registry may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RegistryTimeouts {
    /// To accept a connection.
    pub connect: Duration,
    /// To answer in full, connecting included.
    pub total: Duration,
}

impl Default for RegistryTimeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(2),
            total: Duration::from_secs(5),
        }
    }
}

/// Why the registry gave no answer, or not the one that was asked for.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    /// The address is not one of HTTP.
    #[error("the registry's address is not an http or https URL")]
    InvalidUrl,
    /// The HTTP client could not be made.
    #[error("the registry's client cannot be made")]
    Client(#[source] reqwest::Error),
    /// No connection, no answer in time, or the connection broke.
    #[error("the registry cannot be reached")]
    Unreachable(#[source] reqwest::Error),
    /// The registry failed, or asks to be left alone for a while.
    #[error("the registry is not available: status {status}: {message}")]
    Unavailable {
        /// The HTTP status.
        status: u16,
        /// What it says.
        message: String,
    },
    /// There is no such schema, or none yet on this replica.
    #[error("the registry does not have it: {message}")]
    NotFound {
        /// What it says.
        message: String,
    },
    /// The schema breaks the subject's rule of compatibility.
    #[error("the schema is not compatible with the subject {subject}: {message}")]
    Incompatible {
        /// The subject.
        subject: String,
        /// What it says.
        message: String,
    },
    /// The registry refuses the request.
    #[error("the registry refuses the request: status {status}: {message}")]
    Refused {
        /// The HTTP status.
        status: u16,
        /// What it says.
        message: String,
    },
    /// The answer is larger than 1 MiB.
    #[error("the registry's answer is larger than {MAX_ANSWER} bytes")]
    TooLarge,
    /// The answer is not the registry's, but perhaps that of a proxy in between.
    #[error("the registry's answer cannot be understood")]
    Unintelligible(#[source] serde_json::Error),
}

impl RegistryError {
    /// Whether the same request may succeed later without anyone changing anything.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Unreachable(_) | Self::Unavailable { .. } | Self::Unintelligible(_) => true,
            Self::InvalidUrl
            | Self::Client(_)
            | Self::NotFound { .. }
            | Self::Incompatible { .. }
            | Self::Refused { .. }
            | Self::TooLarge => false,
        }
    }
}

#[derive(Deserialize)]
struct Registered {
    id: SchemaId,
}

#[derive(Deserialize)]
struct Fetched {
    schema: String,
}

#[derive(Deserialize)]
struct Compatibility {
    is_compatible: bool,
}

/// A client of one registry.
#[derive(Debug, Clone)]
pub struct RegistryClient {
    http: Client,
    base: Url,
}

impl RegistryClient {
    /// A client of the registry at `url`, such as `http://localhost:8081` or, for Apicurio,
    /// `http://localhost:8080/apis/ccompat/v7`. A user and password in it are sent as basic
    /// authentication.
    ///
    /// # Errors
    /// If the address is not one of HTTP.
    pub fn new(url: &str, timeouts: RegistryTimeouts) -> Result<Self, RegistryError> {
        let base = Url::parse(url).map_err(|_| RegistryError::InvalidUrl)?;
        if !matches!(base.scheme(), "http" | "https") {
            return Err(RegistryError::InvalidUrl);
        }
        let http = Client::builder()
            .connect_timeout(timeouts.connect)
            .timeout(timeouts.total)
            .redirect(redirect::Policy::none())
            .build()
            .map_err(RegistryError::Client)?;
        Ok(Self { http, base })
    }

    /// Registers a schema under a subject, or finds the id it already has there.
    ///
    /// # Errors
    /// [`RegistryError::Incompatible`] if the subject's rule forbids it; others as they come.
    pub async fn register(&self, subject: &str, schema: &str) -> Result<SchemaId, RegistryError> {
        let path = ["subjects", subject, "versions"];
        let body = json!({ "schema": schema });
        let answer = self.call(Method::POST, &path, Some(body)).await;
        let answer = answer.map_err(|error| match error {
            RegistryError::Refused {
                status: 409,
                message,
            } => RegistryError::Incompatible {
                subject: subject.to_owned(),
                message,
            },
            other => other,
        });
        parse::<Registered>(&answer?).map(|registered| registered.id)
    }

    /// The schema with an id.
    ///
    /// # Errors
    /// [`RegistryError::NotFound`] if the registry does not know it (yet).
    pub async fn fetch(&self, id: SchemaId) -> Result<String, RegistryError> {
        let path = ["schemas", "ids", &id.to_string()];
        let answer = self.call(Method::GET, &path, None).await?;
        parse::<Fetched>(&answer).map(|fetched| fetched.schema)
    }

    /// Whether the subject's rule would let the schema be registered next. A subject without a
    /// schema takes any.
    ///
    /// # Errors
    /// If the registry cannot say.
    pub async fn is_compatible(&self, subject: &str, schema: &str) -> Result<bool, RegistryError> {
        let path = ["compatibility", "subjects", subject, "versions", "latest"];
        let body = json!({ "schema": schema });
        match self.call(Method::POST, &path, Some(body)).await {
            Ok(answer) => parse::<Compatibility>(&answer).map(|answer| answer.is_compatible),
            Err(RegistryError::NotFound { .. }) => Ok(true),
            Err(error) => Err(error),
        }
    }

    /// Makes the subject refuse every schema that cannot read, or be read by, all before it
    /// (`FULL_TRANSITIVE`).
    ///
    /// # Errors
    /// If the registry cannot be reached or refuses.
    pub async fn require_compatibility(&self, subject: &str) -> Result<(), RegistryError> {
        let body = || Some(json!({ "compatibility": "FULL_TRANSITIVE" }));
        let path = ["config", subject];
        let mut answer = self.call(Method::PUT, &path, body()).await;
        // Apicurio refuses the slower of two that make the rule at the same time. Then it is there.
        if matches!(answer, Err(RegistryError::Refused { status: 409, .. })) {
            answer = self.call(Method::PUT, &path, body()).await;
        }
        answer.map(drop)
    }

    /// One request, answered with success.
    async fn call(
        &self,
        method: Method,
        path: &[&str],
        body: Option<serde_json::Value>,
    ) -> Result<Vec<u8>, RegistryError> {
        let mut url = self.base.clone();
        url.path_segments_mut()
            .map_err(|()| RegistryError::InvalidUrl)?
            .pop_if_empty()
            .extend(path);
        let mut request = self.http.request(method, url);
        if let Some(body) = body {
            request = request.json(&body);
        }
        let response = request.send().await.map_err(unreachable)?;
        let status = response.status();
        let answer = read(response).await?;
        if status.is_success() {
            Ok(answer)
        } else {
            Err(failure(status, &answer))
        }
    }
}

/// The cause without the address, which may hold a password.
fn unreachable(error: reqwest::Error) -> RegistryError {
    RegistryError::Unreachable(error.without_url())
}

async fn read(mut response: Response) -> Result<Vec<u8>, RegistryError> {
    let mut answer = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(unreachable)? {
        if answer.len() + chunk.len() > MAX_ANSWER {
            return Err(RegistryError::TooLarge);
        }
        answer.extend_from_slice(&chunk);
    }
    Ok(answer)
}

fn parse<'a, T: Deserialize<'a>>(answer: &'a [u8]) -> Result<T, RegistryError> {
    serde_json::from_slice(answer).map_err(RegistryError::Unintelligible)
}

fn failure(status: StatusCode, answer: &[u8]) -> RegistryError {
    let message = message(answer);
    let code = status.as_u16();
    match status {
        StatusCode::NOT_FOUND => RegistryError::NotFound { message },
        StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS => RegistryError::Unavailable {
            status: code,
            message,
        },
        _ if status.is_server_error() => RegistryError::Unavailable {
            status: code,
            message,
        },
        _ => RegistryError::Refused {
            status: code,
            message,
        },
    }
}

/// The message of an error's body, or the beginning of whatever else it is.
fn message(answer: &[u8]) -> String {
    #[derive(Deserialize)]
    struct Body {
        message: String,
    }
    let text = serde_json::from_slice::<Body>(answer).map_or_else(
        |_| String::from_utf8_lossy(answer).into_owned(),
        |body| body.message,
    );
    text.chars().filter(|c| !c.is_control()).take(256).collect()
}
