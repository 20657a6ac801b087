//! The life of a partition with real Avro and the real shell, against an in-memory log and store,
//! in paused time; and the whole service against a real Kafka.

#![expect(
    clippy::unwrap_used,
    reason = "a helper that cannot go on fails its test"
)]

#[path = "pipeline/log.rs"]
mod log;
#[path = "pipeline/store.rs"]
mod store;
#[path = "pipeline/stage.rs"]
mod stage;
#[path = "pipeline/life.rs"]
mod life;
#[path = "pipeline/sharing.rs"]
mod sharing;
#[path = "pipeline/recognising.rs"]
mod recognising;
#[path = "pipeline/direct.rs"]
mod direct;
#[path = "pipeline/cluster.rs"]
mod cluster;
#[path = "pipeline/service.rs"]
mod service;
#[path = "pipeline/postgres.rs"]
mod postgres;
#[path = "pipeline/sent.rs"]
mod sent;
#[path = "pipeline/replay.rs"]
mod replay;
#[path = "pipeline/letters.rs"]
mod letters;
#[path = "pipeline/table_letters.rs"]
mod table_letters;
#[path = "pipeline/audit.rs"]
mod audit;
#[path = "pipeline/tail_sampling.rs"]
mod tail_sampling;
