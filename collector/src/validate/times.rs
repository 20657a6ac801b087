//! Times of spans and events: present, within 1970–2262, in order, near the time of receipt.

use std::time::Duration;

use model::{AttributeRef, Extent, Repair, Repairs, SpanBatch, UnixNanos, ValueRef};

use crate::config::TimesConfig;

/// The attribute that keeps the start of a span that was moved, as it was sent.
pub const ORIGINAL_START: &str = "spoor.original_start_time_unix_nano";

/// The last instant that a signed 64-bit integer can hold.
const LATEST: UnixNanos = i64::MAX as UnixNanos;

/// Checks the times of a span and of its events.
pub(super) fn check(
    batch: &mut SpanBatch<'_>,
    index: usize,
    config: &TimesConfig,
    received_at: UnixNanos,
) {
    let span = &mut batch.spans[index];
    let sent = span.start;
    (span.start, span.end) = bounded(sent, span.end, received_at, &mut span.repairs);
    let was_believed = span.start == sent;
    if was_believed && is_far(sent, received_at, config) {
        let duration = span.end - span.start;
        span.start = received_at;
        span.end = received_at.saturating_add(duration).min(LATEST);
        span.repairs.insert(Repair::TimeSkewed);
        let attributes = span.attributes;
        let extended = keep_original(batch, attributes, sent);
        batch.spans[index].attributes = extended;
    }
    let events = batch.spans[index].events;
    for event in &mut batch.events[events.range()] {
        if event.time > LATEST {
            event.time = LATEST;
            batch.spans[index].repairs.insert(Repair::TimeOutOfRange);
        }
    }
}

/// Start and end that a store can hold, the end not before the start.
fn bounded(
    start: UnixNanos,
    end: UnixNanos,
    received_at: UnixNanos,
    repairs: &mut Repairs,
) -> (UnixNanos, UnixNanos) {
    let bounded_start = match start {
        0 => replaced(received_at, Repair::StartMissing, repairs),
        start if start > LATEST => replaced(received_at, Repair::TimeOutOfRange, repairs),
        start => start,
    };
    if end > LATEST {
        let end = replaced(received_at, Repair::TimeOutOfRange, repairs);
        return (bounded_start, end.max(bounded_start));
    }
    if end < bounded_start {
        // A start that was put in says nothing about the end that was sent.
        if bounded_start == start {
            repairs.insert(Repair::EndBeforeStart);
        }
        return (bounded_start, bounded_start);
    }
    (bounded_start, end)
}

fn replaced(by: UnixNanos, repair: Repair, repairs: &mut Repairs) -> UnixNanos {
    repairs.insert(repair);
    by
}

fn is_far(start: UnixNanos, received_at: UnixNanos, config: &TimesConfig) -> bool {
    let nanos = |duration: Duration| u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
    start < received_at.saturating_sub(nanos(config.max_age))
        || start > received_at.saturating_add(nanos(config.max_future))
}

/// The attributes with the original start behind them. They move to where there is room.
fn keep_original(batch: &mut SpanBatch<'_>, attributes: Extent, start: UnixNanos) -> Extent {
    let first = batch.attributes.len();
    batch.attributes.extend_from_within(attributes.range());
    batch.attributes.push(AttributeRef {
        key: ORIGINAL_START,
        value: ValueRef::Int(start as i64),
    });
    Extent::since(first, batch.attributes.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::{Span, SpanId, TraceId};

    const NOW: UnixNanos = 1_700_000_000_000_000_000;
    const HOUR: UnixNanos = 3_600_000_000_000;

    fn checked(start: UnixNanos, end: UnixNanos) -> (UnixNanos, UnixNanos, Vec<Repair>) {
        let span = checked_span(start, end);
        (span.start, span.end, span.repairs.iter().collect())
    }

    fn checked_span(start: UnixNanos, end: UnixNanos) -> Span {
        let ids = (TraceId::new([1; 16]), SpanId::new([1; 8]));
        let span = Span::new(
            ids.0.expect("not zero"),
            ids.1.expect("not zero"),
            "s",
            start,
            end,
        );
        let trace = model::Trace {
            id: span.trace_id,
            resources: vec![model::ResourceSpans {
                scopes: vec![model::ScopeSpans {
                    spans: vec![span],
                    ..Default::default()
                }],
                ..Default::default()
            }],
        };
        let mut batch = SpanBatch::of_trace(&trace);
        check(&mut batch, 0, &TimesConfig::default(), NOW);
        batch.own_span(&batch.spans[0])
    }

    #[test]
    fn times_that_can_be_believed_stay() {
        assert_eq!(checked(NOW - HOUR, NOW), (NOW - HOUR, NOW, vec![]));
        assert_eq!(
            checked(NOW + HOUR, NOW + 2 * HOUR),
            (NOW + HOUR, NOW + 2 * HOUR, vec![])
        );
    }

    #[test]
    fn a_missing_start_becomes_the_time_of_receipt() {
        assert_eq!(checked(0, NOW - 5), (NOW, NOW, vec![Repair::StartMissing]));
        assert_eq!(checked(0, 0), (NOW, NOW, vec![Repair::StartMissing]));
    }

    #[test]
    fn a_time_beyond_2262_becomes_the_time_of_receipt() {
        assert_eq!(
            checked(u64::MAX, u64::MAX),
            (NOW, NOW, vec![Repair::TimeOutOfRange])
        );
        assert_eq!(
            checked(NOW - 5, 1 << 63),
            (NOW - 5, NOW, vec![Repair::TimeOutOfRange])
        );
    }

    #[test]
    fn an_end_before_the_start_becomes_the_start() {
        assert_eq!(
            checked(NOW, NOW - 1),
            (NOW, NOW, vec![Repair::EndBeforeStart])
        );
        assert_eq!(checked(NOW, 0), (NOW, NOW, vec![Repair::EndBeforeStart]));
    }

    #[test]
    fn a_span_far_away_is_moved_with_its_duration_and_keeps_its_start() {
        for start in [1, NOW - 8 * 24 * HOUR, NOW + HOUR + 1, LATEST - 10] {
            let span = checked_span(start, start + 10);
            assert_eq!((span.start, span.end), (NOW, NOW + 10), "{start}");
            assert_eq!(
                span.repairs.iter().collect::<Vec<_>>(),
                [Repair::TimeSkewed]
            );
            let kept = model::KeyValue::new(ORIGINAL_START, start as i64);
            assert_eq!(span.attributes, [kept]);
        }
    }
}
