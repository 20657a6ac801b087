//! What the log holds: spans on their way, and whether those that count as done are in the store.

mod search;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;
use std::time::Duration;

use bumpalo::Bump;
use kafka::{ConsumeError, DeadLetter, RangeReader, Record, TopicPartition};
use model::{IdentityHasher, SpanBatch, SpanHash, SpanId, TraceId, UnixNanos};
use schemas::DecodeError;
use storage::{Account, PostgresStore, Stores};

use search::{Search, Wanted};

use super::{AuditError, AuditOptions, LogState, Residue};
use crate::replay::BACKFILL_CONSUMER;
use crate::{KnownSchemas, LIVE_CONSUMER};

const MAX_RECORDS: usize = 500;
const MAX_WAIT: Duration = Duration::from_secs(5);
/// Spans that are looked for in the store at a time.
const SPANS: usize = 20_000;

/// Records and spans that are not done.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct InFlight {
    /// Offsets of the log that are not done.
    pub records: u64,
    /// Spans in their records, by tenant; empty where they cannot be decoded.
    pub spans: BTreeMap<String, u64>,
    /// Whether the records were read: not if there are too many.
    pub is_read: bool,
}

/// What the log holds, as far back as it goes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LogContents {
    /// Records that are done.
    pub records: u64,
    /// Spans in them, by tenant.
    pub spans: BTreeMap<String, u64>,
    /// Records that are done and cannot be decoded.
    pub undecodable: u64,
    /// Spans that were dead-lettered with their records.
    pub dead_lettered: u64,
    /// Spans that tail sampling dropped.
    pub dropped: u64,
    /// Spans whose day retention has removed.
    pub removed: u64,
    /// Spans that are nowhere.
    pub missing_spans: u64,
    /// The first records with such spans.
    pub missing: Vec<Missing>,
}

/// Spans of a record that is done and that are nowhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missing {
    /// Topic of the record.
    pub topic: String,
    /// Its partition.
    pub partition: i32,
    /// Its offset.
    pub offset: i64,
    /// Whose spans.
    pub tenant: String,
    /// Of which trace.
    pub trace_id: TraceId,
    /// How many of them.
    pub spans: u64,
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}/{} offset {}: {} spans of tenant {}, trace {}, count as done and are not stored",
            self.topic, self.partition, self.offset, self.spans, self.tenant, self.trace_id
        )
    }
}

/// Reads the log.
pub(super) struct LogScan<'r> {
    reader: &'r RangeReader,
    schemas: &'r KnownSchemas,
}

/// A decoded record.
struct Held {
    tenant: String,
    trace_id: TraceId,
    spans: Vec<(SpanHash, SpanId, UnixNanos)>,
}

impl<'r> LogScan<'r> {
    pub(super) fn new(reader: &'r RangeReader, schemas: &'r KnownSchemas) -> Self {
        Self { reader, schemas }
    }

    /// Counts what is not done. Reads it, unless there is more than `most`.
    pub(super) async fn in_flight(
        &self,
        logs: &[LogState],
        most: u64,
    ) -> Result<InFlight, AuditError> {
        let records = logs.iter().map(LogState::in_flight).sum();
        let mut found = InFlight {
            records,
            is_read: records <= most,
            ..InFlight::default()
        };
        if !found.is_read {
            return Ok(found);
        }
        for state in logs {
            let from = state.low.max(state.account.watermark);
            let mut count = |record: &Record, held: Option<Held>| {
                if !state.is_done(record.offset) {
                    let (tenant, spans) = held.map_or((String::new(), 0), |held| {
                        (held.tenant, held.spans.len() as u64)
                    });
                    *found.spans.entry(tenant).or_default() += spans;
                }
            };
            self.read(state, from, &mut count).await?;
        }
        found.spans.retain(|_, spans| *spans > 0);
        Ok(found)
    }

    /// Reads everything, and looks for the spans of records that are done.
    pub(super) async fn contents(
        &self,
        stores: &Stores<PostgresStore>,
        logs: &[LogState],
        account: &Account,
        options: &AuditOptions,
    ) -> Result<LogContents, AuditError> {
        let letters = self.letters(&options.dead_letter_topic).await?;
        let mut search = Search {
            found: LogContents::default(),
            removed: account
                .removals
                .iter()
                .filter(|one| one.is_of_whole_day())
                .map(|one| one.day)
                .collect(),
            letters,
            options,
            stores,
        };
        for state in logs {
            let mut from = state.low;
            while from < state.high {
                let mut wanted: HashMap<SpanHash, Wanted> = HashMap::new();
                from = self.fill(state, from, &mut search, &mut wanted).await?;
                search.look_for(state, wanted).await?;
            }
        }
        Ok(search.found)
    }

