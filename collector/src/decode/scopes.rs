//! Scopes of formats in which each span names its own: found again or opened, then put in order.

use std::collections::HashMap;

use super::builder::Builder;
use super::{DecodeError, Decoded};

/// The scopes of a request by resource, name and version.
#[derive(Debug, Default)]
pub(super) struct Scopes<'a>(HashMap<(usize, &'a str, &'a str), usize>);

impl<'a> Scopes<'a> {
    /// The scope of a resource with this name and version.
    pub(super) fn index(
        &mut self,
        to: &mut Builder<'a>,
        resource: usize,
        name: &'a str,
        version: &'a str,
    ) -> Result<usize, DecodeError> {
        let key = (resource, name, version);
        if let Some(index) = self.0.get(&key) {
            return Ok(*index);
        }
        let index = to.open_scope(resource)?;
        to.set_scope(index, |scope| {
            scope.name = name;
            scope.version = version;
        });
        self.0.insert(key, index);
        Ok(index)
    }
}

/// What a request held, the spans of a scope and the scopes of a resource as neighbours.
pub(super) fn in_order(mut decoded: Decoded<'_>) -> Decoded<'_> {
    let scopes = &decoded.batch.scopes;
    let place = |scope: u32| (scopes[scope as usize].resource, scope);
    decoded.batch.spans.sort_by_key(|span| place(span.scope));
    decoded
}
