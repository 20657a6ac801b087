//! Faults on real servers, under load, with a ledger.
//!
//! A [`Fault`] is a value: what is done, to what installation, and how soon all must be well again.
//! Each takes the same course: start, load, inject, heal, wait until everything that was
//! acknowledged is stored, verify. [`catalogue`] lists them, [`Outcome`]s make a table, and
//! [`soak()`] goes on with whatever comes for as long as it is told to.
//!
//! Clusters of brokers and small disks need root, `ip`, `nft` and `mount`.

pub mod catalogue;
mod brokers;
mod course;
mod network;
mod postgres;
mod postgres_proxy;
pub(crate) mod program;
mod registry;
mod role;
mod session;
mod site;
mod soak;
mod table;
mod tcp_proxy;
pub(crate) mod topic;

pub use course::{Fault, Notes, Outcome};
pub use postgres::Postgres;
pub use session::Session;
pub use site::{Plan, Site};
pub use soak::soak;
pub use table::{HEAD, row};
pub use topic::Topics;