    /// Takes the spans of records that are done until there are enough of them. Where to go on.
    async fn fill(
        &self,
        state: &LogState,
        from: i64,
        search: &mut Search<'_>,
        wanted: &mut HashMap<SpanHash, Wanted>,
    ) -> Result<i64, AuditError> {
        let at = place(state);
        let mut range = match self.reader.range(&at, from, state.high).await {
            // Retention has moved on meanwhile.
            Err(ConsumeError::OffsetOutOfRange { low, high, .. }) if from < low => {
                self.reader
                    .range(&at, low, state.high.max(low).min(high))
                    .await?
            }
            begun => begun?,
        };
        while let Some(records) = range.next(MAX_RECORDS, MAX_WAIT).await? {
            for record in &records {
                if state.is_done(record.offset) {
                    let held = self.decode(record).await?;
                    search.take(state, record, held, wanted);
                }
            }
            if wanted.len() >= SPANS {
                return Ok(range.position());
            }
        }
        Ok(state.high)
    }

    /// Visits the records of a partition from an offset on.
    async fn read(
        &self,
        state: &LogState,
        from: i64,
        visit: &mut impl FnMut(&Record, Option<Held>),
    ) -> Result<(), AuditError> {
        if from >= state.high {
            return Ok(());
        }
        let mut range = self.reader.range(&place(state), from, state.high).await?;
        while let Some(records) = range.next(MAX_RECORDS, MAX_WAIT).await? {
            for record in &records {
                let held = self.decode(record).await?;
                visit(record, held);
            }
        }
        Ok(())
    }

    /// What a record holds; nothing if it cannot be decoded.
    async fn decode(&self, record: &Record) -> Result<Option<Held>, AuditError> {
        match self.try_decode(record) {
            Err(DecodeError::UnknownSchema { id }) => {
                self.schemas.ask(id).await?;
                Ok(self.try_decode(record).ok().flatten())
            }
            decoded => Ok(decoded.ok().flatten()),
        }
    }

    fn try_decode(&self, record: &Record) -> Result<Option<Held>, DecodeError> {
        let Some(payload) = &record.payload else {
            return Ok(None);
        };
        let arena = Bump::new();
        let mut batch = SpanBatch::default();
        let chunk = self.schemas.read().decode(payload, &arena, &mut batch)?;
        let mut hasher = IdentityHasher::new(chunk.tenant.as_str(), &batch);
        let spans = batch
            .spans
            .iter()
            .map(|span| (hasher.span(span), span.span_id, span.start));
        Ok(Some(Held {
            spans: spans.collect(),
            tenant: chunk.tenant.as_str().to_owned(),
            trace_id: chunk.trace_id,
        }))
    }

    /// Where the records came from that are dead letters.
    async fn letters(&self, topic: &str) -> Result<BTreeSet<(String, i32, i64)>, AuditError> {
        let mut letters = BTreeSet::new();
        for end in self.reader.ends(topic).await? {
            if end.low >= end.high {
                continue;
            }
            let mut range = self.reader.range(&end.at, end.low, end.high).await?;
            while let Some(records) = range.next(MAX_RECORDS, MAX_WAIT).await? {
                let parsed = records.iter().filter_map(|one| DeadLetter::parse(one).ok());
                letters.extend(parsed.map(|letter| {
                    let at = letter.origin;
                    (at.topic.to_string(), at.partition, letter.offset)
                }));
            }
        }
        Ok(letters)
    }
}

fn place(state: &LogState) -> TopicPartition {
    let source = &state.account.source;
    TopicPartition::new(source.topic.as_str(), source.partition)
}

impl LogContents {
    /// What does not add up.
    pub(super) fn residues(&self, account: &Account, logs: &[LogState]) -> Vec<Residue> {
        let mut residues: Vec<Residue> =
            self.missing.iter().cloned().map(Residue::Missing).collect();
        let named: u64 = self.missing.iter().map(|missing| missing.spans).sum();
        let spans = self.missing_spans - named;
        residues.extend((spans > 0).then_some(Residue::MoreMissing { spans }));
        // Where the log still has all that was ever counted, it must be what was accounted for.
        let whole = logs.iter().all(|state| {
            let of = &state.account;
            of.base == Some(state.low) && of.lost == 0 && of.spans_untallied == 0
        });
        if whole {
            residues.extend(self.against_tallies(account));
        }
        residues
    }

    fn against_tallies(&self, account: &Account) -> Vec<Residue> {
        let mut spans: BTreeMap<&str, (u64, u64)> = BTreeMap::new();
        for (tenant, count) in &self.spans {
            spans.entry(tenant).or_default().0 += count;
        }
        let of_log = |consumer: &str| [LIVE_CONSUMER, BACKFILL_CONSUMER].contains(&consumer);
        for tally in account.tallies.iter().filter(|one| of_log(&one.consumer)) {
            spans.entry(&tally.tenant).or_default().1 += tally.counts.spans();
        }
        let differ = spans.into_iter().filter(|(_, (log, rest))| log != rest);
        differ
            .map(|(tenant, (log, accounted))| Residue::Accepted {
                tenant: tenant.to_owned(),
                log,
                accounted,
            })
            .collect()
    }
}
