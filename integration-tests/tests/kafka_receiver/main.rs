//! Topics that another collector has written: what is in them is stored once, whatever is killed.

mod encodings;

use std::collections::BTreeSet;
use std::process::Command;
use std::time::Duration;

use encodings::{ALL, Sent, otlp_proto};
use integration_tests::faults::Topics;
use integration_tests::otlp_http::now_nanos;
use integration_tests::{Deployment, Stack, binary, otlp_json};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

const ACCEPTED: &str = "spoor_collector_spans_accepted_total";
const OF_TOPICS: &str = "protocol=\"kafka\"";
const LETTERS: &str = "spoor_collector_kafka_dead_letters_total";
const SOON: Duration = Duration::from_secs(60);

/// The settings of a collector that reads topics, each with its encoding.
fn reading(topics: &[(&str, &str)]) -> Vec<(&'static str, String)> {
    let topics: Vec<String> = topics
        .iter()
        .map(|(topic, encoding)| format!("{{topic={topic:?},encoding={encoding:?}}}"))
        .collect();
    vec![
        (
            "SPOOR__COLLECTOR__KAFKA__TOPICS",
            format!("[{}]", topics.join(",")),
        ),
        ("SPOOR__COLLECTOR__KAFKA__SESSION_TIMEOUT", "6s".to_owned()),
        ("SPOOR__COLLECTOR__KAFKA__DRAIN_TIMEOUT", "3s".to_owned()),
    ]
}

/// A stack that reads topics, which exist.
fn start(name: &str, topics: &[(&str, &str)]) -> (Stack, Topics) {
    let settings = reading(topics);
    let settings: Vec<(&str, &str)> = settings
        .iter()
        .map(|(key, value)| (*key, value.as_str()))
        .collect();
    let stack = Stack::start_with(name, Deployment::Kafka, &settings);
    let of_cluster = Topics::at(&stack.brokers()).expect("a cluster");
    for (topic, _) in topics {
        of_cluster.make(topic, 4).expect("the topic is made");
    }
    (stack, of_cluster)
}

fn sent(trace: u128, span: u64, service: &str) -> Sent {
    Sent {
        trace,
        span,
        service: service.to_owned(),
        name: "checkout".to_owned(),
        start_us: now_nanos() / 1_000,
        micros: 1_500,
    }
}

/// A trace id that no other run has.
fn trace_id(number: u64) -> u128 {
    u128::from(now_nanos()) << 64 | u128::from(number)
}

fn spans(stack: &Stack, trace: u128) -> Vec<Value> {
    let path = format!("/api/v3/traces/{trace:032x}?rawTraces=true");
    stack
        .get(&path)
        .map_or_else(Vec::new, |answer| otlp_json::spans(&answer))
}

#[test]
fn each_encoding_of_other_collectors_is_read_back() {
    let names = ALL.map(|(encoding, _)| (format!("{encoding}.spans"), encoding));
    let topics = names.each_ref().map(|(topic, of)| (topic.as_str(), *of));
    let (stack, cluster) = start("topics-encodings", &topics);
    let all = ALL.iter().zip(1..).map(|((encoding, encode), number)| {
        let one = sent(trace_id(number), number, &format!("shop-{encoding}"));
        let record = (one.span.to_be_bytes().to_vec(), encode(&one));
        let topic = format!("{encoding}.spans");
        cluster.produce(&topic, &[record]).expect("it is produced");
        (*encoding, one)
    });
    for (encoding, one) in all.collect::<Vec<_>>() {
        stack.until(encoding, SOON, |stack| spans(stack, one.trace).len() == 1);
        let found = spans(&stack, one.trace).remove(0);
        assert_eq!(found["name"], json!("checkout"), "{encoding}");
        assert_eq!(found["spanId"], json!(format!("{:016x}", one.span)));
        assert_eq!(found["kind"], json!(2), "{encoding}");
        let start = json!((one.start_us * 1_000).to_string());
        assert_eq!(found["startTimeUnixNano"], start, "{encoding}");
        let end = json!(((one.start_us + one.micros) * 1_000).to_string());
        assert_eq!(found["endTimeUnixNano"], end, "{encoding}");
        let service = json!([{ "key": "service.name", "value": { "stringValue": one.service } }]);
        assert_eq!(found["resource"], service, "{encoding}");
    }
}

