//! The collector as its clients see it: OTLP, Jaeger and Zipkin in, records out.

mod wire;
mod json;
mod traces;
mod compressed;
mod memory;
mod recorder;
mod running;
mod decoding;
mod found;
mod bad_input;
mod answers;
mod grpc;
mod floods;
mod room;
mod doors;
mod sampling;
mod agent;
