//! Drops spans that are there twice, whatever the resource and scope they lie under.

use std::fmt::Write;
use std::hash::{BuildHasher, Hasher, RandomState};

use foldhash::{HashMap, HashMapExt, HashSet, HashSetExt};
use model::{Span, SpanId, Trace};

/// Keeps the first of spans that are equal in everything, their resource's and scope's attributes
/// included. Only spans that share their id are compared at all.
pub(super) fn adjust(trace: &mut Trace) {
    let repeated = repeated_ids(trace);
    if repeated.is_empty() {
        return;
    }
    let hashing = RandomState::new();
    let mut seen: HashSet<u64> = HashSet::new();
    for of_resource in &mut trace.resources {
        let resource = &of_resource.resource.attributes;
        for of_scope in &mut of_resource.scopes {
            let scope = &of_scope.scope.attributes;
            of_scope.spans.retain(|span| {
                !repeated.contains(&span.span_id)
                    || seen.insert(content_hash(&hashing, &(resource, scope), span))
            });
        }
        of_resource.scopes.retain(|of| !of.spans.is_empty());
    }
    trace.resources.retain(|of| !of.scopes.is_empty());
}

fn repeated_ids(trace: &Trace) -> HashSet<SpanId> {
    let mut counts: HashMap<SpanId, u32> = HashMap::with_capacity(trace.span_count());
    for (_, _, span) in trace.spans() {
        *counts.entry(span.span_id).or_default() += 1;
    }
    counts.retain(|_, count| *count > 1);
    counts.into_keys().collect()
}

/// The printed form tells every value apart, NaN and types included.
fn content_hash(hashing: &RandomState, owner: &impl std::fmt::Debug, span: &Span) -> u64 {
    let mut into = IntoHash(hashing.build_hasher());
    // Hashing cannot fail.
    let _ = write!(into, "{owner:?}{span:?}");
    into.0.finish()
}

struct IntoHash<H>(H);

impl<H: Hasher> Write for IntoHash<H> {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        self.0.write(text.as_bytes());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use model::KeyValue;

    use super::*;
    use crate::adjust::samples::{of_resource, span, trace};

    #[test]
    fn of_equal_spans_the_first_one_is_kept() {
        let with_nan = || Span {
            attributes: vec![KeyValue::new("x", f64::NAN)],
            ..span(1)
        };
        let host = [("host.name", "a")];
        let mut doubled = trace(vec![
            of_resource(&host, vec![with_nan(), span(2), with_nan()]),
            of_resource(&host, vec![with_nan()]),
        ]);
        adjust(&mut doubled);
        assert_eq!(doubled.resources.len(), 1);
        assert_eq!(doubled.span_count(), 2);
    }

    #[test]
    fn spans_of_one_id_that_differ_in_anything_all_stay() {
        let later = Span {
            start: 5,
            ..span(1)
        };
        let mut shared = trace(vec![
            of_resource(&[("host.name", "a")], vec![span(1), later]),
            of_resource(&[("host.name", "b")], vec![span(1)]),
        ]);
        adjust(&mut shared);
        assert_eq!(shared.span_count(), 3);
    }
}
