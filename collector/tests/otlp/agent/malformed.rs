//! Datagrams that are not what they should be: an error, never a panic, never more memory than a
//! datagram warrants.

use bumpalo::Bump;
use collector::Encoding;
use collector::decode::{self, DecodeError, DecodeLimits};
use model::{Refusal, ResourceSpans};
use proptest::prelude::*;

use super::compact::{ONEWAY, binary_call, compact_call, emit_batch, varint};
use crate::doors::thrift_wire::{LIST, STRUCT, Struct, list};
use crate::doors::{jaeger_wire, zipkin_wire};
use crate::traces::{any_resources, of_cart, owned, span};

const BOTH: [Encoding; 2] = [Encoding::AgentCompact, Encoding::AgentBinary];
const LIMITS: DecodeLimits = DecodeLimits {
    spans: 2_000,
    items: 20_000,
};
/// What decoding one datagram may take at most.
const MEMORY: usize = 8 << 20;

fn decoded(encoding: Encoding, datagram: &[u8]) -> Result<Vec<ResourceSpans>, DecodeError> {
    let arena = Bump::new();
    let decoded = decode::spans(encoding, datagram, &arena, LIMITS)?;
    let batch = &decoded.batch;
    let taken = arena.allocated_bytes()
        + batch.spans.capacity() * size_of_val(&batch.spans[..1.min(batch.spans.len())]).max(256)
        + batch.attributes.capacity() * 64
        + (batch.events.capacity() + batch.links.capacity()) * 96;
    assert!(taken < MEMORY, "{taken} bytes of memory");
    Ok(owned(batch))
}

fn head(method: &str) -> Vec<u8> {
    let mut head = vec![0x82, ONEWAY << 5 | 1, 0, method.len() as u8];
    head.extend(method.as_bytes());
    head
}

/// A call of `emitBatch` in the compact protocol, whose arguments are these bytes.
fn with(arguments: &[u8]) -> Vec<u8> {
    [&head("emitBatch"), arguments].concat()
}

/// A count of two thousand million.
fn huge() -> Vec<u8> {
    let mut count = Vec::new();
    varint(2_000_000_000, &mut count);
    count
}

fn good(encoding: Encoding) -> Vec<u8> {
    let arguments = emit_batch(&jaeger_wire::batch(&of_cart([span(1, 1)])[0]));
    match encoding {
        Encoding::AgentBinary => binary_call("emitBatch", arguments),
        _ => compact_call("emitBatch", arguments),
    }
}

