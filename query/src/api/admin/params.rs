//! Parameters out of a query string or a JSON body, and no others than are known.

use model::{LetterFilter, LetterRange, RejectReason, Tenant, UnixNanos};
use serde_json::Value;

use crate::go::{number, time};
use crate::parse::{Malformed, Params};

/// The parameters that say which letters are meant.
pub(super) const FILTER: &[&str] = &[
    "id",
    "reason",
    "schemaId",
    "service",
    "tenant",
    "topic",
    "since",
    "until",
    "maxAttempt",
];

/// The parameters of a query string.
pub(crate) fn from_query(query: &str) -> Result<Params, Malformed> {
    Params::parse(query).map_err(Malformed::new)
}

/// The parameters of a body: a flat JSON object. A list stands for a parameter that is repeated;
/// an empty body for no parameters.
pub(crate) fn from_body(body: &[u8]) -> Result<Params, Malformed> {
    if body.is_empty() {
        return Ok(Params::default());
    }
    let flat =
        || Malformed::new("the body must be a JSON object of texts, numbers, booleans, lists");
    let parsed = serde_json::from_slice(body).map_err(|_| flat())?;
    let Value::Object(fields) = parsed else {
        return Err(flat());
    };
    let mut pairs = Vec::new();
    for (name, value) in fields {
        let values = match value {
            Value::Array(values) => values,
            value => vec![value],
        };
        for value in values {
            let text = match value {
                Value::String(text) => text,
                Value::Number(number) => number.to_string(),
                Value::Bool(is) => is.to_string(),
                Value::Null | Value::Array(_) | Value::Object(_) => return Err(flat()),
            };
            pairs.push((name.clone(), text));
        }
    }
    Params::from_pairs(pairs).map_err(Malformed::new)
}

/// Refuses parameters that are neither conditions nor among these.
pub(super) fn only(params: &Params, others: &[&str]) -> Result<(), Malformed> {
    let known = |name: &str| FILTER.contains(&name) || others.contains(&name);
    match params.names().find(|name| !known(name)) {
        Some(name) => Err(Malformed(format!("there is no parameter {name}"))),
        None => Ok(()),
    }
}

/// Which letters are meant.
pub(super) fn filter(params: &Params) -> Result<LetterFilter, Malformed> {
    let owned = |text: &str| Ok::<_, Malformed>(text.to_owned());
    Ok(LetterFilter {
        ranges: ranges(params, "id")?,
        reason: optional(params, "reason", |text| {
            RejectReason::from_label(text).ok_or_else(|| malformed("reason", "no reason"))
        })?,
        schema_id: optional(params, "schemaId", |text| whole(text, "schemaId"))?,
        service: optional(params, "service", owned)?,
        tenant: optional(params, "tenant", |text| {
            Tenant::parse(text).map_err(|error| malformed("tenant", error))
        })?,
        topic: optional(params, "topic", owned)?,
        since: moment(params, "since")?,
        until: moment(params, "until")?,
        max_attempt: optional(params, "maxAttempt", |text| whole(text, "maxAttempt"))?,
    })
}

/// Every id or range of ids under a name.
pub(super) fn ranges(params: &Params, name: &str) -> Result<Vec<LetterRange>, Malformed> {
    let parse = |text| LetterRange::parse(text).map_err(|error| malformed(name, error));
    params.all(name).map(parse).collect()
}

/// An RFC 3339 time.
pub(super) fn moment(params: &Params, name: &str) -> Result<Option<UnixNanos>, Malformed> {
    optional(params, name, |text| {
        time::parse_rfc3339(text).map_err(|error| malformed(name, error))
    })
}

/// A boolean; false when absent.
pub(super) fn flag(params: &Params, name: &str) -> Result<bool, Malformed> {
    let given = optional(params, name, |text| {
        number::parse_bool(text).map_err(|error| malformed(name, error))
    })?;
    Ok(given.unwrap_or_default())
}

/// What `parse` makes of a parameter, if there is one. An empty one is refused: it looks like a
/// condition and would be none.
pub(super) fn optional<T>(
    params: &Params,
    name: &str,
    parse: impl FnOnce(&str) -> Result<T, Malformed>,
) -> Result<Option<T>, Malformed> {
    let mut values = params.all(name);
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(""), _) => Err(malformed(name, "empty")),
        (Some(text), None) => parse(text).map(Some),
        (Some(_), Some(_)) => Err(malformed(name, "given twice")),
    }
}

/// A whole number that is not negative.
pub(super) fn whole<N: std::str::FromStr>(text: &str, name: &str) -> Result<N, Malformed> {
    let parsed = text.parse().ok();
    parsed.ok_or_else(|| malformed(name, format!("{text:?} is no such number")))
}

pub(super) fn malformed(name: &str, error: impl std::fmt::Display) -> Malformed {
    Malformed(format!("malformed parameter {name}: {error}"))
}
