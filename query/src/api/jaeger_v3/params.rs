//! How this API names and writes its parameters, and how it complains.

use std::fmt::Display;

use model::UnixNanos;

use crate::go::{duration, number, time};
use crate::parse::{Malformed, Params};

/// A parameter's canonical name and its alias.
pub(super) type Names = (&'static str, &'static str);

/// `malformed parameter x: …`
pub(super) fn malformed(name: &str, error: impl Display) -> Malformed {
    Malformed(format!("malformed parameter {name}: {error}"))
}

/// The value under the canonical name, else under the alias, with the name that it had. Empty
/// without either.
pub(super) fn value(params: &Params, (canonical, alias): Names) -> (&str, &'static str) {
    match params.first(canonical) {
        "" => (params.first(alias), alias),
        value => (value, canonical),
    }
}

/// An RFC 3339 time; `None` when absent.
pub(super) fn rfc3339(params: &Params, names: Names) -> Result<Option<UnixNanos>, Malformed> {
    match value(params, names) {
        ("", _) => Ok(None),
        (text, name) => time::parse_rfc3339(text)
            .map(Some)
            .map_err(|error| malformed(name, error)),
    }
}

/// A Go duration in nanoseconds; absent and zero mean unset.
pub(super) fn go_duration(params: &Params, names: Names) -> Result<Option<u64>, Malformed> {
    let (text, name) = value(params, names);
    if text.is_empty() {
        return Ok(None);
    }
    let nanos = duration::parse(text).map_err(|error| malformed(name, error))?;
    match u64::try_from(nanos) {
        Ok(0) => Ok(None),
        Ok(nanos) => Ok(Some(nanos)),
        Err(_) => Err(malformed(name, format!("negative duration {text}"))),
    }
}

/// A boolean as Go reads it; false when absent.
pub(super) fn flag(params: &Params, names: Names) -> Result<bool, Malformed> {
    match value(params, names) {
        ("", _) => Ok(false),
        (text, name) => number::parse_bool(text).map_err(|error| malformed(name, error)),
    }
}
