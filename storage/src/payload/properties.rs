//! Properties of the codec: nothing is lost, and no bytes make the decoder fall over.

use bumpalo::Bump;
use model::{SpanBatch, Trace, TraceId, Value};
use proptest::prelude::*;

use super::{DecodeError, EncodeError, Encoder, VERSION, decode};
use crate::test_traces;

const NOON: u64 = 1_764_000_000_000_000_000;

fn encode(batch: &SpanBatch<'_>, trace: TraceId, spans: &[u32]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut encoder = Encoder::new(3).expect("a level");
    encoder
        .encode(trace, batch, spans, &mut out)
        .expect("small spans");
    out
}

fn all(batch: &SpanBatch<'_>) -> Vec<u32> {
    (0..batch.spans.len() as u32).collect()
}

/// Spans with their scope and resource, one by one.
fn owned(batch: &SpanBatch<'_>, spans: &[u32]) -> Vec<impl PartialEq + std::fmt::Debug + use<>> {
    spans
        .iter()
        .map(|&index| {
            let span = &batch.spans[index as usize];
            (
                batch.own_resource(batch.resource(span)),
                batch.own_scope(batch.scope(span)),
                batch.own_span(span),
            )
        })
        .collect()
}

proptest! {
    #[test]
    fn every_field_of_every_span_reads_back(trace in test_traces::trace(NOON)) {
        let batch = SpanBatch::of_trace(&trace);
        let payload = encode(&batch, trace.id, &all(&batch));
        let arena = Bump::new();
        let back = decode(&payload, &arena).expect("its own payload");
        prop_assert_eq!(owned(&back, &all(&back)), owned(&batch, &all(&batch)));
    }

    #[test]
    fn some_of_the_spans_read_back_as_they_are(trace in test_traces::trace(NOON), odd in 0u32..2) {
        let batch = SpanBatch::of_trace(&trace);
        let some: Vec<u32> = all(&batch).into_iter().filter(|index| index % 2 == odd).collect();
        let arena = Bump::new();
        let payload = encode(&batch, trace.id, &some);
        let back = decode(&payload, &arena).expect("its own payload");
        prop_assert_eq!(owned(&back, &all(&back)), owned(&batch, &some));
    }

    #[test]
    fn no_bytes_make_the_decoder_fall_over(
        mut bytes in prop::collection::vec(any::<u8>(), 0..200),
        version in any::<bool>(),
    ) {
        if let (true, Some(first)) = (version, bytes.first_mut()) {
            *first = VERSION;
        }
        let arena = Bump::with_capacity(0);
        let _ = decode(&bytes, &arena);
        prop_assert!(arena.allocated_bytes() <= 200 * super::MAX_RATIO + 1024);
    }

    #[test]
    fn a_damaged_body_is_an_error_or_other_spans(
        trace in test_traces::trace(NOON),
        at in any::<prop::sample::Index>(),
        byte in any::<u8>(),
    ) {
        let batch = SpanBatch::of_trace(&trace);
        let body = damaged(&encode(&batch, trace.id, &all(&batch)), at, byte);
        let _ = decode(&body, &Bump::new());
    }
}

/// The payload with one byte of its body replaced, below the compression.
fn damaged(payload: &[u8], at: prop::sample::Index, byte: u8) -> Vec<u8> {
    let mut cursor = super::varint::Cursor(&payload[1..]);
    let body_len = cursor.number().expect("written") as usize;
    let ids_len = cursor.number().expect("written") as usize;
    let frame = &cursor.0[ids_len..];
    let mut body = zstd::bulk::decompress(frame, body_len).expect("written");
    let place = at.index(body.len());
    body[place] = byte;
    let head = payload.len() - frame.len();
    let frame = zstd::bulk::compress(&body, 1).expect("compresses");
    [&payload[..head], &frame].concat()
}

#[test]
fn a_newer_version_is_told_apart_from_bad_bytes() {
    let arena = Bump::new();
    let decoded = decode(&[VERSION + 1, 0, 0], &arena);
    assert!(matches!(decoded, Err(DecodeError::Version(2))));
}

#[test]
fn a_double_keeps_its_bits() {
    let nan = f64::from_bits(0x7ff8_0000_dead_beef);
    let trace = trace_with(Value::Double(nan));
    let batch = SpanBatch::of_trace(&trace);
    let arena = Bump::new();
    let payload = encode(&batch, trace.id, &[0]);
    let back = decode(&payload, &arena).expect("its own payload");
    let value = back.attributes(back.spans[0].attributes)[0].value;
    assert!(matches!(value, model::ValueRef::Double(number) if number.to_bits() == nan.to_bits()));
}

#[test]
fn values_nested_without_end_are_refused() {
    let deep = (0..200).fold(Value::Empty, |inner, _| Value::Array(vec![inner]));
    let trace = trace_with(deep);
    let batch = SpanBatch::of_trace(&trace);
    let mut encoder = Encoder::new(3).expect("a level");
    let encoded = encoder.encode(trace.id, &batch, &[0], &mut Vec::new());
    assert!(matches!(encoded, Err(EncodeError::TooDeep)));
}

fn trace_with(value: Value) -> Trace {
    let id = TraceId::new([1; 16]).expect("not zero");
    let span_id = model::SpanId::new([2; 8]).expect("not zero");
    let mut span = model::Span::new(id, span_id, "one", NOON, NOON);
    span.attributes = vec![model::KeyValue::new("key", value)];
    let of_scope = model::ScopeSpans {
        spans: vec![span],
        ..Default::default()
    };
    let of_resource = model::ResourceSpans {
        scopes: vec![of_scope],
        ..Default::default()
    };
    Trace {
        id,
        resources: vec![of_resource],
    }
}
