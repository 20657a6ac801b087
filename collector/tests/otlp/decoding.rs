//! Decoding: whatever is sent comes out equal, whatever is not OTLP comes out as an error.

use std::time::Duration;

use bumpalo::Bump;
use collector::config::{LimitsConfig, TimesConfig};
use collector::decode::{self, DecodeError, DecodeLimits, Decoded};
use collector::enrich::Origin;
use collector::{Encoding, encode, validate};
use model::{Repair, ResourceSpans, Tenant, Value};
use proptest::prelude::*;
use schemas::{ChunkEncoder, SchemaId};

use crate::json;
use crate::traces::{any_resources, of_cart, owned, span};
use crate::wire::{self, FieldOrder, Writer};

const LIMITS: DecodeLimits = DecodeLimits {
    spans: 1_000,
    items: 100_000,
};

fn decoded(encoding: Encoding, body: &[u8]) -> Result<Vec<ResourceSpans>, DecodeError> {
    let arena = Bump::new();
    let decoded = decode::spans(encoding, body, &arena, LIMITS)?;
    assert!(
        decoded.rejected.is_empty(),
        "nothing was wrong with the spans"
    );
    Ok(owned(&decoded.batch))
}

proptest! {
    #[test]
    fn protobuf_decodes_to_what_was_sent(resources in any_resources()) {
        let body = wire::request(&resources);
        prop_assert_eq!(decoded(Encoding::Protobuf, &body).expect("valid"), resources);
    }

    #[test]
    fn protobuf_fields_may_come_in_any_order_and_from_the_future(resources in any_resources()) {
        let writer = Writer { order: FieldOrder::Descending, unknown_fields: true };
        let body = writer.request(&resources);
        prop_assert_eq!(decoded(Encoding::Protobuf, &body).expect("valid"), resources);
    }

    #[test]
    fn json_decodes_to_what_was_sent(resources in any_resources()) {
        let body = json::request(&resources).to_string();
        prop_assert_eq!(decoded(Encoding::Json, body.as_bytes()).expect("valid"), resources);
    }

    #[test]
    fn any_bytes_go_through_without_a_panic(body in prop::collection::vec(any::<u8>(), 0..300)) {
        pass_through(Encoding::Protobuf, &body);
        pass_through(Encoding::Json, &body);
    }

    #[test]
    fn altered_protobuf_goes_through_without_a_panic(
        resources in any_resources(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut body = wire::request(&resources);
        alter(&mut body, &changes);
        pass_through(Encoding::Protobuf, &body);
        body.truncate(cut.index(body.len() + 1));
        pass_through(Encoding::Protobuf, &body);
    }

    #[test]
    fn altered_json_goes_through_without_a_panic(
        resources in any_resources(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
    ) {
        let mut body = json::request(&resources).to_string().into_bytes();
        alter(&mut body, &changes);
        pass_through(Encoding::Json, &body);
    }

    #[test]
    fn what_was_validated_is_validated_for_good(resources in any_resources()) {
        let (body, arena) = (wire::request(&resources), Bump::new());
        let mut once = decode::spans(Encoding::Protobuf, &body, &arena, LIMITS).expect("valid");
        validate_tightly(&mut once);
        let first = owned(&once.batch);
        validate_tightly(&mut once);
        prop_assert_eq!(format!("{first:?}"), format!("{:?}", owned(&once.batch)));
    }
}

fn alter(body: &mut [u8], changes: &[(prop::sample::Index, u8)]) {
    for (place, byte) in changes {
        if !body.is_empty() {
            body[place.index(body.len())] = *byte;
        }
    }
}

fn tight_limits() -> LimitsConfig {
    let size = bootstrap::ByteSize;
    LimitsConfig {
        attributes: 2,
        key_bytes: 4,
        value_bytes: size(16),
        name_bytes: 5,
        events: 1,
        links: 1,
        resource_bytes: size(64),
        record_bytes: size(400),
        ..LimitsConfig::default()
    }
}

fn validate_tightly(decoded: &mut Decoded<'_>) {
    let ages = Duration::from_secs(u32::MAX.into());
    let times = TimesConfig {
        max_age: ages,
        max_future: ages * 4,
    };
    validate::spans(decoded, &tight_limits(), &times, 1_700_000_000_000_000_000);
}

/// Runs every stage between receiving and publishing with tight limits.
pub fn pass_through(encoding: Encoding, body: &[u8]) {
    let arena = Bump::new();
    let Ok(mut decoded) = decode::spans(encoding, body, &arena, LIMITS) else {
        return;
    };
    let sent = decoded.batch.spans.len() as u64 + decoded.rejected.total();
    validate_tightly(&mut decoded);
    let origin = Origin {
        tenant: Tenant::default(),
        received_at: 1_700_000_000_000_000_000,
    };
    let encoder = ChunkEncoder::new(SchemaId(1));
    let limits = tight_limits();
    let records = encode::records(&mut decoded, &origin, &encoder, &limits).expect("small");
    assert!(records.iter().all(|record| record.payload.len() <= 400));
    let stored: u64 = records.iter().map(|record| u64::from(record.spans)).sum();
    assert_eq!(
        stored + decoded.rejected.total(),
        sent,
        "every span has one fate"
    );
}

#[test]
fn more_spans_or_items_than_allowed_end_the_decoding() {
    let body = wire::request(&of_cart((1..=3).map(|id| span(1, id))));
    let arena = Bump::new();
    let few = |spans, items| {
        let limits = DecodeLimits { spans, items };
        decode::spans(Encoding::Protobuf, &body, &arena, limits).map(drop)
    };
    assert!(
        few(3, 9).is_ok(),
        "1 resource, 1 scope, 1 + 3 × 2 attributes"
    );
    assert!(matches!(
        few(2, 9),
        Err(DecodeError::TooManySpans { limit: 2 })
    ));
    assert!(matches!(
        few(3, 8),
        Err(DecodeError::TooManyItems { limit: 8 })
    ));
}

/// A list in a list in a list: `depth` values in all.
fn nested(depth: usize) -> Value {
    (1..depth).fold(Value::Int(7), |inner, _| Value::Array(vec![inner]))
}

#[test]
fn nesting_is_stored_to_32_flattened_to_100_and_refused_beyond() {
    let of_depth = |depth| {
        let body = wire::request_nested(span(1, 1), depth);
        decoded(Encoding::Protobuf, &body).map(|resources| resources[0].scopes[0].spans[0].clone())
    };
    let stored = of_depth(32).expect("fine");
    assert_eq!(
        (
            stored.attributes[0].value.clone(),
            stored.repairs.is_empty()
        ),
        (nested(32), true)
    );
    for depth in [33, 99, 100] {
        let flattened = of_depth(depth).expect("flattened");
        let text = format!("{}7{}", "[".repeat(depth - 32), "]".repeat(depth - 32));
        let expected = (1..32).fold(Value::from(text), |inner, _| Value::Array(vec![inner]));
        assert_eq!(flattened.attributes[0].value, expected);
        assert!(flattened.repairs.contains(Repair::NestingFlattened));
    }
    assert!(matches!(of_depth(101), Err(DecodeError::Nesting)));
    assert!(matches!(of_depth(10_000), Err(DecodeError::Nesting)));
}
