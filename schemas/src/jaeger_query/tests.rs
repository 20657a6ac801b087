//! The messages have the numbers and types of the protobuf files.

use std::collections::BTreeSet;

use prost::Message;
use prost_types::field_descriptor_proto::Type;
use prost_types::{DescriptorProto, Duration, FileDescriptorSet, Timestamp};

use super::{api_v2, api_v3, model};

/// Numbers and wire types of a message's fields, as its protobuf file has them.
fn declared(full_name: &str) -> BTreeSet<(u32, u8)> {
    let set = FileDescriptorSet::decode(crate::jaeger_query_descriptor_set()).expect("a set");
    let messages = set.file.iter().flat_map(|file| {
        let of_file = move |message: &DescriptorProto| {
            (
                format!("{}.{}", file.package(), message.name()),
                message.clone(),
            )
        };
        file.message_type.iter().map(of_file)
    });
    let mut messages = messages.filter(|(name, _)| name == full_name);
    let (_, message) = messages
        .next()
        .unwrap_or_else(|| panic!("{full_name} is declared"));
    let wire_type = |kind| match kind {
        Type::Double | Type::Fixed64 => 1,
        Type::Fixed32 => 5,
        Type::String | Type::Bytes | Type::Message => 2,
        _ => 0,
    };
    let fields = message.field.iter();
    fields
        .map(|field| (field.number() as u32, wire_type(field.r#type())))
        .collect()
}

/// Numbers and wire types of the fields of an encoded message.
fn encoded(mut bytes: &[u8]) -> BTreeSet<(u32, u8)> {
    use prost::encoding::{DecodeContext, decode_key, skip_field};
    let mut found = BTreeSet::new();
    while !bytes.is_empty() {
        let (number, wire_type) = decode_key(&mut bytes).expect("a key");
        skip_field(wire_type, number, &mut bytes, DecodeContext::default()).expect("a field");
        found.insert((number, wire_type as u8));
    }
    found
}

fn assert_numbers(full_name: &str, sample: &impl Message) {
    let found = encoded(&sample.encode_to_vec());
    assert_eq!(found, declared(full_name), "{full_name}");
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

fn tag() -> model::KeyValue {
    model::KeyValue {
        key: text(),
        v_type: model::ValueType::Binary as i32,
        v_str: text(),
        v_bool: true,
        v_int64: 1,
        v_float64: 1.0,
        v_binary: vec![1],
    }
}

#[test]
fn of_jaegers_model() {
    let process = model::Process {
        service_name: text(),
        tags: vec![tag()],
    };
    let log = model::Log {
        timestamp: at(),
        fields: vec![tag()],
    };
    let reference = model::SpanRef {
        trace_id: vec![1],
        span_id: vec![1],
        ref_type: model::SpanRefType::FollowsFrom as i32,
    };
    let span = model::Span {
        trace_id: vec![1],
        span_id: vec![1],
        operation_name: text(),
        references: vec![reference.clone()],
        flags: 1,
        start_time: at(),
        duration: long(),
        tags: vec![tag()],
        logs: vec![log.clone()],
        process: Some(process.clone()),
        process_id: text(),
        warnings: vec![text()],
    };
    let link = model::DependencyLink {
        parent: text(),
        child: text(),
        call_count: 1,
        source: text(),
    };
    assert_numbers("jaeger.api_v2.KeyValue", &tag());
    assert_numbers("jaeger.api_v2.Process", &process);
    assert_numbers("jaeger.api_v2.Log", &log);
    assert_numbers("jaeger.api_v2.SpanRef", &reference);
    assert_numbers("jaeger.api_v2.Span", &span);
    assert_numbers("jaeger.api_v2.DependencyLink", &link);
    let chunk = api_v2::SpansResponseChunk { spans: vec![span] };
    assert_numbers("jaeger.api_v2.SpansResponseChunk", &chunk);
    let dependencies = vec![link];
    let answer = api_v2::GetDependenciesResponse { dependencies };
    assert_numbers("jaeger.api_v2.GetDependenciesResponse", &answer);
}

#[test]
fn of_the_second_apis_requests() {
    let query = api_v2::TraceQueryParameters {
        service_name: text(),
        operation_name: text(),
        tags: [(text(), text())].into(),
        start_time_min: at(),
        start_time_max: at(),
        duration_min: long(),
        duration_max: long(),
        search_depth: 1,
        raw_traces: true,
    };
    assert_numbers("jaeger.api_v2.TraceQueryParameters", &query);
    let find = api_v2::FindTracesRequest { query: Some(query) };
    assert_numbers("jaeger.api_v2.FindTracesRequest", &find);
    let get = api_v2::GetTraceRequest {
        trace_id: vec![1],
        start_time: at(),
        end_time: at(),
        raw_traces: true,
    };
    assert_numbers("jaeger.api_v2.GetTraceRequest", &get);
    let archive = api_v2::ArchiveTraceRequest {
        trace_id: vec![1],
        start_time: at(),
        end_time: at(),
    };
    assert_numbers("jaeger.api_v2.ArchiveTraceRequest", &archive);
}

#[test]
fn of_the_third_apis_requests() {
    let query = api_v3::TraceQueryParameters {
        service_name: text(),
        operation_name: text(),
        attributes: [(text(), text())].into(),
        start_time_min: at(),
        start_time_max: at(),
        duration_min: long(),
        duration_max: long(),
        search_depth: 1,
        raw_traces: true,
        filter: Some(api_v3::Filter { op: text() }),
    };
    assert_numbers("jaeger.api_v3.TraceQueryParameters", &query);
    let find = api_v3::FindTracesRequest { query: Some(query) };
    assert_numbers("jaeger.api_v3.FindTracesRequest", &find);
    assert_numbers("jaeger.api_v3.FindTraceSummariesRequest", &find);
    let get = api_v3::GetTraceRequest {
        trace_id: text(),
        start_time: at(),
        end_time: at(),
        raw_traces: true,
    };
    assert_numbers("jaeger.api_v3.GetTraceRequest", &get);
}

#[test]
fn of_catalogues_and_summaries() {
    let asked = api_v2::GetOperationsRequest {
        service: text(),
        span_kind: text(),
    };
    let operation = api_v2::Operation {
        name: text(),
        span_kind: text(),
    };
    let range = api_v2::GetDependenciesRequest {
        start_time: at(),
        end_time: at(),
    };
    let services = api_v2::GetServicesResponse {
        services: vec![text()],
    };
    // Both generations share these.
    for package in ["jaeger.api_v2", "jaeger.api_v3"] {
        assert_numbers(&format!("{package}.GetOperationsRequest"), &asked);
        assert_numbers(&format!("{package}.Operation"), &operation);
        assert_numbers(&format!("{package}.GetDependenciesRequest"), &range);
        assert_numbers(&format!("{package}.GetServicesResponse"), &services);
    }
    let operations = vec![operation];
    let answer = api_v2::GetOperationsResponse {
        operation_names: vec![text()],
        operations: operations.clone(),
    };
    assert_numbers("jaeger.api_v2.GetOperationsResponse", &answer);
    let answer = api_v3::GetOperationsResponse { operations };
    assert_numbers("jaeger.api_v3.GetOperationsResponse", &answer);
    let edge = api_v3::Dependency {
        parent: text(),
        child: text(),
        call_count: 1,
    };
    assert_numbers("jaeger.api_v3.Dependency", &edge);
    let service = api_v3::ServiceSummary {
        name: text(),
        span_count: 1,
        error_span_count: 1,
    };
    assert_numbers("jaeger.api_v3.ServiceSummary", &service);
    let summary = api_v3::TraceSummary {
        trace_id: text(),
        root_service_name: text(),
        root_operation_name: text(),
        min_start_time_unix_nano: 1,
        max_end_time_unix_nano: 1,
        span_count: 1,
        error_span_count: 1,
        orphan_span_count: 1,
        services: vec![service],
    };
    assert_numbers("jaeger.api_v3.TraceSummary", &summary);
}
