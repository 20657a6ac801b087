//! Zipkin's clients and servers share a span id; viewers want one id per span.

use foldhash::{HashMap, HashMapExt};
use model::{SpanId, SpanKind, Trace};

/// Gives each server span whose id a client span has too the smallest unused number as its id,
/// the shared id as its parent, and its children the new id as theirs.
pub(super) fn adjust(trace: &mut Trace) {
    let mut of_client: HashMap<SpanId, bool> = HashMap::with_capacity(trace.span_count());
    for (_, _, span) in trace.spans() {
        *of_client.entry(span.span_id).or_default() |= span.kind == SpanKind::Client;
    }
    let mut last = 0;
    let mut renamed: HashMap<SpanId, SpanId> = HashMap::new();
    for span in trace.spans_mut() {
        let shared = span.span_id;
        if span.kind != SpanKind::Server || of_client.get(&shared) != Some(&true) {
            continue;
        }
        // A trace of 2^64 spans would be needed to run out of numbers.
        let Some(unused) = next_unused(&of_client, &mut last) else {
            continue;
        };
        renamed.insert(shared, unused);
        span.parent_span_id = Some(shared);
        span.span_id = unused;
    }
    if renamed.is_empty() {
        return;
    }
    for span in trace.spans_mut() {
        let renamed_parent = span.parent_span_id.and_then(|parent| renamed.get(&parent));
        if let Some(parent) = renamed_parent.filter(|parent| **parent != span.span_id) {
            span.parent_span_id = Some(*parent);
        }
    }
}

fn next_unused(used: &HashMap<SpanId, bool>, last: &mut u64) -> Option<SpanId> {
    while let Some(next) = last.checked_add(1) {
        *last = next;
        let id = SpanId::new(next.to_be_bytes())?;
        if !used.contains_key(&id) {
            return Some(id);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::adjust::samples::{child, id, of_kind, span, trace_of};

    fn ids_and_parents(trace: &Trace) -> Vec<(SpanId, Option<SpanId>)> {
        trace
            .spans()
            .map(|(_, _, span)| (span.span_id, span.parent_span_id))
            .collect()
    }

    #[test]
    fn a_server_span_that_shares_a_clients_id_becomes_its_child() {
        let mut trace = trace_of([
            vec![of_kind(span(2), SpanKind::Client)],
            vec![of_kind(span(2), SpanKind::Server), child(1, 2)],
        ]);
        adjust(&mut trace);
        assert_eq!(
            ids_and_parents(&trace),
            [(id(2), None), (id(3), Some(id(2))), (id(1), Some(id(3))),]
        );
    }

    #[test]
    fn a_server_span_with_an_id_of_its_own_stays_as_it_is() {
        let mut trace = trace_of([vec![
            of_kind(span(1), SpanKind::Client),
            of_kind(child(2, 1), SpanKind::Server),
            of_kind(span(7), SpanKind::Server),
            of_kind(span(7), SpanKind::Internal),
        ]]);
        let before = trace.clone();
        adjust(&mut trace);
        assert_eq!(trace, before);
    }
}
