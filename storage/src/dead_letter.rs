//! Records that can never be stored, kept for an operator to look at, to drive again, to delete.

use model::{LetterRange, RejectReason, Tenant, UnixNanos};
use sqlx::PgPool;

use crate::tally::{self, TallyRows};
use crate::{DeadLetter, PostgresStore, ReadError, Redriver, TenantRecords, WriteError, metrics};

/// A dead letter that was kept as a row.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct KeptLetter {
    /// Number of the row.
    pub id: i64,
    /// When it became a dead letter, in microseconds since 1970.
    pub written_us: i64,
    /// Whose spans they are.
    pub tenant: String,
    /// Why they could not be stored: a label of [`RejectReason`].
    pub reason: String,
    /// The error in words.
    pub error: String,
    /// How many spans it holds, as far as they could be counted.
    pub spans: i32,
    /// How often the record has become a dead letter, from 1.
    pub attempt: i32,
    /// Which process decided it.
    pub decided_by: String,
    /// Whether it has been driven again.
    pub redriven: bool,
    /// The record as it came.
    pub record: Vec<u8>,
}

/// What a [`KeptLetter`] is read from; conditions follow.
const SELECT: &str = "SELECT id, (extract(epoch FROM written_at) * 1000000)::int8 AS written_us, tenant, reason, error,
            spans, attempt, decided_by, redriven_at IS NOT NULL AS redriven, record
     FROM dead_letter";

