//! Attributes by key and events by name, so that equal traces look equal.

use model::{KeyValue, Trace};

/// Sorts the attributes of every resource, scope, span, event and link by key, and the events of
/// every span by name (not by time: that is Jaeger's order, and viewers sort again).
pub(super) fn adjust(trace: &mut Trace) {
    for of_resource in &mut trace.resources {
        sort(&mut of_resource.resource.attributes);
        for of_scope in &mut of_resource.scopes {
            sort(&mut of_scope.scope.attributes);
        }
    }
    for span in trace.spans_mut() {
        sort(&mut span.attributes);
        span.events
            .iter_mut()
            .for_each(|event| sort(&mut event.attributes));
        span.events.sort_by(|a, b| a.name.cmp(&b.name));
        span.links
            .iter_mut()
            .for_each(|link| sort(&mut link.attributes));
    }
}

fn sort(attributes: &mut [KeyValue]) {
    attributes.sort_by(|a, b| a.key.cmp(&b.key));
}

#[cfg(test)]
mod tests {
    use model::{Event, Link, TraceId};

    use super::*;
    use crate::adjust::samples::{id, span, trace_of};

    fn unsorted() -> Vec<KeyValue> {
        vec![KeyValue::new("b", 1i64), KeyValue::new("a", 2i64)]
    }

    fn keys(attributes: &[KeyValue]) -> String {
        attributes
            .iter()
            .map(|attribute| attribute.key.as_str())
            .collect()
    }

    fn event(name: &str, time: u64) -> Event {
        Event {
            time,
            name: name.to_owned(),
            attributes: unsorted(),
            dropped_attributes: 0,
        }
    }

    #[test]
    fn attributes_are_sorted_by_key_at_every_level() {
        let mut one = span(1);
        one.attributes = unsorted();
        one.events = vec![event("e", 1)];
        one.links = vec![Link {
            trace_id: TraceId::parse("2").expect("an id"),
            span_id: id(2),
            trace_state: String::new(),
            attributes: unsorted(),
            dropped_attributes: 0,
            flags: 0,
        }];
        let mut trace = trace_of([vec![one]]);
        trace.resources[0].resource.attributes = unsorted();
        trace.resources[0].scopes[0].scope.attributes = unsorted();
        adjust(&mut trace);
        for (resource, scope, span) in trace.spans() {
            assert_eq!(keys(&resource.attributes), "ab");
            assert_eq!(keys(&scope.attributes), "ab");
            assert_eq!(keys(&span.attributes), "ab");
            assert_eq!(keys(&span.events[0].attributes), "ab");
            assert_eq!(keys(&span.links[0].attributes), "ab");
        }
    }

    #[test]
    fn events_are_sorted_by_name_and_keep_their_order_among_equals() {
        let mut one = span(1);
        one.events = vec![event("y", 3), event("x", 2), event("y", 1)];
        let mut trace = trace_of([vec![one]]);
        adjust(&mut trace);
        let events = &trace.resources[0].scopes[0].spans[0].events;
        let found: Vec<_> = events.iter().map(|e| (e.name.as_str(), e.time)).collect();
        assert_eq!(found, [("x", 2), ("y", 3), ("y", 1)]);
    }
}
