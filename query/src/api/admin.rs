//! The admin API: dead letters, listed, opened, driven again, purged.
//!
//! Parameters have the same names in a query string and in a JSON body. One that is not known is
//! refused: a condition that is misspelt must not widen what a redrive or a purge means.

mod params;
mod question;
mod answer;
mod store;

pub(crate) use answer::ask;
pub use answer::{AdminFailure, render_groups, render_letter};
pub(crate) use params::{from_body, from_query};
pub use question::Question;
pub(crate) use store::purge_order;
