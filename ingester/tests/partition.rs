//! The life of a partition: rules one by one, and a simulation of everything that can go wrong.

#[path = "partition/build.rs"]
mod build;
#[path = "partition/assembly.rs"]
mod assembly;
#[path = "partition/machine.rs"]
mod machine;
#[path = "partition/placing.rs"]
mod placing;
#[path = "simulation/simulation.rs"]
mod simulation;
