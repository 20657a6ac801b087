//! What needs real servers: Kafka, the schema registry and Postgres as children, on free ports.
//!
//! `make runtime` fetches their programs.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails there")]

mod support;
mod servers;
mod migrate;
mod letters;
mod all_in_one;
mod backfill;
