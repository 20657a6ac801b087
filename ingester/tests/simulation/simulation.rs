//! A deterministic simulation of one partition of the log, the members that own it or believe to,
//! and a transactional store.
//!
//! The members run the product's own core: the states of a partition, assembly, offsets, retries,
//! the memory budget. The log, the store and the shell around the core are models that honour the
//! contracts of [`storage::TraceWriter`] and [`ingester::SpanLog`]. Time is a number. A seed decides
//! everything, so that a schedule that fails can be played again: `SPOOR_SEED=<seed>`.
//!
//! What is not simulated: several partitions (they share nothing but the memory budget, and the
//! slots that `storage` locks), the network, and the operator's matter of a log that was cut off.

mod log;
mod store;
mod derived;
mod member;
mod world;
mod writing;
mod nemesis;
mod invariants;
mod mutation;
mod schedules;
