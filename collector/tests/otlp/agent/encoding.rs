//! What the agent encodes decodes to what it decoded, marks of repairs included.

use bumpalo::Bump;
use collector::decode::{self, DecodeLimits};
use collector::{Encoding, encode};
use model::{Repair, ResourceSpans};
use proptest::prelude::*;

use crate::traces::{any_resources, of_cart, owned, span};
use crate::wire::{self, FieldOrder, Message};

const LIMITS: DecodeLimits = DecodeLimits {
    spans: 1_000,
    items: 100_000,
};

/// What a body holds, with the marks of resources and scopes on their spans.
fn decoded(body: &[u8]) -> Option<(Vec<ResourceSpans>, Vec<u8>)> {
    let arena = Bump::new();
    let mut decoded = decode::spans(Encoding::Protobuf, body, &arena, LIMITS).ok()?;
    let mut encoded = Vec::new();
    encode::otlp_protobuf::request(&decoded, &mut encoded);
    for span in &mut decoded.batch.spans {
        let scope = span.scope as usize;
        let resource = decoded.batch.scopes[scope].resource as usize;
        let marks = decoded.scope_repairs[scope].union(decoded.resource_repairs[resource]);
        span.repairs = span.repairs.union(marks);
    }
    let mut resources = owned(&decoded.batch);
    for of in &mut resources {
        of.scopes.retain(|scope| !scope.spans.is_empty());
    }
    resources.retain(|of| !of.scopes.is_empty());
    Some((resources, encoded))
}

/// Debug text tells a NaN from another number, and finds it equal to itself.
fn assert_same_again(body: &[u8]) -> Option<Vec<u8>> {
    let (first, encoded) = decoded(body)?;
    let (second, again) = decoded(&encoded).expect("what was encoded decodes");
    assert_eq!(format!("{second:?}"), format!("{first:?}"));
    assert_eq!(again, encoded, "encoding it once more changes nothing");
    Some(encoded)
}

proptest! {
    #[test]
    fn any_request_comes_out_as_it_was(resources in any_resources()) {
        assert_same_again(&wire::request(&resources)).expect("valid");
    }

    #[test]
    fn so_does_what_had_to_be_mended(
        resources in any_resources(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
    ) {
        let mut body = wire::request(&resources);
        for (place, byte) in changes {
            if !body.is_empty() {
                let place = place.index(body.len());
                body[place] = byte;
            }
        }
        assert_same_again(&body);
    }

    #[test]
    fn requests_laid_one_behind_the_other_are_one(
        one in any_resources(),
        other in any_resources(),
    ) {
        let both = [one.clone(), other.clone()].concat();
        let parts = [one, other].map(|part| decoded(&wire::request(&part)).expect("valid").1);
        let (joined, _) = decoded(&parts.concat()).expect("valid");
        let (expected, _) = decoded(&wire::request(&both)).expect("valid");
        prop_assert_eq!(joined, expected);
    }
}

#[test]
fn what_was_mended_here_is_marked_there() {
    let mut broken = span(1, 1);
    broken.name = "a\0b".to_owned();
    let encoded = assert_same_again(&wire::request(&of_cart([broken]))).expect("valid");
    let (resources, _) = decoded(&encoded).expect("valid");
    let span = &resources[0].scopes[0].spans[0];
    assert_eq!(span.name, "a\u{fffd}b");
    assert!(span.repairs.contains(Repair::NulReplaced));
}

#[test]
fn a_mended_resource_marks_its_spans() {
    let attribute = |bytes: &[u8]| {
        let value = Message::new(FieldOrder::Ascending).bytes(1, bytes).finish();
        let attribute = Message::new(FieldOrder::Ascending).bytes(1, b"host");
        attribute.bytes(2, &value).finish()
    };
    let span = wire::Writer {
        order: FieldOrder::Ascending,
        unknown_fields: false,
    }
    .span(&span(1, 1));
    let resource = Message::new(FieldOrder::Ascending).bytes(1, &attribute(b"\xff"));
    let scope_spans = Message::new(FieldOrder::Ascending).bytes(2, &span);
    let resource_spans = Message::new(FieldOrder::Ascending)
        .bytes(1, &resource.finish())
        .bytes(2, &scope_spans.finish());
    let body = Message::new(FieldOrder::Ascending).bytes(1, &resource_spans.finish());
    let encoded = assert_same_again(&body.finish()).expect("valid");
    let (resources, _) = decoded(&encoded).expect("valid");
    let repairs = resources[0].scopes[0].spans[0].repairs;
    assert!(repairs.contains(Repair::Utf8Replaced));
}
