//! The child servers come up, die with their parent, and are adopted again with their data.

use std::io::{Read, Write};
use std::net::TcpListener;

use rustix::process::{Signal, kill_process};

use crate::support::{Folder, POSTGRES_ALONE, Servers, command, until};

/// Whether something speaks Postgres at this URL: it answers a request for TLS with one letter.
fn postgres_answers(url: &str) -> bool {
    let address = url
        .rsplit('@')
        .next()
        .and_then(|rest| rest.split('/').next())
        .unwrap();
    let ask = || {
        let mut server = std::net::TcpStream::connect(address)?;
        server.write_all(&[0, 0, 0, 8, 4, 210, 22, 47])?;
        let mut answer = [0];
        server.read_exact(&mut answer)?;
        std::io::Result::Ok(answer)
    };
    ask().is_ok_and(|answer| answer == *b"N")
}

/// Registers a schema and returns its id.
async fn register(registry: &str) -> u64 {
    let body = serde_json::json!({ "schema": "{\"type\":\"string\"}" });
    let url = format!("{registry}/subjects/adopted-value/versions");
    let answer = reqwest::Client::new()
        .post(url)
        .json(&body)
        .send()
        .await
        .unwrap();
    answer.json::<serde_json::Value>().await.unwrap()["id"]
        .as_u64()
        .unwrap()
}

#[test]
fn the_exit_code_of_the_command_is_the_exit_code_of_spoor() {
    let folder = Folder::new();
    let script = [
        "--",
        "sh",
        "-c",
        "test -n \"$SPOOR_TEST_POSTGRES_URL\" && exit 7",
    ];
    let status = command(&folder, &[&POSTGRES_ALONE[..], &script].concat())
        .status()
        .unwrap();
    assert_eq!(status.code(), Some(7));
    assert_eq!(folder.processes(), []);
}

#[tokio::test]
async fn ctrl_c_ends_every_server_and_exits_with_0() {
    let folder = Folder::new();
    let servers = Servers::start(&folder, &[]);
    assert!(
        folder.processes().len() > 3,
        "Kafka, registry, Postgres and its workers"
    );
    servers.signal(Signal::INT);
    assert_eq!(servers.ended().code(), Some(0));
    assert_eq!(folder.processes(), []);
}

#[tokio::test]
async fn children_die_with_a_parent_that_is_killed() {
    let folder = Folder::new();
    let servers = Servers::start(&folder, &[]);
    servers.signal(Signal::KILL);
    until("every child is gone", async || {
        folder.processes().is_empty()
    })
    .await;
}

#[tokio::test]
async fn data_is_adopted_after_everything_was_killed_at_once() {
    let folder = Folder::new();
    let servers = Servers::start(&folder, &[]);
    let id = register(servers.address("REGISTRY_URL")).await;
    for pid in folder.processes().into_iter().chain([servers.pid()]) {
        let _ = kill_process(pid, Signal::KILL);
    }
    assert!(!servers.ended().success());

    let servers = Servers::start(&folder, &[]);
    assert_eq!(
        register(servers.address("REGISTRY_URL")).await,
        id,
        "the schema was kept"
    );
    assert!(postgres_answers(servers.address("POSTGRES_URL")));
}

#[tokio::test]
async fn a_server_left_running_is_ended_before_its_data_is_adopted() {
    let folder = Folder::new();
    let servers = Servers::start(&folder, &POSTGRES_ALONE);
    let postmaster = folder.process_in("postgres/data");
    // A stopped process takes its parent's death only once it goes on: it outlives the parent.
    kill_process(postmaster, Signal::STOP).unwrap();
    servers.signal(Signal::KILL);
    assert!(!servers.ended().success());

    let servers = Servers::start(&folder, &POSTGRES_ALONE);
    assert_ne!(folder.process_in("postgres/data"), postmaster);
    assert!(postgres_answers(servers.address("POSTGRES_URL")));
}

#[tokio::test]
async fn a_server_that_dies_is_started_again() {
    let folder = Folder::new();
    let servers = Servers::start(&folder, &POSTGRES_ALONE);
    let url = servers.address("POSTGRES_URL");
    let first = folder.process_in("postgres/data");
    kill_process(first, Signal::KILL).unwrap();
    until("another one answers", async || {
        let replaced = !folder.processes().contains(&first);
        replaced && postgres_answers(url)
    })
    .await;
}

#[test]
fn a_second_instance_on_the_same_folder_is_refused_and_the_first_one_named() {
    let folder = Folder::new();
    let first = Servers::start(&folder, &POSTGRES_ALONE);
    let second = command(&folder, &POSTGRES_ALONE).output().unwrap();
    assert_eq!(second.status.code(), Some(1));
    let text = String::from_utf8(second.stderr).unwrap();
    assert!(text.contains(&format!("process {}", first.pid())), "{text}");
    assert!(text.contains("--data-dir"), "{text}");
}

#[test]
fn a_taken_port_is_named_before_anything_starts() {
    let folder = Folder::new();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let flag = format!("embedded.postgres.port={port}");
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_spoor"));
    command.args([
        "servers",
        "--set",
        &flag,
        "--deployment",
        "direct",
        "--data-dir",
    ]);
    let output = command.arg(folder.path()).output().unwrap();
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(
        text.contains(&port) && text.contains("embedded.postgres.port"),
        "{text}"
    );
    assert_eq!(folder.processes(), []);
}
