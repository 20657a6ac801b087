//! Daily partitions: made ahead or on demand, dropped behind, without blocking writers.
//!
//! `CREATE TABLE` + `ATTACH PARTITION` and `DETACH … CONCURRENTLY` + `DROP TABLE` lock the parent
//! so that reads and writes go on; the shorter forms do not. All DDL gives up on a lock after two
//! seconds and is tried again: a statement that waits for a lock makes everybody queue behind it.

use std::collections::BTreeMap;
use std::time::Duration;

use model::UnixNanos;
use sqlx::{AssertSqlSafe, Executor, PgConnection, PgPool};

use crate::removal::RemovedSpans;
use crate::replay::Held;
use crate::{Day, failure, index, locks, metrics, removal};

/// What the key of a partitioned table counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Key {
    Nanos,
    Days,
}

/// A table with a partition for each day.
#[derive(Debug, Clone, Copy)]
struct Daily {
    name: &'static str,
    key: Key,
    /// Storage parameters of its partitions.
    with: &'static str,
}

/// The tables whose rows hold spans, or remember them: what is dropped of these is noted.
const SEGMENTS: &str = "segment";
const DECISIONS: &str = "trace_decision";

/// Rows of these are never changed, and dropped before they need freezing. Statistics are gathered
/// anew when there are twice as many: whoever is the first to look at a page after a checkpoint has it
/// written to the log as a whole, and statistics look at 30,000 of them.
pub(crate) const APPEND_ONLY: &str = "WITH (autovacuum_vacuum_insert_threshold = -1, \
     autovacuum_analyze_scale_factor = 1, toast.autovacuum_vacuum_insert_threshold = -1)";

const TABLES: [Daily; 7] = [
    Daily {
        name: "operation_seen",
        key: Key::Days,
        with: "",
    },
    Daily {
        name: "red_part",
        key: Key::Nanos,
        with: "",
    },
    Daily {
        name: "red",
        key: Key::Nanos,
        with: "WITH (fillfactor = 70)",
    },
    Daily {
        name: "edge_part",
        key: Key::Nanos,
        with: "",
    },
    Daily {
        name: "edge",
        key: Key::Nanos,
        with: "WITH (fillfactor = 70)",
    },
    Daily {
        name: DECISIONS,
        key: Key::Nanos,
        with: "WITH (autovacuum_vacuum_insert_threshold = -1)",
    },
    Daily {
        name: SEGMENTS,
        key: Key::Nanos,
        with: APPEND_ONLY,
    },
];

/// Tries of DDL that another session's lock is in the way of.
const ATTEMPTS: usize = 5;

impl Daily {
    fn partition(&self, day: Day) -> String {
        format!("{}_{}", self.name, day.suffix())
    }

    fn create(&self, day: Day) -> String {
        let Self { name, key, with } = self;
        let partition = self.partition(day);
        let (from, to) = match key {
            Key::Nanos => (day.start_ns(), day.end_ns()),
            Key::Days => (i64::from(day.0), i64::from(day.0) + 1),
        };
        format!(
            "CREATE TABLE {partition} (LIKE {name} INCLUDING ALL) {with};
             ALTER TABLE {name} ATTACH PARTITION {partition} FOR VALUES FROM ({from}) TO ({to});"
        )
    }
}

/// Which spans the rows of a table are about, if any.
fn spans_of(table: &str) -> Option<RemovedSpans> {
    match table {
        SEGMENTS => Some(RemovedSpans::Stored),
        DECISIONS => Some(RemovedSpans::Dropped),
        _ => None,
    }
}

/// Makes what a day lacks, in a transaction of its own. Idempotent, also from several processes.
pub(crate) async fn ensure_day(pool: &PgPool, day: Day) -> Result<(), sqlx::Error> {
    for _ in 1..ATTEMPTS {
        match try_ensure_day(pool, day).await {
            Err(error) if failure::is_in_use(&error) => tokio::task::yield_now().await,
            done => return done,
        }
    }
    try_ensure_day(pool, day).await
}

async fn try_ensure_day(pool: &PgPool, day: Day) -> Result<(), sqlx::Error> {
    let mut tx = pool
        .begin_with("BEGIN; SET LOCAL lock_timeout = '2s'")
        .await?;
    lock_day(&mut tx, "pg_advisory_xact_lock", day).await?;
    let mut created = 0;
    for table in TABLES {
        match state(&mut tx, &table.partition(day)).await? {
            State::Attached => continue,
            // Retention took it out and could not drop it yet. Its rows are beyond retention.
            State::Detached => {
                if let Some(spans) = spans_of(table.name) {
                    removal::note(&mut tx, spans, &table.partition(day), day).await?;
                }
                let drop = AssertSqlSafe(format!("DROP TABLE {}", table.partition(day)));
                tx.execute(drop).await?;
            }
            State::Absent => {}
        }
        tx.execute(AssertSqlSafe(table.create(day))).await?;
        created += 1;
    }
    index::create_partition(&mut tx, day).await?;
    tx.commit().await?;
    metrics::partitions_created(created);
    Ok(())
}

enum State {
    Absent,
    Attached,
    Detached,
}

async fn state(conn: &mut PgConnection, partition: &str) -> Result<State, sqlx::Error> {
    let (exists, attached): (bool, bool) = sqlx::query_as(
        "SELECT to_regclass($1) IS NOT NULL,
                EXISTS (SELECT FROM pg_inherits
                        WHERE inhrelid = to_regclass($1) AND NOT inhdetachpending)",
    )
    .bind(partition)
    .fetch_one(conn)
    .await?;
    Ok(match (exists, attached) {
        (false, _) => State::Absent,
        (true, true) => State::Attached,
        (true, false) => State::Detached,
    })
}

