//! Tail sampling from Kafka to Postgres: what is kept is what a naive evaluation over whole traces
//! keeps, whatever is restarted, comes late or comes twice.

#[path = "tail_sampling/shop.rs"]
mod shop;

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use ingester::TailSamplingConfig;
use ingester::audit::{Audit, AuditOptions, Residue, audit, tenant_sums};
use kafka::RangeReader;
use model::{Tenant, TimeRange, TraceId};
use rand::{Rng, SeedableRng, seq::SliceRandom};
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};
use storage::{Day, Owner, PostgresStore, RedQuery, Stores, TraceReader, TraceWriter};
use uuid::Uuid;

use self::shop::{Order, policies};
use crate::{
    cluster::{Cluster, PARTITIONS, kafka, on_topics},
    sent::{store, until},
    stage::schemas,
};

/// Spans that are sent, some more or less.
const SPANS: &str = "SPOOR_TAIL_SPANS";
const FEW_SPANS: usize = 12_000;
/// With `SPOOR_LONG=1`.
const MANY_SPANS: usize = 2_000_000;
/// Traces of a wave: their records are sent in any order.
const WAVE: usize = 400;

/// Spans in the short form or the long one, or as many as are asked for.
fn spans() -> usize {
    let usual = match std::env::var_os("SPOOR_LONG") {
        Some(_) => MANY_SPANS,
        None => FEW_SPANS,
    };
    std::env::var(SPANS).map_or(usual, |spans| spans.parse().unwrap())
}

/// What was sent, and how much of it came to be known.
struct Shop {
    tenant: Tenant,
    rng: ChaCha8Rng,
    orders: Vec<Order>,
    /// Spans that differ.
    spans: u64,
    /// Spans in all records.
    sent: u64,
}

impl Shop {
    fn new(seed: u64) -> Self {
        Self {
            tenant: Tenant::parse(&format!("t-{}", Uuid::new_v4().simple())).unwrap(),
            rng: ChaCha8Rng::seed_from_u64(seed),
            orders: Vec::new(),
            spans: 0,
            sent: 0,
        }
    }

    /// The records of some new traces in any order, a few of them twice.
    fn wave(&mut self) -> Vec<(TraceId, Vec<u8>)> {
        let new: Vec<Order> = (0..WAVE).map(|_| Order::draw(&mut self.rng)).collect();
        let mut records = Vec::new();
        for order in &new {
            self.spans += order.spans.len() as u64;
            for part in order.parts() {
                let times = 1 + usize::from(self.rng.random_bool(0.05));
                self.sent += (part.len() * times) as u64;
                let record = (order.id, order.record(&self.tenant, part));
                records.extend(std::iter::repeat_n(record, times));
            }
        }
        records.shuffle(&mut self.rng);
        self.orders.extend(new);
        records
    }

    /// What comes late: of some traces a span that every policy would keep, of others what was sent.
    fn late(&mut self) -> Vec<(TraceId, Vec<u8>)> {
        let mut records = Vec::new();
        for order in &mut self.orders {
            match self.rng.random_range(0..20) {
                0 => {
                    let late = order.fail_late();
                    self.spans += 1;
                    self.sent += 1;
                    records.push((order.id, order.record(&self.tenant, &[late])));
                }
                1 => {
                    self.sent += order.spans.len() as u64;
                    records.push((order.id, order.record(&self.tenant, &order.spans)));
                }
                _ => {}
            }
        }
        records
    }

    /// Traces that are stored whole; none may be stored in part.
    async fn stored(&self, store: &PostgresStore) -> BTreeSet<TraceId> {
        let mut stored = BTreeSet::new();
        for order in &self.orders {
            let found = store.trace(&self.tenant, order.id, None).await.unwrap();
            if let Some(found) = found {
                let expected = order.spans.len() + usize::from(order.failed_late);
                assert_eq!(found.trace.span_count(), expected, "of {order:?}");
                stored.insert(order.id);
            }
        }
        stored
    }
}

impl Cluster<PostgresStore> {
    /// What became of the tenant's spans, by the store's account.
    async fn accounted(&self, tenant: &Tenant) -> u64 {
        let account = self.store.account().await.unwrap();
        let own = account
            .tallies
            .iter()
            .filter(|one| one.tenant == tenant.as_str());
        own.map(|one| one.counts.spans()).sum()
    }

    async fn until_accounted(&self, shop: &Shop) {
        until("all spans are done", async || {
            self.accounted(&shop.tenant).await >= shop.sent
        })
        .await;
        assert_eq!(self.accounted(&shop.tenant).await, shop.sent);
    }

    /// Another owner, who does nothing: whoever has the partition loses what is held, as by a crash.
    async fn steal_all(&self) {
        for partition in 0..PARTITIONS {
            let owner = Owner(Uuid::new_v4());
            self.store
                .claim(&self.source(partition), owner)
                .await
                .unwrap();
        }
    }

    async fn audited_in_depth(&self) -> Audit {
        let today = Day::of(bootstrap::clock::now());
        let options = AuditOptions {
            topic: self.config.consume.topic.clone(),
            backfill_topic: String::new(),
            dead_letter_topic: self.config.consume.dead_letter_topic.clone(),
            read_log: true,
            recount: Some((today.plus(-1), today)),
            first_kept: Day(0),
            limit: 5,
            most_in_flight: 1_000,
        };
        let reader = RangeReader::new(&kafka()).unwrap();
        let known = schemas(None);
        let found = audit(
            &Stores::one(self.store.clone()),
            Some((&reader, &known)),
            &options,
        )
        .await;
        found.unwrap()
    }

