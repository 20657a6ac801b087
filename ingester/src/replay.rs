//! Records that are read once more: stretches of a topic by time, and what `spoor backfill` has
//! published. Both go through the same [`crate::partition()`] as new spans, under a consumer of
//! their own, so that they are stored by the same rules and counted by themselves.
//!
//! - [`TokenBucket`]: so many spans a second. Pure.
//! - [`Gate`]: whether, and how fast, records are let through.
//! - [`RangeLog`]: a stretch of a partition as a log that ends.
//! - [`plan()`]: from times to offsets, or why there are none.
//! - [`Comparison`]: what a log holds against what a store holds. Pure.
//! - `worker`: takes partitions of jobs and works on them, beside other ingesters.

mod bucket;
mod gate;
mod wanted;
mod range_log;
mod plan;
mod compare;
mod inspect;
mod lag;
mod worker;

pub use bucket::TokenBucket;
pub use compare::{Bucket, Comparison, Difference, Fingerprint, Side, SpanIdentity};
pub use gate::{Gate, GateKeeper};
pub use inspect::{InspectError, inspect};
pub use lag::LiveLag;
pub use plan::{Plan, PlanError, plan};
pub(crate) use range_log::GatedLog;
pub use range_log::{Ended, RangeLog};
pub use wanted::Wanted;
pub(crate) use worker::{Replays, worker};

/// Under which name the consumed position of backfilled spans lies in the store.
pub const BACKFILL_CONSUMER: &str = "backfill";
