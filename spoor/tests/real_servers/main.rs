//! What needs real servers: Kafka, the schema registry and Postgres as children, on free ports.
//!
//! `make runtime` fetches their programs.

mod support;
mod servers;
mod all_in_one;
