//! Dead letters of a real Kafka, noted in a real Postgres: listed, driven again, purged.

use std::{collections::BTreeMap, time::Duration};

use ingester::{
    KnownSchemas,
    letters::{self, Letters, LettersError, TopicLetters, TopicSettings},
};
use kafka::{DeadLetter, OutboundRecord, ProducerConfig, RangeReader, dead_letter};
use model::{
    Letter, LetterFilter, LetterId, LetterRange, PurgeRequest, RedriveOutcome, RedriveReport,
    RedriveRequest, RedriveState, RejectReason,
};
use schemas::{SchemaId, SchemaSet, TRACE_CHUNK_SCHEMA};
use storage::Intent;
use tokio::{sync::Mutex, time::Instant};

use crate::{
    cluster::{Cluster, kafka, on_topics},
    log::SCHEMA,
    postgres::{Counted, fresh, fresh_of},
};

/// A schema that only some members know.
const NEW: SchemaId = SchemaId(77);

/// One redriver works on a store at a time, and the tests share one.
static TURN: Mutex<()> = Mutex::const_new(());

fn knowing_both() -> KnownSchemas {
    let mut set = SchemaSet::new();
    for id in [SCHEMA, NEW] {
        set.announce(id, TRACE_CHUNK_SCHEMA).unwrap();
    }
    KnownSchemas::new(set, None)
}

fn all() -> RedriveRequest {
    RedriveRequest {
        filter: LetterFilter::default(),
        max_attempts: 3,
        dry_run: false,
    }
}

impl Cluster<Counted> {
    fn letters(&self) -> TopicLetters {
        let settings = TopicSettings {
            kafka: kafka(),
            producer: ProducerConfig {
                delivery_timeout: Duration::from_secs(2),
                queue_wait: Duration::from_millis(100),
                ..ProducerConfig::default()
            },
            topic: self.config.consume.dead_letter_topic.clone(),
            origins: vec![self.config.consume.topic.clone()],
            by: "test".to_owned(),
        };
        TopicLetters::new(settings, knowing_both(), self.store.store.clone())
    }

    /// The letters, once there are so many.
    async fn listed(&self, count: usize) -> Vec<Letter> {
        let deadline = Instant::now() + Duration::from_secs(60);
        loop {
            let every = LetterFilter::default();
            let page = letters::page(&self.letters(), &every, None, 1_000).await;
            let found = page.unwrap().letters;
            if found.len() >= count {
                assert_eq!(found.len(), count, "{found:?}");
                return found;
            }
            assert!(Instant::now() < deadline, "{found:?}");
        }
    }

    /// How often each letter has been given back to the topic of spans.
    async fn given_back(&self) -> BTreeMap<String, u64> {
        let reader = RangeReader::new(&kafka()).unwrap();
        let mut counts = BTreeMap::new();
        for end in reader.ends(&self.config.consume.topic).await.unwrap() {
            let mut range = reader.range(&end.at, end.low, end.high).await.unwrap();
            while let Some(records) = range.next(100, Duration::from_secs(5)).await.unwrap() {
                for record in records {
                    if let Some(letter) = record.header(dead_letter::REDRIVEN) {
                        let letter = String::from_utf8(letter.to_vec()).unwrap();
                        *counts.entry(letter).or_default() += 1;
                    }
                }
            }
        }
        counts
    }

    async fn redrive(&self, request: &RedriveRequest) -> Result<RedriveReport, LettersError> {
        letters::redrive(&self.letters(), request, |_| ()).await
    }

