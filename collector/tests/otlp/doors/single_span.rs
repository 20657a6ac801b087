//! One span alone, as Jaeger writes it to Kafka.

use collector::Encoding;
use proptest::prelude::*;

use super::properties::carried;
use super::{decoded, jaeger_wire};
use crate::traces::any_resources;

proptest! {
    #[test]
    fn a_span_alone_brings_back_what_jaeger_can_carry(resources in any_resources()) {
        for of in carried(&resources, 1) {
            let sent = of.scopes.iter().flat_map(|scope| scope.spans.iter().map(move |span| (scope, span)));
            for ((scope, span), body) in sent.zip(jaeger_wire::single_spans(&of)) {
                let found = decoded(Encoding::JaegerSpanProtobuf, &body).expect("valid");
                prop_assert_eq!(found.len(), 1);
                prop_assert_eq!(&found[0].resource, &of.resource);
                prop_assert_eq!(&found[0].scopes[0].scope, &scope.scope);
                prop_assert_eq!(found[0].scopes[0].spans.as_slice(), std::slice::from_ref(span));
            }
        }
    }
}

#[test]
fn a_span_alone_without_ids_is_left_out() {
    for (encoding, body) in [
        (Encoding::JaegerSpanProtobuf, b"".as_slice()),
        (
            Encoding::JaegerSpanJson,
            br#"{"traceId":"AAAAAAAAAAAAAAAAAAAAAA==","process":{"serviceName":"shop"}}"#,
        ),
    ] {
        let found = decoded(encoding, body).expect("the syntax is right");
        assert_eq!(found, [], "{encoding:?}");
    }
}

#[test]
fn what_is_no_span_is_malformed() {
    for (encoding, body) in [
        (Encoding::JaegerSpanProtobuf, b"\x0a\x10abc".as_slice()),
        (Encoding::JaegerSpanJson, b"[]"),
        (Encoding::JaegerSpanJson, br#"{"startTime":"yesterday"}"#),
        (Encoding::JaegerSpanJson, br#"{"traceId":"AA"} {}"#),
    ] {
        assert!(decoded(encoding, body).is_err(), "{encoding:?}");
    }
}