type Case = (&'static str, Encoding, Vec<u8>);

/// What is no call of a method that there is.
fn no_calls() -> Vec<Case> {
    let (compact, binary) = (Encoding::AgentCompact, Encoding::AgentBinary);
    let answer = [&[0x82, 2 << 5 | 1, 0, 9][..], b"emitBatch", &[0]].concat();
    vec![
        ("nothing", compact, vec![]),
        ("nothing", binary, vec![]),
        ("one byte", compact, vec![0x82]),
        ("zeros", compact, vec![0; 1_000]),
        ("zeros", binary, vec![0; 1_000]),
        ("ones", compact, vec![0xff; 1_000]),
        ("ones", binary, vec![0xff; 1_000]),
        ("HTTP", compact, b"GET / HTTP/1.1\r\n\r\n".to_vec()),
        ("HTTP", binary, b"GET / HTTP/1.1\r\n\r\n".to_vec()),
        ("the compact protocol as binary", binary, good(compact)),
        ("the binary protocol as compact", compact, good(binary)),
        (
            "a batch without an envelope",
            binary,
            jaeger_wire::batch(&of_cart([span(1, 1)])[0]),
        ),
        ("an answer", compact, answer),
        (
            "another method",
            compact,
            [head("submitBatches"), vec![0]].concat(),
        ),
        (
            "a method's name without an end",
            compact,
            [&[0x82, 0x81, 0][..], &huge()].concat(),
        ),
    ]
}

/// Calls whose arguments are not what they should be.
fn bad_arguments() -> Vec<Case> {
    let compact = Encoding::AgentCompact;
    let good = good(compact);
    let nested = [&[0x2c][..], &[0x1c].repeat(60_000)].concat();
    let no_spans = Struct::default().nested(1, Struct::default().text(1, "shop"));
    let no_spans = emit_batch(&no_spans.finish());
    vec![
        ("no argument", compact, with(&[0])),
        ("an argument of another type", compact, with(&[0x16, 2, 0])),
        (
            "a batch without spans",
            compact,
            compact_call("emitBatch", no_spans),
        ),
        ("half of a batch", compact, good[..good.len() / 2].to_vec()),
        (
            "all but the last byte",
            compact,
            good[..good.len() - 1].to_vec(),
        ),
        ("one byte more", compact, [&good[..], &[0]].concat()),
        ("two calls", compact, [&good[..], &good[..]].concat()),
        (
            "more spans than bytes",
            compact,
            with(&[&[0x1c, 0x29, 0xfc][..], &huge()].concat()),
        ),
        (
            "more text than bytes",
            compact,
            with(&[&[0x1c, 0x1c, 0x18][..], &huge()].concat()),
        ),
        ("unknown fields without an end", compact, with(&nested)),
        (
            "a number of eleven bytes",
            compact,
            with(&[&[0x16][..], &[0x80; 11]].concat()),
        ),
        ("an unknown type", compact, with(&[0x1f, 0])),
        (
            "a list of lists of lists",
            compact,
            with(&[&[0x29][..], &[0x19].repeat(50_000)].concat()),
        ),
        (
            "Zipkin's spans that are none",
            compact,
            [&head("emitZipkinBatch")[..], &[0x19, 0x18, 0]].concat(),
        ),
    ]
}

#[test]
fn every_bad_datagram_is_malformed() {
    for (what, encoding, datagram) in [no_calls(), bad_arguments()].concat() {
        let error = decoded(encoding, &datagram).expect_err(what);
        assert_eq!(error.refusal(), Refusal::Malformed, "{what}: {error}");
    }
}

#[test]
fn empty_structs_do_not_become_more_memory_than_a_datagram_warrants() {
    let empty = |count: usize| list((0..count).map(|_| Struct::default()));
    let process = || Struct::default().text(1, "shop");
    let spans = Struct::default()
        .nested(1, process())
        .field(LIST, 2, &empty(60_000));
    let tags = Struct::default()
        .text(1, "shop")
        .field(LIST, 2, &empty(60_000));
    let tags = Struct::default().nested(1, tags).list(2, []);
    let of_a_span = |field| {
        Struct::default()
            .i64(1, 1)
            .i64(3, 1)
            .field(LIST, field, &empty(60_000))
    };
    let mut batches = vec![spans, tags];
    for field in [6, 10, 11] {
        batches.push(
            Struct::default()
                .nested(1, process())
                .list(2, [of_a_span(field)]),
        );
    }
    for batch in batches {
        let arguments = Struct::default().field(STRUCT, 1, &batch.finish());
        let refused = decoded(
            Encoding::AgentCompact,
            &compact_call("emitBatch", arguments),
        );
        let error = refused.expect_err("too many");
        assert_eq!(error.refusal(), Refusal::TooLarge, "{error}");
    }
}

proptest! {
    #[test]
    fn either_protocol_says_what_is_said_over_http(resources in any_resources()) {
        for of in &resources {
            let batch = jaeger_wire::batch(of);
            let expected = decoded(Encoding::JaegerThrift, &batch).expect("valid");
            let call = compact_call("emitBatch", emit_batch(&batch));
            let compact = decoded(Encoding::AgentCompact, &call).expect("valid");
            prop_assert_eq!(format!("{compact:?}"), format!("{expected:?}"));
            let call = binary_call("emitBatch", emit_batch(&batch));
            let binary = decoded(Encoding::AgentBinary, &call).expect("valid");
            prop_assert_eq!(format!("{binary:?}"), format!("{expected:?}"));
        }
    }

    #[test]
    fn zipkins_spans_come_by_the_other_method(resources in any_resources()) {
        for of in &resources {
            let spans = zipkin_wire::v1_thrift(of);
            let expected = decoded(Encoding::ZipkinV1Thrift, &spans).expect("valid");
            let call = compact_call("emitZipkinBatch", Struct::default().field(LIST, 1, &spans));
            let compact = decoded(Encoding::AgentCompact, &call).expect("valid");
            prop_assert_eq!(format!("{compact:?}"), format!("{expected:?}"));
        }
    }

    #[test]
    fn any_bytes_go_through_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        for encoding in BOTH {
            let _ = decoded(encoding, &bytes);
        }
        let _ = decoded(Encoding::AgentCompact, &with(&bytes));
    }

    #[test]
    fn altered_and_cut_datagrams_go_through_without_a_panic(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
        cut in any::<prop::sample::Index>(),
    ) {
        for encoding in BOTH {
            let mut datagram = good(encoding);
            for (place, byte) in &changes {
                let place = place.index(datagram.len());
                datagram[place] = *byte;
            }
            let _ = decoded(encoding, &datagram);
            datagram.truncate(cut.index(datagram.len()));
            let _ = decoded(encoding, &datagram);
        }
    }
}
