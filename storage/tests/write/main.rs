//! The write side against a real Postgres: one file per behaviour.

#[path = "../support/database.rs"]
mod database;

#[path = "../support/arbitrary.rs"]
mod arbitrary;
mod store;

mod schema;
mod writing;
mod fencing;
mod reading;
