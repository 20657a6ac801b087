//! Tests of what a record may claim: nothing beyond its own bytes, whatever schema it names.

use apache_avro::Schema;
use bumpalo::Bump;
use model::{
    KeyValue, RejectReason, ResourceSpans, ScopeSpans, Span, SpanBatch, SpanId, Tenant, Trace,
    TraceChunk, TraceId, Value as AttributeValue,
};

use super::{DecodeError, DecodedChunk, Flaw, SchemaError, SchemaSet};
use crate::{ChunkEncoder, FRAME_LEN, MAX_NESTING, SchemaId, TRACE_CHUNK_SCHEMA};

const ID: SchemaId = SchemaId(3);
const HEAD: [u8; 26] =
    *b"\x0edefault\x02\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f\x10\x00";

fn schemas(writer: &str) -> SchemaSet {
    let mut schemas = SchemaSet::new();
    schemas
        .announce(ID, writer)
        .expect("it describes a TraceChunk");
    schemas
}

/// Decodes a body of the embedded schema; the spans as owned ones.
fn decode_as(writer: &str, body: &[u8]) -> Result<(DecodedChunk, Vec<Span>), DecodeError> {
    let record = [&[0, 0, 0, 0, 3], body].concat();
    let (arena, mut batch) = (Bump::new(), SpanBatch::default());
    let decoded = schemas(writer).decode(&record, &arena, &mut batch)?;
    let spans = batch
        .spans
        .iter()
        .map(|span| batch.own_span(span))
        .collect();
    Ok((decoded, spans))
}

fn decode(body: &[u8]) -> Result<(DecodedChunk, Vec<Span>), DecodeError> {
    decode_as(TRACE_CHUNK_SCHEMA, body)
}

/// The body up to its resources, of which there is one block that says `count`.
fn with_resources(count: &[u8]) -> Vec<u8> {
    [&HEAD[..HEAD.len() - 1], count].concat()
}

fn flaw(error: &DecodeError) -> Option<&Flaw> {
    match error {
        DecodeError::Undecodable { source, .. } => Some(source),
        _ => None,
    }
}

fn trace(value: AttributeValue) -> Trace {
    let id = TraceId::new([7; 16]).expect("not zero");
    let mut span = Span::new(id, SpanId::new([8; 8]).expect("not zero"), "GET /", 1, 2);
    span.attributes.push(KeyValue::new("key", value));
    let scope = ScopeSpans {
        spans: vec![span],
        ..ScopeSpans::default()
    };
    let resources = vec![ResourceSpans {
        scopes: vec![scope],
        ..ResourceSpans::default()
    }];
    Trace { id, resources }
}

fn encode(trace: &Trace) -> Result<Vec<u8>, crate::EncodeError> {
    let chunk = TraceChunk {
        tenant: &Tenant::default(),
        received_at: 1,
        trace_id: trace.id,
        batch: &SpanBatch::of_trace(trace),
        spans: &[0],
    };
    let mut record = vec![42];
    let result = ChunkEncoder::new(ID).encode(&chunk, &mut record);
    assert!(
        result.is_ok() || record == [42],
        "a failure leaves nothing behind"
    );
    result.map(|()| record.split_off(1))
}

fn nested(depth: usize, within: fn(AttributeValue) -> AttributeValue) -> AttributeValue {
    (0..depth).fold(AttributeValue::Empty, |value, _| within(value))
}

fn in_list(value: AttributeValue) -> AttributeValue {
    AttributeValue::Array(vec![value])
}

fn in_map(value: AttributeValue) -> AttributeValue {
    AttributeValue::Map(vec![KeyValue::new("k", value)])
}

