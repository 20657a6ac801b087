//! An agent between applications and a stack: what its clients send is read back, and what it has
//! acknowledged is stored, whatever is killed.

use std::net::UdpSocket;
use std::sync::OnceLock;
use std::time::Duration;

use integration_tests::clients::{Language, Report, export, throw};
use integration_tests::{
    Agent, Deployment, QueryGrpc, Stack, assert_read_back, fetch, load, longer,
};

/// How long what was sent may take until it is found, through an agent and on two busy cores.
const PATIENCE: Duration = Duration::from_secs(30);

/// A stack and an agent before it, for the tests that disturb neither, and what asks the stack over gRPC.
fn calm() -> &'static (Stack, Agent, QueryGrpc) {
    static CALM: OnceLock<(Stack, Agent, QueryGrpc)> = OnceLock::new();
    CALM.get_or_init(|| {
        let stack = Stack::start("agent", Deployment::Direct);
        let agent = Agent::start(&stack, &[]);
        let grpc = QueryGrpc::connect(&stack);
        (stack, agent, grpc)
    })
}

fn assert_all_read_back(report: &Report) {
    let (stack, _, grpc) = calm();
    assert_read_back(stack, grpc, report, PATIENCE);
}

#[test]
fn jaegers_python_client_in_the_compact_protocol() {
    let (_, agent, _) = calm();
    assert_all_read_back(&throw(Language::Python, agent.jaeger_compact()));
}

#[test]
fn jaegers_node_client_in_the_binary_protocol() {
    let (_, agent, _) = calm();
    assert_all_read_back(&throw(Language::Node, agent.jaeger_binary()));
}

#[test]
fn opentelemetrys_python_sdk_over_grpc() {
    let (_, agent, _) = calm();
    assert_all_read_back(&export(Language::Python, "grpc", &agent.otlp_grpc()));
}

#[test]
fn opentelemetrys_node_sdk_over_http_with_json() {
    let (_, agent, _) = calm();
    assert_all_read_back(&export(Language::Node, "http-json", &agent.otlp_http()));
}

#[test]
fn what_to_sample_is_what_the_collector_says() {
    let (stack, agent, _) = calm();
    let path = "/sampling?service=shop";
    let told = fetch(
        &format!("{}{path}", stack.told_address("what to sample")),
        10,
    );
    assert_eq!(fetch(&format!("{}{path}", agent.sampling()), 10), told);
    assert!(
        told.expect("the collector answers")
            .contains("samplingRate")
    );
}

/// Datagrams that are nothing, or almost something.
fn garbage() -> Vec<Vec<u8>> {
    let almost = b"\x82\x81\x01\x09emitBatch\x1c\x1c\x18\x04shop\x00\x19\xff\xff\xff\xff\x0f";
    let mut all: Vec<Vec<u8>> = (0..almost.len())
        .map(|end| almost[..end].to_owned())
        .collect();
    all.extend((0..=u8::MAX).map(|byte| vec![byte; 1 + usize::from(byte) * 4]));
    all
}

#[test]
fn garbage_is_counted_and_does_no_harm() {
    let (_, agent, _) = calm();
    let ports = [
        ("jaeger_compact", agent.jaeger_compact()),
        ("jaeger_binary", agent.jaeger_binary()),
        ("zipkin_compact", agent.zipkin_compact()),
    ];
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    let (garbage, requests) = (garbage(), "spoor_collector_requests_total");
    for (protocol, port) in ports {
        let label = format!("protocol=\"{protocol}\",outcome=\"malformed\"");
        for datagram in &garbage {
            socket
                .send_to(datagram, ("127.0.0.1", port))
                .expect("it is sent");
        }
        agent.until("all of it is counted", PATIENCE, |agent| {
            let lost = format!("protocol=\"{protocol}\"");
            let lost = agent.metric("spoor_agent_datagrams_lost_total", &lost);
            agent.metric(requests, &label) + lost == garbage.len() as f64
        });
    }
    assert_all_read_back(&throw(Language::Python, agent.jaeger_compact()));
}

#[test]
fn nothing_acknowledged_is_lost_when_collector_and_agent_are_killed() {
    let mut stack = Stack::start("agent-queue", Deployment::Kafka);
    let folder = stack.file("queue").display().to_string();
    let mut agent = Agent::start(&stack, &[("SPOOR__AGENT__QUEUE__DIRECTORY", &folder)]);
    let ledger = stack.file("ledger");
    let arguments = ["--spans", longer("60000", "400000"), "--rate", "3000"];
    let mut load = load::start_at(&agent.otlp_grpc(), &ledger, &arguments);
    stack.until("spans come through the agent", PATIENCE, |stack| {
        stack.metric("spoor_collector_spans_accepted_total", "") > 6_000.0
    });
    stack.kill_everything();
    let waiting = "spoor_agent_queue_waiting_bytes";
    agent.until("spans wait on disk", PATIENCE, |agent| {
        agent.metric(waiting, "") > 1e6
    });
    let has_ended = load.try_wait().expect("it can be asked");
    assert_eq!(has_ended, None, "nothing was under way at the kill");
    agent.kill();
    agent.restart();
    assert!(agent.metric(waiting, "") > 0.0, "nothing waits any more");
    agent.until("more spans wait on disk", PATIENCE, |agent| {
        agent.metric("spoor_collector_spans_accepted_total", "") > 6_000.0
    });
    stack.restart();
    load::finish(load);
    let minute = Duration::from_secs(60);
    agent.until("all of it is delivered", minute, |agent| {
        agent.metric(waiting, "") == 0.0
    });
    assert_eq!(agent.metric("spoor_agent_spans_dropped_total", ""), 0.0);
    load::verify(&stack, &ledger, &["--exclusive", "--settle", "60s"]).assert_clean();
    agent.stop();
}