/// The first day that is kept: whole days before it are older than the retention.
pub(crate) fn first_kept(now: UnixNanos, retention: Duration) -> Day {
    Day::of(now.saturating_sub(retention.as_nanos().min(u128::from(u64::MAX)) as u64))
}

/// A partition that retention has to look at.
#[derive(Debug, sqlx::FromRow)]
struct Found {
    partition: String,
    parent: String,
    attached: bool,
    pending: bool,
}

/// Drops all days before `first_kept` that nothing holds. A partition that is in use is left for
/// the next pass. Returns how many partitions were dropped. The session must not be in a
/// transaction.
pub(crate) async fn drop_before(
    conn: &mut PgConnection,
    first_kept: Day,
    now: UnixNanos,
) -> Result<u64, sqlx::Error> {
    let mut days: BTreeMap<Day, Vec<Found>> = BTreeMap::new();
    for table in TABLES {
        for (day, found) in expired(conn, &table, first_kept).await? {
            days.entry(day).or_default().push(found);
        }
    }
    for day in index::days(conn).await? {
        if day < first_kept {
            days.entry(day).or_default();
        }
    }
    let mut dropped = 0;
    for (day, found) in days {
        match lock_day(conn, "pg_advisory_lock", day).await {
            Err(error) if failure::is_in_use(&error) => continue,
            locked => locked?,
        }
        // Under the lock, so that whoever holds the day from now on finds it gone.
        let outcome = match Held::read(conn).await {
            Ok(held) if held.holds(day, now) => Ok(0),
            Ok(_) => drop_day(conn, day, &found).await,
            Err(error) => Err(error),
        };
        lock_day(conn, "pg_advisory_unlock", day).await?;
        dropped += outcome?;
    }
    sqlx::query("DELETE FROM rebuilt_day WHERE day < $1")
        .bind(first_kept.0)
        .execute(conn)
        .await?;
    metrics::partitions_dropped(dropped);
    Ok(dropped)
}

/// Takes the lock on changes of a day's partitions, or gives it back, by one of Postgres's functions.
pub(crate) async fn lock_day(
    conn: &mut PgConnection,
    function: &'static str,
    day: Day,
) -> Result<(), sqlx::Error> {
    sqlx::query(AssertSqlSafe(format!("SELECT {function}($1, $2)")))
        .bind(locks::PARTITION_CHANGE)
        .bind(day.0)
        .execute(conn)
        .await
        .map(drop)
}

async fn drop_day(
    conn: &mut PgConnection,
    day: Day,
    partitions: &[Found],
) -> Result<u64, sqlx::Error> {
    let mut dropped = 0;
    for found in partitions {
        match drop_partition(conn, day, found).await {
            Err(error) if failure::is_in_use(&error) => {
                tracing::debug!(db.partition = found.partition, "A partition is in use");
            }
            done => {
                done?;
                dropped += 1;
                tracing::info!(
                    db.partition = found.partition,
                    "Dropped a partition that is older than the retention"
                );
            }
        }
    }
    match index::drop_partition(conn, day).await {
        Err(error) if failure::is_in_use(&error) => {
            tracing::debug!(db.day = %day, "The index of a day is in use");
        }
        done => done?,
    }
    Ok(dropped)
}

async fn expired(
    conn: &mut PgConnection,
    table: &Daily,
    first_kept: Day,
) -> Result<Vec<(Day, Found)>, sqlx::Error> {
    let found: Vec<Found> = sqlx::query_as(
        "SELECT c.relname::text AS partition, $1 AS parent, i.inhrelid IS NOT NULL AS attached,
                coalesce(i.inhdetachpending, false) AS pending
         FROM pg_class c LEFT JOIN pg_inherits i ON i.inhrelid = c.oid
         WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind = 'r'
           AND c.relname ~ ('^' || $1 || '_[0-9]{8}$')
         ORDER BY c.relname",
    )
    .bind(table.name)
    .fetch_all(conn)
    .await?;
    let day = |found: &Found| Day::from_suffix(found.partition.rsplit('_').next()?);
    let found = found
        .into_iter()
        .filter_map(|found| Some((day(&found)?, found)));
    Ok(found.filter(|(day, _)| *day < first_kept).collect())
}

async fn drop_partition(
    conn: &mut PgConnection,
    day: Day,
    found: &Found,
) -> Result<(), sqlx::Error> {
    let Found {
        partition, parent, ..
    } = found;
    if found.pending {
        let finalize = format!("ALTER TABLE {parent} DETACH PARTITION {partition} FINALIZE");
        conn.execute(AssertSqlSafe(finalize)).await?;
    } else if found.attached {
        let detach = format!("ALTER TABLE {parent} DETACH PARTITION {partition} CONCURRENTLY");
        conn.execute(AssertSqlSafe(detach)).await?;
    }
    if let Some(spans) = spans_of(parent) {
        return removal::drop_spans(conn, spans, partition, day).await;
    }
    let drop = AssertSqlSafe(format!("DROP TABLE {partition}"));
    conn.execute(drop).await.map(|_| ())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_kept_until_its_last_span_is_too_old() {
        let noon = Day(20_000).start_ns() as u64 + 12 * 3_600_000_000_000;
        let two_days = Duration::from_secs(2 * 24 * 3600);
        assert_eq!(first_kept(noon, two_days), Day(19_998));
        assert_eq!(first_kept(noon, Duration::MAX), Day(0));
    }
}
