//! The agent: receive → decode → enrich → encode → publish, beside the application.

use anyhow::Context;
use bootstrap::Process;
use collector::Agent;

use crate::config::Config;

/// Receives and passes on until told to stop. Neither Kafka nor Postgres is asked for anything.
pub(super) async fn run(config: &Config, process: &Process) -> anyhow::Result<()> {
    let agent = Agent::build(config.agent.clone(), process.stop.clone());
    let agent = agent.await.context("cannot start the agent")?;
    let agent = agent.with_readiness(process.readiness.register("agent"));
    tell(&agent);
    process.started();
    agent.run().await.context("the agent failed")
}

fn tell(agent: &Agent) {
    let addresses = agent.addresses();
    let all = [
        ("otlp_grpc", addresses.otlp_grpc),
        ("otlp_http", addresses.otlp_http),
        ("jaeger_compact", addresses.jaeger_compact),
        ("jaeger_binary", addresses.jaeger_binary),
        ("zipkin_compact", addresses.zipkin_compact),
        ("sampling", addresses.sampling),
    ];
    for (protocol, address) in all {
        if let Some(address) = address {
            tracing::info!(protocol, listener.address = %address, "Listening");
        }
    }
}
