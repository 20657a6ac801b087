//! The read side against a real Postgres: searches compared with a naive model.

#[path = "../support/arbitrary.rs"]
mod arbitrary;
#[path = "../support/database.rs"]
mod database;
#[path = "../write/store.rs"]
#[expect(dead_code, reason = "shared with the tests of the write side")]
mod store;

#[path = "../support/two_stores.rs"]
mod two_stores;

#[path = "../support/filters.rs"]
mod filters;

mod model_of_search;
mod searching;
mod filtering;
mod paging;
mod attributes;
mod merging;
mod spread;
