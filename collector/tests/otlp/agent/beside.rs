//! An agent in front of a collector, both in this process.

use std::net::SocketAddr;
use std::time::Duration;

use bootstrap::{Stop, StopHandle};
use collector::{Agent, AgentAddresses, AgentConfig, RunError};
use reqwest::Response;
use tokio::net::UdpSocket;
use tokio::task::JoinHandle;

use crate::running::{PROTOBUF, Running};

pub struct Beside {
    pub addresses: AgentAddresses,
    pub stop: StopHandle,
    pub task: JoinHandle<Result<(), RunError>>,
    client: reqwest::Client,
}

/// An agent of these collectors that is quick to try again.
pub fn config(collectors: &[SocketAddr]) -> AgentConfig {
    let mut config = AgentConfig::default();
    let any = SocketAddr::from(([127, 0, 0, 1], 0));
    config.otlp_grpc.address = any;
    config.otlp_http.address = any;
    config.jaeger_compact.address = any;
    config.jaeger_binary.address = any;
    config.zipkin_compact.address = any;
    config.sampling.listener.address = any;
    config.publish.collectors = collectors.iter().map(ToString::to_string).collect();
    config.publish.backoff = Duration::from_millis(10);
    config.publish.max_backoff = Duration::from_millis(50);
    config.publish.patience = Duration::from_millis(300);
    config.publish.resolve_interval = Duration::from_millis(50);
    config.batch.delay = Duration::from_millis(20);
    config.enrich.host = false;
    config.enrich.environment = false;
    config
}

/// An agent that nothing is left out of.
pub async fn beside(running: &Running) -> Beside {
    start(config(&[running.grpc])).await
}

pub async fn start(config: AgentConfig) -> Beside {
    let (handle, stop) = Stop::with_grace(Duration::from_secs(5));
    let agent = Agent::build(config, stop).await.expect("it can be built");
    Beside {
        addresses: agent.addresses(),
        stop: handle,
        task: tokio::spawn(agent.run()),
        client: reqwest::Client::new(),
    }
}

/// An address at which nobody listens.
pub async fn nobody() -> SocketAddr {
    let socket = tokio::net::TcpListener::bind("127.0.0.1:0").await;
    let socket = socket.expect("a free port");
    socket.local_addr().expect("it is bound")
}

impl Beside {
    /// Sends a request to the agent's `/v1/traces`.
    pub async fn send(&self, body: Vec<u8>) -> Response {
        let address = self.addresses.otlp_http.expect("it listens");
        let post = self.client.post(format!("http://{address}/v1/traces"));
        let sent = post.header("content-type", PROTOBUF).body(body).send();
        sent.await.expect("an answer")
    }

    /// Sends a datagram to the compact port.
    pub async fn throw(&self, datagram: &[u8]) {
        self.throw_at(self.addresses.jaeger_compact, datagram).await;
    }

    pub async fn throw_at(&self, port: Option<SocketAddr>, datagram: &[u8]) {
        let socket = UdpSocket::bind("127.0.0.1:0").await.expect("a socket");
        let to = port.expect("it listens");
        socket.send_to(datagram, to).await.expect("it is sent");
    }

    /// Asks what to sample.
    pub async fn ask(&self, path: &str) -> (u16, String) {
        let address = self.addresses.sampling.expect("it listens");
        let asked = self.client.get(format!("http://{address}{path}")).send();
        let answer = asked.await.expect("an answer");
        let status = answer.status().as_u16();
        (status, answer.text().await.expect("text"))
    }

    /// Stops it and waits for its end.
    pub async fn end(self) {
        self.stop.stop();
        let ended = self.task.await.expect("no panic");
        ended.expect("nothing was cut off");
    }
}
