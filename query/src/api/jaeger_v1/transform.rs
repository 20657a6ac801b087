//! `POST /api/transform`.

use axum::routing::MethodFilter;
use model::Trace;

use super::shared;
use crate::config::QueryLimits;
use crate::parse::{ApiRequest, Malformed};
use crate::pipeline::{Endpoint, Failure};
use crate::read::{ShownTraces, Uploaded};
use crate::render::{self, Gone, Output};

/// Traces in OTLP's JSON as Jaeger's UI shows them: what its upload of files calls.
pub struct Transform;

impl Endpoint for Transform {
    const ROUTE: &'static str = "/api/transform";
    const METHOD: MethodFilter = MethodFilter::POST;
    const HAS_BODY: bool = true;
    type Question = Uploaded;

    fn parse(request: &ApiRequest, _: &QueryLimits) -> Result<(Self, Uploaded), Malformed> {
        let document = request.body.clone();
        Ok((Self, Uploaded { document }))
    }

    fn check(&self, found: &Result<Vec<Trace>, Malformed>) -> Result<(), Failure> {
        match found {
            Ok(_) => Ok(()),
            Err(error) => Err(error.clone().into()),
        }
    }

    fn render(&self, shown: &ShownTraces, out: &mut Output) -> Result<(), Gone> {
        render::traces(out, &shown.traces, &[])
    }

    shared!();
}
