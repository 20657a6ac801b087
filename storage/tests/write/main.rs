//! The write side against a real Postgres: one file per behaviour.

#[path = "../support/database.rs"]
mod database;

mod schema;
