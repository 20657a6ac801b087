//! The write side against a real Postgres: one file per behaviour.

#[path = "../support/database.rs"]
mod database;

#[path = "../support/arbitrary.rs"]
mod arbitrary;

#[path = "../support/proxy.rs"]
mod proxy;

mod store;

mod schema;
mod writing;
mod fencing;
mod reading;
mod ambiguity;
mod contention;
mod refusals;
mod huge;
mod views;
mod replaying;
mod accounting;
mod deciding;
mod sampling;
mod purging;
mod words;
mod rebuilding;
mod sizes;
