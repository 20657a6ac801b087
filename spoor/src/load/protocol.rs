//! The ways in which spans travel to the collector.

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

/// How spans travel to the collector.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Protocol {
    /// OTLP over gRPC.
    #[default]
    Grpc,
    /// OTLP over HTTP, protobuf bodies.
    Http,
    /// OTLP over HTTP, JSON bodies.
    HttpJson,
    /// Jaeger's model over gRPC.
    JaegerGrpc,
    /// Jaeger's Thrift over HTTP, a process to a request.
    JaegerThrift,
    /// Zipkin's JSON, version 2.
    ZipkinJson,
    /// Zipkin's protobuf.
    ZipkinProtobuf,
    /// Zipkin's JSON, version 1.
    ZipkinV1Json,
    /// Zipkin's Thrift.
    ZipkinV1Thrift,
}

/// What a request is addressed to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Target {
    /// The path of a gRPC method.
    Method(&'static str),
    /// The path of a POST, and the content type of its body.
    Post(&'static str, &'static str),
}

impl Protocol {
    /// Whether it carries all that OTLP does.
    pub fn is_otlp(self) -> bool {
        matches!(self, Self::Grpc | Self::Http | Self::HttpJson)
    }

    /// The port that belongs to it, on this machine.
    pub fn default_endpoint(self) -> &'static str {
        match self {
            Self::Grpc => "http://127.0.0.1:4317",
            Self::Http | Self::HttpJson => "http://127.0.0.1:4318",
            Self::JaegerGrpc => "http://127.0.0.1:14250",
            Self::JaegerThrift => "http://127.0.0.1:14268",
            Self::ZipkinJson | Self::ZipkinProtobuf | Self::ZipkinV1Json | Self::ZipkinV1Thrift => {
                "http://127.0.0.1:9411"
            }
        }
    }

    pub(super) fn target(self) -> Target {
        const PROTOBUF: &str = "application/x-protobuf";
        const JSON: &str = "application/json";
        const THRIFT: &str = "application/x-thrift";
        match self {
            Self::Grpc => {
                Target::Method("/opentelemetry.proto.collector.trace.v1.TraceService/Export")
            }
            Self::Http => Target::Post("/v1/traces", PROTOBUF),
            Self::HttpJson => Target::Post("/v1/traces", JSON),
            Self::JaegerGrpc => Target::Method("/jaeger.api_v2.CollectorService/PostSpans"),
            Self::JaegerThrift => Target::Post("/api/traces", THRIFT),
            Self::ZipkinJson => Target::Post("/api/v2/spans", JSON),
            Self::ZipkinProtobuf => Target::Post("/api/v2/spans", PROTOBUF),
            Self::ZipkinV1Json => Target::Post("/api/v1/spans", JSON),
            Self::ZipkinV1Thrift => Target::Post("/api/v1/spans", THRIFT),
        }
    }
}
