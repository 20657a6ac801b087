//! What a log holds against what a store holds, span by span, told by partition, hour and tenant.
//! Pure.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use model::{SpanHash, SpanId, Tenant, TraceId, UnixNanos};

/// Nanoseconds of an hour.
const HOUR: u64 = 3_600_000_000_000;

/// A span, without its content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpanIdentity {
    /// Whose span it is.
    pub tenant: Tenant,
    /// The trace it belongs to.
    pub trace_id: TraceId,
    /// Its id.
    pub span_id: SpanId,
    /// When it started.
    pub start: UnixNanos,
    /// Its identity.
    pub hash: SpanHash,
}

/// Where spans are counted.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Bucket {
    /// Partition of the topic.
    pub partition: i32,
    /// Start of the hour that they start in, in nanoseconds.
    pub hour: UnixNanos,
    /// Whose they are.
    pub tenant: Tenant,
}

/// A set of spans in short: two sets with the same fingerprint are the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Fingerprint {
    /// How many.
    pub spans: u64,
    /// All identities, by exclusive or.
    pub xor: u128,
    /// All identities, added up.
    pub sum: u128,
}

impl Fingerprint {
    fn add(&mut self, hash: SpanHash) {
        self.spans += 1;
        self.xor ^= hash.0;
        self.sum = self.sum.wrapping_add(hash.0);
    }
}

/// Both sides of a bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Side {
    /// What the log holds.
    pub log: Fingerprint,
    /// What the store holds.
    pub store: Fingerprint,
}

/// Spans that are on one side alone.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Difference {
    /// How many.
    pub spans: u64,
    /// The first of them: trace and span, a tenant each.
    pub examples: Vec<(Tenant, TraceId, SpanId)>,
}

impl Difference {
    fn add(&mut self, span: &SpanIdentity, limit: usize) {
        self.spans += 1;
        if self.examples.len() < limit {
            let name = (span.tenant.clone(), span.trace_id, span.span_id);
            self.examples.push(name);
        }
    }
}

/// Compares one partition after the other: first what the log holds of it, then what the store
/// holds. A span that occurs more than once, because its client sent it again, counts once.
#[derive(Debug)]
pub struct Comparison {
    partition: i32,
    log: HashMap<SpanHash, SpanIdentity>,
    stored: BTreeSet<SpanHash>,
    limit: usize,
    /// Where what is.
    pub buckets: BTreeMap<Bucket, Side>,
    /// In the log and not in the store.
    pub missing: Difference,
    /// In the store and not in the log.
    pub extra: Difference,
    /// Records of the log that cannot be decoded.
    pub undecodable: u64,
}

impl Comparison {
    /// Names `limit` spans of each kind of difference.
    pub fn new(limit: usize) -> Self {
        Self {
            partition: 0,
            log: HashMap::new(),
            stored: BTreeSet::new(),
            limit,
            buckets: BTreeMap::new(),
            missing: Difference::default(),
            extra: Difference::default(),
            undecodable: 0,
        }
    }

    /// Whether both sides hold the same.
    pub fn is_equal(&self) -> bool {
        self.missing.spans == 0 && self.extra.spans == 0
    }

    /// Goes on to another partition.
    pub fn begin(&mut self, partition: i32) {
        self.partition = partition;
        self.log.clear();
        self.stored.clear();
    }

    fn side(&mut self, span: &SpanIdentity) -> &mut Side {
        let bucket = Bucket {
            partition: self.partition,
            hour: span.start - span.start % HOUR,
            tenant: span.tenant.clone(),
        };
        self.buckets.entry(bucket).or_default()
    }

    /// The log holds this span.
    pub fn in_log(&mut self, span: SpanIdentity) {
        if !self.log.contains_key(&span.hash) {
            self.side(&span).log.add(span.hash);
            self.log.insert(span.hash, span);
        }
    }

    /// The store holds this span. `expected`: it must have come from the records that were read.
    pub fn in_store(&mut self, span: &SpanIdentity, expected: bool) {
        let known = self.log.contains_key(&span.hash);
        if !(known || expected) || !self.stored.insert(span.hash) {
            return;
        }
        self.side(span).store.add(span.hash);
        if !known {
            let limit = self.limit;
            self.extra.add(span, limit);
        }
    }

