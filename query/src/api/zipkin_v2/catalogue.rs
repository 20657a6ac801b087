//! Services, names of spans, remote services, dependencies, completion.

use std::collections::HashSet;

use model::{NANOS_PER_DAY, TimeRange};
use storage::{AttributeCounts, AttributeQuery, Dependency, Operation};

use super::params::{positive, range, required};
use super::shared;
use crate::config::QueryLimits;
use crate::parse::{ApiRequest, Malformed};
use crate::pipeline::Endpoint;
use crate::read::{AttributesOf, DependenciesIn, OperationsOf, Services};
use crate::render::{Gone, Output, zipkin_v2};

/// The list of services.
pub struct GetServices;

impl Endpoint for GetServices {
    const ROUTE: &'static str = "/api/v2/services";
    type Question = Services;

    fn parse(_: &ApiRequest, _: &QueryLimits) -> Result<(Self, Services), Malformed> {
        Ok((Self, Services))
    }

    fn render(&self, services: &Vec<String>, out: &mut Output) -> Result<(), Gone> {
        zipkin_v2::names(out, services.iter().map(String::as_str))
    }

    shared!();
}

/// The names of a service's spans.
pub struct GetSpanNames;

impl Endpoint for GetSpanNames {
    const ROUTE: &'static str = "/api/v2/spans";
    type Question = OperationsOf;

    fn parse(request: &ApiRequest, _: &QueryLimits) -> Result<(Self, OperationsOf), Malformed> {
        let service = required(&request.params, "serviceName")?.to_owned();
        let kind = None;
        Ok((Self, OperationsOf { service, kind }))
    }

    fn render(&self, operations: &Vec<Operation>, out: &mut Output) -> Result<(), Gone> {
        let mut names: Vec<&str> = operations.iter().map(|of| of.name.as_str()).collect();
        names.dedup();
        zipkin_v2::names(out, names)
    }

    shared!();
}

/// The services that a service called within the last day.
pub struct GetRemoteServices {
    service: String,
}

impl Endpoint for GetRemoteServices {
    const ROUTE: &'static str = "/api/v2/remoteServices";
    type Question = DependenciesIn;

    fn parse(request: &ApiRequest, _: &QueryLimits) -> Result<(Self, DependenciesIn), Malformed> {
        let service = required(&request.params, "serviceName")?.to_owned();
        let question = DependenciesIn {
            range: TimeRange {
                start: request.now.saturating_sub(NANOS_PER_DAY),
                end: request.now,
            },
            service: Some(service.clone()),
        };
        Ok((Self { service }, question))
    }

    fn render(&self, edges: &Vec<Dependency>, out: &mut Output) -> Result<(), Gone> {
        let called = edges.iter().filter(|edge| edge.parent == self.service);
        zipkin_v2::names(out, called.map(|edge| edge.child.as_str()))
    }

    shared!();
}

/// Calls between services.
pub struct GetDependencies;

impl Endpoint for GetDependencies {
    const ROUTE: &'static str = "/api/v2/dependencies";
    type Question = DependenciesIn;

    fn parse(request: &ApiRequest, _: &QueryLimits) -> Result<(Self, DependenciesIn), Malformed> {
        if positive(&request.params, "endTs")?.is_none() {
            return Err(Malformed::new("endTs is required"));
        }
        let question = DependenciesIn {
            range: range(request)?,
            service: None,
        };
        Ok((Self, question))
    }

    fn render(&self, edges: &Vec<Dependency>, out: &mut Output) -> Result<(), Gone> {
        zipkin_v2::dependencies(out, edges)
    }

    shared!();
}

/// Names that completion offers at most.
const MOST_OFFERED: usize = 100;

/// What spans of the last day have on themselves or on their resource.
fn offered(request: &ApiRequest, key: Option<String>) -> AttributesOf {
    let query = AttributeQuery {
        predicates: Vec::new(),
        start: TimeRange {
            start: request.now.saturating_sub(NANOS_PER_DAY),
            end: request.now,
        },
        key,
        prefix: String::new(),
        limit: MOST_OFFERED,
    };
    AttributesOf { query }
}

/// The names, those of the most spans first, each once: an attribute may be on several levels.
fn offer(counts: &AttributeCounts, out: &mut Output) -> Result<(), Gone> {
    let mut seen = HashSet::new();
    let texts = counts.counts.iter().map(|of| of.text.as_str());
    zipkin_v2::names(out, texts.filter(|text| seen.insert(*text)))
}

/// Keys whose values can be completed: those of the newest spans of the last day.
pub struct GetAutocompleteKeys;

impl Endpoint for GetAutocompleteKeys {
    const ROUTE: &'static str = "/api/v2/autocompleteKeys";
    type Question = AttributesOf;

    fn parse(request: &ApiRequest, _: &QueryLimits) -> Result<(Self, AttributesOf), Malformed> {
        Ok((Self, offered(request, None)))
    }

    fn render(&self, counts: &AttributeCounts, out: &mut Output) -> Result<(), Gone> {
        offer(counts, out)
    }

    shared!();
}

/// The values of a key, among the newest spans of the last day.
pub struct GetAutocompleteValues;

impl Endpoint for GetAutocompleteValues {
    const ROUTE: &'static str = "/api/v2/autocompleteValues";
    type Question = AttributesOf;

    fn parse(request: &ApiRequest, _: &QueryLimits) -> Result<(Self, AttributesOf), Malformed> {
        let key = required(&request.params, "key")?.to_owned();
        Ok((Self, offered(request, Some(key))))
    }

    fn render(&self, counts: &AttributeCounts, out: &mut Output) -> Result<(), Gone> {
        offer(counts, out)
    }

    shared!();
}
