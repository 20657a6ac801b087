//! What the log holds against what the store says and holds, with a real Kafka and Postgres.

use ingester::audit::{Audit, AuditOptions, Residue, audit, tenant_sums};
use kafka::{Admin, RangeReader, TopicPartition};
use roaring::RoaringTreemap;
use storage::{
    Day, Owner, PassedOffsets, PostgresStore, ProgressStep, Stores, TraceWriter, WriteBatch,
};
use uuid::Uuid;

use crate::{
    cluster::{Cluster, PARTITIONS, kafka, on_topics},
    log::trace_id,
    sent::{Sent, store, until},
    stage::schemas,
};

impl Cluster<PostgresStore> {
    /// Everything that the log has is read and looked for.
    async fn audited(&self) -> Audit {
        let options = AuditOptions {
            topic: self.config.consume.topic.clone(),
            backfill_topic: String::new(),
            dead_letter_topic: self.config.consume.dead_letter_topic.clone(),
            read_log: true,
            recount: None,
            first_kept: Day(0),
            limit: 5,
            most_in_flight: 1_000,
        };
        let reader = RangeReader::new(&kafka()).unwrap();
        let schemas = schemas(None);
        let stores = Stores::one(self.store.clone());
        audit(&stores, Some((&reader, &schemas)), &options)
            .await
            .unwrap()
    }

    /// What does not add up of this test's own topic and tenant: the store is shared by tests.
    fn own(&self, audit: &Audit, sent: &Sent) -> Vec<Residue> {
        let topic = &self.config.consume.topic;
        let is_own = |residue: &&Residue| match residue {
            Residue::Offsets { source, .. }
            | Residue::Gone { source, .. }
            | Residue::Shorter { source, .. } => source.topic == *topic,
            Residue::Missing(missing) => missing.topic == *topic,
            Residue::Stored { tenant, .. }
            | Residue::Day { tenant, .. }
            | Residue::Accepted { tenant, .. } => tenant == sent.tenant.as_str(),
            _ => false,
        };
        audit.residues.iter().filter(is_own).cloned().collect()
    }

    /// Counts the next record of a partition as done without writing it.
    async fn skip_by_hand(&self, partition: i32) -> i64 {
        let (source, owner) = (self.source(partition), Owner(Uuid::new_v4()));
        let progress = self.store.claim(&source, owner).await.unwrap();
        let step = ProgressStep {
            source,
            owner,
            expected_revision: progress.revision,
            watermark: progress.watermark + 1,
            done_above: RoaringTreemap::new(),
            records: 0,
            records_dead_lettered: 0,
            spans_dead_lettered: 0,
            tenants: Vec::new(),
            passed: PassedOffsets::default(),
            landmark: None,
        };
        let batch = WriteBatch {
            progress: &[step],
            traces: &[],
        };
        self.store.write(batch).await.unwrap();
        progress.watermark
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_adds_up_before_while_and_after_records_are_read() {
    on_topics("audit-clean", store().await, |cluster| async move {
        let sent = Sent::new(40, bootstrap::clock::now());
        cluster.publish(&sent, bootstrap::clock::now()).await;
        let sums = |audit: &Audit| tenant_sums(audit).remove(sent.tenant.as_str()).unwrap();
        let before = cluster.audited().await;
        assert_eq!(cluster.own(&before, &sent), []);
        assert_eq!(
            (before.in_flight.records, sums(&before).in_flight),
            (40, 200)
        );

        let garbage = (trace_id(9), b"no Avro".to_vec());
        cluster.send_all(&[garbage]).await;
        let member = cluster.member();
        until("everything is stored", async || {
            sent.whole(&cluster.store).await == 40
        })
        .await;
        cluster.first_dead_letter().await;
        member.stop().await;
        let after = cluster.audited().await;
        assert_eq!(cluster.own(&after, &sent), []);
        let sums = sums(&after);
        assert_eq!((sums.stored, sums.there, sums.in_flight), (200, 200, 0));
        let contents = after.contents.unwrap();
        assert_eq!((contents.records, contents.undecodable), (41, 1));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_record_that_was_skipped_is_named_by_its_offset() {
    on_topics("audit-skipped", store().await, |cluster| async move {
        let sent = Sent::new(20, bootstrap::clock::now());
        cluster.publish(&sent, bootstrap::clock::now()).await;
        let reader = RangeReader::new(&kafka()).unwrap();
        let ends = reader.ends(&cluster.config.consume.topic).await.unwrap();
        let filled = ends.iter().find(|end| end.high > 0).unwrap();
        let partition = filled.at.partition;
        let skipped = cluster.skip_by_hand(partition).await;
        let member = cluster.member();
        until("the rest is stored", async || {
            sent.whole(&cluster.store).await == 19
        })
        .await;
        member.stop().await;
        let found = cluster.own(&cluster.audited().await, &sent);
        let kinds: Vec<_> = found.iter().map(Residue::kind).collect();
        assert_eq!(kinds, ["offsets", "missing", "accepted"], "{found:?}");
        let [
            Residue::Offsets {
                source, offsets, ..
            },
            Residue::Missing(missing),
            ..,
        ] = &found[..]
        else {
            panic!("{found:?}")
        };
        assert_eq!((source.partition, *offsets), (partition, 1));
        assert_eq!((missing.partition, missing.offset), (partition, skipped));
        assert_eq!(missing.spans, 5);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn records_that_kafka_has_deleted_before_they_were_read_are_counted() {
    on_topics("audit-gone", store().await, |cluster| async move {
        let sent = Sent::new(40, bootstrap::clock::now());
        let member = cluster.member();
        cluster.publish(&sent, bootstrap::clock::now()).await;
        until("everything is stored", async || {
            sent.whole(&cluster.store).await == 40
        })
        .await;
        member.stop().await;
        cluster.publish(&sent, bootstrap::clock::now()).await;
        let admin = Admin::new(&kafka()).unwrap();
        for partition in 0..PARTITIONS {
            let at = TopicPartition::new(cluster.config.consume.topic.as_str(), partition);
            let reader = RangeReader::new(&kafka()).unwrap();
            let ends = reader.ends(&at.topic).await.unwrap();
            let high = ends[partition as usize].high;
            admin.delete_records(&at, high).await.unwrap();
        }
        let found = cluster.own(&cluster.audited().await, &sent);
        let gone: u64 = found
            .iter()
            .filter_map(|residue| match residue {
                Residue::Gone { offsets, .. } => Some(*offsets),
                _ => None,
            })
            .sum();
        assert_eq!(gone, 40, "{found:?}");
    })
    .await;
}