#[test]
fn the_deepest_values_pass_both_decoders() {
    for within in [in_list, in_map] {
        let trace = trace(nested(MAX_NESTING, within));
        let record = encode(&trace).expect("it is as deep as it may be");
        let (_, walked) = decode(&record[FRAME_LEN..]).expect("it can be walked");
        assert_eq!(walked, trace.resources[0].scopes[0].spans);
        let (arena, mut batch) = (Bump::new(), SpanBatch::default());
        super::resolved_by_name(ID, &record[FRAME_LEN..], &arena, &mut batch)
            .expect("it can be resolved");
        assert_eq!(batch.own_span(&batch.spans[0]), walked[0]);
    }
}

#[test]
fn deeper_values_cannot_be_written() {
    for within in [in_list, in_map] {
        let deeper = encode(&trace(nested(MAX_NESTING + 1, within)));
        assert!(deeper.is_err());
    }
}

#[test]
fn times_beyond_2262_cannot_be_written() {
    let mut late = trace(AttributeValue::Empty);
    late.resources[0].scopes[0].spans[0].end = i64::MAX as u64 + 1;
    let error = encode(&late).expect_err("it has no Avro form");
    assert_eq!(error.trace_id, late.id);
}

#[test]
fn deeper_values_are_refused_before_they_fill_the_stack() {
    let deep = [
        b"\x02\x00\x02\x06key".as_slice(),
        &[0x0c, 0x02].repeat(100_000),
    ]
    .concat();
    let body = [&HEAD[..HEAD.len() - 1], b"\x02", &deep[2..]].concat();
    let error = decode(&body).expect_err("it is too deep");
    assert!(matches!(flaw(&error), Some(Flaw::TooDeep)), "{error:?}");
    let (arena, mut batch) = (Bump::new(), SpanBatch::default());
    let error = super::resolved_by_name(ID, &body, &arena, &mut batch).expect_err("as deep");
    assert!(matches!(flaw(&error), Some(Flaw::TooDeep)), "{error:?}");
}

#[test]
fn counts_and_lengths_beyond_the_record_are_refused() {
    let endless = b"\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01";
    let least = b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\x00";
    for count in [&endless[..], &least[..], b"\x04\x00", b"\x03\x7f\x00"] {
        let error = decode(&with_resources(count)).expect_err("it claims too much");
        assert!(
            matches!(flaw(&error), Some(Flaw::BeyondEnd { .. })),
            "{count:?}: {error:?}"
        );
    }
    let error = decode(b"\x80\x80\x80\x80\x08tenant").expect_err("so does the tenant");
    assert!(matches!(flaw(&error), Some(Flaw::BeyondEnd { .. })));
}

#[test]
fn numbers_of_more_than_64_bits_are_refused() {
    for number in [&[0xff; 11][..], b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02"] {
        let error = decode(&with_resources(number)).expect_err("it does not end");
        assert!(
            matches!(flaw(&error), Some(Flaw::NumberTooLong)),
            "{error:?}"
        );
    }
}

#[test]
fn bytes_after_the_record_are_refused() {
    decode(&HEAD).expect("a chunk may be empty");
    let error = decode(&[&HEAD[..], &[0]].concat()).expect_err("a byte is left");
    assert!(matches!(
        flaw(&error),
        Some(Flaw::TrailingBytes { left: 1 })
    ));
}

#[test]
fn items_without_bytes_cannot_be_claimed_without_end() {
    let writer = TRACE_CHUNK_SCHEMA
        .trim_end()
        .trim_end_matches("]\n}")
        .to_owned()
        + r#", {"name": "nothings", "type": {"type": "array", "items": {"type": "array", "items": "null"}}}]}"#;
    let claims = [&[0x28][..], &[0x10, 0].repeat(20), &[0]].concat();
    let error = decode_as(&writer, &[&HEAD[..], &claims].concat()).expect_err("160 nothings");
    assert!(flaw(&error).is_some(), "{error:?}");
}

#[test]
fn what_no_span_can_have_is_refused_by_its_reason() {
    let zero_trace = [&HEAD[..9], &[0; 17]].concat();
    let bad_tenant = [b"\x06a b", &HEAD[8..]].concat();
    for (body, reason) in [
        (zero_trace, RejectReason::InvalidTraceId),
        (bad_tenant, RejectReason::InvalidTenant),
        (vec![], RejectReason::Undecodable),
    ] {
        assert_eq!(decode(&body).expect_err("it is refused").reason(), reason);
    }
}

