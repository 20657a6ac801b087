//! The clients against a real broker, one rule per test.

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
#[path = "broker/compacted.rs"]
mod compacted;
