//! Traces by their ids.

use model::{Span, TimeRange, Trace};
use storage::{TraceReader, TraceWriter, WriteBatch};

use crate::samples::{self, SECOND, full, of_service, span_id, spans, start, trace_id};
use crate::under::Under;

/// Spans of a trace that no plug-in takes in one export.
const MANY: u64 = 6_000;

pub async fn a_trace_is_read_back_with_every_field_of_every_span<R: TraceReader, W: TraceWriter>(
    under: &Under<'_, R, W>,
) {
    let trace = full();
    let written = under.write(std::slice::from_ref(&trace)).await;
    assert_eq!((written.spans_stored, written.spans_duplicate), (12, 0));
    let found = under.trace(trace.id).await.expect("it is there");
    assert_eq!(spans(&found), spans(&trace));
}

pub async fn an_id_that_nothing_was_written_under_gives_nothing<R: TraceReader, W: TraceWriter>(
    under: &Under<'_, R, W>,
) {
    under.write(&[full()]).await;
    assert_eq!(under.trace(trace_id()).await, None);
}

pub async fn a_hint_that_is_wrong_hides_nothing<R: TraceReader, W: TraceWriter>(
    under: &Under<'_, R, W>,
) {
    let trace = of_service("shop", 3, |_, _| {});
    under.write(std::slice::from_ref(&trace)).await;
    let (first, day) = (start(), 24 * 3_600 * SECOND);
    let right = TimeRange {
        start: first,
        end: first + SECOND,
    };
    let wrong = TimeRange {
        start: first - 9 * day,
        end: first - 8 * day,
    };
    for hint in [right, wrong] {
        let found = under.hinted(trace.id, Some(hint)).await;
        assert_eq!(spans(&found.expect("it is there")), spans(&trace));
    }
}

pub async fn each_id_gives_its_own_trace<R: TraceReader, W: TraceWriter>(under: &Under<'_, R, W>) {
    let traces: Vec<Trace> = (1..6).map(|n| of_service("shop", n, |_, _| {})).collect();
    under.write(&traces).await;
    for trace in traces.iter().rev() {
        let found = under.trace(trace.id).await.expect("it is there");
        assert_eq!(spans(&found), spans(trace));
    }
}

pub async fn what_is_written_in_parts_is_read_as_one_trace<R: TraceReader, W: TraceWriter>(
    under: &Under<'_, R, W>,
) {
    let whole = of_service("shop", 4, |_, _| {});
    let part = |odd: bool| {
        let mut part = whole.clone();
        let spans = &mut part.resources[0].scopes[0].spans;
        spans.retain(|span| (span.span_id.as_bytes()[7] % 2 == 1) == odd);
        part
    };
    under.write(&[part(true)]).await;
    under.write(&[part(false)]).await;
    let found = under.trace(whole.id).await.expect("it is there");
    assert_eq!(spans(&found), spans(&whole));
}

pub async fn a_span_that_is_written_twice_is_read_once<R: TraceReader, W: TraceWriter>(
    under: &Under<'_, R, W>,
) {
    let trace = full();
    under.write(std::slice::from_ref(&trace)).await;
    under.write(std::slice::from_ref(&trace)).await;
    let found = under.trace(trace.id).await.expect("it is there");
    assert_eq!(spans(&found), spans(&trace));
}

/// As a client's and a server's span of Zipkin do.
pub async fn spans_that_share_an_id_are_all_there<R: TraceReader, W: TraceWriter>(
    under: &Under<'_, R, W>,
) {
    let trace = of_service("shop", 3, |_, span| span.span_id = span_id(7));
    under.write(std::slice::from_ref(&trace)).await;
    let found = under.trace(trace.id).await.expect("it is there");
    assert_eq!(spans(&found), spans(&trace));
}

pub async fn a_trace_of_many_spans_is_read_whole<R: TraceReader, W: TraceWriter>(
    under: &Under<'_, R, W>,
) {
    let wide = |number: u64, span: &mut Span| {
        span.start = start() + number * 1_000;
        span.end = span.start + 10;
        span.attributes = samples::of_every_type();
    };
    let trace = of_service("shop", MANY, wide);
    under.write(std::slice::from_ref(&trace)).await;
    let found = under.trace(trace.id).await.expect("it is there");
    assert_eq!(found.span_count() as u64, MANY);
    assert!(spans(&found) == spans(&trace), "some span differs");
}

/// A partition without records writes nothing now and then.
pub async fn what_is_idle_may_be_written<R: TraceReader, W: TraceWriter>(under: &Under<'_, R, W>) {
    let nothing = WriteBatch {
        progress: &[],
        traces: &[],
    };
    let written = under.writer.write(nothing).await.expect("it is written");
    assert_eq!(written.spans_stored, 0);
}
