//! Zipkin's second JSON format.
//!
//! Resource, scope, status and trace state are tags; an event is an annotation, with its
//! attributes as JSON after its name. Links, flags and what was dropped have no place in it.

mod endpoint;
mod span;

use std::collections::HashSet;

use model::{SpanId, SpanKind};
use storage::Dependency;

use super::{Gone, Output};
use crate::adjust::Adjusted;
use crate::go::json;

/// A list of names.
pub fn names<'n>(out: &mut Output, names: impl IntoIterator<Item = &'n str>) -> Result<(), Gone> {
    json::strings(out.buffer(), names);
    out.pass_on()
}

/// Calls between services; errors are told where there were any.
pub fn dependencies(out: &mut Output, dependencies: &[Dependency]) -> Result<(), Gone> {
    json::list(out.buffer(), dependencies, |out, edge| {
        out.extend_from_slice(b"{\"parent\":");
        json::string(out, &edge.parent);
        out.extend_from_slice(b",\"child\":");
        json::string(out, &edge.child);
        out.extend_from_slice(b",\"callCount\":");
        json::integer(out, edge.calls);
        if edge.errors > 0 {
            out.extend_from_slice(b",\"errorCount\":");
            json::integer(out, edge.errors);
        }
        out.push(b'}');
    });
    out.pass_on()
}

/// Traces: a list of lists of spans.
pub fn traces(out: &mut Output, traces: &[Adjusted]) -> Result<(), Gone> {
    out.buffer().push(b'[');
    for (index, one) in traces.iter().enumerate() {
        if index > 0 {
            out.buffer().push(b',');
        }
        trace(out, one)?;
    }
    out.buffer().push(b']');
    out.pass_on()
}

/// One trace: a list of spans.
pub fn trace(out: &mut Output, adjusted: &Adjusted) -> Result<(), Gone> {
    let clients = adjusted.trace.spans();
    let clients: HashSet<SpanId> = clients
        .filter(|(_, _, span)| span.kind == SpanKind::Client)
        .map(|(_, _, span)| span.span_id)
        .collect();
    out.buffer().push(b'[');
    for (index, (resource, scope, one)) in adjusted.trace.spans().enumerate() {
        if index > 0 {
            out.buffer().push(b',');
        }
        let shared = one.kind == SpanKind::Server && clients.contains(&one.span_id);
        span::span(out.buffer(), (resource, scope, one), shared);
        out.pass_on()?;
    }
    out.buffer().push(b']');
    out.pass_on()
}

#[cfg(test)]
mod tests;
