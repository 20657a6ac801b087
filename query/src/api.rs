//! The APIs: each endpoint parses its request and renders its answer, nothing more.

pub mod jaeger_v1;
pub mod jaeger_v3;
pub mod admin;
pub mod jaeger_grpc;
pub mod jaeger_storage;
pub mod zipkin_v2;
pub mod spoor_v1;
