//! The messages have the numbers and types of the protobuf files.

use prost::Message;

use super::any_value::Value;
use super::*;
use crate::numbers;

fn assert_numbers(name: &str, sample: &impl Message) {
    let full_name = format!("jaeger.storage.v2.{name}");
    numbers::assert_same(crate::jaeger_storage_descriptor_set(), &full_name, sample);
}

fn text() -> String {
    "text".to_owned()
}

fn at() -> Option<Timestamp> {
    Some(Timestamp {
        seconds: 1,
        nanos: 2,
    })
}

fn long() -> Option<Duration> {
    Some(Duration {
        seconds: 1,
        nanos: 2,
    })
}

fn attribute(value: Value) -> KeyValue {
    KeyValue {
        key: text(),
        value: Some(AnyValue { value: Some(value) }),
    }
}

#[test]
fn of_requests() {
    let params = GetTraceParams {
        trace_id: vec![1],
        start_time: at(),
        end_time: at(),
    };
    assert_numbers("GetTraceParams", &params);
    let query = vec![params];
    assert_numbers("GetTracesRequest", &GetTracesRequest { query });
    let query = TraceQueryParameters {
        service_name: text(),
        operation_name: text(),
        attributes: vec![attribute(Value::BoolValue(true))],
        start_time_min: at(),
        start_time_max: at(),
        duration_min: long(),
        duration_max: long(),
        search_depth: 1,
        filter: Some(Call {
            op: text(),
            args: Vec::new(),
        }),
    };
    assert_numbers("TraceQueryParameters", &query);
    let find = FindTracesRequest { query: Some(query) };
    for name in ["FindTraces", "FindTraceIDs", "FindTraceSummaries"] {
        assert_numbers(&format!("{name}Request"), &find);
    }
    let operations = GetOperationsRequest {
        service: text(),
        span_kind: text(),
    };
    assert_numbers("GetOperationsRequest", &operations);
    let range = GetDependenciesRequest {
        start_time: at(),
        end_time: at(),
    };
    assert_numbers("GetDependenciesRequest", &range);
}

#[test]
fn of_values() {
    let array = ArrayValue {
        values: vec![AnyValue { value: None }],
    };
    assert_numbers("ArrayValue", &array);
    let list = KeyValueList {
        values: vec![attribute(Value::IntValue(1))],
    };
    assert_numbers("KeyValueList", &list);
    assert_numbers("KeyValue", &attribute(Value::IntValue(1)));
    let values = [
        Value::StringValue(text()),
        Value::BoolValue(true),
        Value::IntValue(1),
        Value::DoubleValue(1.0),
        Value::ArrayValue(array),
        Value::KvlistValue(list),
        Value::BytesValue(vec![1]),
    ];
    // One of a time is all that a message holds; their bytes behind one another are all of them.
    let bytes: Vec<u8> = values
        .into_iter()
        .flat_map(|value| AnyValue { value: Some(value) }.encode_to_vec())
        .collect();
    let set = crate::jaeger_storage_descriptor_set();
    numbers::assert_same_bytes(set, "jaeger.storage.v2.AnyValue", &bytes);
}

#[test]
fn of_answers() {
    let found = FoundTraceId {
        trace_id: vec![1],
        start: at(),
        end: at(),
    };
    assert_numbers("FoundTraceID", &found);
    let trace_ids = vec![found];
    assert_numbers("FindTraceIDsResponse", &FindTraceIdsResponse { trace_ids });
    let service = ServiceSummary {
        name: text(),
        span_count: 1,
        error_span_count: 1,
    };
    assert_numbers("ServiceSummary", &service);
    let summary = TraceSummary {
        trace_id: vec![1],
        root_service_name: text(),
        root_operation_name: text(),
        min_start_time_unix_nano: 1,
        max_end_time_unix_nano: 1,
        span_count: 1,
        error_span_count: 1,
        orphan_span_count: 1,
        services: vec![service],
    };
    assert_numbers("TraceSummary", &summary);
    let summaries = vec![summary];
    let answer = FindTraceSummariesResponse { summaries };
    assert_numbers("FindTraceSummariesResponse", &answer);
    let operation = Operation {
        name: text(),
        span_kind: text(),
    };
    assert_numbers("Operation", &operation);
    let operations = vec![operation];
    assert_numbers(
        "GetOperationsResponse",
        &GetOperationsResponse { operations },
    );
    let services = vec![text()];
    assert_numbers("GetServicesResponse", &GetServicesResponse { services });
    let edge = Dependency {
        parent: text(),
        child: text(),
        call_count: 1,
        source: text(),
    };
    assert_numbers("Dependency", &edge);
    let dependencies = vec![edge];
    let answer = GetDependenciesResponse { dependencies };
    assert_numbers("GetDependenciesResponse", &answer);
}

#[test]
fn of_capabilities() {
    let filter = FilterCapabilities {
        levels: vec![text()],
        operators: vec![text()],
    };
    assert_numbers("FilterCapabilities", &filter);
    let search = SearchCapabilities {
        without_service_name: true,
        same_span_conjunction: true,
        filter: Some(filter),
    };
    assert_numbers("SearchCapabilities", &search);
    let search = Some(search);
    assert_numbers(
        "GetCapabilitiesResponse",
        &GetCapabilitiesResponse { search },
    );
}
