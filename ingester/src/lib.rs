//! consume → decode → assemble → summarise → write → commit
//!
//! - [`SpanLog`], [`KafkaLog`]: **consume**; records of one partition, as many as there is room for.
//! - [`decode()`]: **decode**; a record's head, or a dead letter.
//! - [`TraceAssembler`]: **assemble**; holds records until their trace is due. Pure.
//! - [`TailSampler`]: whether a trace that is due is kept, where tail sampling is on. Pure.
//! - `summarise`: what the store is to know of each trace.
//! - [`write()`]: **write**; dead letters, then traces and progress in one transaction.
//! - `commit`: what follows: the mirrored offset, counters, freshness.
//!
//! [`partition()`] is the life of one assigned partition from end to end; what it does is decided by
//! a state machine without I/O ([`Assigned`], [`Running`], [`Draining`], [`Released`]) that takes
//! time as an argument, so that a simulator can drive it. [`Ingester`] runs one per partition that
//! the group assigns; `replay` runs one per stretch that is to be read once more.
//! [`DirectWriter`] is the deployment without Kafka.
//!
//! [`mod@audit`] accounts for every record and span.
//!
//! [`adaptive_sampling`] works out what clients are told to sample, from counts of the store.
//! [`letters`] is what an operator does about dead letters: look, drive again, purge.
//!
//! Absent on purpose: SQL, and what follows from the content of spans; both are the store's.

pub mod config;
mod moment;
mod retry;
mod consume;
mod decode;
mod assemble;
mod tail_sampling;
mod summarise;
mod write;
mod dead_letter;
mod commit;
mod partition;
mod stages;
mod pipeline;
mod replay;
mod retention;
mod ingester;
mod direct;
mod sampling;
pub mod letters;
pub mod audit;
pub mod metrics;

pub use assemble::{
    BatchTargets, BudgetShare, CompletionRules, DueTrace, HeldRecord, MemoryBudget, TraceAssembler,
};
pub use config::{
    AdaptiveSamplingConfig, AssembleConfig, ConsumeConfig, DirectConfig, IngesterConfig,
    OffsetGapPolicy, ReplayConfig, ShortRetentionPolicy, TailSamplingConfig, WriteConfig,
};
pub use consume::{FetchLimits, KafkaLog, LogError, SpanLog};
pub use dead_letter::{DeadLetters, DeadLettersUnavailable, KafkaDeadLetters};
pub use decode::{
    Asked, DeadRecord, Decoded, KnownSchemas, RECEIVED_AT_HEADER, SchemaSource, SchemaSourceError,
    SpanRecord, Stalled, TENANT_HEADER, decode,
};
pub use direct::{DirectError, DirectWriter, RewriteError, rewrite};
pub use ingester::{Ingester, IngesterError};
pub use moment::Moment;
pub use partition::{
    Assigned, Commit, Consume, DrainNext, Draining, Halved, Load, Next, PartitionSettings,
    Released, Running, Verdict, WriteRequest,
};
pub use pipeline::{Order, OrderGiver, Orders, orders, partition};
pub use replay::{
    BACKFILL_CONSUMER, Bucket, Comparison, Difference, Ended, Fingerprint, Gate, GateKeeper,
    InspectError, LiveLag, Plan, PlanError, RangeLog, Side, SpanIdentity, TokenBucket, Wanted,
    inspect, plan,
};
pub use retention::ShortRetention;
pub use retry::{Backoff, RetryPolicy};
pub use sampling::{adaptive_sampling, announcements, calculate};
pub use stages::{Conditions, Stages};
pub use storage::LIVE_CONSUMER;
pub use tail_sampling::{PoliciesError, PolicyConfig, TailSampler, TraceVerdict};
pub use write::{FailureKind, SpareBatches, WriteFailure, write};
