//! The command line of `spoor dlq`.

use std::time::{Duration, SystemTime};

use clap::{Args, Subcommand};
use model::{
    LetterFilter, LetterId, LetterIdError, LetterRange, RedriveRequest, RejectReason, Tenant,
    TenantError, UnixNanos,
};

/// Letters that are asked for at once.
pub(super) const PAGE: usize = 500;

/// `spoor dlq …`
#[derive(Debug, Subcommand)]
pub(crate) enum DeadLettersCommand {
    /// Lists dead letters, grouped by reason, schema and services.
    Ls(ListArgs),
    /// Shows one dead letter: its headers, its spans as far as they can be read, the rest in hex.
    Show(ShowArgs),
    /// Gives records back to the topic that they came from (without Kafka: to the store).
    Redrive(RedriveArgs),
    /// Deletes dead letters for good. In Kafka, only from the start of a partition on.
    Purge(PurgeArgs),
}

/// Which letters are meant.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct FilterArgs {
    /// Those of this reason, as in `unknown_schema`.
    #[arg(long, value_parser = reason)]
    reason: Option<RejectReason>,
    /// Those that name this schema.
    #[arg(long)]
    schema_id: Option<u32>,
    /// Those with a span of this service, as far as they can be read.
    #[arg(long)]
    service: Option<String>,
    /// Those of this tenant.
    #[arg(long, value_parser = tenant)]
    tenant: Option<Tenant>,
    /// Those that came from this topic.
    #[arg(long)]
    topic: Option<String>,
    /// Those since then: a time like 2026-01-31T12:00:00Z, or how long ago, like `2h`.
    #[arg(long, value_parser = moment, value_name = "TIME")]
    since: Option<UnixNanos>,
    /// Those before then.
    #[arg(long, value_parser = moment, value_name = "TIME")]
    until: Option<UnixNanos>,
    /// Those that were dead letters at most this often.
    #[arg(long)]
    max_attempt: Option<u32>,
}

/// `spoor dlq ls`
#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    #[command(flatten)]
    pub(super) filter: FilterArgs,
    /// Lists them one by one.
    #[arg(long)]
    pub(super) records: bool,
    /// Lists at most so many one by one.
    #[arg(long, default_value_t = 1_000, requires = "records")]
    pub(super) limit: usize,
    /// Goes on after this one.
    #[arg(long, value_parser = id, value_name = "ID", requires = "records")]
    pub(super) after: Option<LetterId>,
    /// Prints JSON; of single records, one object a line.
    #[arg(long)]
    pub(super) json: bool,
}

/// `spoor dlq show`
#[derive(Debug, Args)]
pub(crate) struct ShowArgs {
    /// Partition and offset of the dead-letter topic, as in 2/1417; without Kafka 0 and the row.
    #[arg(value_parser = id)]
    pub(super) id: LetterId,
    /// Prints JSON.
    #[arg(long)]
    pub(super) json: bool,
}

/// `spoor dlq redrive`
#[derive(Debug, Args)]
pub(crate) struct RedriveArgs {
    /// Single letters, as in 2/1417, and stretches of a partition, as in 2/1400-1500.
    #[arg(value_parser = range)]
    pub(super) ids: Vec<LetterRange>,
    #[command(flatten)]
    pub(super) filter: FilterArgs,
    /// All letters there are.
    #[arg(long)]
    pub(super) all: bool,
    /// A record that has been a dead letter this often is not driven again.
    #[arg(long, default_value_t = RedriveRequest::MAX_ATTEMPTS)]
    pub(super) max_attempts: u32,
    /// Says what would be done, and does nothing.
    #[arg(long)]
    pub(super) dry_run: bool,
    /// Prints JSON.
    #[arg(long)]
    pub(super) json: bool,
}

/// `spoor dlq purge`
#[derive(Debug, Args)]
pub(crate) struct PurgeArgs {
    /// Letters and stretches; in Kafka, stretches that begin where their partition begins.
    #[arg(value_parser = range)]
    pub(super) ids: Vec<LetterRange>,
    /// Everything of a partition up to this letter, that one included; may be repeated.
    #[arg(long, value_parser = id, value_name = "ID")]
    pub(super) up_to: Vec<LetterId>,
    /// Everything that became a dead letter longer ago, like `14d`, or before a time.
    #[arg(long, value_parser = moment, value_name = "AGE")]
    pub(super) older_than: Option<UnixNanos>,
    /// Deletes. Without it, only says what would be deleted.
    #[arg(long)]
    pub(super) yes: bool,
    /// Prints JSON.
    #[arg(long)]
    pub(super) json: bool,
}

impl FilterArgs {
    pub(super) fn filter(&self) -> LetterFilter {
        let meant = self.clone();
        LetterFilter {
            ranges: Vec::new(),
            reason: meant.reason,
            schema_id: meant.schema_id,
            service: meant.service,
            tenant: meant.tenant,
            topic: meant.topic,
            since: meant.since,
            until: meant.until,
            max_attempt: meant.max_attempt,
        }
    }
}

fn id(text: &str) -> Result<LetterId, LetterIdError> {
    LetterId::parse(text)
}

fn range(text: &str) -> Result<LetterRange, LetterIdError> {
    LetterRange::parse(text)
}

fn tenant(text: &str) -> Result<Tenant, TenantError> {
    Tenant::parse(text)
}

fn reason(text: &str) -> Result<RejectReason, String> {
    let labels = || {
        let all: Vec<&str> = RejectReason::ALL.iter().map(|one| one.as_str()).collect();
        format!("expecting one of {}", all.join(", "))
    };
    RejectReason::from_label(text).ok_or_else(labels)
}

fn moment(text: &str) -> Result<UnixNanos, String> {
    moment_before(text, bootstrap::clock::now())
}

/// A time, or how long before `now`.
fn moment_before(text: &str, now: UnixNanos) -> Result<UnixNanos, String> {
    let nanos = |ago: Duration| u64::try_from(ago.as_nanos()).unwrap_or(u64::MAX);
    if let Ok(ago) = humantime::parse_duration(text) {
        return Ok(now.saturating_sub(nanos(ago)));
    }
    let at = humantime::parse_rfc3339_weak(text)
        .map_err(|_| "neither a time like 2026-01-31T12:00:00Z nor an age like 2h".to_owned())?;
    let since_epoch = at.duration_since(SystemTime::UNIX_EPOCH);
    Ok(nanos(since_epoch.unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_a_time_or_an_age() {
        let hour = 3_600 * 1_000_000_000;
        assert_eq!(moment_before("1h", 5 * hour), Ok(4 * hour));
        assert_eq!(moment_before("9h", 5 * hour), Ok(0));
        assert_eq!(moment_before("1970-01-01T02:00:00Z", 0), Ok(2 * hour));
        assert_eq!(moment_before("1970-01-01 02:00:00", 0), Ok(2 * hour));
        for garbage in ["", "yesterday", "-1h", "2026-13-01T00:00:00Z"] {
            assert!(moment_before(garbage, hour).is_err(), "{garbage:?}");
        }
    }

    #[test]
    fn a_reason_that_does_not_exist_is_answered_with_those_that_do() {
        assert_eq!(reason("unframed"), Ok(RejectReason::Unframed));
        assert!(reason("poison").unwrap_err().contains("unknown_schema"));
    }
}
