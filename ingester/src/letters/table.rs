//! Letters of a deployment without Kafka: rows of the store.

use std::sync::Arc;

use bytes::Bytes;
use kafka::{Headers, Record};
use model::{
    Letter, LetterFilter, LetterId, PurgeReport, PurgeRequest, RedriveOutcome, RedriveReport,
    RedriveState, RejectReason,
};
use storage::{KeptLetter, PostgresStore, Redriver};

use super::look::skim;
use super::{LetterScan, Letters, LettersError, OpenLetter};
use crate::{DeadRecord, KnownSchemas, RewriteError, rewrite};

/// Rows that are read at once.
const PAGE: usize = 64;

/// The dead letters of a store. Driving one again writes it by the stages of the direct
/// deployment; to do so twice changes nothing, since spans that are stored are known.
#[derive(Debug, Clone)]
pub struct TableLetters {
    store: Arc<PostgresStore>,
    schemas: KnownSchemas,
    by: String,
}

impl TableLetters {
    /// The letters of this store, driven again in the name of `by`.
    pub fn new(store: Arc<PostgresStore>, schemas: KnownSchemas, by: String) -> Self {
        Self { store, schemas, by }
    }

    async fn redriver(&self) -> Result<Redriver, LettersError> {
        let redriver = self.store.redriver(&self.by).await?;
        redriver.ok_or(LettersError::Busy)
    }

    async fn drive_one(
        &self,
        turn: &mut Redriver,
        open: OpenLetter,
    ) -> Result<RedriveOutcome, LettersError> {
        let (id, record) = (open.letter.id.offset, open.record.payload);
        let written = rewrite(record.unwrap_or_default(), &self.schemas, &*self.store).await;
        let (noted, outcome) = match written {
            Ok(_) => (turn.kept_letter_stored(id).await?, RedriveOutcome::Redriven),
            Err(RewriteError::Refused { reason, error }) => {
                let noted = turn.kept_letter_refused(id, reason, &error).await?;
                (noted, RedriveOutcome::DeadAgain)
            }
            Err(source) => return Err(LettersError::Write { offset: id, source }),
        };
        Ok(match noted {
            true => outcome,
            false => RedriveOutcome::AlreadyRedriven,
        })
    }
}

/// Reads the rows that are there when it begins.
#[derive(Debug)]
pub struct TableScan {
    letters: TableLetters,
    filter: LetterFilter,
    after: i64,
    last: i64,
}

impl LetterScan for TableScan {
    async fn next(&mut self) -> Result<Option<Vec<OpenLetter>>, LettersError> {
        let since = self.filter.since.unwrap_or_default();
        let store = &self.letters.store;
        let mut rows = store.kept_letters(self.after, since, PAGE).await?;
        rows.retain(|row| row.id <= self.last);
        let Some(last) = rows.last() else {
            return Ok(None);
        };
        self.after = last.id;
        let schemas = &self.letters.schemas;
        Ok(Some(
            rows.into_iter().map(|row| open(row, schemas)).collect(),
        ))
    }
}

impl Letters for TableLetters {
    type Scan = TableScan;
    type Turn = Redriver;

    fn schemas(&self) -> &KnownSchemas {
        &self.schemas
    }

    fn origins(&self) -> Option<&[String]> {
        None
    }

    async fn scan(
        &self,
        after: Option<LetterId>,
        filter: &LetterFilter,
    ) -> Result<TableScan, LettersError> {
        let ranges = filter.ranges.iter().filter(|range| range.partition == 0);
        let (mut first, mut named) = (i64::MAX, 0);
        for range in ranges {
            (first, named) = (first.min(range.first), named.max(range.last));
        }
        let newest = self.store.newest_kept_letter().await?;
        let (first, last) = match filter.ranges.is_empty() {
            true => (0, newest),
            false => (first, named.min(newest)),
        };
        let after = after.map_or(-1, |id| match id.partition {
            0 => id.offset,
            _ => i64::MAX,
        });
        Ok(TableScan {
            letters: self.clone(),
            filter: filter.clone(),
            after: after.max(first.saturating_sub(1)),
            last,
        })
    }

    async fn letter(&self, id: LetterId) -> Result<Option<OpenLetter>, LettersError> {
        if id.partition != 0 {
            return Ok(None);
        }
        let row = self.store.kept_letter(id.offset).await?;
        Ok(row.map(|row| open(row, &self.schemas)))
    }

    async fn begin(&self, _: &mut RedriveReport) -> Result<Redriver, LettersError> {
        self.redriver().await
    }

    async fn drive(
        &self,
        turn: &mut Redriver,
        letters: Vec<OpenLetter>,
    ) -> Result<Vec<RedriveOutcome>, LettersError> {
        let mut outcomes = Vec::with_capacity(letters.len());
        for open in letters {
            outcomes.push(self.drive_one(turn, open).await?);
        }
        Ok(outcomes)
    }

    async fn end(&self, turn: Redriver) -> Result<(), LettersError> {
        Ok(turn.close().await?)
    }

    async fn purge(&self, request: &PurgeRequest) -> Result<PurgeReport, LettersError> {
        let foreign = request.ranges.iter().find(|range| range.partition != 0);
        if let Some(range) = foreign {
            let partition = range.partition;
            return Err(LettersError::NoSuchPartition { partition });
        }
        let mut turn = self.redriver().await?;
        let (ranges, before) = (&request.ranges, request.before);
        let records = turn
            .delete_kept_letters(ranges, before, request.dry_run)
            .await?;
        turn.close().await?;
        Ok(PurgeReport {
            dry_run: request.dry_run,
            records,
            up_to: Vec::new(),
        })
    }
}

fn open(row: KeptLetter, schemas: &KnownSchemas) -> OpenLetter {
    let skimmed = skim(&schemas.read(), &row.record);
    let letter = Letter {
        id: LetterId {
            partition: 0,
            offset: row.id,
        },
        reason: RejectReason::from_label(&row.reason),
        tenant: row.tenant(),
        schema_id: DeadRecord::schema_of(&row.record),
        attempt: row.attempt.max(0).cast_unsigned(),
        at: row.written_us.max(0).cast_unsigned() * 1_000,
        trace_id: skimmed.trace_id,
        services: skimmed.services,
        spans: row.spans.max(0).cast_unsigned().max(skimmed.spans),
        bytes: row.record.len() as u64,
        redrive: match row.redriven {
            true => RedriveState::Redriven,
            false => RedriveState::Untouched,
        },
        error: row.error,
        by: row.decided_by,
        origin: None,
    };
    let record = Record {
        offset: row.id,
        timestamp_ms: row.written_us / 1_000,
        key: None,
        payload: Some(Bytes::from(row.record)),
        headers: Headers::default(),
    };
    OpenLetter {
        identity: Some(letter.id.to_string()),
        letter,
        record,
    }
}
