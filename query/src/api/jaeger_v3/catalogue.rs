//! `/api/v3/services` and `/api/v3/operations`.

use model::SpanKind;
use storage::Operation;

use super::params::{malformed, value};
use super::shared;
use crate::config::QueryLimits;
use crate::parse::{ApiRequest, Malformed};
use crate::pipeline::Endpoint;
use crate::read::{OperationsOf, Services};
use crate::render::{self, Gone, Output};

/// The list of services.
pub struct GetServices;

impl Endpoint for GetServices {
    const ROUTE: &'static str = "/api/v3/services";
    type Question = Services;

    fn parse(_: &ApiRequest, _: &QueryLimits) -> Result<(Self, Services), Malformed> {
        Ok((Self, Services))
    }

    fn render(&self, services: &Vec<String>, out: &mut Output) -> Result<(), Gone> {
        render::services_v3(out, services)
    }

    shared!();
}

/// The operations of a service.
pub struct GetOperations;

impl Endpoint for GetOperations {
    const ROUTE: &'static str = "/api/v3/operations";
    type Question = OperationsOf;

    fn parse(request: &ApiRequest, _: &QueryLimits) -> Result<(Self, OperationsOf), Malformed> {
        let kind = match value(&request.params, ("spanKind", "span_kind")) {
            ("", _) => None,
            (text, name) => {
                let unknown = || malformed(name, format!("unsupported span kind: '{text}'"));
                Some(SpanKind::parse(text).ok_or_else(unknown)?)
            }
        };
        let service = request.params.first("service").to_owned();
        Ok((Self, OperationsOf { service, kind }))
    }

    fn render(&self, operations: &Vec<Operation>, out: &mut Output) -> Result<(), Gone> {
        render::operations_v3(out, operations)
    }

    shared!();
}
