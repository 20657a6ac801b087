//! Properties of the codecs: nothing is lost, and no bytes make a decoder fall over.

use std::sync::LazyLock;

use bumpalo::Bump;
use model::{SpanBatch, Trace, TraceId, Value};
use proptest::prelude::*;

use super::samples::{self, all, known};
use super::{
    ContainedEncoder, DecodeError, EncodeError, Encoder, Known, Names, Reader, SharedResource,
    VERSION, Words, whole,
};
use crate::test_traces;

const NOON: u64 = 1_764_000_000_000_000_000;

/// Words that know nothing, those of the shop, and those with a dictionary of zstd.
static WORDS: LazyLock<[Words; 3]> = LazyLock::new(|| {
    [
        Words::default(),
        samples::words(),
        samples::words_with_zstd(),
    ]
});
static KNOWN: LazyLock<[Known; 3]> = LazyLock::new(|| {
    let [nothing, shop, zstd] = &*WORDS;
    [known(nothing), known(shop), known(zstd)]
});

fn encode(words: &Words, batch: &SpanBatch<'_>, spans: &[u32]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut encoder = Encoder::new(words, 3).expect("a level");
    encoder.encode(batch, spans, &mut out).expect("small spans");
    out
}

fn encode_contained(batch: &SpanBatch<'_>, trace: TraceId, spans: &[u32]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut encoder = ContainedEncoder::new(3).expect("a level");
    encoder
        .encode(trace, batch, spans, &mut out)
        .expect("small spans");
    out
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

/// Any trace, or one of the shop with some of that trace's spans in it.
fn trace() -> impl Strategy<Value = Trace> {
    let mixed = (test_traces::trace(NOON), 0u64..200).prop_map(|(any, number)| {
        let mut shop = samples::trace(number);
        for mut of_resource in any.resources {
            for span in of_resource.scopes.iter_mut().flat_map(|of| &mut of.spans) {
                span.trace_id = shop.id;
            }
            shop.resources.push(of_resource);
        }
        shop
    });
    prop_oneof![test_traces::trace(NOON), mixed]
}

proptest! {
    #[test]
    fn every_field_of_every_span_reads_back(trace in trace(), with in 0usize..3) {
        let batch = SpanBatch::of_trace(&trace);
        let payload = encode(&WORDS[with], &batch, &all(&batch));
        let arena = Bump::new();
        let mut reader = Reader::new(&KNOWN[with]);
        let back = reader.decode(trace.id, &payload, &arena).expect("its own payload");
        prop_assert_eq!(owned(&back, &all(&back)), owned(&batch, &all(&batch)));
    }

    #[test]
    fn the_first_version_still_reads_back(trace in test_traces::trace(NOON)) {
        let batch = SpanBatch::of_trace(&trace);
        let payload = encode_contained(&batch, trace.id, &all(&batch));
        let (arena, known) = (Bump::new(), Known::default());
        let mut reader = Reader::new(&known);
        let back = reader.decode(trace.id, &payload, &arena).expect("its own payload");
        prop_assert_eq!(owned(&back, &all(&back)), owned(&batch, &all(&batch)));
    }

    #[test]
    fn some_of_the_spans_read_back_as_they_are(
        trace in trace(),
        odd in 0u32..2,
        with in 0usize..3,
    ) {
        let batch = SpanBatch::of_trace(&trace);
        let some: Vec<u32> = all(&batch).into_iter().filter(|index| index % 2 == odd).collect();
        let payload = encode(&WORDS[with], &batch, &some);
        let arena = Bump::new();
        let mut reader = Reader::new(&KNOWN[with]);
        let back = reader.decode(trace.id, &payload, &arena).expect("its own payload");
        prop_assert_eq!(owned(&back, &all(&back)), owned(&batch, &some));
    }

    #[test]
    fn no_bytes_make_the_decoder_fall_over(
        mut bytes in prop::collection::vec(any::<u8>(), 0..200),
        version in 0u8..3,
    ) {
        if let (1.., Some(first)) = (version, bytes.first_mut()) {
            *first = version;
        }
        let (arena, known) = (Bump::with_capacity(0), Known::default());
        let _ = Reader::new(&known).decode(samples::trace(0).id, &bytes, &arena);
        prop_assert!(arena.allocated_bytes() <= 200 * super::MAX_RATIO + 1024);
    }

    #[test]
    fn a_damaged_payload_is_an_error_or_other_spans(
        trace in trace(),
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        with in 0usize..3,
    ) {
        let batch = SpanBatch::of_trace(&trace);
        let mut payload = encode(&WORDS[with], &batch, &all(&batch));
        for (at, byte) in damage {
            let place = at.index(payload.len());
            payload[place] = byte;
        }
        let _ = Reader::new(&KNOWN[with]).decode(trace.id, &payload, &Bump::new());
    }

    /// Below the compression, where damage reaches the decoder.
    #[test]
    fn a_damaged_body_brings_forth_no_more_than_it_warrants(
        number in 0u64..200,
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let trace = samples::trace(number);
        let batch = SpanBatch::of_trace(&trace);
        let payload = stored_damaged(&encode(&WORDS[1], &batch, &all(&batch)), &damage);
        let arena = Bump::with_capacity(0);
        if let Ok(back) = Reader::new(&KNOWN[1]).decode(trace.id, &payload, &arena) {
            prop_assert!(back.attributes.len() <= 16 * payload.len());
        }
        prop_assert!(arena.allocated_bytes() <= 64 * payload.len() + (64 << 10));
    }

    #[test]
    fn a_damaged_dictionary_is_an_error_or_another_one(
        at in any::<prop::sample::Index>(),
        byte in any::<u8>(),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut bytes = WORDS[1].dictionary.bytes().to_vec();
        let place = at.index(bytes.len());
        bytes[place] = byte;
        let _ = super::Dictionary::open(&bytes, 1);
        bytes.truncate(cut.index(bytes.len()));
        let _ = super::Dictionary::open(&bytes, 1);
    }
}

/// The payload with its body as it is, damaged at some places.
fn stored_damaged(payload: &[u8], damage: &[(prop::sample::Index, u8)]) -> Vec<u8> {
    let header = super::interned::Header::read(&payload[1..]).expect("its own payload");
    let mut body = header.body.to_vec();
    if header.compressed {
        let frame = [&super::interned::MAGIC, header.body].concat();
        body = zstd::bulk::decompress(&frame, header.body_len).expect("its own frame");
    }
    for (at, byte) in damage {
        let place = at.index(body.len());
        body[place] = *byte;
    }
    let mut code = Vec::new();
    super::varint::put(
        (header.body_len as u64) << 1 | u64::from(header.compressed),
        &mut code,
    );
    let rest = payload.len() - header.body.len();
    let ids = header.beside_len();
    let mut out = payload[..rest - ids - code.len()].to_vec();
    super::varint::put((body.len() as u64) << 1, &mut out);
    out.extend_from_slice(&payload[rest - ids..rest]);
    out.extend_from_slice(&body);
    out
}

#[test]
fn known_words_take_no_place_in_a_payload() {
    let trace = samples::trace(1_000);
    let batch = SpanBatch::of_trace(&trace);
    let [alone, shop, _] = WORDS
        .each_ref()
        .map(|words| encode(words, &batch, &all(&batch)).len());
    assert!(shop * 2 < alone, "{shop} and {alone} bytes");
}

#[test]
fn a_named_resource_is_referred_to_and_found_again() {
    let trace = samples::trace(0);
    let batch = SpanBatch::of_trace(&trace);
    let mut bytes = Vec::new();
    whole::put_resource(&batch, &batch.resources[0], &mut bytes).expect("small values");
    let shared = std::sync::Arc::new(SharedResource::open(&bytes).expect("its own bytes"));
    let mut named = super::HashedMap::default();
    named.insert(shared.name, shared.clone());
    let words = Words {
        named: std::sync::Arc::new(named),
        ..Words::default()
    };
    let payload = encode(&words, &batch, &all(&batch));
    let mut names = Names::default();
    names.add(&payload);
    assert!(names.resources.contains_key(&shared.name));
    let (arena, known) = (Bump::new(), known(&words));
    let back = Reader::new(&known).decode(trace.id, &payload, &arena);
    let back = back.expect("its own payload");
    assert_eq!(owned(&back, &all(&back)), owned(&batch, &all(&batch)));
}

#[test]
fn what_is_not_stored_is_missed_by_its_name() {
    let trace = samples::trace(0);
    let batch = SpanBatch::of_trace(&trace);
    let payload = encode(&WORDS[1], &batch, &all(&batch));
    let (arena, nothing) = (Bump::new(), Known::default());
    let decoded = Reader::new(&nothing).decode(trace.id, &payload, &arena);
    let wanted = WORDS[1].dictionary.name();
    assert!(matches!(decoded, Err(DecodeError::Missing { name, .. }) if name == wanted));
}

#[test]
fn a_newer_version_is_told_apart_from_bad_bytes() {
    let (arena, known) = (Bump::new(), Known::default());
    let decoded = Reader::new(&known).decode(samples::trace(0).id, &[VERSION + 1, 0, 0], &arena);
    assert!(matches!(decoded, Err(DecodeError::Version(3))));
}

#[test]
fn a_double_keeps_its_bits() {
    let nan = f64::from_bits(0x7ff8_0000_dead_beef);
    let trace = trace_with(Value::Double(nan));
    let batch = SpanBatch::of_trace(&trace);
    let arena = Bump::new();
    let payload = encode(&WORDS[0], &batch, &[0]);
    let mut reader = Reader::new(&KNOWN[0]);
    let back = reader
        .decode(trace.id, &payload, &arena)
        .expect("its own payload");
    let value = back.attributes(back.spans[0].attributes)[0].value;
    assert!(matches!(value, model::ValueRef::Double(number) if number.to_bits() == nan.to_bits()));
}

#[test]
fn values_nested_without_end_are_refused() {
    let deep = (0..200).fold(Value::Empty, |inner, _| Value::Array(vec![inner]));
    let trace = trace_with(deep);
    let batch = SpanBatch::of_trace(&trace);
    let mut encoder = Encoder::new(&WORDS[0], 3).expect("a level");
    let encoded = encoder.encode(&batch, &[0], &mut Vec::new());
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