    /// What does not add up of this test's topic and tenant: the store is shared.
    fn left_over(&self, audit: &Audit, tenant: &Tenant) -> Vec<Residue> {
        let is_own = |residue: &&Residue| match residue {
            Residue::Offsets { source, .. }
            | Residue::Gone { source, .. }
            | Residue::Shorter { source, .. } => source.topic == self.config.consume.topic,
            Residue::Missing(missing) => missing.topic == self.config.consume.topic,
            Residue::Figure(figure) => figure.tenant == tenant.as_str(),
            Residue::Stored { tenant: of, .. }
            | Residue::Dropped { tenant: of, .. }
            | Residue::Day { tenant: of, .. }
            | Residue::Accepted { tenant: of, .. } => *of == tenant.as_str(),
            _ => false,
        };
        audit.residues.iter().filter(is_own).cloned().collect()
    }

    /// Spans that the RED series count.
    async fn calls(&self, tenant: &Tenant) -> u64 {
        let query = RedQuery {
            services: shop::SERVICES.map(str::to_owned).to_vec(),
            kinds: model::SpanKind::ALL.to_vec(),
            by_operation: false,
            range: TimeRange::ALL,
        };
        let series = self.store.red(tenant, &query).await.unwrap();
        series.iter().map(|point| point.calls).sum()
    }
}

/// Sends waves while members come and go, then what is late.
async fn send(cluster: &Cluster<PostgresStore>, shop: &mut Shop, spans: usize) {
    let mut member = cluster.member();
    let mut wave = 0;
    while (shop.spans as usize) < spans {
        cluster.send_all(&shop.wave()).await;
        wave += 1;
        match wave % 8 {
            // In the middle of its work, by a shutdown and by the loss of what it holds.
            2 => {
                member.stop().await;
                member = cluster.member();
            }
            5 => cluster.steal_all().await,
            _ => {}
        }
    }
    cluster.until_accounted(shop).await;
    cluster.send_all(&shop.late()).await;
    cluster.until_accounted(shop).await;
    member.stop().await;
}

/// The cluster of a test with these policies.
fn sampling(cluster: &mut Arc<Cluster<PostgresStore>>, policies: Value) {
    let config = &mut Arc::get_mut(cluster).expect("not shared").config;
    config.tail_sampling = TailSamplingConfig {
        enabled: true,
        policies: serde_json::from_value(policies).unwrap(),
        ..TailSamplingConfig::default()
    };
    // A wave is sent in less: no trace is decided before all of it was sent.
    config.assemble.idle_with_root = Duration::from_secs(3);
    config.assemble.hold_at_most = Duration::from_secs(30);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_traces_that_are_kept_are_those_of_a_naive_evaluation() {
    on_topics("tail-sampling", store().await, |mut cluster| async move {
        sampling(&mut cluster, policies());
        let mut shop = Shop::new(7);
        send(&cluster, &mut shop, spans()).await;

        let stored = shop.stored(&cluster.store).await;
        let kept = shop.orders.iter().filter(|order| order.is_kept());
        let kept: BTreeSet<TraceId> = kept.map(|order| order.id).collect();
        assert_eq!(stored, kept);
        assert!(!kept.is_empty() && kept.len() < shop.orders.len());

        assert_eq!(cluster.calls(&shop.tenant).await, shop.spans);
        let audit = cluster.audited_in_depth().await;
        assert_eq!(cluster.left_over(&audit, &shop.tenant), []);
        let sums = tenant_sums(&audit)[shop.tenant.as_str()];
        assert_eq!(sums.stored + sums.dropped, shop.spans);
        assert_eq!(sums.duplicate, shop.sent - shop.spans);
        println!(
            "{} traces, {} spans: {} traces and {} spans kept",
            shop.orders.len(),
            shop.spans,
            stored.len(),
            sums.stored
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replay_brings_back_what_other_policies_keep_and_counts_it_no_second_time() {
    on_topics("tail-replay", store().await, |mut cluster| async move {
        sampling(&mut cluster, policies());
        let mut shop = Shop::new(11);
        let member = cluster.member();
        cluster.send_all(&shop.wave()).await;
        cluster.until_accounted(&shop).await;
        member.stop().await;
        let before = shop.stored(&cluster.store).await;
        assert!(before.len() < shop.orders.len());

        sampling(
            &mut cluster,
            json!([{"name": "all", "type": "always_sample"}]),
        );
        let member = cluster.replayer();
        let spec = storage::ReplaySpec {
            tenant: Some(shop.tenant.clone()),
            ..cluster.spec()
        };
        let job = cluster.until_done(cluster.start(&spec).await).await;
        member.stop().await;
        assert_eq!(shop.stored(&cluster.store).await.len(), shop.orders.len());
        assert_eq!(cluster.calls(&shop.tenant).await, shop.spans);
        let audit = cluster.audited_in_depth().await;
        assert_eq!(cluster.left_over(&audit, &shop.tenant), []);
        assert_eq!(job.counts().spans_dropped, 0);
        let sums = tenant_sums(&audit)[shop.tenant.as_str()];
        assert_eq!(sums.there, shop.spans);
    })
    .await;
}
