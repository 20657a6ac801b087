//! Every fault there is, in the order of the table.

mod answers;
mod kafka;
mod postgres;
mod records;
mod registry;
mod rollout;
mod sizes;
mod zombies;

use std::time::Duration;

use super::course::{Fault, Notes};
use super::site::Site;

/// All of them.
pub fn all() -> Vec<&'static Fault> {
    let parts: [&'static [Fault]; 8] = [
        zombies::FAULTS,
        postgres::FAULTS,
        answers::FAULTS,
        kafka::FAULTS,
        registry::FAULTS,
        records::FAULTS,
        sizes::FAULTS,
        rollout::FAULTS,
    ];
    parts.into_iter().flatten().collect()
}

/// Those that leave the installation as it was, so that another may follow on the same one.
pub fn repeatable() -> Vec<&'static Fault> {
    let names = [
        "zombie-before-begin",
        "zombie-mid-copy",
        "zombie-before-commit",
        "zombie-after-commit",
        "postgres-terminated",
        "postgres-frozen",
        "postgres-killed",
        "answers-lost",
        "broker-killed",
        "broker-frozen",
        "broker-cut-off",
        "broker-mute",
        "broker-deaf",
        "brokers-divided",
        "brokers-rolling",
        "rolling-restarts",
    ];
    let all = all().into_iter();
    all.filter(|fault| names.contains(&fault.name)).collect()
}

/// Lets the fault last, and looks in the middle who says that it is ready.
fn last(site: &Site, notes: &mut Notes, time: Duration) {
    std::thread::park_timeout(time * 3 / 4);
    notes.ready = site.readiness();
    std::thread::park_timeout(time / 4);
}
