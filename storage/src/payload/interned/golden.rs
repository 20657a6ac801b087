//! Bytes written by version 2, and the dictionary they refer to, are read for ever.

use bumpalo::Bump;
use model::SpanBatch;

use crate::payload::samples::{all, known, of_bytes, trace};
use crate::payload::{Encoder, Reader, Words};

const GOLDEN: &[u8] = include_bytes!("golden_v2.bin");
const DICTIONARY: &[u8] = include_bytes!("golden_dictionary_v1.bin");

#[test]
fn version_2_reads_what_it_has_always_read() {
    let known = known(&of_bytes(DICTIONARY));
    let (arena, trace) = (Bump::new(), trace(5));
    let decoded = Reader::new(&known).decode(trace.id, GOLDEN, &arena);
    let batch = decoded.expect("a payload of version 2");
    assert_eq!(batch.own_trace(trace.id, all(&batch)), trace);
}

#[test]
fn version_2_writes_the_same_body_as_ever() {
    assert_eq!(
        body(&of_bytes(DICTIONARY)),
        include_bytes!("golden_body_v2.bin")
    );
}

/// Another release of zstd may compress otherwise: what is compressed must be the same.
fn body(words: &Words) -> Vec<u8> {
    let trace = trace(5);
    let batch = SpanBatch::of_trace(&trace);
    let mut encoder = Encoder::new(words, 3).expect("a level");
    let body = encoder.body(&batch, &all(&batch)).expect("small spans");
    body.to_vec()
}
