//! What became of each tenant's records, by consumer: appended by the transactions that store
//! them, folded by the one maintenance worker.

use std::collections::BTreeMap;

use sqlx::PgConnection;
use uuid::Uuid;

use crate::{TenantRecords, metrics};

/// The consumer under which spans are tallied that came without a log.
pub const DIRECT_CONSUMER: &str = "direct";

/// How long a delta is kept for whoever asks whether its transaction was committed.
const FOLD_AFTER: &str = "2 minutes";

const FOLD: &str = "
    WITH moved AS (
        DELETE FROM tally_delta WHERE written_at < now() - $1::interval RETURNING *
    ), folded AS (
        INSERT INTO tally AS known (consumer, tenant, records, records_dead_lettered,
            spans_stored, spans_duplicate, spans_dead_lettered, spans_dropped)
        SELECT consumer, tenant, sum(records), sum(records_dead_lettered), sum(spans_stored),
            sum(spans_duplicate), sum(spans_dead_lettered), sum(spans_dropped)
        FROM moved GROUP BY consumer, tenant
        ON CONFLICT (consumer, tenant) DO UPDATE SET
            records = known.records + excluded.records,
            records_dead_lettered = known.records_dead_lettered + excluded.records_dead_lettered,
            spans_stored = known.spans_stored + excluded.spans_stored,
            spans_duplicate = known.spans_duplicate + excluded.spans_duplicate,
            spans_dead_lettered = known.spans_dead_lettered + excluded.spans_dead_lettered,
            spans_dropped = known.spans_dropped + excluded.spans_dropped
    )
    SELECT count(*) FROM moved";

/// Spans of one tenant that one transaction handled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct TenantSpans {
    pub(crate) stored: u64,
    pub(crate) duplicate: u64,
    pub(crate) dropped: u64,
}

/// Rows of a transaction, column by column, as they are bound.
#[derive(Debug, Default)]
pub(crate) struct TallyRows<'a> {
    pub(crate) tenants: Vec<&'a str>,
    pub(crate) records: Vec<i64>,
    pub(crate) records_dead: Vec<i64>,
    pub(crate) stored: Vec<i64>,
    pub(crate) duplicate: Vec<i64>,
    pub(crate) spans_dead: Vec<i64>,
    pub(crate) dropped: Vec<i64>,
}

impl<'a> TallyRows<'a> {
    /// One row a tenant, of what a step says of its records and of what became of its spans.
    pub(crate) fn new(
        records: &'a [TenantRecords],
        spans: impl Iterator<Item = (&'a str, TenantSpans)>,
    ) -> Self {
        let mut by_tenant: BTreeMap<&str, (TenantSpans, [u64; 3])> = BTreeMap::new();
        for (tenant, spans) in spans {
            by_tenant.entry(tenant).or_default().0 = spans;
        }
        for of in records {
            let counts = &mut by_tenant.entry(&of.tenant).or_default().1;
            counts[0] += of.records;
            counts[1] += of.records_dead_lettered;
            counts[2] += of.spans_dead_lettered;
        }
        let mut rows = Self::default();
        for (tenant, (spans, [records, records_dead, spans_dead])) in by_tenant {
            rows.tenants.push(tenant);
            rows.records.push(records as i64);
            rows.records_dead.push(records_dead as i64);
            rows.stored.push(spans.stored as i64);
            rows.duplicate.push(spans.duplicate as i64);
            rows.spans_dead.push(spans_dead as i64);
            rows.dropped.push(spans.dropped as i64);
        }
        rows
    }
}

/// Appends the rows of a transaction that moves no progress, and the witness of its commit.
pub(crate) async fn append(
    conn: &mut PgConnection,
    rows: &TallyRows<'_>,
    witness: Option<Uuid>,
) -> Result<(), sqlx::Error> {
    if rows.tenants.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "INSERT INTO tally_delta (consumer, witness, tenant, records, records_dead_lettered,
             spans_stored, spans_duplicate, spans_dead_lettered, spans_dropped)
         SELECT $1, $2, * FROM unnest($3::text[], $4::int8[], $5::int8[], $6::int8[], $7::int8[],
                                      $8::int8[], $9::int8[])",
    )
    .bind(DIRECT_CONSUMER)
    .bind(witness)
    .bind(&rows.tenants)
    .bind(&rows.records)
    .bind(&rows.records_dead)
    .bind(&rows.stored)
    .bind(&rows.duplicate)
    .bind(&rows.spans_dead)
    .bind(&rows.dropped)
    .execute(conn)
    .await?;
    Ok(())
}

/// Whether the transaction that drew this witness was committed, as long as nobody has folded its
/// rows: then it counts as not committed.
pub(crate) async fn is_there(conn: &mut PgConnection, witness: Uuid) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar("SELECT EXISTS (SELECT FROM tally_delta WHERE witness = $1)")
        .bind(witness)
        .fetch_one(conn)
        .await
}

/// Folds the deltas that nobody asks for any more.
pub(crate) async fn fold(conn: &mut PgConnection) -> Result<(), sqlx::Error> {
    let moved: i64 = sqlx::query_scalar(FOLD)
        .bind(FOLD_AFTER)
        .fetch_one(conn)
        .await?;
    metrics::deltas_folded("tally", moved as u64);
    Ok(())
}
