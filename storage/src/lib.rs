//! The only SQL: migrations, writer, reader, search, catalogues, retention.

mod contract;
mod error;
mod histogram;
mod day;
mod config;
mod pool;
mod migrate;
mod locks;
mod failure;
mod copy_binary;
mod slot;
mod partitions;
mod progress;
mod summary;
mod tokens;
mod bits;
mod payload;
mod vocabulary;
mod index;
mod writer;
mod dead_letter;
mod redrive;
mod fold;
mod replay;
mod maintenance;
mod merge;
mod traces;
mod search;
mod derived;
mod identities;
mod archive;
mod sizes;
mod reader;
mod store;
pub mod metrics;
mod read_metrics;

pub use config::{DatabaseUrl, StorageConfig};
pub use contract::{
    Archived, Completeness, Counts, DeadLetter, Dependency, LIVE_CONSUMER, Operation, Owner,
    Progress, ProgressStep, RedPoint, RedQuery, Source, StoredTrace, TraceReader, TraceSpans,
    TraceWriter, WriteBatch, Written,
};
pub use day::Day;
pub use dead_letter::KeptLetter;
pub use error::{ReadError, WriteError};
pub use histogram::DurationHistogram;
pub use identities::{StoredIdentity, WhichIdentities};
pub use index::IndexConfig;
pub use migrate::SetupError;
pub use redrive::{Intent, Redriver, Unresolved};
pub use replay::{
    ReplayCommand, ReplayError, ReplayJob, ReplayLease, ReplayPartition, ReplayRenewal, ReplaySpec,
    ReplayState, ReplayStretch, replay_consumer,
};
pub use search::SearchLimits;
pub use sizes::{PayloadCost, Sizes};
pub use store::PostgresStore;

#[cfg(test)]
#[path = "../tests/support/arbitrary.rs"]
mod test_traces;
