//! Calls between services, from the spans of one trace.
//!
//! The edges of a trace are a function of the set of its spans. What a write adds is the
//! difference between the function of all spans and that of the spans stored before, whatever
//! order they came in: a late parent gives its child an edge, a late server span takes its
//! client's place as the parent of what it called.

use std::collections::HashMap;

use model::{NANOS_PER_MINUTE, SpanBatch, SpanId, SpanKind, SpanRef, StatusCode};

/// What edges need to know of a span.
#[derive(Debug, Clone, Copy)]
pub(crate) struct EdgeSpan<'a> {
    id: SpanId,
    parent: Option<SpanId>,
    service: &'a str,
    kind: SpanKind,
    minute: u64,
    duration: u64,
    error: bool,
}

impl<'a> EdgeSpan<'a> {
    pub(crate) fn of(batch: &SpanBatch<'a>, span: &SpanRef<'a>) -> Self {
        Self {
            id: span.span_id,
            parent: span.parent_span_id,
            service: batch.service_name(batch.resource(span)),
            kind: span.kind,
            minute: span.start - span.start % NANOS_PER_MINUTE,
            duration: span.duration(),
            error: span.status == StatusCode::Error,
        }
    }
}

/// An edge in one minute.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct EdgeKey<'a> {
    pub(crate) minute: u64,
    pub(crate) parent: &'a str,
    pub(crate) child: &'a str,
}

/// How an edge's counts change. Signed: a nearer parent may take a call away from another edge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct EdgeChange {
    pub(crate) calls: i64,
    pub(crate) errors: i64,
    pub(crate) duration_sum: i64,
}

impl EdgeChange {
    fn add(&mut self, span: &EdgeSpan<'_>, sign: i64) {
        let duration = i64::try_from(span.duration).unwrap_or(i64::MAX);
        self.calls += sign;
        self.errors += sign * i64::from(span.error);
        self.duration_sum = self
            .duration_sum
            .saturating_add(sign.saturating_mul(duration));
    }
}

/// The edges of a set of spans, each handed to `visit` with its child.
fn edges<'s, 'a>(spans: &'s [EdgeSpan<'a>], mut visit: impl FnMut(EdgeKey<'a>, &'s EdgeSpan<'a>)) {
    let mut by_id: HashMap<SpanId, Vec<&EdgeSpan<'a>>> = HashMap::with_capacity(spans.len());
    for span in spans {
        by_id.entry(span.id).or_default().push(span);
    }
    for span in spans {
        if let Some(parent) = parent_of(span, &by_id) {
            let (minute, child) = (span.minute, span.service);
            visit(
                EdgeKey {
                    minute,
                    parent: parent.service,
                    child,
                },
                span,
            );
        }
    }
}

/// The span that called this one. Zipkin's server spans share the id of the client span that
/// called them; what such a pair calls has the server as its parent.
fn parent_of<'s, 'a>(
    span: &EdgeSpan<'a>,
    by_id: &HashMap<SpanId, Vec<&'s EdgeSpan<'a>>>,
) -> Option<&'s EdgeSpan<'a>> {
    if span.kind == SpanKind::Server {
        let same_id = by_id.get(&span.id).into_iter().flatten();
        if let Some(client) = same_id
            .copied()
            .filter(|one| one.kind == SpanKind::Client)
            .min_by_key(rank)
        {
            return Some(client);
        }
    }
    let parents = by_id.get(&span.parent?)?;
    let server = parents
        .iter()
        .copied()
        .filter(|one| one.kind == SpanKind::Server)
        .min_by_key(rank);
    server.or_else(|| parents.iter().copied().min_by_key(rank))
}

/// Of several spans with the same id, the same one counts in whatever order they are looked at.
fn rank<'a>(span: &&EdgeSpan<'a>) -> (&'a str, SpanKind, u64, u64) {
    (span.service, span.kind, span.minute, span.duration)
}

/// Adds to `total` what a trace's edges change by when `new` spans join the `stored` ones.
pub(crate) fn add_changes<'a>(
    stored: &[EdgeSpan<'a>],
    new: &[EdgeSpan<'a>],
    total: &mut HashMap<EdgeKey<'a>, EdgeChange>,
) {
    if !stored.is_empty() {
        edges(stored, |key, child| {
            total.entry(key).or_default().add(child, -1);
        });
    }
    let all: Vec<EdgeSpan<'a>> = stored.iter().chain(new).copied().collect();
    edges(&all, |key, child| {
        total.entry(key).or_default().add(child, 1);
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(id: u8, parent: u8, service: &'static str, kind: SpanKind) -> EdgeSpan<'static> {
        EdgeSpan {
            id: SpanId::new([id; 8]).expect("not zero"),
            parent: SpanId::new([parent; 8]),
            service,
            kind,
            minute: 0,
            duration: 1,
            error: false,
        }
    }

    fn calls(steps: &[&[EdgeSpan<'static>]]) -> Vec<(&'static str, &'static str, i64)> {
        let (mut total, mut stored) = (HashMap::new(), Vec::new());
        for step in steps {
            add_changes(&stored, step, &mut total);
            stored.extend_from_slice(step);
        }
        let mut found: Vec<_> = total
            .iter()
            .map(|(key, change)| (key.parent, key.child, change.calls))
            .collect();
        found.retain(|(_, _, calls)| *calls != 0);
        found.sort_unstable();
        found
    }

    #[test]
    fn a_late_parent_gives_its_child_an_edge() {
        let (parent, child) = (
            span(1, 0, "a", SpanKind::Client),
            span(2, 1, "b", SpanKind::Server),
        );
        assert_eq!(calls(&[&[child], &[parent]]), [("a", "b", 1)]);
        assert_eq!(calls(&[&[parent], &[child]]), [("a", "b", 1)]);
    }

    #[test]
    fn shared_ids_make_an_edge_and_the_server_is_the_parent_of_the_rest() {
        let client = span(1, 0, "a", SpanKind::Client);
        let server = span(1, 0, "b", SpanKind::Server);
        let query = span(2, 1, "b", SpanKind::Client);
        let expected = [("a", "b", 1), ("b", "b", 1)];
        assert_eq!(calls(&[&[client, server, query]]), expected);
        assert_eq!(calls(&[&[query], &[client], &[server]]), expected);
    }
}
