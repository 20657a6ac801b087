//! render: adjusted answers as bytes, written straight into a buffer that flows to the client.

mod output;
mod indent;
mod jaeger_model;
mod jaeger_v1;
pub mod jaeger_protobuf;
mod otlp_json;
pub mod otlp_protobuf;
pub mod jaeger_storage;
mod grpc;
mod red;
pub mod zipkin_v2;
mod summaries;
mod spoor_v1;
mod catalogue;

pub use catalogue::{dependencies_v3, failure_v3, operations_v3, services_v3};
pub use jaeger_v1::{
    Envelope, ErrorEntry, archived, dependencies, number, operation_names, operations, services,
    traces,
};
pub use otlp_json::resource_spans;
pub use output::{Gone, Output};
pub use red::metric_family;
pub use spoor_v1::{attribute_counts, trace_page};
pub use summaries::summaries;
