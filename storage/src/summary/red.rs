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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct RedDelta {
    pub(crate) calls: i64,
    pub(crate) errors: i64,
    pub(crate) duration_sum: i64,
    series: u32,
}

/// So many durations of a series in one bucket of its histogram.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Bar {
    series: u32,
    pub(crate) bucket: u16,
    pub(crate) count: u32,
}

/// RED of some spans.
#[derive(Debug, Default)]
pub(crate) struct Red<'a> {
    deltas: HashMap<RedKey<'a>, RedDelta>,
    /// Series and bucket of each duration.
    durations: Vec<(u32, u16)>,
}

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
            let series = self.deltas.len() as u32;
            let new = || RedDelta {
                series,
                ..RedDelta::default()
            };
            let delta = self.deltas.entry(key).or_insert_with(new);
            let duration = i64::try_from(span.duration()).unwrap_or(i64::MAX);
            delta.calls += 1;
            delta.errors += i64::from(span.status == StatusCode::Error);
            delta.duration_sum = delta.duration_sum.saturating_add(duration);
            let bucket = DurationHistogram::bucket(span.duration());
            self.durations.push((delta.series, bucket));
        }
    }

    /// All of it but the histograms, sorted.
    pub(crate) fn sorted(&self) -> Vec<(&RedKey<'a>, &RedDelta)> {
        let mut all: Vec<_> = self.deltas.iter().collect();
        all.sort_unstable_by_key(|(key, _)| **key);
        all
    }

    /// The histograms of all series.
    pub(crate) fn histograms(&self) -> Histograms {
        let mut durations = self.durations.clone();
        durations.sort_unstable();
        let bar = |same: &[(u32, u16)]| Bar {
            series: same[0].0,
            bucket: same[0].1,
            count: same.len() as u32,
        };
        Histograms(durations.chunk_by(|a, b| a == b).map(bar).collect())
    }
}

/// Bars by series and bucket.
#[derive(Debug)]
pub(crate) struct Histograms(Vec<Bar>);

impl Histograms {
    /// The bars of a series, by bucket.
    pub(crate) fn of(&self, delta: &RedDelta) -> &[Bar] {
        let from = self.0.partition_point(|bar| bar.series < delta.series);
        let len = self.0[from..].partition_point(|bar| bar.series == delta.series);
        &self.0[from..from + len]
    }
}
