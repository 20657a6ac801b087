//! receive → decode → validate → enrich → encode → publish
//!
//! The path of a span through the collector, one module per stage:
//!
//! 1. `receive`: OTLP, Jaeger and Zipkin over gRPC and HTTP; room is taken for each byte as it arrives.
//! 2. [`decode`]: the request's bytes become a borrowed [`model::SpanBatch`] in one pass.
//! 3. [`validate`]: what cannot be stored is repaired, cut or left out, and marked.
//! 4. [`enrich`]: the tenant, the time of receipt, the installation's own attributes.
//! 5. [`encode`]: one framed Avro record per trace.
//! 6. [`publish`]: durable in Kafka, or straight in a store; only then the client is answered.
//!
//! The [`Agent`] is made of the same receivers and decoders; its later stages are in `agent`.
//!
//! Beside the path: `sampling`, which tells clients what to sample.
//!
//! `pipeline.rs` is the stages in order; `account.rs` counts what becomes of each span:
//! received = accepted + rejected + refused.

pub mod config;
mod collector;
mod pipeline;
mod import;
mod account;
mod receive;
mod sampling;
mod agent;
pub mod decode;
pub mod validate;
pub mod enrich;
pub mod encode;
pub mod publish;
pub mod metrics;

pub use agent::config::AgentConfig;
pub use agent::{Agent, AgentAddresses};
pub use collector::{Addresses, BuildError, Collector, RunError};
pub use config::{CollectorConfig, KafkaReceiverConfig};
pub use encode::SpanRecord;
pub use enrich::Origin;
pub use import::Importer;
pub use publish::kafka::KafkaPublisher;
pub use publish::{Publish, PublishError};
pub use receive::kafka::KafkaReceiver;
pub use receive::{Encoding, Protocol, Receipt, Refused};
pub use sampling::{KnownProbabilities, StrategiesError, StrategySource};
