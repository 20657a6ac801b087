//! The contract: Avro schemas, protobufs, topics, and the codecs between bytes and nouns.
//!
//! A span crosses this crate twice: **encode** on its way into Kafka ([`ChunkEncoder`]) and
//! **decode** on its way out ([`SchemaSet`]). Around them:
//!
//! - [`TRACE_CHUNK_SCHEMA`]: the schema that this program writes, from `avro/`.
//! - [`SchemaId`] and the Confluent frame that carries it in front of every record.
//! - [`SchemaAnnouncement`]: how ids and schemas travel on `spoor.control`, so that collectors
//!   and ingesters know them while the registry is down.
//! - [`RegistryClient`]: registers and fetches schemas, at deploy or start.
//! - [`topics`]: what the topics are, from `topics/`.
//! - [`otlp_descriptor_set`] and [`otlp_response`]: OTLP's protobufs, from `proto/`, for gRPC
//!   reflection and for the small messages that a receiver answers with.
//! - [`jaeger_sampling`]: the messages by which clients are told what to sample.
//! - [`SamplingAnnouncement`]: the probabilities of adaptive sampling on `spoor.control`.
//! - [`jaeger_query`] and [`jaeger_query_descriptor_set`]: the messages of Jaeger's gRPC query
//!   services, and their protobufs for reflection.
//! - [`jaeger_storage`] and [`jaeger_storage_descriptor_set`]: the same of its remote storage.
//!
//! Absent on purpose: Kafka. Records are bytes here.

mod frame;
mod trace_chunk;
mod encode;
mod decode;
mod announcement;
mod registry;
mod topics;
mod proto;
pub mod otlp_response;
pub mod jaeger_sampling;
mod sampling_announcement;
pub mod jaeger_query;
pub mod jaeger_storage;
#[cfg(test)]
mod numbers;
#[cfg(test)]
mod properties;

pub use announcement::{AnnouncementError, SchemaAnnouncement};
pub use decode::{DecodeError, DecodedChunk, Flaw, SchemaError, SchemaSet};
pub use encode::{ChunkEncoder, EncodeError};
pub use frame::{FRAME_LEN, SchemaId};
pub use proto::{
    jaeger_collector_descriptor_set, jaeger_query_descriptor_set, jaeger_storage_descriptor_set,
    otlp_descriptor_set,
};
pub use registry::{RegistryClient, RegistryError, RegistryTimeouts};
pub use sampling_announcement::{
    SamplingAnnouncement, SamplingAnnouncementError, SamplingDefaults, ServiceProbabilities,
};
pub use topics::{Cleanup, TopicDefinition, topics};
pub use trace_chunk::{
    MAX_NESTING, TRACE_CHUNK_SCHEMA, TRACE_CHUNK_SUBJECT, fingerprint, fingerprint_of,
};
