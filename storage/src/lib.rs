//! The only SQL: migrations, writer, reader, search, catalogues, retention.

mod contract;
mod error;
mod histogram;
mod landmark;
mod day;
mod config;
mod no_delay;
mod pool;
mod follow;
mod migrate;
mod locks;
mod failure;
mod copy_binary;
mod slot;
mod removal;
mod partitions;
mod progress;
mod tally;
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
mod rebuild;
mod maintenance;
mod sampling;
mod merge;
mod traces;
mod search;
mod derived;
mod identities;
mod account;
mod recount;
mod archive;
mod purge;
mod sizes;
mod reader;
mod store;
mod stores;
pub mod decoders;
pub mod metrics;
mod read_metrics;
mod ledger_metrics;

pub use account::{Account, Removal, SourceAccount, StoredDay, TenantTally};
pub use config::{DatabaseUrl, StorageConfig};
pub use contract::PassedOffsets;
pub use contract::{
    Archived, AttributeCount, AttributeCounts, AttributeQuery, Capabilities, Completeness, Counts,
    DeadLetter, Decided, Dependency, FoundPage, LIVE_CONSUMER, Operation, Owner, Progress,
    ProgressStep, RedPoint, RedQuery, Source, StoredTrace, TenantRecords, TraceReader, TraceSpans,
    TraceWriter, Verdict, WriteBatch, Written,
};
pub use day::Day;
pub use dead_letter::KeptLetter;
pub use error::{PluginError, ReadError, Remedy, WriteError};
pub use histogram::DurationHistogram;
pub use identities::{DroppedIdentity, StoredIdentity, WhichIdentities};
pub use index::IndexConfig;
pub use landmark::Landmark;
pub use merge::TraceMerger;
pub use migrate::SetupError;
pub use purge::{LogEnd, Purge, PurgeOrder};
pub use rebuild::{RebuildError, Rebuilt};
pub use recount::{Recount, Recounted};
pub use redrive::{Intent, Redriver, Unresolved};
pub use replay::{
    ReplayCommand, ReplayError, ReplayJob, ReplayLease, ReplayPartition, ReplayRenewal, ReplaySpec,
    ReplayState, ReplayStretch, replay_consumer,
};
pub use sampling::{
    Intervals, OperationProbabilities, OperationProbability, RootCount, RootSampler,
    SampledOperation, SamplingSeat, ThroughputBucket,
};
pub use search::SearchLimits;
pub use sizes::{PayloadCost, Sizes};
pub use store::PostgresStore;
pub use stores::{FurtherStore, Placement, Stores, can_spread};
pub use tally::DIRECT_CONSUMER;

#[cfg(test)]
#[path = "../tests/support/arbitrary.rs"]
mod test_traces;
#[cfg(test)]
#[path = "../tests/support/filters.rs"]
#[expect(dead_code, reason = "shared with the tests of the read side")]
mod test_filters;
