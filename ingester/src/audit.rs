//! Accounts for every record and every span: what the log holds, what the store says became of
//! it, and what is stored. docs/audit.md tells which sums must be equal, and why each is evidence.

mod judge;
mod log;
mod residue;
mod sums;

use std::time::Duration;

use kafka::{ConsumeError, RangeReader};
use storage::{
    Account, Day, LIVE_CONSUMER, PostgresStore, ReadError, Recount, Source, SourceAccount, Stores,
};

use crate::replay::BACKFILL_CONSUMER;
use crate::{KnownSchemas, SchemaSourceError};

pub use self::judge::judge;
pub use self::log::{InFlight, LogContents, Missing};
pub use self::residue::Residue;
pub use self::sums::{CounterTotals, TenantSums, against_counters, tenant_sums};

/// How often a reading with a residue is repeated: the store and the log are not read at once.
const READINGS: usize = 3;
const BETWEEN_READINGS: Duration = Duration::from_secs(1);

/// What an audit looks at.
#[derive(Debug, Clone)]
pub struct AuditOptions {
    /// Topic of new spans.
    pub topic: String,
    /// Topic of what was brought in; empty without one.
    pub backfill_topic: String,
    /// Topic of dead letters.
    pub dead_letter_topic: String,
    /// Whether everything that the log has is read and looked for in the store.
    pub read_log: bool,
    /// Days of which every figure is counted again, both included.
    pub recount: Option<(Day, Day)>,
    /// Days before this one are past retention.
    pub first_kept: Day,
    /// How many differences of a kind are named.
    pub limit: usize,
    /// Records in flight that are read for the spans in them; beyond it, none are.
    pub most_in_flight: u64,
}

/// Why an audit has no result.
#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    /// The log cannot be read.
    #[error("the log cannot be read")]
    Log(#[from] ConsumeError),
    /// A schema cannot be had.
    #[error("a record cannot be decoded for want of its schema")]
    Schema(#[from] SchemaSourceError),
    /// The store cannot be read.
    #[error("the store cannot be read")]
    Store(#[from] ReadError),
}

/// A partition of a log beside what the store says of it.
#[derive(Debug, Clone, PartialEq)]
pub struct LogState {
    /// The position in the store; that of a source never claimed is empty.
    pub account: SourceAccount,
    /// The first offset that the log has.
    pub low: i64,
    /// The one after the last.
    pub high: i64,
}

impl LogState {
    /// Whether the record at an offset is done.
    pub fn is_done(&self, offset: i64) -> bool {
        let above = &self.account.done_above;
        offset < self.account.watermark
            || u64::try_from(offset).is_ok_and(|offset| above.contains(offset))
    }

    /// Offsets from one to another, without the latter, that are not done.
    fn open(&self, from: i64, to: i64) -> u64 {
        let from = from.max(self.account.watermark).max(0) as u64;
        let to = to.max(0) as u64;
        if from >= to {
            return 0;
        }
        to - from - self.account.done_above.range_cardinality(from..to)
    }

    /// Offsets of the log that are not done: records in flight, and offsets without a record.
    pub fn in_flight(&self) -> u64 {
        self.open(self.low, self.high)
    }

    /// Offsets that are not done and that the log has no longer.
    pub fn gone(&self) -> u64 {
        self.open(0, self.low)
    }
}

/// What an audit has found.
#[derive(Debug, Clone, PartialEq)]
pub struct Audit {
    /// What the store says.
    pub account: Account,
    /// What the log has, by source; empty without a log.
    pub logs: Vec<LogState>,
    /// What is on its way.
    pub in_flight: InFlight,
    /// What the log holds, if it was read.
    pub contents: Option<LogContents>,
    /// What the stored spans add up to, if they were counted.
    pub recount: Option<Recount>,
    /// What does not add up; empty if all is well.
    pub residues: Vec<Residue>,
}

/// Audits the stores, and the log if there is one. What does not add up is read again before it is
/// believed.
///
/// # Errors
/// If the store or the log cannot be read to the end.
pub async fn audit(
    stores: &Stores<PostgresStore>,
    log: Option<(&RangeReader, &KnownSchemas)>,
    options: &AuditOptions,
) -> Result<Audit, AuditError> {
    let mut reading = 1;
    loop {
        let again = reading < READINGS;
        match audit_once(stores, log, options).await {
            Ok(found) if found.residues.is_empty() || !again => return Ok(found),
            Err(error) if !again || !matches!(error, AuditError::Store(_)) => return Err(error),
            Ok(_) | Err(_) => {}
        }
        tokio::time::sleep(BETWEEN_READINGS).await;
        reading += 1;
    }
}

/// The store first and the log afterwards: what is in flight is never less than nothing.
async fn audit_once(
    stores: &Stores<PostgresStore>,
    log: Option<(&RangeReader, &KnownSchemas)>,
    options: &AuditOptions,
) -> Result<Audit, AuditError> {
    let account = stores.account().await?;
    let mut logs = Vec::new();
    let mut in_flight = InFlight::default();
    let mut contents = None;
    if let Some((reader, schemas)) = log {
        logs = log_states(reader, &account, options).await?;
        let scan = log::LogScan::new(reader, schemas);
        in_flight = scan.in_flight(&logs, options.most_in_flight).await?;
        if options.read_log {
            contents = Some(scan.contents(stores, &logs, &account, options).await?);
        }
    }
    let recount = match options.recount {
        Some((first, last)) => Some(stores.recount(first, last, options.limit).await?),
        None => None,
    };
    let mut residues = judge(&account, &logs, options.first_kept);
    residues.extend(
        contents
            .iter()
            .flat_map(|found| found.residues(&account, &logs)),
    );
    residues.extend(recount.iter().flat_map(Residue::of_recount));
    Ok(Audit {
        account,
        logs,
        in_flight,
        contents,
        recount,
        residues,
    })
}

async fn log_states(
    reader: &RangeReader,
    account: &Account,
    options: &AuditOptions,
) -> Result<Vec<LogState>, AuditError> {
    let mut consumed = vec![(LIVE_CONSUMER, options.topic.as_str())];
    if !options.backfill_topic.is_empty() {
        consumed.push((BACKFILL_CONSUMER, &options.backfill_topic));
    }
    let mut states = Vec::new();
    for (consumer, topic) in consumed {
        for ends in reader.ends(topic).await? {
            let source = Source {
                consumer: consumer.to_owned(),
                topic: topic.to_owned(),
                partition: ends.at.partition,
            };
            let known = account.sources.iter().find(|one| one.source == source);
            states.push(LogState {
                account: known
                    .cloned()
                    .unwrap_or_else(|| unclaimed(source, ends.low)),
                low: ends.low,
                high: ends.high,
            });
        }
    }
    Ok(states)
}

/// Nothing has been read of it.
fn unclaimed(source: Source, low: i64) -> SourceAccount {
    SourceAccount {
        source,
        watermark: low,
        done_above: roaring::RoaringTreemap::new(),
        counts: storage::Counts::default(),
        base: Some(low),
        skipped: 0,
        lost: 0,
        spans_untallied: 0,
    }
}
