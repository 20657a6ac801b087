//! What OpenTelemetry's SDKs and Jaeger's and Zipkin's own clients send is read back equal, field by field, through
//! each query API.

#[path = "sdks/same_answers.rs"]
mod same_answers;

use std::sync::OnceLock;
use std::time::Duration;

use integration_tests::clients::{Language, Report, export, export_with, rust};
use integration_tests::{Deployment, QueryGrpc, Stack, assert_read_back};

fn stack() -> &'static Stack {
    static STACK: OnceLock<Stack> = OnceLock::new();
    STACK.get_or_init(|| Stack::start("sdks", Deployment::Kafka))
}

fn grpc() -> &'static QueryGrpc {
    static GRPC: OnceLock<QueryGrpc> = OnceLock::new();
    GRPC.get_or_init(|| QueryGrpc::connect(stack()))
}

fn assert_all_read_back(report: &Report) {
    assert_read_back(stack(), grpc(), report, Duration::from_secs(15));
}

#[test]
fn python_over_grpc() {
    assert_all_read_back(&export(Language::Python, "grpc", &stack().otlp_grpc()));
}

#[test]
fn python_over_http() {
    assert_all_read_back(&export(Language::Python, "http", &stack().otlp_http()));
}

#[test]
fn node_over_grpc() {
    assert_all_read_back(&export(Language::Node, "grpc", &stack().otlp_grpc()));
}

#[test]
fn node_over_http_with_protobuf() {
    assert_all_read_back(&export(Language::Node, "http", &stack().otlp_http()));
}

#[test]
fn node_over_http_with_json() {
    assert_all_read_back(&export(Language::Node, "http-json", &stack().otlp_http()));
}

#[test]
fn java_over_grpc() {
    assert_all_read_back(&export(Language::Java, "grpc", &stack().otlp_grpc()));
}

#[test]
fn java_over_http_with_gzip() {
    assert_all_read_back(&export(Language::Java, "http", &stack().otlp_http()));
}

#[test]
fn rust_over_grpc() {
    assert_all_read_back(&rust::export("grpc", &stack().otlp_grpc()));
}

#[test]
fn rust_over_http() {
    assert_all_read_back(&rust::export("http", &stack().otlp_http()));
}

fn jaeger_thrift() -> String {
    stack().told_address("Jaeger Thrift")
}

fn zipkin() -> String {
    stack().told_address("Zipkin")
}

#[test]
fn jaegers_java_client_in_thrift_over_http() {
    let report = export_with(Language::Java, "jaeger", "thrift", &jaeger_thrift());
    assert_all_read_back(&report);
}

#[test]
fn zipkins_java_reporter_in_json() {
    assert_all_read_back(&export_with(Language::Java, "zipkin", "json", &zipkin()));
}

#[test]
fn zipkins_java_reporter_in_protobuf() {
    let report = export_with(Language::Java, "zipkin", "protobuf", &zipkin());
    assert_all_read_back(&report);
}

#[test]
fn zipkins_node_client_in_version_2() {
    assert_all_read_back(&export_with(Language::Node, "zipkin", "v2", &zipkin()));
}

#[test]
fn zipkins_node_client_in_version_1() {
    assert_all_read_back(&export_with(Language::Node, "zipkin", "v1", &zipkin()));
}

#[test]
fn py_zipkin_in_json() {
    assert_all_read_back(&export_with(Language::Python, "zipkin", "json", &zipkin()));
}