#[test]
fn an_unframed_record_and_an_unknown_schema_are_told_apart() {
    let (arena, mut batch) = (Bump::new(), SpanBatch::default());
    let schemas = schemas(TRACE_CHUNK_SCHEMA);
    let mut reason = |record| match schemas.decode(record, &arena, &mut batch) {
        Ok(_) => None,
        Err(error) => Some(error.reason()),
    };
    assert_eq!(reason(b"{\"json\": 1}"), Some(RejectReason::Unframed));
    assert_eq!(reason(b"\x00\x00"), Some(RejectReason::Unframed));
    assert_eq!(
        reason(b"\x00\x00\x00\x00\x04"),
        Some(RejectReason::UnknownSchema)
    );
}

#[test]
fn a_known_id_keeps_its_schema() {
    let mut schemas = schemas(TRACE_CHUNK_SCHEMA);
    schemas
        .announce(ID, TRACE_CHUNK_SCHEMA)
        .expect("the same once more");
    let other = TRACE_CHUNK_SCHEMA.replace("schema_url", "schema_link");
    let refused = schemas.announce(ID, &other);
    assert!(matches!(refused, Err(SchemaError::Conflicting { .. })));
    let foreign = schemas.announce(SchemaId(9), r#""string""#);
    assert!(matches!(foreign, Err(SchemaError::NotATraceChunk { .. })));
    let invalid = schemas.announce(SchemaId(9), "<html>");
    assert!(matches!(invalid, Err(SchemaError::Invalid(_))));
    let strange = schemas.announce(
        SchemaId(9),
        &TRACE_CHUNK_SCHEMA.replacen('{', r#"{"items": null,"#, 1),
    );
    assert!(matches!(strange, Err(SchemaError::Strange)));
    assert!(schemas.knows(ID) && !schemas.knows(SchemaId(9)));
}

#[test]
fn a_newer_schemas_fields_are_left_out() {
    let newer = TRACE_CHUNK_SCHEMA
        .trim_end()
        .trim_end_matches("]\n}")
        .to_owned()
        + r#", {"name": "collector", "type": "string", "default": ""}]}"#;
    let trace = trace("value".into());
    let record = encode(&trace).expect("a valid chunk");
    let body = [&record[FRAME_LEN..], b"\x02x"].concat();
    let (_, spans) = decode_as(&newer, &body).expect("what is new is left out");
    assert_eq!(spans, trace.resources[0].scopes[0].spans);
}

/// The schema with nothing but the fields that have no default.
fn oldest() -> String {
    fn strip(schema: &mut serde_json::Value) {
        if let Some(fields) = schema.get_mut("fields").and_then(|of| of.as_array_mut()) {
            fields.retain(|field| field.get("default").is_none());
            fields.iter_mut().for_each(strip);
        }
        for within in ["type", "items"] {
            if let Some(schema) = schema.get_mut(within) {
                strip(schema);
            }
        }
    }
    let mut schema = serde_json::from_str(TRACE_CHUNK_SCHEMA).expect("the schema is JSON");
    strip(&mut schema);
    schema.to_string()
}

#[test]
fn missing_fields_take_the_schemas_defaults() {
    let oldest = oldest();
    assert_eq!(
        Schema::parse_str(&oldest)
            .expect("still a schema")
            .name()
            .map(|n| n.name()),
        Some("TraceChunk")
    );
    let body = [
        &with_resources(b"\x02\x02\x02")[..],
        &[8; 8],
        b"\x02\x04\x00\x00\x00",
    ]
    .concat();
    let (decoded, spans) = decode_as(&oldest, &body).expect("all the rest has defaults");
    let id = SpanId::new([8; 8]).expect("not zero");
    assert_eq!(spans, [Span::new(decoded.trace_id, id, "", 1, 2)]);
}
