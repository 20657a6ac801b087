//! `spoor migrate` may run at each deploy, and needs the registry only the first time; `spoor purge`
//! empties what it made, if it is told so twice; `spoor rebuild` rebuilds days that are there and over.

use std::process::{Command, Output};

use crate::support::{Folder, Servers};

fn migrate(servers: &Servers, registry: &str) -> Output {
    spoor(servers, registry, &["migrate"])
}

fn spoor(servers: &Servers, registry: &str, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_spoor"))
        .args(arguments)
        .env("SPOOR__KAFKA__BROKERS", servers.address("KAFKA_BROKERS"))
        .env("SPOOR__STORAGE__URL", servers.address("POSTGRES_URL"))
        .env("SPOOR__REGISTRY__URL", registry)
        .output()
        .unwrap()
}

#[test]
fn a_second_migration_changes_nothing_and_needs_no_registry() {
    let folder = Folder::new();
    let servers = Servers::start(&folder, &[]);
    let first = migrate(&servers, servers.address("REGISTRY_URL"));
    let text = String::from_utf8_lossy(&first.stderr).into_owned();
    assert!(
        first.status.success() && text.contains("Made the topic spoor.spans"),
        "{text}"
    );

    let second = migrate(&servers, "http://127.0.0.1:1");
    let text = String::from_utf8_lossy(&second.stderr).into_owned();
    assert!(
        second.status.success() && !text.contains("Made the topic"),
        "{text}"
    );

    let done = |arguments: &[&str]| {
        let done = spoor(&servers, "http://127.0.0.1:1", arguments);
        let text = [done.stdout, done.stderr].concat();
        (
            done.status.success(),
            String::from_utf8_lossy(&text).into_owned(),
        )
    };
    let (purged, text) = done(&["purge"]);
    assert!(!purged && text.contains("say --yes"), "{text}");
    let (purged, text) = done(&["purge", "--yes", "--archive"]);
    assert!(purged && text.contains("the store is empty"), "{text}");

    let (rebuilt, text) = done(&["rebuild", "2020-02-29"]);
    assert!(!rebuilt && text.contains("no day 2020-02-29"), "{text}");
    let (rebuilt, text) = done(&["rebuild", "2999-01-01"]);
    assert!(!rebuilt && text.contains("not over yet"), "{text}");
}
