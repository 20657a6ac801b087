//! Properties of the codec: what goes in comes out, both decoders agree, and no bytes do harm.

mod arbitrary;

use bumpalo::Bump;
use model::{Resource, Scope, Span, SpanBatch, Tenant, Trace, TraceChunk};
use proptest::{collection::vec, prelude::*, sample::Index};

use crate::{
    ChunkEncoder, DecodeError, DecodedChunk, FRAME_LEN, SchemaId, SchemaSet, TRACE_CHUNK_SCHEMA,
    decode::resolved_by_name,
};

const ID: SchemaId = SchemaId(7);
const RECEIVED_AT: u64 = 1_700_000_000_000_000_000;

fn schemas() -> SchemaSet {
    let mut schemas = SchemaSet::new();
    schemas
        .announce(ID, TRACE_CHUNK_SCHEMA)
        .expect("the embedded schema is one");
    schemas
}

fn encoded(trace: &Trace, batch: &SpanBatch<'_>, spans: &[u32]) -> Vec<u8> {
    encoded_by(&ChunkEncoder::new(ID), trace, batch, spans)
}

fn encoded_by(
    encoder: &ChunkEncoder,
    trace: &Trace,
    batch: &SpanBatch<'_>,
    spans: &[u32],
) -> Vec<u8> {
    let chunk = TraceChunk {
        tenant: &Tenant::default(),
        received_at: RECEIVED_AT,
        trace_id: trace.id,
        batch,
        spans,
    };
    let mut record = Vec::new();
    encoder.encode(&chunk, &mut record).expect("a valid chunk");
    record
}

fn all(batch: &SpanBatch<'_>) -> Vec<u32> {
    (0..batch.spans.len() as u32).collect()
}

fn record_of(trace: &Trace) -> Vec<u8> {
    let batch = SpanBatch::of_trace(trace);
    encoded(trace, &batch, &all(&batch))
}

fn owned(batch: &SpanBatch<'_>, index: u32) -> (Resource, Scope, Span) {
    let span = &batch.spans[index as usize];
    (
        batch.own_resource(batch.resource(span)),
        batch.own_scope(batch.scope(span)),
        batch.own_span(span),
    )
}

/// What a decoder made of a record, in a form that can be compared; doubles by their text.
fn outcome(decoded: Result<DecodedChunk, DecodeError>, batch: &SpanBatch<'_>) -> Option<String> {
    let decoded = decoded.ok()?;
    let spans: Vec<_> = decoded
        .spans
        .clone()
        .map(|index| owned(batch, index))
        .collect();
    Some(format!("{decoded:?} {spans:?}"))
}

fn walked(record: &[u8]) -> Option<String> {
    let (arena, mut batch) = (Bump::new(), SpanBatch::default());
    let decoded = schemas().decode(record, &arena, &mut batch);
    outcome(decoded, &batch)
}

fn resolved(record: &[u8]) -> Option<String> {
    let (arena, mut batch) = (Bump::new(), SpanBatch::default());
    let decoded = resolved_by_name(ID, &record[FRAME_LEN..], &arena, &mut batch);
    outcome(decoded, &batch)
}

/// What both decoders say of a record, without its attributes, events and links.
fn heads(record: &[u8]) -> [String; 2] {
    let (arena, mut bare, mut whole) = (Bump::new(), SpanBatch::default(), SpanBatch::default());
    let head = |decoded: Result<DecodedChunk, DecodeError>, batch: &SpanBatch<'_>| {
        let spans = batch
            .spans
            .iter()
            .map(|span| (span.span_id, span.parent_span_id, span.start, span.end));
        format!("{decoded:?} {:?}", spans.collect::<Vec<_>>())
    };
    [
        head(schemas().decode_bare(record, &arena, &mut bare), &bare),
        head(schemas().decode(record, &arena, &mut whole), &whole),
    ]
}

/// One change of a record's bytes.
#[derive(Debug, Clone)]
enum Damage {
    Set(Index, u8),
    Insert(Index, u8),
    Remove(Index),
    CutAt(Index),
}

fn damage() -> impl Strategy<Value = Damage> {
    let byte = || {
        prop_oneof![
            any::<u8>(),
            Just(0),
            Just(1),
            Just(2),
            Just(0x7f),
            Just(0xff)
        ]
    };
    prop_oneof![
        (any::<Index>(), byte()).prop_map(|(at, byte)| Damage::Set(at, byte)),
        (any::<Index>(), byte()).prop_map(|(at, byte)| Damage::Insert(at, byte)),
        any::<Index>().prop_map(Damage::Remove),
        any::<Index>().prop_map(Damage::CutAt),
    ]
}

fn damaged(mut record: Vec<u8>, damages: &[Damage]) -> Vec<u8> {
    for damage in damages {
        let body = record.len() - FRAME_LEN;
        match damage {
            _ if body == 0 => {}
            Damage::Set(at, byte) => record[FRAME_LEN + at.index(body)] = *byte,
            Damage::Insert(at, byte) => record.insert(FRAME_LEN + at.index(body), *byte),
            Damage::Remove(at) => drop(record.remove(FRAME_LEN + at.index(body))),
            Damage::CutAt(at) => record.truncate(FRAME_LEN + at.index(body)),
        }
    }
    record
}