    /// Tail sampling has dropped those of the log that `is_dropped` says: they are where they belong.
    pub fn dropped(&mut self, is_dropped: impl Fn(&SpanIdentity) -> bool) {
        let spans = self.log.values();
        let missing = spans.filter(|span| !self.stored.contains(&span.hash) && is_dropped(span));
        for span in missing.cloned().collect::<Vec<_>>() {
            self.stored.insert(span.hash);
            self.side(&span).store.add(span.hash);
        }
    }

    /// The traces of which the store has not shown every span yet.
    pub fn open_traces(&self) -> Vec<TraceId> {
        let open = self
            .log
            .values()
            .filter(|span| !self.stored.contains(&span.hash));
        let traces: BTreeSet<TraceId> = open.map(|span| span.trace_id).collect();
        traces.into_iter().collect()
    }

    /// The store has shown everything that it has for this partition.
    pub fn end(&mut self) {
        let mut missing: Vec<&SpanIdentity> = self
            .log
            .values()
            .filter(|span| !self.stored.contains(&span.hash))
            .collect();
        missing.sort_by_key(|span| (span.start, span.hash));
        for span in missing {
            self.missing.add(span, self.limit);
        }
        self.log.clear();
        self.stored.clear();
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Spread as hashes are: of small numbers, different ones may have the same fingerprint.
    fn spread(n: u128) -> SpanHash {
        let mixed = (n + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835);
        SpanHash(mixed.wrapping_mul(mixed | 1) ^ mixed.rotate_left(61))
    }

    fn span(n: u128, hour: u64) -> SpanIdentity {
        SpanIdentity {
            tenant: Tenant::default(),
            trace_id: TraceId::new([1; 16]).expect("not zero"),
            span_id: SpanId::new([2; 8]).expect("not zero"),
            start: hour * HOUR + 7,
            hash: spread(n),
        }
    }

    fn compare(log: &[(u128, u64)], store: &[(u128, u64)]) -> Comparison {
        let mut comparison = Comparison::new(3);
        comparison.begin(4);
        log.iter()
            .for_each(|(n, hour)| comparison.in_log(span(*n, *hour)));
        store
            .iter()
            .for_each(|(n, hour)| comparison.in_store(&span(*n, *hour), true));
        comparison.end();
        comparison
    }

    #[test]
    fn what_one_side_lacks_is_counted_and_named() {
        let comparison = compare(&[(1, 5), (2, 5), (2, 5), (3, 6)], &[(2, 5), (9, 6)]);
        assert_eq!((comparison.missing.spans, comparison.extra.spans), (2, 1));
        assert_eq!(comparison.missing.examples.len(), 2);
        let hours: Vec<_> = comparison
            .buckets
            .keys()
            .map(|bucket| bucket.hour / HOUR)
            .collect();
        assert_eq!(hours, [5, 6]);
    }

    #[test]
    fn a_span_that_other_records_brought_is_not_extra() {
        let mut comparison = Comparison::new(3);
        comparison.begin(0);
        comparison.in_log(span(1, 0));
        comparison.in_store(&span(2, 0), false);
        assert_eq!(comparison.open_traces().len(), 1);
        comparison.in_store(&span(1, 0), false);
        assert!(comparison.open_traces().is_empty());
        comparison.end();
        assert!(comparison.is_equal());
    }

    proptest! {
        #[test]
        fn it_is_the_difference_of_sets(
            log in proptest::collection::vec((0u128..40, 0u64..1), 0..60),
            store in proptest::collection::vec((0u128..40, 0u64..1), 0..60),
        ) {
            let comparison = compare(&log, &store);
            let set = |side: &[(u128, u64)]| side.iter().map(|one| one.0).collect::<BTreeSet<_>>();
            let (log, store) = (set(&log), set(&store));
            prop_assert_eq!(comparison.missing.spans, log.difference(&store).count() as u64);
            prop_assert_eq!(comparison.extra.spans, store.difference(&log).count() as u64);
            let same = comparison.buckets.values().all(|side| side.log == side.store);
            prop_assert_eq!(same, comparison.is_equal());
        }
    }
}
