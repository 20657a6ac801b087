//! What the command line says about a configuration.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails there")]

use std::process::{Command, Output};

fn spoor(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_spoor"))
        .args(arguments)
        .output()
        .unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn the_defaults_are_valid() {
    assert_eq!(spoor(&["config", "check"]).status.code(), Some(0));
}

#[test]
fn an_unknown_key_exits_with_2_and_names_the_nearest_key() {
    let output = spoor(&["config", "check", "--set", "kafka.brokres=a:1"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(
        stderr(&output).contains("`kafka.brokres`"),
        "{}",
        stderr(&output)
    );
    assert!(
        stderr(&output).contains("`kafka.brokers`"),
        "{}",
        stderr(&output)
    );
}

#[test]
fn a_wrong_value_exits_with_2_and_names_its_key() {
    let output = spoor(&["config", "check", "--set", "topics.partitions=many"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(
        stderr(&output).contains("`topics.partitions`"),
        "{}",
        stderr(&output)
    );
}

#[test]
fn an_environment_variable_that_no_key_answers_to_exits_with_2() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_spoor"));
    let output = command
        .args(["config", "check"])
        .env("SPOOR__KAFKA__BROKER", "a:1")
        .output();
    assert_eq!(output.unwrap().status.code(), Some(2));
}

#[test]
fn a_printed_configuration_shows_no_secret() {
    let url = "storage.url=postgres://spoor:hunter2@db/spoor";
    let output = spoor(&["config", "print", "--set", url]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("<redacted>"), "{text}");
    assert!(!text.contains("hunter2"), "{text}");
}

#[test]
fn a_printed_configuration_is_read_back_as_it_is() {
    let printed = spoor(&["config", "print", "--set", "topics.partitions=32"]).stdout;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("spoor.yaml");
    std::fs::write(&path, &printed).unwrap();
    let again = spoor(&["config", "print", "--config", path.to_str().unwrap()]).stdout;
    assert_eq!(
        String::from_utf8_lossy(&again),
        String::from_utf8_lossy(&printed)
    );
}

#[test]
fn every_key_is_explained() {
    let page = String::from_utf8(spoor(&["config", "docs"]).stdout).unwrap();
    let unexplained: Vec<&str> = page
        .lines()
        .filter(|line| line.starts_with("| `") && line.ends_with("|  |"))
        .collect();
    assert_eq!(unexplained, [] as [&str; 0]);
}
