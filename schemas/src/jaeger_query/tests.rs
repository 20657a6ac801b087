//! The messages have the numbers and types of the protobuf files.

use prost::Message;
use prost_types::{Duration, Timestamp};

use super::{api_v2, api_v3, expression, model};
use crate::numbers;

fn assert_numbers(full_name: &str, sample: &impl Message) {
    numbers::assert_same(crate::jaeger_query_descriptor_set(), full_name, sample);
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

fn call() -> expression::Call {
    expression::Call {
        op: text(),
        args: vec![expression::Expression { term: None }],
    }
}

#[test]
fn of_filters() {
    use expression::Term;
    assert_numbers("jaeger.expression.v1.Call", &call());
    let attribute = expression::AttributeReference {
        key: text(),
        level: text(),
    };
    assert_numbers("jaeger.expression.v1.AttributeReference", &attribute);
    let field = expression::FieldReference {
        name: text(),
        level: text(),
    };
    assert_numbers("jaeger.expression.v1.FieldReference", &field);
    let nested = expression::NestedReference { level: text() };
    assert_numbers("jaeger.expression.v1.NestedReference", &nested);
    let scalar = expression::Scalar {
        value: text(),
        r#type: text(),
    };
    assert_numbers("jaeger.expression.v1.Scalar", &scalar);
    let list = expression::List {
        values: vec![text()],
        r#type: text(),
    };
    assert_numbers("jaeger.expression.v1.List", &list);
    let terms = [
        Term::Attr(attribute),
        Term::Field(field),
        Term::Nested(nested),
        Term::Scalar(scalar),
        Term::List(list),
        Term::Call(call()),
    ];
    let each = terms.map(|term| expression::Expression { term: Some(term) }.encode_to_vec());
    let all = each.concat();
    let descriptors = crate::jaeger_query_descriptor_set();
    numbers::assert_same_bytes(descriptors, "jaeger.expression.v1.Expression", &all);
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
    let pagination = api_v3::Pagination {
        page_size: 1,
        page_token: text(),
    };
    assert_numbers("jaeger.api_v3.Pagination", &pagination);
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
        filter: Some(call()),
        pagination: Some(pagination),
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