/// Traces of this many spans, each span in a record of its own.
const SPANS: u64 = 5;

/// Fills a topic with traces and gives their ids.
fn fill(cluster: &Topics, topic: &str, traces: u64) -> Vec<u128> {
    let ids: Vec<u128> = (1..=traces).map(trace_id).collect();
    let records = ids.iter().flat_map(|id| {
        (1..=SPANS).map(|span| {
            let one = sent(*id, span, "shop");
            // Without regard to the trace: its spans are spread over all partitions.
            (span.to_be_bytes().to_vec(), otlp_proto(&[one]))
        })
    });
    let records: Vec<_> = records.collect();
    cluster.produce(topic, &records).expect("they are produced");
    ids
}

/// Every span of the traces is there once, and nothing is unaccounted for.
fn assert_each_there_once(stack: &Stack, ids: &[u128]) {
    let stored = |stack: &Stack| ids.iter().all(|id| spans(stack, *id).len() as u64 >= SPANS);
    stack.until("every span is stored", SOON, stored);
    for id in ids {
        assert_eq!(spans(stack, *id).len() as u64, SPANS, "{id:032x}");
    }
    let audit = stack.beside(&["audit", "--deep"]);
    let found = String::from_utf8_lossy(&audit.stdout);
    assert!(
        audit.status.success() && found.contains("residue: 0."),
        "{found}{}",
        String::from_utf8_lossy(&audit.stderr)
    );
}

#[test]
fn everything_killed_in_mid_topic_costs_no_span_and_doubles_none() {
    let topic = ("killed.spans", "otlp-proto");
    let (mut stack, cluster) = start("topics-killed", &[topic]);
    let mut ids = fill(&cluster, topic.0, 100);
    stack.until("spans are coming in", SOON, |stack| {
        stack.metric(ACCEPTED, OF_TOPICS) > 0.0
    });
    ids.extend(fill(&cluster, topic.0, 300));
    stack.kill_everything();
    stack.restart();
    assert_each_there_once(&stack, &ids);
}

#[test]
fn a_second_collector_takes_partitions_over_and_gives_them_back_when_it_is_killed() {
    let topic = ("shared.spans", "otlp-proto");
    let (stack, cluster) = start("topics-shared", &[topic]);
    let mut ids = fill(&cluster, topic.0, 50);
    stack.until("the first one reads", SOON, |stack| {
        stack.metric(ACCEPTED, OF_TOPICS) >= 250.0
    });
    let mut second = another_collector(&stack, &reading(&[topic]));
    let owned = |stack: &Stack| {
        stack.metric(
            "spoor_kafka_partitions_owned_count",
            "group=\"spoor-collector\"",
        )
    };
    stack.until("two of them share", SOON, |stack| owned(stack) == 2.0);
    ids.extend(fill(&cluster, topic.0, 200));
    second.kill().expect("it is killed");
    second.wait().expect("it has ended");
    ids.extend(fill(&cluster, topic.0, 50));
    stack.until("the first one has all", SOON, |stack| owned(stack) == 4.0);
    assert_each_there_once(&stack, &ids);
}

#[test]
fn what_comes_between_two_collectors_that_begin_at_the_end_is_read() {
    let topic = ("latest.spans", "otlp-proto");
    let stack = Stack::start("topics-latest", Deployment::Kafka);
    let cluster = Topics::at(&stack.brokers()).expect("a cluster");
    cluster.make(topic.0, 4).expect("the topic is made");
    let before = fill(&cluster, topic.0, 10);
    let mut settings = reading(&[topic]);
    settings.push(("SPOOR__COLLECTOR__KAFKA__START", "latest".to_owned()));
    let mut first = another_collector(&stack, &settings);
    stack.until("the group has begun", SOON, |_| {
        let begun = cluster.committed("spoor-collector", topic.0);
        begun.is_ok_and(|partitions| partitions.len() == 4)
    });
    kill_process(Pid::from_child(&first), Signal::TERM).expect("it is there");
    first.wait().expect("it has ended");
    let between = fill(&cluster, topic.0, 20);
    let mut second = another_collector(&stack, &settings);
    assert_each_there_once(&stack, &between);
    for id in before {
        assert_eq!(spans(&stack, id), Vec::<Value>::new(), "{id:032x}");
    }
    second.kill().expect("it is killed");
    second.wait().expect("it has ended");
}