    /// Records of the schema that is not known yet, all of them dead.
    async fn dead_of_new_schema(&self, count: usize) -> Vec<Letter> {
        self.send_all(&fresh_of(NEW, count, &["late"])).await;
        let member = self.member();
        let listed = self.listed(count).await;
        member.stop().await;
        listed
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_kind_of_poison_is_listed_with_its_reason_its_schema_and_its_origin() {
    on_topics("kinds", Counted::connect().await, |cluster| async move {
        let mut broken = fresh(1);
        broken[0].1.truncate(40);
        let strange = fresh_of(SchemaId(99), 1, &["a"]);
        let refused = fresh_of(SCHEMA, 1, &["fine", "not\0fine"]);
        cluster.send_all(&[broken, strange, refused].concat()).await;
        let (id, payload) = &fresh(1)[0];
        let other_tenant = OutboundRecord {
            headers: &[("tenant", b"somebody-else")],
            ..cluster.record(id.as_bytes(), payload)
        };
        let no_frame = cluster.record(b"key", b"no frame");
        let poison = [other_tenant, no_frame];
        cluster.producer.send_all(&poison).await.unwrap();
        let member = cluster.member();
        let listed = cluster.listed(5).await;
        member.stop().await;

        let mut found: Vec<_> = listed
            .iter()
            .map(|letter| (letter.reason.unwrap(), letter.schema_id, letter.spans))
            .collect();
        found.sort_unstable();
        let expected = [
            (RejectReason::Unframed, None, 0),
            (RejectReason::UnknownSchema, Some(99), 0),
            (RejectReason::Undecodable, Some(SCHEMA.0), 0),
            (RejectReason::InvalidTenant, Some(SCHEMA.0), 5),
            (RejectReason::RefusedByStore, Some(SCHEMA.0), 2),
        ];
        assert_eq!(found, expected);
        for letter in &listed {
            let origin = letter.origin.as_ref().unwrap();
            assert_eq!(origin.topic, cluster.config.consume.topic);
            assert!(
                !letter.error.is_empty() && !letter.by.is_empty(),
                "{letter:?}"
            );
            assert_eq!(
                (letter.attempt, letter.redrive),
                (1, RedriveState::Untouched)
            );
        }
        let one = LetterFilter {
            reason: Some(RejectReason::UnknownSchema),
            ..LetterFilter::default()
        };
        let groups = letters::groups(&cluster.letters(), &one).await.unwrap();
        let groups = groups.into_groups();
        assert_eq!((groups.len(), groups[0].records), (1, 1));
        let (letters, nowhere) = (cluster.letters(), LetterId::parse("0/999").unwrap());
        assert_eq!(letters.letter(nowhere).await.unwrap(), None);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mended_record_is_stored_once_and_a_broken_one_dies_as_often_as_it_may() {
    let _turn = TURN.lock().await;
    on_topics("mended", Counted::connect().await, |cluster| async move {
        let poison = cluster.record(b"key", b"no frame");
        cluster.producer.send_all(&[poison]).await.unwrap();
        cluster
            .send_all(&fresh_of(NEW, 10, &["late", "later"]))
            .await;
        let member = cluster.member();
        cluster.listed(11).await;
        member.stop().await;

        let dry = RedriveRequest {
            dry_run: true,
            ..all()
        };
        let would = cluster.redrive(&dry).await.unwrap();
        assert_eq!(would.count(RedriveOutcome::Redriven), 11);
        assert_eq!(cluster.given_back().await.len(), 0, "nothing is done yet");

        let mended = cluster.member_knowing(knowing_both());
        mended.until_ready().await;
        for attempt in 1..3 {
            let report = cluster.redrive(&all()).await.unwrap();
            let fresh = if attempt == 1 { 11 } else { 1 };
            assert_eq!(report.count(RedriveOutcome::Redriven), fresh, "{report:?}");
            cluster.listed(11 + attempt).await;
        }
        cluster.store.until_spans(20, 0).await;
        let last = cluster.redrive(&all()).await.unwrap();
        assert_eq!(last.count(RedriveOutcome::AttemptsExhausted), 1);
        assert_eq!(last.count(RedriveOutcome::AlreadyRedriven), 12);
        let listed = cluster.listed(13).await;
        let unframed = |letter: &&Letter| letter.reason == Some(RejectReason::Unframed);
        let mut attempts: Vec<u32> = listed
            .iter()
            .filter(unframed)
            .map(|one| one.attempt)
            .collect();
        attempts.sort_unstable();
        assert_eq!(attempts, [1, 2, 3]);
        assert!(cluster.given_back().await.values().all(|times| *times == 1));
        mended.stop().await;
        assert_eq!(cluster.store.spans(), (20, 0));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redrive_that_died_is_finished_by_the_next_one_whatever_it_had_done() {
    let _turn = TURN.lock().await;
    on_topics("died", Counted::connect().await, |cluster| async move {
        let dead = cluster.dead_of_new_schema(6).await;
        let (store, letters) = (&cluster.store.store, cluster.letters());
        let topic = &cluster.config.consume.topic;
        let mut redriver = store.redriver("dies").await.unwrap().unwrap();
        let reader = RangeReader::new(&kafka()).unwrap();
        let ends = reader.ends(topic).await.unwrap();
        let ends: Vec<i64> = ends.iter().map(|end| end.high).collect();
        for (n, letter) in dead.iter().take(4).enumerate() {
            let open = letters.letter(letter.id).await.unwrap().unwrap();
            let intent = Intent {
                letter: open.identity.clone().unwrap(),
                partition: letter.id.partition,
                offset: letter.id.offset,
            };
            let dead_topic = &cluster.config.consume.dead_letter_topic;
            let noted = redriver.intend(dead_topic, topic, &ends, &[intent]).await;
            assert_eq!(noted.unwrap().len(), 1);
            if n % 2 == 0 {
                let again = DeadLetter::parse(&open.record).unwrap().again(&open.record);
                let record = again.header_refs();
                let record = again.outbound(topic, &record);
                cluster.producer.send_all(&[record]).await.unwrap();
            }
        }
        let busy = cluster.redrive(&all()).await;
        assert!(matches!(busy, Err(LettersError::Busy)), "{busy:?}");
        drop(redriver);
        let report = loop {
            match cluster.redrive(&all()).await {
                // The server notices a moment later that the session is gone.
                Err(LettersError::Busy) => tokio::task::yield_now().await,
                done => break done.unwrap(),
            }
        };
        assert_eq!((report.found, report.withdrawn), (2, 2), "{report:?}");
        assert_eq!(report.count(RedriveOutcome::Redriven), 4);
        assert_eq!(report.count(RedriveOutcome::AlreadyRedriven), 2);
        let given = cluster.given_back().await;
        assert_eq!((given.len(), given.values().max()), (6, Some(&1)));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn copies_of_a_letter_are_driven_again_once() {
    let _turn = TURN.lock().await;
    on_topics("copies", Counted::connect().await, |cluster| async move {
        let dead = cluster.dead_of_new_schema(1).await;
        let letter = cluster.letters().letter(dead[0].id).await.unwrap().unwrap();
        let headers: Vec<_> = letter.record.headers.iter().collect();
        let copy = OutboundRecord {
            topic: &cluster.config.consume.dead_letter_topic,
            key: letter.record.key.as_deref().unwrap(),
            payload: letter.record.payload.as_deref().unwrap(),
            headers: &headers,
        };
        cluster.producer.send_all(&[copy, copy]).await.unwrap();
        cluster.listed(3).await;
        let report = cluster.redrive(&all()).await.unwrap();
        assert_eq!(report.count(RedriveOutcome::Redriven), 1);
        assert_eq!(report.count(RedriveOutcome::AlreadyRedriven), 2);
        let states = cluster.listed(3).await;
        assert!(
            states
                .iter()
                .all(|one| one.redrive == RedriveState::Redriven)
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_topic_is_purged_from_its_start_and_nowhere_else() {
    let _turn = TURN.lock().await;
    on_topics("purge", Counted::connect().await, |cluster| async move {
        cluster.dead_of_new_schema(6).await;
        let purge = |ranges: &[&str], dry_run| {
            let ranges = ranges
                .iter()
                .map(|range| LetterRange::parse(range).unwrap());
            let request = PurgeRequest {
                ranges: ranges.collect(),
                before: None,
                dry_run,
            };
            let letters = cluster.letters();
            async move { letters.purge(&request).await }
        };
        let middle = purge(&["0/2-3"], false).await;
        assert!(
            matches!(middle, Err(LettersError::NotAtTheStart { low: 0, .. })),
            "{middle:?}"
        );
        let elsewhere = purge(&["9/0"], false).await;
        assert!(
            matches!(
                elsewhere,
                Err(LettersError::NoSuchPartition { partition: 9 })
            ),
            "{elsewhere:?}"
        );
        assert_eq!(purge(&["0/0-3"], true).await.unwrap().records, 4);
        cluster.listed(6).await;
        assert_eq!(purge(&["0/0-3"], false).await.unwrap().records, 4);
        let left = cluster.listed(2).await;
        assert_eq!(left[0].id, LetterId::parse("0/4").unwrap());
    })
    .await;
}
