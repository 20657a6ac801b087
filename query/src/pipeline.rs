//! The life of a query: parse → search/read → adjust → render.

use std::sync::Arc;
use std::time::Duration;

use axum::routing::MethodFilter;
use http::StatusCode;
use model::{Tenant, UnixNanos};
use storage::{ReadError, TraceReader};

use crate::adjust::AdjustPlan;
use crate::config::QueryLimits;
use crate::parse::{ApiRequest, Malformed};
use crate::read::Question;
use crate::render::{Gone, Output};

/// One route of one API: what it asks, and how it shows the answer.
pub trait Endpoint: Sized + Send + 'static {
    /// Its path, and its name in metrics.
    const ROUTE: &'static str;
    /// How it is asked.
    const METHOD: MethodFilter = MethodFilter::GET;
    /// Whether it reads the body of requests.
    const HAS_BODY: bool = false;
    /// What it asks the store.
    type Question: Question;

    /// Reads the request.
    fn parse(
        request: &ApiRequest,
        limits: &QueryLimits,
    ) -> Result<(Self, Self::Question), Malformed>;

    /// Whether the answer is one to show; an API may want an error for an empty one.
    fn check(&self, _found: &<Self::Question as Question>::Found) -> Result<(), Failure> {
        Ok(())
    }

    /// Whether JSON is to be indented.
    fn indented(_request: &ApiRequest) -> bool {
        false
    }

    /// Writes the answer.
    fn render(
        &self,
        shown: &<Self::Question as Question>::Shown,
        out: &mut Output,
    ) -> Result<(), Gone>;

    /// Writes why there is none.
    fn render_failure(status: StatusCode, message: String) -> Vec<u8>;
}

/// One method of a gRPC API: what it asks, and how it shows the answer.
pub trait Method: Send + 'static {
    /// Its path, `/package.Service/Method`, and its name in metrics.
    const PATH: &'static str;
    /// The message that asks.
    type Request: prost::Message + Default;
    /// What it asks the store.
    type Question: Question;

    /// Reads the request, which came at `now`.
    fn parse(
        request: Self::Request,
        now: UnixNanos,
        limits: &QueryLimits,
    ) -> Result<Self::Question, Malformed>;

    /// Whether the answer is one to show; an API may want an error for an empty one.
    fn check(_found: &<Self::Question as Question>::Found) -> Result<(), Failure> {
        Ok(())
    }

    /// Writes the messages of the answer.
    fn render(shown: &<Self::Question as Question>::Shown, out: &mut Output) -> Result<(), Gone>;
}

/// Why a query has no answer.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The request.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// The body of the request has more than this many bytes.
    #[error("the request has more than {0} bytes")]
    TooLarge(usize),
    /// There is nothing of that kind.
    #[error("{0}")]
    NotFound(&'static str),
    /// The store cannot do that.
    #[error("{0}")]
    Unsupported(&'static str),
    /// Too many requests are waiting already.
    #[error("too many requests at the same time, try again later")]
    Overloaded,
    /// The time allowed for the request is over.
    #[error("the query took longer than {}", crate::go::duration::format(.0.as_nanos() as i64))]
    TimedOut(Duration),
    /// The store.
    #[error(transparent)]
    Read(#[from] ReadError),
}

impl Failure {
    /// What the client reads: nothing about the inside of the store.
    pub fn told(&self) -> String {
        match self {
            Self::Read(
                ReadError::Operator(_)
                | ReadError::Inconsistent { .. }
                | ReadError::PluginFailed(_),
            ) => "the store cannot answer, see the log of the query service".to_owned(),
            Self::Malformed(_)
            | Self::TooLarge(_)
            | Self::NotFound(_)
            | Self::Unsupported(_)
            | Self::Overloaded
            | Self::TimedOut(_)
            | Self::Read(
                ReadError::Unavailable(_)
                | ReadError::StoreUnavailable { .. }
                | ReadError::PluginAway(_)
                | ReadError::Timeout
                | ReadError::TooBroad { .. }
                | ReadError::TooLarge { .. }
                | ReadError::NoSuchPage
                | ReadError::Unsupported(_),
            ) => self.to_string(),
        }
    }

    /// The HTTP status that tells the client what to do about it.
    pub fn status(&self) -> StatusCode {
        match self {
            Self::Malformed(_)
            | Self::Read(
                ReadError::TooBroad { .. } | ReadError::TooLarge { .. } | ReadError::NoSuchPage,
            ) => StatusCode::BAD_REQUEST,
            Self::Read(ReadError::Unsupported(_)) => StatusCode::NOT_IMPLEMENTED,
            Self::TooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::NotFound(_) => StatusCode::NOT_FOUND,
            Self::Overloaded => StatusCode::TOO_MANY_REQUESTS,
            Self::TimedOut(_) | Self::Read(ReadError::Timeout) => StatusCode::GATEWAY_TIMEOUT,
            Self::Read(
                ReadError::Unavailable(_)
                | ReadError::StoreUnavailable { .. }
                | ReadError::PluginAway(_),
            ) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Unsupported(_)
            | Self::Read(
                ReadError::Operator(_)
                | ReadError::Inconsistent { .. }
                | ReadError::PluginFailed(_),
            ) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

/// What answers need: the store, and the rules.
#[derive(Debug)]
pub struct Service<R> {
    /// The store.
    pub reader: Arc<R>,
    /// What requests may ask for.
    pub limits: QueryLimits,
    /// How traces are adjusted.
    pub adjust: AdjustPlan,
}

/// The rest of an answer, to be run where blocking is allowed. It gives what it has shown, to be dropped
/// when nobody waits for that.
pub type Rendering = Box<dyn FnOnce(&mut Output) -> Result<Box<dyn Send>, Gone> + Send>;

/// **parse → search/read → adjust → render**
pub async fn answer<E: Endpoint, R: TraceReader>(
    service: &Service<R>,
    request: &ApiRequest,
) -> Result<Rendering, Failure> {
    let (endpoint, question) = E::parse(request, &service.limits)?;
    let found = question.read(&*service.reader, &request.tenant).await?;
    endpoint.check(&found)?;
    let plan = service.adjust;
    Ok(Box::new(move |out| {
        let shown = question.adjust(found, plan);
        endpoint.render(&shown, out)?;
        Ok(Box::new(shown))
    }))
}

/// **parse → search/read → adjust → render**, for gRPC.
pub async fn call<M: Method, R: TraceReader>(
    service: &Service<R>,
    tenant: &Tenant,
    now: UnixNanos,
    request: M::Request,
) -> Result<Rendering, Failure> {
    let question = M::parse(request, now, &service.limits)?;
    let found = question.read(&*service.reader, tenant).await?;
    M::check(&found)?;
    let plan = service.adjust;
    Ok(Box::new(move |out| {
        let shown = question.adjust(found, plan);
        M::render(&shown, out)?;
        Ok(Box::new(shown))
    }))
}
