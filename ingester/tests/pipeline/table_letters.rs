//! Dead letters that are rows of a real Postgres.

use ingester::letters::{self, Letters, LettersError, TableLetters};
use model::{
    Letter, LetterFilter, LetterRange, PurgeRequest, RedriveOutcome, RedriveReport, RedriveRequest,
    RejectReason, Tenant,
};
use storage::{DeadLetter, TraceReader, TraceWriter};

use crate::{
    postgres::{Counted, fresh},
    stage::schemas,
};

/// Rows of one test among those of others.
struct Rows {
    letters: TableLetters,
    first: i64,
}

impl Rows {
    async fn keep(counted: &Counted, records: &[&[u8]]) -> Self {
        let store = counted.store.clone();
        let first = store.newest_kept_letter().await.unwrap() + 1;
        let tenant = Tenant::default();
        let kept: Vec<_> = records
            .iter()
            .map(|record| DeadLetter {
                tenant: &tenant,
                reason: RejectReason::RefusedByStore,
                error: "as the test wants it",
                received_at: bootstrap::clock::now(),
                spans: 0,
                record,
            })
            .collect();
        store.dead_letter(&kept).await.unwrap();
        let by = "test".to_owned();
        let letters = TableLetters::new(store, schemas(None), by);
        Self { letters, first }
    }

    fn filter(&self) -> LetterFilter {
        let (partition, first, last) = (0, self.first, i64::MAX);
        LetterFilter {
            ranges: vec![LetterRange {
                partition,
                first,
                last,
            }],
            ..LetterFilter::default()
        }
    }

    async fn listed(&self) -> Vec<Letter> {
        let page = letters::page(&self.letters, &self.filter(), None, 100).await;
        page.unwrap().letters
    }

    async fn redrive(&self) -> RedriveReport {
        let request = RedriveRequest {
            filter: self.filter(),
            max_attempts: 3,
            dry_run: false,
        };
        loop {
            match letters::redrive(&self.letters, &request, |_| ()).await {
                // Tests beside this one have their turn on the same store.
                Err(LettersError::Busy) => tokio::task::yield_now().await,
                done => return done.unwrap(),
            }
        }
    }
}

#[tokio::test]
async fn a_row_that_is_mended_is_stored_once_and_a_broken_one_dies_as_often_as_it_may() {
    let counted = Counted::connect().await;
    let (id, good) = fresh(1).remove(0);
    let rows = Rows::keep(&counted, &[&good, b"no frame"]).await;
    assert_eq!(rows.listed().await.len(), 2);

    let first = rows.redrive().await;
    assert_eq!(first.count(RedriveOutcome::Redriven), 1, "{first:?}");
    assert_eq!(first.count(RedriveOutcome::DeadAgain), 1);
    let stored = counted.store.trace(&Tenant::default(), id, None).await;
    assert_eq!(stored.unwrap().unwrap().trace.span_count(), 5);

    let second = rows.redrive().await;
    assert_eq!(second.count(RedriveOutcome::AlreadyRedriven), 2);
    assert_eq!(second.count(RedriveOutcome::DeadAgain), 1);
    let third = rows.redrive().await;
    assert_eq!(third.count(RedriveOutcome::AttemptsExhausted), 1);
    let attempts: Vec<u32> = rows.listed().await.iter().map(|one| one.attempt).collect();
    assert_eq!(attempts, [1, 1, 2, 3]);
    let newest = &rows.listed().await[3];
    assert_eq!(
        newest.reason,
        Some(RejectReason::Unframed),
        "as it failed last"
    );

    let request = PurgeRequest {
        ranges: rows.filter().ranges,
        before: None,
        dry_run: false,
    };
    let purged = loop {
        match rows.letters.purge(&request).await {
            Err(LettersError::Busy) => tokio::task::yield_now().await,
            done => break done.unwrap(),
        }
    };
    assert_eq!((purged.records, rows.listed().await.len()), (4, 0));
}
