//! The life of a partition against models of a log and a store that honour their contracts.

#[path = "partition/build.rs"]
mod build;
#[path = "partition/assembly.rs"]
mod assembly;
#[path = "partition/machine.rs"]
mod machine;
#[path = "partition/schedules.rs"]
mod schedules;
#[path = "partition/ledger.rs"]
mod ledger;
#[path = "partition/world.rs"]
mod world;
