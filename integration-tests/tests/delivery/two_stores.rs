//! Two stores in Postgres servers of their own, of which one is away for a while.

use std::collections::BTreeSet;
use std::fs;
use std::time::Duration;

use integration_tests::faults::Postgres;
use integration_tests::{Deployment, Stack, load, root};
use serde_json::Value;

use crate::assert_all_there;

const NAME: &str = "delivery-two-stores";
const WITHIN: Duration = Duration::from_secs(30);
const SPANS: &str = "SELECT coalesce(sum(span_count), 0) FROM spoor.segment";

struct TwoStores {
    stack: Stack,
    home: Postgres,
    other: Postgres,
}

impl TwoStores {
    fn start() -> Self {
        let server = |name: &str| {
            let logs = root()
                .join("target/integration")
                .join(format!("{NAME}-{name}"));
            fs::create_dir_all(&logs).expect("a folder for logs");
            Postgres::primary(60, &logs).expect("a Postgres")
        };
        let (home, other) = (server("home"), server("other"));
        let url = |server: &Postgres| format!("postgres://spoor@127.0.0.1:{}/spoor", server.port);
        let further = format!("[{{url=\"{}\"}}]", url(&other));
        let settings = [
            ("SPOOR__STORAGE__URL", url(&home)),
            ("SPOOR__STORAGE__FURTHER", further),
            ("SPOOR__STORAGE__ACQUIRE_TIMEOUT", "4s".to_owned()),
            ("SPOOR__INGESTER__REPLAY__CONCURRENCY", "8".to_owned()),
        ];
        let settings = settings
            .each_ref()
            .map(|(key, value)| (*key, value.as_str()));
        let stack = Stack::start_with(NAME, Deployment::Kafka, &settings);
        Self { stack, home, other }
    }

    /// The only value of the only row, in each store.
    fn values(&self, query: &str) -> [u64; 2] {
        [&self.home, &self.other].map(|server| value(server, query))
    }

    fn sum(&self, query: &str) -> u64 {
        self.values(query).iter().sum()
    }

    /// Every trace that a search without conditions finds, page by page.
    fn found_by_pages(&self) -> BTreeSet<String> {
        let mut found = BTreeSet::new();
        let mut page = String::new();
        loop {
            let path = format!("/api/spoor/v1/traces?limit=150&page={page}");
            let answer = self.stack.get(&path).expect("an answer");
            for trace in answer["traces"].as_array().expect("a list") {
                let id = trace["traceId"].as_str().expect("an id").to_owned();
                assert!(found.insert(id), "a trace is on one page");
            }
            match answer["nextPage"].as_str() {
                Some(next) => page = next.to_owned(),
                None => return found,
            }
        }
    }

    /// What a command says.
    fn said(&self, command: &[&str]) -> Vec<u8> {
        let output = self.stack.beside(command);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{command:?}: {errors}");
        output.stdout
    }

    /// What it says in JSON.
    fn told(&self, command: &[&str]) -> Value {
        serde_json::from_slice(&self.said(command)).expect("JSON")
    }

    /// Stores once more what Kafka has, until it is done; then everything was there already.
    fn replay(&self, spans: u64) {
        let started = self.told(&["replay", "start", "--from", "-1h", "--json"]);
        let show = ["replay", "show", &started["id"].to_string(), "--json"];
        self.stack.until("the replay is done", WITHIN, |_| {
            self.told(&show)["state"] == "done"
        });
        let done = self.told(&show);
        assert_eq!(done["spans_stored"], 0, "{done}");
        assert_eq!(done["spans_duplicate"], spans, "{done}");
    }
}

fn value(server: &Postgres, query: &str) -> u64 {
    let rows = server
        .superuser()
        .and_then(|mut session| session.query(query));
    rows.expect("a good query")[0][0].parse().expect("a number")
}

#[test]
fn two_stores_of_which_one_is_away_for_a_while() {
    let mut two = TwoStores::start();
    let ledger = two.stack.file("ledger");
    let load = load::start(&two.stack, &ledger, &["--spans", "20000", "--rate", "4000"]);
    two.stack.until("both are written to", WITHIN, |_| {
        two.values(SPANS).iter().all(|spans| *spans > 500)
    });
    two.other.stop().expect("it stops");
    let before = value(&two.home, SPANS);
    two.stack
        .until("the partitions of the home go on", WITHIN, |_| {
            value(&two.home, SPANS) > before + 2_000
        });
    let refused = two.stack.get("/api/spoor/v1/traces?limit=5");
    assert_eq!(refused, None, "half of the answer would be missing");
    two.other.start().expect("it starts");
    let spans = load::finish(load).spans;
    assert_all_there(&two.stack, &ledger);

    for (place, server) in [&two.home, &two.other].into_iter().enumerate() {
        let strays = format!("SELECT count(*) FROM spoor.progress WHERE partition % 2 <> {place}");
        assert_eq!(value(server, &strays), 0, "partitions of another store");
        assert!(value(server, SPANS) > 5_000, "half of the spans");
    }
    assert_eq!(two.sum(SPANS), spans);
    let stored = two.sum("SELECT count(DISTINCT trace_id) FROM spoor.segment");
    assert_eq!(two.found_by_pages().len() as u64, stored);
    two.replay(spans);
    assert_eq!(two.told(&["sizes", "--json"])["spans"], spans);
    two.said(&["purge", "--yes"]);
    assert_eq!(two.sum(SPANS), 0);
}
