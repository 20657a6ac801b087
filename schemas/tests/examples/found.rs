//! Records by which a fuzzer (`make fuzz`) reached code that no other record had reached.

use bumpalo::Bump;
use model::SpanBatch;
use schemas::{SchemaId, SchemaSet, TRACE_CHUNK_SCHEMA};

#[test]
fn what_a_fuzzer_has_found_is_a_chunk_or_leaves_no_span_behind() {
    let mut schemas = SchemaSet::new();
    let announced = schemas.announce(SchemaId(1), TRACE_CHUNK_SCHEMA);
    announced.expect("the embedded schema is one");
    let seeds = include_str!("../../../fuzz/seeds/record.hex");
    assert!(seeds.lines().count() >= 20, "there are seeds");
    for line in seeds.lines() {
        let byte = |at: usize| u8::from_str_radix(&line[at..at + 2], 16).expect("hex");
        let record: Vec<u8> = (0..line.len()).step_by(2).map(byte).collect();
        let (arena, mut batch) = (Bump::new(), SpanBatch::default());
        let decoded = schemas.decode(&record, &arena, &mut batch);
        assert!(decoded.is_ok() || batch.spans.is_empty(), "{line}");
    }
}