proptest! {
    #[test]
    fn a_bare_decoder_says_the_same_of_any_record(
        trace in arbitrary::trace(),
        damages in prop::collection::vec(damage(), 0..4),
    ) {
        let batch = SpanBatch::of_trace(&trace);
        let [bare, whole] = heads(&damaged(encoded(&trace, &batch, &all(&batch)), &damages));
        prop_assert_eq!(bare, whole);
    }

    #[test]
    fn what_is_encoded_is_decoded_again(trace in arbitrary::trace()) {
        let (arena, sent) = (Bump::new(), SpanBatch::of_trace(&trace));
        let record = encoded(&trace, &sent, &all(&sent));
        let mut batch = SpanBatch::default();
        let decoded = schemas().decode(&record, &arena, &mut batch).expect("a valid record");
        prop_assert_eq!(&decoded.tenant, &Tenant::default());
        prop_assert_eq!((decoded.received_at, decoded.trace_id), (RECEIVED_AT, trace.id));
        let spans = |batch: &SpanBatch<'_>| {
            all(batch).into_iter().map(|index| format!("{:?}", owned(batch, index))).collect::<Vec<_>>()
        };
        prop_assert_eq!(spans(&batch), spans(&sent));
        prop_assert_eq!(encoded(&trace, &batch, &all(&batch)), record, "to the bit");
    }

    #[test]
    fn only_the_chosen_spans_of_a_batch_are_encoded(
        trace in arbitrary::trace(),
        chosen in any::<u64>(),
    ) {
        let (arena, sent) = (Bump::new(), SpanBatch::of_trace(&trace));
        let spans: Vec<u32> = all(&sent).into_iter().filter(|i| chosen >> (i % 64) & 1 == 1).collect();
        let record = encoded(&trace, &sent, &spans);
        let mut batch = SpanBatch::default();
        let decoded = schemas().decode(&record, &arena, &mut batch).expect("a valid record");
        prop_assert_eq!(decoded.spans.len(), spans.len());
        for (got, sent_as) in decoded.spans.zip(spans) {
            let (got, sent) = (owned(&batch, got), owned(&sent, sent_as));
            prop_assert_eq!(format!("{got:?}"), format!("{sent:?}"));
        }
    }

    #[test]
    fn records_gather_in_one_batch(first in arbitrary::trace(), second in arbitrary::trace()) {
        let (arena, schemas) = (Bump::new(), schemas());
        let records = [record_of(&first), record_of(&second)];
        let mut batch = SpanBatch::default();
        for record in &records {
            let decoded = schemas.decode(record, &arena, &mut batch);
            prop_assert_eq!(outcome(decoded, &batch).map(|text| !text.is_empty()), Some(true));
        }
        prop_assert_eq!(batch.spans.len(), first.span_count() + second.span_count());
    }

    #[test]
    fn both_decoders_agree_on_valid_records(trace in arbitrary::trace()) {
        let record = record_of(&trace);
        let walked = walked(&record);
        prop_assert!(walked.is_some());
        prop_assert_eq!(walked, resolved(&record));
    }

    #[test]
    fn lists_may_come_in_blocks_that_say_their_size(
        trace in arbitrary::trace(),
        bytes in 1..200usize,
    ) {
        let batch = SpanBatch::of_trace(&trace);
        let in_blocks = ChunkEncoder::in_blocks(ID, bytes);
        let record = encoded_by(&in_blocks, &trace, &batch, &all(&batch));
        prop_assert_eq!(walked(&record), walked(&record_of(&trace)));
        prop_assert_eq!(walked(&record), resolved(&record));
    }

    #[test]
    fn both_decoders_agree_on_damaged_records(
        trace in arbitrary::trace(),
        damages in vec(damage(), 1..4),
    ) {
        let record = damaged(record_of(&trace), &damages);
        prop_assert_eq!(walked(&record), resolved(&record));
    }

    #[test]
    fn no_bytes_do_harm(bytes in vec(any::<u8>(), 0..300), framed in any::<bool>()) {
        let mut record = if framed { vec![0, 0, 0, 0, 7] } else { Vec::new() };
        record.extend(bytes);
        let (arena, schemas, mut batch) = (Bump::new(), schemas(), SpanBatch::default());
        let decoded = schemas.decode(&record, &arena, &mut batch);
        prop_assert!(decoded.is_ok() || batch == SpanBatch::default());
    }

    #[test]
    fn a_refused_record_leaves_the_batch_as_it_was(
        trace in arbitrary::trace(),
        damages in vec(damage(), 1..4),
    ) {
        let (arena, schemas) = (Bump::new(), schemas());
        let (good, bad) = (record_of(&trace), damaged(record_of(&trace), &damages));
        let mut batch = SpanBatch::default();
        schemas.decode(&good, &arena, &mut batch).expect("a valid record");
        let before = format!("{batch:?}");
        let refused = schemas.decode(&bad, &arena, &mut batch).is_err();
        let after = format!("{batch:?}");
        prop_assert!(!refused || after == before);
    }
}
