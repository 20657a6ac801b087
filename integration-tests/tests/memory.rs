//! The memory of the process is bounded by its configuration, whatever comes in.

use std::sync::mpsc;
use std::time::Duration;

use integration_tests::{Deployment, Server, Stack, load, longer};

const MIB: u64 = 1 << 20;

/// Small budgets, as settings, and the bound that follows from them.
struct Budgets {
    admission: u64,
    queue: u64,
    assemble: u64,
    direct: u64,
}

impl Budgets {
    fn settings(&self) -> Vec<(&'static str, String)> {
        let mib = |size: u64| format!("{size} MiB");
        vec![
            (
                "SPOOR__COLLECTOR__ADMISSION__MAX_BYTES",
                mib(self.admission),
            ),
            ("SPOOR__KAFKA__PRODUCER__QUEUE_BYTES", mib(self.queue)),
            ("SPOOR__INGESTER__ASSEMBLE__MEMORY", mib(self.assemble)),
            ("SPOOR__INGESTER__DIRECT__MEMORY", mib(self.direct)),
        ]
    }

    /// What the settings say that they cost: three times the admitted bytes, the producer's queue,
    /// what the ingester holds and reads ahead (4 MiB for each of 8 partitions), and a decoded
    /// batch for each of 4 writes. The rest is the program itself and the allocator's slack.
    fn bound(&self) -> u64 {
        let held = 3 * self.admission + self.queue + self.assemble + self.direct;
        (held + 8 * 4 + 4 * 32 + 128) * MIB
    }
}

const SMALL: Budgets = Budgets {
    admission: 32,
    queue: 16,
    assemble: 32,
    direct: 16,
};

/// Floods a stack and gives the most memory that its process had.
fn flooded(name: &str, deployment: Deployment, during: impl FnOnce(&Stack)) -> u64 {
    let settings = SMALL.settings();
    let settings: Vec<(&str, &str)> = settings
        .iter()
        .map(|(key, value)| (*key, value.as_str()))
        .collect();
    let stack = Stack::start_with(name, deployment, &settings);
    let ledger = stack.file("ledger");
    let arguments = ["--duration", longer("8s", "120s"), "--connections", "64"];
    let flood = load::start(&stack, &ledger, &arguments);
    let watched = &stack;
    let most = std::thread::scope(|scope| {
        let (ended, end) = mpsc::channel::<()>();
        let watching = scope.spawn(move || {
            let mut most = 0;
            while end.recv_timeout(Duration::from_millis(100))
                == Err(mpsc::RecvTimeoutError::Timeout)
            {
                most = most.max(watched.resident_bytes());
            }
            most
        });
        during(&stack);
        // Fails unless the clients got retryable errors at most.
        load::finish(flood);
        drop(ended);
        watching.join().expect("the watcher ends")
    });
    load::verify(&stack, &ledger, &["--settle", "240s", "--sample", "10"]).assert_clean();
    most
}

fn assert_bounded(most: u64) {
    let bound = SMALL.bound();
    assert!(
        most < bound,
        "{} MiB, at most {} MiB allowed",
        most / MIB,
        bound / MIB
    );
}

#[test]
fn a_flood_does_not_grow_the_process_past_its_budgets_without_kafka() {
    assert_bounded(flooded("memory-direct", Deployment::Direct, |_| {}));
}

#[test]
fn a_flood_while_postgres_comes_and_goes_does_not_grow_the_process_past_its_budgets() {
    let away = |stack: &Stack| {
        stack.until("the flood is stored", Duration::from_secs(60), |stack| {
            stack.metric("spoor_ingester_spans_stored_total", "") > 50_000.0
        });
        stack.hold_down(Server::Postgres, Duration::from_secs(6));
    };
    assert_bounded(flooded("memory-kafka", Deployment::Kafka, away));
}
