//! A deterministic simulation of a few partitions of the log, the members that own them or believe
//! to, and a transactional store.
//!
//! The members run the product's own core: the states of a partition, assembly, offsets, retries,
//! the memory budget. The logs, the store and the shell around the core are models that honour the
//! contracts of [`storage::TraceWriter`] and [`ingester::SpanLog`]. Time is a number. A seed decides
//! everything, also how often what goes wrong, so that a schedule that fails can be played again:
//! `SPOOR_SEED=<seed>`.
//!
//! What is not simulated: the network, and the operator's matter of a log that was cut off.

mod log;
mod odds;
mod sampling;
mod store;
mod derived;
mod member;
mod world;
mod writing;
mod nemesis;
mod settling;
mod invariants;
mod mutation;
mod schedules;
mod regressions;
