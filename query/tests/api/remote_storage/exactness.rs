//! Postgres behind the protocol says what a scan over every span says.

use opentelemetry_proto::tonic::trace::v1::TracesData;
use proptest::prelude::*;
use proptest::sample::select;
use schemas::jaeger_storage as wire;
use schemas::jaeger_storage::any_value::Value;

use super::client::{Jaeger, attribute};
use crate::grpc::client::at;
use crate::postgres::arbitrary::traces;
use crate::postgres::check;
use crate::postgres::stores::Both;

fn attributes() -> impl Strategy<Value = Vec<wire::KeyValue>> {
    let text = select(vec!["v", "200", "true", "72.5", "AQI=", "[1,\"v\"]", ""]);
    let value = prop_oneof![
        text.prop_map(|text| Value::StringValue(text.to_owned())),
        Just(Value::IntValue(200)),
        Just(Value::DoubleValue(72.5)),
        Just(Value::BoolValue(true)),
        Just(Value::BytesValue(vec![1, 2])),
    ];
    let key = select(vec!["k", "http.status_code", "x y", "error", "span.kind"]);
    let one = (key, value).prop_map(|(key, value)| attribute(key, value));
    prop_oneof![2 => Just(Vec::new()), 3 => prop::collection::vec(one, 1..3)]
}

fn query() -> impl Strategy<Value = wire::TraceQueryParameters> {
    (
        select(vec!["", "web", "cart", "a/b", "nobody"]),
        select(vec!["", "", "GET /", "charge"]),
        attributes(),
        (0..5_000i64, 0..5_000i64),
        select(vec![0, 1, 40]),
        select(vec![1, 2, 100]),
    )
        .prop_map(|(service, operation, attributes, (from, to), min, depth)| {
            wire::TraceQueryParameters {
                service_name: service.to_owned(),
                operation_name: operation.to_owned(),
                attributes,
                start_time_min: at(from.min(to)),
                start_time_max: at(from.max(to)),
                duration_min: Some(prost_types::Duration {
                    seconds: 0,
                    nanos: min * 1_000_000,
                }),
                search_depth: depth,
                ..Default::default()
            }
        })
}

/// Each trace's spans as text with their resource and scope, sorted: what does not depend on the
/// order within a trace.
fn comparable(messages: &[TracesData]) -> Vec<Vec<String>> {
    let mut traces: Vec<(Vec<u8>, Vec<String>)> = Vec::new();
    for of_resource in messages.iter().flat_map(|of| &of.resource_spans) {
        for of_scope in &of_resource.scope_spans {
            for span in &of_scope.spans {
                let text = format!("{:?} {:?} {span:?}", of_resource.resource, of_scope.scope);
                match traces.last_mut() {
                    Some((id, texts)) if *id == span.trace_id => texts.push(text),
                    _ => traces.push((span.trace_id.clone(), vec![text])),
                }
            }
        }
    }
    let sorted = |(_, mut texts): (_, Vec<String>)| {
        texts.sort();
        texts
    };
    traces.into_iter().map(sorted).collect()
}

async fn jaegers(both: &Both) -> [Jaeger; 2] {
    [
        Jaeger::connect(both.postgres(), both.tenant()).await,
        Jaeger::connect(both.memory(), both.tenant()).await,
    ]
}

#[test]
fn searches_traces_ids_and_summaries_are_equal() {
    let input = (traces(), prop::collection::vec(query(), 1..6));
    check(input, async |store, (traces, queries)| {
        let both = store.both(&traces).await;
        let [mut postgres, mut memory] = jaegers(&both).await;
        for query in queries {
            let found = memory.find(query.clone()).await;
            prop_assert_eq!(
                comparable(&postgres.find(query.clone()).await),
                comparable(&found)
            );
            prop_assert_eq!(
                postgres.find_ids(query.clone()).await,
                memory.find_ids(query.clone()).await
            );
            prop_assert_eq!(
                postgres.find_summaries(query.clone()).await,
                memory.find_summaries(query).await
            );
        }
        let ids: Vec<String> = (1..=traces.len() + 1).map(|n| format!("{n:x}")).collect();
        let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
        prop_assert_eq!(
            comparable(&postgres.get(&ids).await),
            comparable(&memory.get(&ids).await)
        );
        Ok(())
    });
}
