//! Random traces and policies, small enough to shrink: few names and values, so that they meet.

use model::{KeyValue, Resource, ResourceSpans, Scope, ScopeSpans, Span, SpanId, StatusCode};
use model::{Trace, TraceId, Value as Attribute};
use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::{Value, json};

const SERVICES: [&str; 3] = ["shop", "cart", "bank"];
const KEYS: [&str; 3] = ["a", "b", "c"];
const TEXTS: [&str; 4] = ["", "one", "two", "one two"];

/// Ids that lie as far apart as drawn ones: the hash of lots hardly mixes the last bytes.
pub(super) fn trace_id(number: u64) -> TraceId {
    let spread = (u128::from(number) + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835);
    TraceId::new(spread.to_be_bytes()).expect("not zero")
}

/// A trace with one span of each of these services.
pub(super) fn trace(number: u64, services: &[&str]) -> Trace {
    let id = trace_id(number);
    let of_service = |(service, at): (&&str, u64)| {
        let span_id = SpanId::new((at + 1).to_be_bytes()).expect("not zero");
        of_resource(
            service,
            Vec::new(),
            vec![Span::new(id, span_id, "op", 1_000, 2_000)],
        )
    };
    Trace {
        id,
        resources: services.iter().zip(0..).map(of_service).collect(),
    }
}

fn of_resource(service: &str, more: Vec<KeyValue>, spans: Vec<Span>) -> ResourceSpans {
    let name = KeyValue::new("service.name", service);
    ResourceSpans {
        resource: Resource {
            attributes: std::iter::once(name).chain(more).collect(),
            ..Resource::default()
        },
        scopes: vec![ScopeSpans {
            scope: Scope::default(),
            spans,
        }],
    }
}

/// The same trace, its resources the other way round.
pub(super) fn copy_of(trace: &Trace) -> Trace {
    let mut copy = trace.clone();
    copy.resources.reverse();
    copy
}

fn attributes() -> impl Strategy<Value = Vec<KeyValue>> {
    let value = prop_oneof![
        prop::sample::select(&TEXTS[..]).prop_map(Attribute::from),
        any::<bool>().prop_map(Attribute::from),
        (0i64..6).prop_map(Attribute::from),
        (0i64..12).prop_map(|half| Attribute::from(half as f64 / 2.0)),
    ];
    let one = (prop::sample::select(&KEYS[..]), value);
    vec(one.prop_map(|(key, value)| KeyValue::new(key, value)), 0..3)
}

fn span(id: u64) -> impl Strategy<Value = Span> {
    let times = (0u64..3_000_000, 0u64..5_000_000);
    let states = prop::sample::select(vec!["", "a=one", "b=two, a=two", "c=one,b=one"]);
    let status = prop::sample::select(vec![StatusCode::Unset, StatusCode::Ok, StatusCode::Error]);
    (times, states, status, attributes()).prop_map(
        move |((start, lasts), state, status, attributes)| Span {
            trace_state: state.to_owned(),
            status,
            attributes,
            ..Span::new(
                trace_id(0),
                SpanId::new((id + 1).to_be_bytes()).expect("not zero"),
                "op",
                start,
                start + lasts,
            )
        },
    )
}

/// A trace of one to six spans.
pub(super) fn any_trace() -> impl Strategy<Value = Trace> {
    let resource = |at: u64| {
        let spans = (span(2 * at), prop::option::of(span(2 * at + 1)));
        (prop::sample::select(&SERVICES[..]), attributes(), spans).prop_map(
            |(service, more, (first, second))| {
                of_resource(
                    service,
                    more,
                    std::iter::once(first).chain(second).collect(),
                )
            },
        )
    };
    let resources = (
        resource(0),
        prop::option::of(resource(1)),
        prop::option::of(resource(2)),
    );
    (any::<u64>(), resources).prop_map(|(number, (first, second, third))| {
        let id = trace_id(number);
        let resources = std::iter::once(first).chain(second).chain(third).collect();
        let mut trace = Trace { id, resources };
        trace.spans_mut().for_each(|span| span.trace_id = id);
        trace
    })
}

