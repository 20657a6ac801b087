//! `/api/services`, `/api/operations`, `/api/services/{service}/operations`.

use model::SpanKind;
use storage::Operation;

use super::params::unparsable;
use super::shared;
use crate::config::QueryLimits;
use crate::parse::params::decode_name;
use crate::parse::{ApiRequest, Malformed};
use crate::pipeline::Endpoint;
use crate::read::{OperationsOf, Services};
use crate::render::{self, Gone, Output};

/// The list of services.
pub struct GetServices;

impl Endpoint for GetServices {
    const ROUTE: &'static str = "/api/services";
    type Question = Services;

    fn parse(_: &ApiRequest, _: &QueryLimits) -> Result<(Self, Services), Malformed> {
        Ok((Self, Services))
    }

    fn render(&self, services: &Vec<String>, out: &mut Output) -> Result<(), Gone> {
        render::services(out, services)
    }

    shared!();
}

/// The operations of a service, with their kinds.
pub struct GetOperations;

impl Endpoint for GetOperations {
    const ROUTE: &'static str = "/api/operations";
    type Question = OperationsOf;

    fn parse(request: &ApiRequest, _: &QueryLimits) -> Result<(Self, OperationsOf), Malformed> {
        let service = request.params.first("service").to_owned();
        if service.is_empty() {
            return Err(Malformed::new("parameter 'service' is required"));
        }
        let kind = match request.params.first("spanKind") {
            "" => None,
            name => Some(span_kind(name)?),
        };
        Ok((Self, OperationsOf { service, kind }))
    }

    fn render(&self, operations: &Vec<Operation>, out: &mut Output) -> Result<(), Gone> {
        render::operations(out, operations)
    }

    shared!();
}

/// A kind by its lower-case name.
pub(super) fn span_kind(name: &str) -> Result<SpanKind, Malformed> {
    SpanKind::ALL
        .iter()
        .copied()
        .find(|kind| kind.as_str() == name)
        .ok_or_else(|| unparsable("spanKind", format!("unsupported span kind: '{name}'")))
}

/// The names of a service's operations.
pub struct GetServiceOperations;

impl Endpoint for GetServiceOperations {
    const ROUTE: &'static str = "/api/services/{service}/operations";
    type Question = OperationsOf;

    fn parse(request: &ApiRequest, _: &QueryLimits) -> Result<(Self, OperationsOf), Malformed> {
        let service = decode_name(&request.segment)
            .ok_or_else(|| Malformed::new("the service is not valid text"))?;
        Ok((
            Self,
            OperationsOf {
                service,
                kind: None,
            },
        ))
    }

    fn render(&self, operations: &Vec<Operation>, out: &mut Output) -> Result<(), Gone> {
        render::operation_names(out, operations)
    }

    shared!();
}
