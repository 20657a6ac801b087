//! The embedded Kafka: one node that is broker and controller, formatted once.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bootstrap::Readiness;
use rustix::process::Signal;

use super::child::ChildSpec;
use super::config::EmbeddedConfig;
use super::data_dir::DataDir;
use super::health::Health;
use super::java;
use super::ports::Ports;
use super::runtime::Runtime;
use super::supervise::Server;

/// Formats the data folder if need be and starts the broker.
pub(crate) async fn start(
    config: &EmbeddedConfig,
    data: &DataDir,
    runtime: &Runtime,
    java: &Path,
    ports: &Ports,
    readiness: &Readiness,
) -> anyhow::Result<Server> {
    let folder = data.folder("kafka")?;
    let properties = folder.join("server.properties");
    std::fs::write(&properties, server_properties(&folder, ports))?;
    let temporary = java::temporary_files(&folder)?;
    let spec = |arguments: Vec<OsString>| ChildSpec {
        name: "Kafka",
        program: java.to_owned(),
        arguments,
        folder: folder.clone(),
        user: None,
        log: data.log("kafka"),
        stop_signal: Signal::TERM,
        orphan_signal: Signal::KILL,
        stop_timeout: config.stop_timeout,
    };
    if !folder.join("data/meta.properties").exists() {
        let id = cluster_id(uuid::Uuid::new_v4());
        let mut arguments = machine("128m", runtime, false);
        arguments.push(temporary.clone());
        arguments.extend(
            ["kafka.tools.StorageTool", "format", "--ignore-formatted"].map(OsString::from),
        );
        arguments.extend(["--cluster-id", &id, "--config"].map(OsString::from));
        arguments.push(properties.clone().into());
        spec(arguments).run().await?;
    }
    let heap = format!("{}k", config.kafka.heap.0 >> 10);
    let mut arguments = machine(&heap, runtime, config.archive_classes);
    arguments.push(temporary);
    arguments.push("kafka.Kafka".into());
    arguments.push(properties.into());
    let health = Health::Kafka { port: ports.kafka };
    Ok(Server::start(
        spec(arguments),
        health,
        readiness.register("embedded kafka"),
    ))
}

/// A cluster's name as Kafka wants it: 16 bytes in base64. The first character is a letter, since
/// one that began with a hyphen would be taken for another argument.
fn cluster_id(random: uuid::Uuid) -> String {
    let mut bytes = random.into_bytes();
    bytes[0] &= 0x7f;
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Arguments of the Java machine, up to the class to run.
fn machine(heap: &str, runtime: &Runtime, archive_classes: bool) -> Vec<OsString> {
    let folder: PathBuf = runtime.kafka();
    let option = |name: &str, path: PathBuf| {
        let mut option = OsString::from(name);
        option.push(path);
        option
    };
    let mut arguments: Vec<OsString> = vec![
        format!("-Xmx{heap}").into(),
        "-XX:+UseSerialGC".into(),
        "-XX:+ExitOnOutOfMemoryError".into(),
        "-Djava.net.preferIPv4Stack=true".into(),
        option("-Dlog4j2.configurationFile=", folder.join("log4j2.xml")),
        "-cp".into(),
        folder.join("lib/*").into(),
    ];
    arguments.extend(java::class_archive(&folder, archive_classes));
    arguments
}

fn server_properties(folder: &Path, ports: &Ports) -> String {
    let (port, controller) = (ports.kafka, ports.kafka_controller);
    let data = folder.join("data");
    format!(
        "# Written by spoor at each start.\n\
         process.roles=broker,controller\n\
         node.id=1\n\
         controller.quorum.voters=1@127.0.0.1:{controller}\n\
         listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}\n\
         advertised.listeners=PLAINTEXT://127.0.0.1:{port}\n\
         controller.listener.names=CONTROLLER\n\
         log.dirs={}\n\
         auto.create.topics.enable=false\n\
         offsets.topic.replication.factor=1\n\
         offsets.topic.num.partitions=1\n\
         transaction.state.log.replication.factor=1\n\
         transaction.state.log.min.isr=1\n\
         transaction.state.log.num.partitions=1\n\
         share.coordinator.state.topic.replication.factor=1\n\
         share.coordinator.state.topic.min.isr=1\n\
         share.coordinator.state.topic.num.partitions=1\n\
         group.initial.rebalance.delay.ms=0\n\
         # After a crash the node waits for its own old session to end.\n\
         broker.session.timeout.ms=4000\n\
         broker.heartbeat.interval.ms=500\n",
        data.display()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_cluster_is_named_like_an_argument() {
        for first in 0..=u8::MAX {
            let random = uuid::Uuid::from_bytes([first; 16]);
            assert!(cluster_id(random).starts_with(|first: char| first.is_ascii_alphabetic()));
        }
    }

    #[test]
    fn every_listener_is_on_the_loopback_and_no_topic_is_made_by_chance() {
        let ports = Ports {
            kafka: 1,
            kafka_controller: 2,
            ..Ports::default()
        };
        let properties = server_properties(Path::new("/d/kafka"), &ports);
        let listeners = "listeners=PLAINTEXT://127.0.0.1:1,CONTROLLER://127.0.0.1:2\n";
        assert!(properties.contains(listeners), "{properties}");
        assert!(
            properties.contains("auto.create.topics.enable=false\n"),
            "{properties}"
        );
        assert!(
            properties.contains("log.dirs=/d/kafka/data\n"),
            "{properties}"
        );
    }
}
