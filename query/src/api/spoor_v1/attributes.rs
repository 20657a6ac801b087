//! `/api/spoor/v1/attributes` and `/api/spoor/v1/attribute-values`.

use storage::{AttributeCounts, AttributeQuery};

use super::params::{limit, malformed, predicates, range};
use super::shared;
use crate::config::QueryLimits;
use crate::parse::{ApiRequest, Malformed};
use crate::pipeline::Endpoint;
use crate::read::AttributesOf;
use crate::render::{self, Gone, Output};

/// Keys or values that are listed when a request does not say.
const DEFAULT_LIMIT: usize = 100;
/// Most keys or values of one answer.
const MAX_LIMIT: usize = 1_000;

/// The keys of attributes.
pub struct ListKeys;

impl Endpoint for ListKeys {
    const ROUTE: &'static str = "/api/spoor/v1/attributes";
    type Question = AttributesOf;

    fn parse(request: &ApiRequest, _: &QueryLimits) -> Result<(Self, AttributesOf), Malformed> {
        Ok((Self, asked(request, None)?))
    }

    fn render(&self, counts: &AttributeCounts, out: &mut Output) -> Result<(), Gone> {
        render::attribute_counts(out, "key", counts)
    }

    shared!();
}

/// The values of an attribute.
pub struct ListValues;

impl Endpoint for ListValues {
    const ROUTE: &'static str = "/api/spoor/v1/attribute-values";
    type Question = AttributesOf;

    fn parse(request: &ApiRequest, _: &QueryLimits) -> Result<(Self, AttributesOf), Malformed> {
        let key = request.params.first("key");
        if key.is_empty() {
            return Err(malformed("key", "it is required"));
        }
        Ok((Self, asked(request, Some(key.to_owned()))?))
    }

    fn render(&self, counts: &AttributeCounts, out: &mut Output) -> Result<(), Gone> {
        render::attribute_counts(out, "value", counts)
    }

    shared!();
}

fn asked(request: &ApiRequest, key: Option<String>) -> Result<AttributesOf, Malformed> {
    let params = &request.params;
    let query = AttributeQuery {
        predicates: predicates(params)?,
        start: range(request)?,
        key,
        prefix: params.first("prefix").to_owned(),
        limit: limit(params, "limit", DEFAULT_LIMIT, MAX_LIMIT)?,
    };
    Ok(AttributesOf { query })
}
