//! The clients against a real broker, one rule per test.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "broker/cluster.rs"]
mod cluster;
#[path = "broker/admin.rs"]
mod admin;
#[path = "broker/producer.rs"]
mod producer;
#[path = "broker/group.rs"]
mod group;
#[path = "broker/partition.rs"]
mod partition;
#[path = "broker/range.rs"]
mod range;
#[path = "broker/faults.rs"]
mod faults;
#[path = "broker/compacted.rs"]
mod compacted;
