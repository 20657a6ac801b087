//! `spoor dlq redrive`, killed again and again: every letter is given back once.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::time::Duration;

use kafka::{
    DeadLetter, KafkaConfig, Producer, ProducerConfig, RangeReader, Record, TopicPartition,
};
use kafka::{OutboundRecord, dead_letter};

use crate::support::{Folder, Servers};

const LETTERS: u32 = 400;

fn spoor(servers: &Servers, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_spoor"));
    command
        .args(arguments)
        .env("SPOOR__KAFKA__BROKERS", servers.address("KAFKA_BROKERS"))
        .env("SPOOR__STORAGE__URL", servers.address("POSTGRES_URL"))
        .env("SPOOR__REGISTRY__URL", servers.address("REGISTRY_URL"))
        // How long the next one waits for records of one that was killed.
        .env("SPOOR__KAFKA__PRODUCER__DELIVERY_TIMEOUT", "1s")
        .env("SPOOR__KAFKA__PRODUCER__QUEUE_WAIT", "50ms");
    command
}

fn kafka(servers: &Servers) -> KafkaConfig {
    KafkaConfig {
        brokers: servers.address("KAFKA_BROKERS").to_owned(),
        ..KafkaConfig::default()
    }
}

/// As an ingester leaves them.
async fn leave_letters(servers: &Servers) {
    let producer = Producer::new(&kafka(servers), &ProducerConfig::default()).unwrap();
    let origin = TopicPartition::new("spoor.spans", 0);
    for n in 0..LETTERS {
        let original = Record {
            offset: i64::from(n),
            timestamp_ms: 1,
            key: Some(n.to_be_bytes().to_vec().into()),
            payload: Some(n.to_string().into_bytes().into()),
            headers: kafka::Headers::default(),
        };
        let letter = DeadLetter::of(&original, &origin, "unframed", "no frame");
        let letter = letter.decided(u64::from(n), "test").record(&original);
        let headers = letter.header_refs();
        let record: OutboundRecord<'_> = letter.outbound("spoor.spans.dlq", &headers);
        producer.send_all(&[record]).await.unwrap();
    }
}

async fn given_back(servers: &Servers) -> BTreeMap<String, u32> {
    let reader = RangeReader::new(&kafka(servers)).unwrap();
    let mut counts = BTreeMap::new();
    for end in reader.ends("spoor.spans").await.unwrap() {
        let mut range = reader.range(&end.at, end.low, end.high).await.unwrap();
        while let Some(records) = range.next(500, Duration::from_secs(5)).await.unwrap() {
            for record in records {
                let letter = record.header(dead_letter::REDRIVEN).unwrap().to_vec();
                *counts
                    .entry(String::from_utf8(letter).unwrap())
                    .or_default() += 1;
            }
        }
    }
    counts
}

/// Runs a redrive and kills it so long after it has told of its progress so often. Whether it was
/// killed before it ended.
fn redrive_and_kill(servers: &Servers, told: usize, then: Duration) -> bool {
    let mut child = spoor(servers, &["dlq", "redrive", "--all"])
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let progress = lines
        .map_while(Result::ok)
        .filter(|line| line.contains("Driving letters again"));
    let _ = progress.take(told).count();
    std::thread::park_timeout(then);
    child.kill().unwrap();
    !child.wait().unwrap().success()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redrive_that_is_killed_again_and_again_gives_every_letter_back_once() {
    let folder = Folder::new();
    let servers = Servers::start(&folder, &[]);
    assert!(spoor(&servers, &["migrate"]).status().unwrap().success());
    leave_letters(&servers).await;
    let mut killed = 0;
    for (told, millis) in [(0, 200), (0, 400), (1, 0), (1, 3), (1, 10), (2, 5), (1, 20)] {
        let then = Duration::from_millis(millis);
        killed += u32::from(redrive_and_kill(&servers, told, then));
    }
    assert!(killed > 0, "each had ended before it was killed");
    let last = spoor(&servers, &["dlq", "redrive", "--all", "--json"]);
    let last = { last }.output().unwrap();
    assert!(last.status.success(), "{last:?}");
    let given = given_back(&servers).await;
    assert_eq!(given.len(), LETTERS as usize);
    assert_eq!(given.values().max(), Some(&1), "none twice");

    let listed = spoor(&servers, &["dlq", "ls", "--json"]).output().unwrap();
    let listed: serde_json::Value = serde_json::from_slice(&listed.stdout).unwrap();
    assert_eq!(listed["groups"][0]["records"], LETTERS);
    assert_eq!(listed["groups"][0]["redriven"], LETTERS);
}