fn of(kind: &str, section: Value) -> Value {
    json!({"name": "x", "type": kind, kind: section})
}

fn key() -> impl Strategy<Value = &'static str> {
    prop::sample::select(&KEYS[..])
}

fn texts() -> impl Strategy<Value = Vec<&'static str>> {
    vec(prop::sample::select(&TEXTS[1..]), 1..3)
}

fn on_attributes() -> impl Strategy<Value = Value> {
    prop_oneof![
        (key(), 0i64..4, 0i64..3, any::<bool>()).prop_map(|(key, min, more, invert)| {
            let section = json!({"key": key, "min_value": min, "max_value": min + more,
                                 "invert_match": invert});
            of("numeric_attribute", section)
        }),
        (key(), texts(), any::<bool>(), any::<bool>()).prop_map(
            |(key, values, matching, invert)| {
                let section = json!({"key": key, "values": values,
                                     "enabled_regex_matching": matching, "invert_match": invert});
                of("string_attribute", section)
            }
        ),
        (key(), any::<bool>(), any::<bool>()).prop_map(|(key, value, invert)| {
            let section = json!({"key": key, "value": value, "invert_match": invert});
            of("boolean_attribute", section)
        }),
        (
            vec(prop::sample::select(&SERVICES[..]), 1..3),
            any::<bool>()
        )
            .prop_map(|(values, invert)| {
                of(
                    "service_name",
                    json!({"values": values, "invert_match": invert}),
                )
            }),
        (key(), texts())
            .prop_map(|(key, values)| of("trace_state", json!({"key": key, "values": values}))),
    ]
}

fn leaf() -> impl Strategy<Value = Value> {
    prop_oneof![
        1 => Just(json!({"name": "x", "type": "always_sample"})),
        2 => (0u64..6, prop::option::of(1u64..8)).prop_map(|(from, to)| {
            let mut section = json!({"threshold_ms": from});
            if let Some(to) = to {
                section["upper_threshold_ms"] = json!(to);
            }
            of("latency", section)
        }),
        2 => vec(prop::sample::select(vec!["OK", "ERROR", "UNSET"]), 1..3)
            .prop_map(|codes| of("status_code", json!({"status_codes": codes}))),
        2 => (0u64..4, 0u64..3).prop_map(|(min, more)| {
            of("span_count", json!({"min_spans": min, "max_spans": min + more}))
        }),
        3 => (prop::sample::select(vec![0.0, 10.0, 50.0, 100.0]), any::<bool>()).prop_map(
            |(percentage, salted)| {
                let mut section = json!({"sampling_percentage": percentage});
                if salted {
                    section["hash_salt"] = json!("another");
                }
                of("probabilistic", section)
            }
        ),
        8 => on_attributes(),
    ]
}

/// One to four policies, no two of one name.
pub(super) fn any_policies() -> impl Strategy<Value = Vec<Value>> {
    let part = leaf().prop_recursive(3, 8, 3, |inner| {
        prop_oneof![
            vec(inner.clone(), 1..3).prop_map(|parts| json!({"name": "x", "type": "and",
                "and": {"and_sub_policy": parts}})),
            inner.prop_map(|part| json!({"name": "x", "type": "not",
                "not": {"not_sub_policy": part}})),
        ]
    });
    let drop = vec(part.clone(), 1..3).prop_map(|parts| {
        json!({"name": "x", "type": "drop",
        "drop": {"drop_sub_policy": parts}})
    });
    vec(prop_oneof![5 => part, 1 => drop], 1..5).prop_map(|mut policies| {
        for (policy, number) in policies.iter_mut().zip(0..) {
            policy["name"] = json!(format!("policy {number}"));
        }
        policies
    })
}
