//! `POST /api/archive/{id}`.

use axum::routing::MethodFilter;
use storage::Archived;

use super::shared;
use super::traces::trace_id_of;
use crate::config::QueryLimits;
use crate::parse::{ApiRequest, Malformed};
use crate::pipeline::{Endpoint, Failure};
use crate::read::ArchiveOf;
use crate::render::{self, Gone, Output};

/// Keeps a trace beyond retention.
pub struct ArchiveTrace;

impl Endpoint for ArchiveTrace {
    const ROUTE: &'static str = "/api/archive/{trace_id}";
    const METHOD: MethodFilter = MethodFilter::POST;
    type Question = ArchiveOf;

    fn parse(request: &ApiRequest, _: &QueryLimits) -> Result<(Self, ArchiveOf), Malformed> {
        let id = trace_id_of(request)?;
        Ok((Self, ArchiveOf { id }))
    }

    fn check(&self, archived: &Archived) -> Result<(), Failure> {
        ArchiveOf::check(*archived)
    }

    fn render(&self, (): &(), out: &mut Output) -> Result<(), Gone> {
        render::archived(out)
    }

    shared!();
}