/// A collector beside the stack's own.
fn another_collector(stack: &Stack, settings: &[(&'static str, String)]) -> std::process::Child {
    let log = std::fs::File::options()
        .create(true)
        .append(true)
        .open(stack.file("another.log"));
    let log = log.expect("a log");
    let anywhere = "127.0.0.1:0";
    Command::new("setpriv")
        .args(["--pdeathsig", "KILL"])
        .arg(binary())
        .arg("collector")
        .envs(settings.iter().cloned())
        .env("SPOOR__KAFKA__BROKERS", format!("[{:?}]", stack.brokers()))
        .env("SPOOR__REGISTRY__URL", stack.registry())
        .envs(
            [
                "SPOOR__COLLECTOR__OTLP_GRPC__ADDRESS",
                "SPOOR__COLLECTOR__OTLP_HTTP__ADDRESS",
                "SPOOR__COLLECTOR__JAEGER_GRPC__ADDRESS",
                "SPOOR__COLLECTOR__JAEGER_THRIFT__ADDRESS",
                "SPOOR__COLLECTOR__ZIPKIN__ADDRESS",
                "SPOOR__COLLECTOR__SAMPLING__LISTENER__ADDRESS",
                "SPOOR__ADMIN__COLLECTOR",
            ]
            .map(|key| (key, anywhere)),
        )
        .stdout(log.try_clone().expect("a log"))
        .stderr(log)
        .spawn()
        .expect("another collector")
}

#[test]
fn garbage_becomes_dead_letters_and_harms_no_neighbour() {
    let topics = [("bad.jaeger", "jaeger-proto"), ("bad.otlp", "otlp-json")];
    let (stack, cluster) = start("topics-garbage", &topics);
    let (_, jaeger) = ALL[2];
    let good: Vec<Sent> = (1..=20)
        .map(|number| sent(trace_id(number), number, "shop"))
        .collect();
    let records: Vec<(Vec<u8>, Vec<u8>)> = good
        .iter()
        .map(|one| {
            let payload = match one.span {
                5 | 15 => b"\x0a\xff garbage".to_vec(),
                _ => jaeger(one),
            };
            (b"one partition".to_vec(), payload)
        })
        .collect();
    cluster.produce("bad.jaeger", &records).expect("produced");
    let no_json = [(b"k".to_vec(), b"{\"resourceSpans\": 7}".to_vec())];
    cluster.produce("bad.otlp", &no_json).expect("produced");
    for one in good.iter().filter(|one| !matches!(one.span, 5 | 15)) {
        stack.until("a neighbour is stored", SOON, |stack| {
            spans(stack, one.trace).len() == 1
        });
    }
    stack.until("three dead letters", SOON, |stack| {
        stack.metric(LETTERS, "reason=\"undecodable\"") == 3.0
    });
    let letters = cluster.first("spoor.spans.dlq", 10).expect("the topic");
    let header = |record: &kafka::Record, name: &str| {
        let found = record.header(name);
        found.map(|value| String::from_utf8_lossy(value).into_owned())
    };
    let origins: BTreeSet<_> = letters
        .iter()
        .map(|letter| (header(letter, "dlq-topic"), header(letter, "dlq-reason")))
        .collect();
    let undecodable = |topic: &str| (Some(topic.to_owned()), Some("undecodable".to_owned()));
    assert_eq!(
        origins,
        BTreeSet::from([undecodable("bad.jaeger"), undecodable("bad.otlp")])
    );
    let garbage = |letter: &kafka::Record| letter.payload.as_deref() == Some(b"\x0a\xff garbage");
    assert_eq!(letters.iter().filter(|one| garbage(one)).count(), 2);
    assert_eq!(letters.len(), 3);
}
