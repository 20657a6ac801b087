//! The embedded schema registry: Apicurio, which keeps its schemas in Kafka.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use anyhow::Context;
use bootstrap::Readiness;
use rustix::process::Signal;

use super::child::ChildSpec;
use super::config::EmbeddedConfig;
use super::data_dir::DataDir;
use super::health::Health;
use super::java;
use super::runtime::Runtime;
use super::supervise::Server;

/// The base URL of the Confluent-compatible API.
pub(crate) fn url(port: u16) -> String {
    format!("http://127.0.0.1:{port}/apis/ccompat/v7")
}

/// Starts the registry on the given brokers.
pub(crate) fn start(
    config: &EmbeddedConfig,
    data: &DataDir,
    runtime: &Runtime,
    java: &Path,
    port: u16,
    brokers: &str,
) -> anyhow::Result<Server> {
    let jar = runner(&runtime.registry())?;
    let folder = data.folder("registry")?;
    let arguments = [
        format!("-Xmx{}k", config.registry.heap.0 >> 10),
        "-XX:+UseSerialGC".to_owned(),
        "-XX:TieredStopAtLevel=1".to_owned(),
        "-XX:+ExitOnOutOfMemoryError".to_owned(),
        format!("-Dquarkus.http.port={port}"),
        "-Dquarkus.http.host=127.0.0.1".to_owned(),
        "-Dquarkus.log.level=WARN".to_owned(),
        "-Dapicurio.storage.kind=kafkasql".to_owned(),
        format!("-Dapicurio.kafkasql.bootstrap.servers={brokers}"),
    ];
    let mut arguments: Vec<OsString> = arguments.map(OsString::from).to_vec();
    arguments.extend(java::class_archive(
        &runtime.registry(),
        config.archive_classes,
    ));
    arguments.push(java::temporary_files(&folder)?);
    arguments.push("-jar".into());
    arguments.push(jar.into());
    let spec = ChildSpec {
        name: "the schema registry",
        program: java.to_owned(),
        arguments,
        folder,
        user: None,
        log: data.log("registry"),
        stop_signal: Signal::TERM,
        orphan_signal: Signal::KILL,
        stop_timeout: config.stop_timeout,
    };
    let health = Health::Http {
        url: format!("{}/subjects", url(port)),
        client: reqwest::Client::new(),
    };
    // Spans flow without it, so it has no say in whether the process is ready.
    let apart = Readiness::new().register("embedded schema registry");
    Ok(Server::start(spec, health, apart))
}

fn runner(folder: &Path) -> anyhow::Result<PathBuf> {
    let found = std::fs::read_dir(folder)?
        .filter_map(Result::ok)
        .map(|entry| entry.path())
        .find(|path| path.to_string_lossy().ends_with("-runner.jar"));
    found.with_context(|| format!("no *-runner.jar in {}", folder.display()))
}