/// Keeps the records: all of them or none.
pub(crate) async fn keep(
    pool: &PgPool,
    letters: &[DeadLetter<'_>],
    decided_by: &str,
) -> Result<(), WriteError> {
    let mut tx = pool.begin().await?;
    for letter in letters {
        sqlx::query(
            "INSERT INTO dead_letter (received_ns, tenant, reason, error, spans, record, decided_by)
             VALUES ($1, $2, $3, $4, $5, $6, $7)",
        )
        .bind(i64::try_from(letter.received_at).unwrap_or(i64::MAX))
        .bind(letter.tenant.as_str())
        .bind(letter.reason.as_str())
        .bind(storable(letter.error))
        .bind(i32::try_from(letter.spans).unwrap_or(i32::MAX))
        .bind(letter.record)
        .bind(decided_by)
        .execute(&mut *tx)
        .await?;
    }
    let tenants: Vec<TenantRecords> = letters.iter().map(records_of).collect();
    let tallies = TallyRows::new(&tenants, std::iter::empty());
    tally::append(&mut tx, &tallies, None).await?;
    tx.commit().await?;
    letters
        .iter()
        .for_each(|letter| metrics::dead_letter(letter.reason.as_str()));
    Ok(())
}

fn records_of(letter: &DeadLetter<'_>) -> TenantRecords {
    TenantRecords {
        tenant: letter.tenant.as_str().to_owned(),
        records: 0,
        records_dead_lettered: 1,
        spans_dead_lettered: u64::from(letter.spans),
    }
}

/// An error may repeat what it complains about.
fn storable(error: &str) -> String {
    error.replace('\0', "\u{fffd}")
}

impl PostgresStore {
    /// The next dead letters after a row, in the order of their numbers; empty behind the last.
    ///
    /// # Errors
    /// If the store cannot say.
    pub async fn kept_letters(
        &self,
        after: i64,
        since: UnixNanos,
        most: usize,
    ) -> Result<Vec<KeptLetter>, ReadError> {
        let query = sqlx::AssertSqlSafe(format!(
            "{SELECT} WHERE id > $1 AND written_at >= to_timestamp($2) ORDER BY id LIMIT $3"
        ));
        Ok(sqlx::query_as(query)
            .bind(after)
            .bind(seconds(since))
            .bind(i64::try_from(most).unwrap_or(i64::MAX))
            .fetch_all(&self.read_pool)
            .await?)
    }

    /// The number of the newest dead letter; -1 without one.
    ///
    /// # Errors
    /// If the store cannot say.
    pub async fn newest_kept_letter(&self) -> Result<i64, ReadError> {
        let newest = sqlx::query_scalar("SELECT coalesce(max(id), -1) FROM dead_letter");
        Ok(newest.fetch_one(&self.read_pool).await?)
    }

    /// One dead letter.
    ///
    /// # Errors
    /// If the store cannot say.
    pub async fn kept_letter(&self, id: i64) -> Result<Option<KeptLetter>, ReadError> {
        let query = sqlx::AssertSqlSafe(format!("{SELECT} WHERE id = $1"));
        let row = sqlx::query_as(query).bind(id);
        Ok(row.fetch_optional(&self.read_pool).await?)
    }
}

impl Redriver {
    /// Notes that the spans of a kept letter are stored. `false` if it was driven again before, or
    /// is gone.
    ///
    /// # Errors
    /// If it may not have been noted. To store the spans once more changes nothing.
    pub async fn kept_letter_stored(&mut self, id: i64) -> Result<bool, WriteError> {
        let marked = sqlx::query(MARK).bind(id).execute(&mut self.conn).await?;
        Ok(marked.rows_affected() == 1)
    }

    /// Notes that a kept letter was driven again and refused again: the next letter of the record
    /// counts one attempt more. `false` if it was driven again before, or is gone.
    ///
    /// # Errors
    /// If neither was noted.
    pub async fn kept_letter_refused(
        &mut self,
        id: i64,
        reason: RejectReason,
        error: &str,
    ) -> Result<bool, WriteError> {
        let followed = sqlx::query(
            "WITH letter AS (UPDATE dead_letter SET redriven_at = now()
                             WHERE id = $1 AND redriven_at IS NULL RETURNING *)
             INSERT INTO dead_letter (received_ns, tenant, reason, error, spans, record, attempt,
                                      decided_by)
             SELECT received_ns, tenant, $2, $3, spans, record, attempt + 1, $4 FROM letter",
        )
        .bind(id)
        .bind(reason.as_str())
        .bind(storable(error))
        .bind(&self.by)
        .execute(&mut self.conn)
        .await?;
        let followed = followed.rows_affected() == 1;
        if followed {
            metrics::dead_letter(reason.as_str());
        }
        Ok(followed)
    }

    /// Deletes kept letters that lie in one of these ranges or were written before a moment;
    /// returns how many. With `dry_run`, says how many that would be.
    ///
    /// # Errors
    /// If none was deleted.
    pub async fn delete_kept_letters(
        &mut self,
        ranges: &[LetterRange],
        before: Option<UnixNanos>,
        dry_run: bool,
    ) -> Result<u64, WriteError> {
        let (verb, end) = match dry_run {
            true => ("SELECT id FROM", ""),
            false => ("DELETE FROM", " RETURNING id"),
        };
        let query = sqlx::AssertSqlSafe(format!(
            "{verb} dead_letter WHERE written_at < to_timestamp($1) OR EXISTS
                 (SELECT FROM unnest($2::int8[], $3::int8[]) AS r (first, last)
                  WHERE id BETWEEN r.first AND r.last){end}"
        ));
        let rows = ranges.iter().filter(|range| range.partition == 0);
        let (first, last): (Vec<i64>, Vec<i64>) =
            rows.map(|range| (range.first, range.last)).unzip();
        let gone: Vec<i64> = sqlx::query_scalar(query)
            .bind(seconds(before.unwrap_or_default()))
            .bind(first)
            .bind(last)
            .fetch_all(&mut self.conn)
            .await?;
        Ok(gone.len() as u64)
    }
}

/// Marks a letter that has not been driven again.
const MARK: &str =
    "UPDATE dead_letter SET redriven_at = now() WHERE id = $1 AND redriven_at IS NULL";

/// Seconds since 1970, to the microsecond.
fn seconds(at: UnixNanos) -> f64 {
    (at / 1_000) as f64 / 1e6
}

impl KeptLetter {
    /// Whose spans they are; none if the row names no tenant.
    pub fn tenant(&self) -> Option<Tenant> {
        Tenant::parse(&self.tenant).ok()
    }
}
