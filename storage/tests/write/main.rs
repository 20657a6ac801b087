//! The write side against a real Postgres: one file per behaviour.

#[path = "../support/database.rs"]
mod database;

#[path = "../support/arbitrary.rs"]
mod arbitrary;

#[path = "../support/proxy.rs"]
mod proxy;

mod store;

#[path = "../support/two_stores.rs"]
#[expect(dead_code, reason = "shared with the tests of the read side")]
mod two_stores;

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
mod spreading;
