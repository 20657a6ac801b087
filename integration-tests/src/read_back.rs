//! What a client says it sent, compared with what every query API answers.

use std::time::Duration;

use crate::clients::Report;
use crate::jaeger::{self, Form};
use crate::{QueryGrpc, Stack, jaeger_json, jaeger_protobuf, otlp_json, zipkin_json};

/// Waits for the trace, and fails unless each API shows all of it that it has a place for.
pub fn assert_read_back(stack: &Stack, grpc: &QueryGrpc, report: &Report, within: Duration) {
    let (id, sent) = (&report.trace_id, &report.spans);
    let v3 = format!("/api/v3/traces/{id}?rawTraces=true");
    stack.until("the trace is there, whole", within, |stack| {
        stack
            .get(&v3)
            .is_some_and(|answer| otlp_json::spans(&answer).len() == sent.len())
    });
    let get = |path: &str| stack.get(path).expect("it was there just now");
    assert_eq!(otlp_json::spans(&get(&v3)), *sent, "api_v3 over HTTP");
    assert_eq!(
        otlp_json::spans(&grpc.trace_of_v3(id, true)),
        *sent,
        "api_v3 over gRPC"
    );
    assert_eq!(
        jaeger_json::spans(&get(&format!("/api/traces/{id}?raw=true"))),
        jaeger::expected(sent, Form::Json),
        "Jaeger's JSON"
    );
    assert_eq!(
        jaeger_protobuf::spans(&grpc.spans_of_v2(id, true)),
        jaeger::expected(sent, Form::Protobuf),
        "api_v2 over gRPC"
    );
    assert_eq!(
        zipkin_json::spans(&get(&format!("/api/v2/trace/{id}"))),
        zipkin_json::expected(sent),
        "Zipkin's JSON"
    );
}
