//! Kafka: one node on the loopback, or a cluster whose nodes have a network of their own.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;

use super::network::Network;
use super::program::{Program, until};
use super::topic::Topics;
use crate::{ports, root};

/// A cluster's name, which is of no interest.
const CLUSTER: &str = "Faults0000000000000000";

/// The nodes, each broker and controller.
pub struct Brokers {
    /// By number.
    pub nodes: Vec<Program>,
    /// What joins them, if there is more than one.
    pub network: Option<Network>,
    addresses: Vec<String>,
}

struct Node {
    host: String,
    port: u16,
    controller: u16,
}

impl Brokers {
    /// Formats and starts so many nodes and waits until they answer.
    pub fn start(count: usize, folder: &Path, logs: &Path) -> anyhow::Result<Self> {
        let network = (count > 1).then(|| Network::new(count)).transpose()?;
        let described: Vec<Node> = (0..count)
            .map(|index| match &network {
                Some(network) => Node {
                    host: network.address(index),
                    port: 9092,
                    controller: 9093,
                },
                None => {
                    let [port, controller] = ports::free();
                    let host = "127.0.0.1".to_owned();
                    Node {
                        host,
                        port,
                        controller,
                    }
                }
            })
            .collect();
        let mut nodes = Vec::new();
        for index in 0..count {
            let home = folder.join(format!("kafka-{index}"));
            fs::create_dir_all(&home)?;
            let properties = home.join("server.properties");
            fs::write(&properties, server_properties(&described, index, &home))?;
            format_storage(&properties, &home, logs)?;
            let enter = network.as_ref().map(|network| network.enter(index));
            let mut line = enter.unwrap_or_default();
            line.extend(["setpriv", "--pdeathsig", "KILL"].map(str::to_owned));
            line.extend(machine("256m", "kafka.Kafka"));
            line.push(properties.display().to_string());
            let mut node = Program::new(&format!("kafka-{index}"), line, &home, logs);
            node.start()?;
            nodes.push(node);
        }
        let address = |node: &Node| format!("{}:{}", node.host, node.port);
        let addresses: Vec<String> = described.iter().map(address).collect();
        let brokers = Self {
            nodes,
            network,
            addresses,
        };
        let topics = brokers.topics()?;
        until("the brokers answer", Duration::from_secs(240), || {
            topics.has_room_for(count as i32)
        })?;
        Ok(brokers)
    }

    /// Addresses for clients.
    pub fn addresses(&self) -> String {
        self.addresses.join(",")
    }

    /// Address of one of them.
    pub fn address(&self, node: usize) -> &str {
        &self.addresses[node]
    }

    /// Their topics, as an administrator has them.
    pub fn topics(&self) -> anyhow::Result<Topics> {
        Topics::at(&self.addresses())
    }

    /// The network of a cluster.
    pub fn network(&self) -> anyhow::Result<&Network> {
        self.network.as_ref().context("one node has no network")
    }
}

fn format_storage(properties: &Path, home: &Path, logs: &Path) -> anyhow::Result<()> {
    let mut line = machine("128m", "kafka.tools.StorageTool");
    line.extend(["format", "--cluster-id", CLUSTER, "--config"].map(str::to_owned));
    line.push(properties.display().to_string());
    Program::new("kafka-format", line, home, logs).run()
}

fn machine(heap: &str, class: &str) -> Vec<String> {
    let kafka: PathBuf = root().join("target/runtime/kafka");
    vec![
        "java".to_owned(),
        format!("-Xmx{heap}"),
        "-XX:+UseSerialGC".to_owned(),
        "-XX:TieredStopAtLevel=1".to_owned(),
        format!(
            "-Dlog4j2.configurationFile={}",
            kafka.join("log4j2.xml").display()
        ),
        "-cp".to_owned(),
        kafka.join("lib/*").display().to_string(),
        class.to_owned(),
    ]
}

fn server_properties(nodes: &[Node], index: usize, home: &Path) -> String {
    let Node {
        host,
        port,
        controller,
    } = &nodes[index];
    let voter =
        |(index, node): (usize, &Node)| format!("{}@{}:{}", index + 1, node.host, node.controller);
    let voters: Vec<String> = nodes.iter().enumerate().map(voter).collect();
    let copies = nodes.len();
    let in_sync = if copies > 1 { copies - 1 } else { 1 };
    format!(
        "process.roles=broker,controller\n\
         node.id={}\n\
         controller.quorum.voters={}\n\
         listeners=PLAINTEXT://{host}:{port},CONTROLLER://{host}:{controller}\n\
         advertised.listeners=PLAINTEXT://{host}:{port}\n\
         controller.listener.names=CONTROLLER\n\
         log.dirs={}\n\
         auto.create.topics.enable=false\n\
         default.replication.factor={copies}\n\
         min.insync.replicas={in_sync}\n\
         offsets.topic.replication.factor={copies}\n\
         offsets.topic.num.partitions=4\n\
         transaction.state.log.replication.factor={copies}\n\
         transaction.state.log.min.isr={in_sync}\n\
         transaction.state.log.num.partitions=1\n\
         group.initial.rebalance.delay.ms=0\n\
         broker.session.timeout.ms=4000\n\
         broker.heartbeat.interval.ms=500\n\
         replica.lag.time.max.ms=4000\n\
         replica.socket.timeout.ms=4000\n\
         replica.fetch.wait.max.ms=300\n",
        index + 1,
        voters.join(","),
        home.join("data").display()
    )
}
