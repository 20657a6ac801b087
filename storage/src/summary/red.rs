//! Rate, errors and durations by minute and operation.

use foldhash::HashMap;
use model::{NANOS_PER_MINUTE, ServiceNames, SpanBatch, SpanKind, StatusCode, UnixNanos};

use crate::DurationHistogram;

/// One operation in one minute.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct RedKey<'a> {
    pub(crate) tenant: &'a str,
    /// Start of the minute.
    pub(crate) minute: UnixNanos,
    pub(crate) service: &'a str,
    pub(crate) operation: &'a str,
    pub(crate) kind: SpanKind,
}

/// What is added to it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct RedDelta {
    pub(crate) calls: i64,
    pub(crate) errors: i64,
    pub(crate) duration_sum: i64,
    pub(crate) histogram: DurationHistogram,
}

/// RED of some spans.
#[derive(Debug, Default)]
pub(crate) struct Red<'a>(HashMap<RedKey<'a>, RedDelta>);

impl<'a> Red<'a> {
    /// Counts spans that are stored for the first time.
    pub(crate) fn add(&mut self, tenant: &'a str, batch: &SpanBatch<'a>, spans: &[u32]) {
        let mut services = ServiceNames::new(batch);
        for &index in spans {
            let span = &batch.spans[index as usize];
            let key = RedKey {
                tenant,
                minute: span.start - span.start % NANOS_PER_MINUTE,
                service: services.of(span),
                operation: span.operation_name(),
                kind: span.kind,
            };
            let delta = self.0.entry(key).or_default();
            let duration = i64::try_from(span.duration()).unwrap_or(i64::MAX);
            delta.calls += 1;
            delta.errors += i64::from(span.status == StatusCode::Error);
            delta.duration_sum = delta.duration_sum.saturating_add(duration);
            delta.histogram.add(span.duration());
        }
    }

    /// All of it, sorted.
    pub(crate) fn sorted(&self) -> Vec<(&RedKey<'a>, &RedDelta)> {
        let mut all: Vec<_> = self.0.iter().collect();
        all.sort_unstable_by_key(|(key, _)| **key);
        all
    }
}
