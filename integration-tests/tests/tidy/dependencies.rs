//! Who may depend on whom, by `cargo metadata` and `deny.toml`.

use std::collections::{BTreeMap, BTreeSet};

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, Package};

use crate::{none_of, read, root};

/// The packages of the workspace in data-path order, with those of ours that each may use.
const OURS: &[(&str, &[&str])] = &[
    ("model", &[]),
    ("schemas", &["model"]),
    ("kafka", &[]),
    ("collector", &["model", "schemas", "kafka", "bootstrap"]),
    (
        "ingester",
        &["model", "schemas", "kafka", "storage", "bootstrap"],
    ),
    ("storage", &["model"]),
    // Beside the store and not within it: a client of gRPC, of which neither SQL's users nor the
    // contract's need to know.
    (
        "remote-storage",
        &["model", "schemas", "storage", "bootstrap"],
    ),
    ("query", &["model", "schemas", "storage", "bootstrap"]),
    ("bootstrap", &[]),
    (
        "spoor",
        &[
            "model",
            "schemas",
            "kafka",
            "collector",
            "ingester",
            "storage",
            "remote-storage",
            "query",
            "bootstrap",
        ],
    ),
    ("integration-tests", &["kafka"]),
    (
        "fuzz",
        &["model", "schemas", "collector", "storage", "query"],
    ),
];

fn metadata() -> Metadata {
    MetadataCommand::new()
        .current_dir(root())
        .exec()
        .expect("cargo metadata runs")
}

fn workspace_packages(metadata: &Metadata) -> Vec<&Package> {
    metadata.workspace_packages()
}

#[test]
fn a_package_depends_only_on_those_of_ours_that_it_may() {
    let metadata = metadata();
    let allowed: BTreeMap<&str, &[&str]> = OURS.iter().copied().collect();
    let mut findings = Vec::new();
    for package in workspace_packages(&metadata) {
        let Some(may) = allowed.get(package.name.as_str()) else {
            findings.push(format!("{} is not in the table of packages", package.name));
            continue;
        };
        let normal = package
            .dependencies
            .iter()
            .filter(|d| d.kind == DependencyKind::Normal);
        for used in normal.map(|dependency| dependency.name.as_str()) {
            if allowed.contains_key(used) && !may.contains(&used) {
                findings.push(format!("{} must not depend on {used}", package.name));
            }
        }
    }
    none_of(findings);
}

#[test]
fn the_members_are_listed_in_data_path_order() {
    let manifest: toml::Table = read("Cargo.toml").parse().expect("Cargo.toml is TOML");
    let members = manifest["workspace"]["members"]
        .as_array()
        .expect("members are a list");
    let listed: Vec<&str> = members
        .iter()
        .filter_map(|member| member.as_str())
        .collect();
    let expected: Vec<&str> = OURS.iter().map(|(name, _)| *name).collect();
    assert_eq!(listed, expected);
}

#[test]
fn a_crate_with_one_home_is_used_only_there() {
    let rules: toml::Table = read("deny.toml").parse().expect("deny.toml is TOML");
    let metadata = metadata();
    let mut findings = Vec::new();
    for rule in rules["bans"]["deny"]
        .as_array()
        .expect("bans.deny is a list")
    {
        let krate = rule["crate"].as_str().expect("a crate's name");
        let wrappers = rule["wrappers"].as_array().expect("a list of packages");
        let homes: BTreeSet<&str> = wrappers.iter().filter_map(|home| home.as_str()).collect();
        for package in workspace_packages(&metadata) {
            let uses = package
                .dependencies
                .iter()
                .any(|dependency| dependency.name == krate);
            if uses && !homes.contains(package.name.as_str()) {
                findings.push(format!(
                    "{krate} belongs to {homes:?}, not to {}",
                    package.name
                ));
            }
        }
    }
    none_of(findings);
}

#[test]
fn every_licence_is_on_the_list() {
    let rules: toml::Table = read("deny.toml").parse().expect("deny.toml is TOML");
    let list = rules["licenses"]["allow"]
        .as_array()
        .expect("licenses.allow is a list");
    let allowed: BTreeSet<&str> = list.iter().filter_map(|licence| licence.as_str()).collect();
    let unlisted = |package: &Package| {
        let expression = package.license.clone().unwrap_or_default();
        (!is_allowed(&expression, &allowed)).then(|| format!("{}: {expression}", package.name))
    };
    none_of(metadata().packages.iter().filter_map(unlisted).collect());
}

/// Whether an SPDX expression can be met: every `AND` part has an `OR` choice on the list.
fn is_allowed(expression: &str, allowed: &BTreeSet<&str>) -> bool {
    let plain = expression.replace(['(', ')'], "").replace('/', " OR ");
    plain
        .split(" AND ")
        .all(|part| part.split(" OR ").any(|one| allowed.contains(one.trim())))
}
