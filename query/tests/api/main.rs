//! The query service over HTTP and gRPC, on a store in memory and on Postgres.

mod support;
mod jaeger_v1;
mod jaeger_v1_complaints;
mod jaeger_v3;
mod red;
mod bad_inputs;
mod serving;
mod admin;
mod large_traces;
mod grpc;
mod remote_storage;
mod ui;
mod zipkin_v2;
mod filters;
mod uploads_and_archive;
mod postgres;
