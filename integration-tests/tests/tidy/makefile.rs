//! `make test` runs every test.

use std::collections::BTreeSet;

use cargo_metadata::{MetadataCommand, TargetKind};

use crate::{none_of, read, root};

#[test]
fn every_test_binary_is_in_one_queue_of_the_makefile() {
    let metadata = MetadataCommand::new().current_dir(root()).no_deps().exec();
    let metadata = metadata.expect("cargo metadata runs");
    let targets = metadata
        .packages
        .iter()
        .flat_map(|package| &package.targets);
    let tests = targets.filter(|target| target.kind.contains(&TargetKind::Test));
    let built: BTreeSet<&str> = tests.map(|target| target.name.as_str()).collect();

    let makefile = read("Makefile").replace("\\\n", " ");
    let queues = makefile.lines().filter_map(|line| {
        let (name, targets) = line.split_once(":=")?;
        let name = name.trim();
        let is_queue = name.starts_with("QUEUE_") || ["ALONE", "INSTRUMENTED"].contains(&name);
        is_queue.then_some(targets)
    });
    let queued: Vec<&str> = queues.flat_map(str::split_whitespace).collect();
    let named: BTreeSet<&str> = queued.iter().copied().collect();

    let missing = built.difference(&named);
    let unknown = named.difference(&built);
    let findings = missing.map(|name| format!("in no queue: {name}"));
    let findings = findings.chain(unknown.map(|name| format!("not built: {name}")));
    none_of(findings.collect());
    assert_eq!(queued.len(), named.len(), "a test is queued twice");
}
