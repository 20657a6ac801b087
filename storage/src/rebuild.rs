//! Writes the payloads of a closed day afresh, as today's code and dictionary have them, and puts
//! them in the place of the old ones in one step.
//!
//! prepare → copy → follow what comes late → wait for older snapshots → swap. The copy is a table
//! of its own beside the day's partition, with the same segments under the same numbers: the token
//! index, decisions and what writers remember stay right. Each segment is read back before it is
//! written, and compared span by span. Nothing of the copy is needed after a crash: maintenance removes
//! it, and the next rebuild begins anew.

mod copy;
mod swap;

use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};

use crate::partitions::APPEND_ONLY;
use crate::pool::Purpose;
use crate::vocabulary::LoadError;
use crate::{Day, PostgresStore, locks};
use copy::Copying;

/// What a rebuild has done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Rebuilt {
    /// Segments written afresh, each compared with what it was.
    pub segments: u64,
    /// Spans in them.
    pub spans: u64,
    /// Bytes of their payloads before.
    pub bytes_before: u64,
    /// Bytes of their payloads now.
    pub bytes_after: u64,
}

/// Why a day was not rebuilt. It is as it was.
#[derive(Debug, thiserror::Error)]
pub enum RebuildError {
    /// The store has no such day.
    #[error("there is no day {day}")]
    NoSuchDay {
        /// The day.
        day: Day,
    },
    /// Somebody else is at it.
    #[error("day {day} is being rebuilt by somebody else")]
    Busy {
        /// The day.
        day: Day,
    },
    /// What was written would not be what was read.
    #[error("segment {segment} of trace {trace} would not be the same afterwards: {what}")]
    Differs {
        /// Number of the segment.
        segment: i64,
        /// Its trace.
        trace: uuid::Uuid,
        /// What came of it.
        what: String,
    },
    /// The store was emptied in between.
    #[error("the store was purged meanwhile")]
    Purged,
    /// Somebody reads as of a moment before the copy was complete, and does not end.
    #[error("a transaction that is older than the copy does not end")]
    OldSnapshot,
    /// The partition is always in use.
    #[error("the day's partition could not be locked")]
    InUse,
    /// The store does not do it.
    #[error("the store cannot be read or written")]
    Store(#[from] sqlx::Error),
    /// What is stored is not what this program writes.
    #[error("{table}.body: {what}")]
    Inconsistent {
        /// Table of the row.
        table: &'static str,
        /// What is wrong with it.
        what: String,
    },
}

impl From<LoadError> for RebuildError {
    fn from(error: LoadError) -> Self {
        match error {
            LoadError::Read(error) => Self::Store(error),
            LoadError::Inconsistent { table, what } => Self::Inconsistent { table, what },
        }
    }
}

/// The tables of a rebuild.
#[derive(Debug, Clone, Copy)]
struct Tables {
    day: Day,
}

impl Tables {
    /// What is read, and replaced in the end.
    fn present(self) -> String {
        format!("segment_{}", self.day.suffix())
    }

    /// What is written. No pattern of a day's partition matches it.
    fn afresh(self) -> String {
        format!("segment_{}_rebuilt", self.day.suffix())
    }
}

impl PostgresStore {
    /// Rebuilds a day, and tells now and then how far it is. The day may be read and written
    /// meanwhile; one that is still being filled is followed for as long as it is.
    ///
    /// Cancel safe: what is left of it is removed by maintenance, or by the next rebuild of the day.
    ///
    /// # Errors
    /// If the day is as it was.
    pub async fn rebuild(
        &self,
        day: Day,
        tell: impl Fn(&Rebuilt) + Send,
    ) -> Result<Rebuilt, RebuildError> {
        let mut conn = self.servers.connect(Purpose::Maintain).await?;
        if !try_lock(&mut conn, day).await? {
            return Err(RebuildError::Busy { day });
        }
        let tables = Tables { day };
        let done = self.rebuild_alone(&mut conn, tables, tell).await;
        if done.is_err() {
            // The first error is the one to tell; what stays is removed by the next rebuild.
            let _ = clear(&mut conn, tables).await;
        }
        // The session holds the lock: closed, it gives it back, however that ends.
        let _ = conn.close().await;
        done
    }

    async fn rebuild_alone(
        &self,
        conn: &mut PgConnection,
        tables: Tables,
        tell: impl Fn(&Rebuilt) + Send,
    ) -> Result<Rebuilt, RebuildError> {
        clear(conn, tables).await?;
        let generation = swap::until_free(async || prepare(conn, tables).await).await?;
        let mut copying = Copying::new(self, tables);
        copying.follow_newest(conn).await?;
        while copying.next(conn).await? {
            tell(&copying.done);
        }
        loop {
            while copying.late(conn).await? {
                tell(&copying.done);
            }
            let transactions = copying.transactions();
            swap::older_snapshots_end(conn, transactions).await?;
            let swap = async || swap::swap(conn, tables, generation, transactions).await;
            if swap::until_free(swap).await? {
                return Ok(copying.done);
            }
        }
    }
}

/// Whether nobody else rebuilds the day. Held until the session ends, or unlocks it.
async fn try_lock(conn: &mut PgConnection, day: Day) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar("SELECT pg_try_advisory_lock($1, $2)")
        .bind(locks::REBUILD)
        .bind(day.0)
        .fetch_one(conn)
        .await
}

/// Removes what rebuilds have left that were killed, of whatever day.
pub(crate) async fn clear_abandoned(conn: &mut PgConnection) -> Result<(), sqlx::Error> {
    let suffixes: Vec<String> = sqlx::query_scalar(
        "SELECT substring(relname FROM '^segment_([0-9]{8})_rebuilt$') FROM pg_class
         WHERE relnamespace = current_schema()::regnamespace AND relkind = 'r'
           AND relname ~ '^segment_[0-9]{8}_rebuilt$'",
    )
    .fetch_all(&mut *conn)
    .await?;
    for day in suffixes
        .iter()
        .filter_map(|suffix| Day::from_suffix(suffix))
    {
        if !try_lock(conn, day).await? {
            continue;
        }
        let cleared = clear(conn, Tables { day }).await;
        sqlx::query("SELECT pg_advisory_unlock($1, $2)")
            .bind(locks::REBUILD)
            .bind(day.0)
            .execute(&mut *conn)
            .await?;
        cleared?;
    }
    Ok(())
}

/// Removes what an earlier rebuild of the day has left.
async fn clear(conn: &mut PgConnection, tables: Tables) -> Result<(), sqlx::Error> {
    let (old, new) = (tables.present(), tables.afresh());
    let statement = format!(
        "DROP TABLE IF EXISTS {new};
         DO $$ BEGIN IF to_regclass('{old}') IS NOT NULL THEN
             DROP TRIGGER IF EXISTS rebuild_late ON {old};
         END IF; END $$;
         DELETE FROM rebuild_late WHERE day = {}",
        tables.day.0
    );
    conn.execute(AssertSqlSafe(statement)).await.map(drop)
}

/// Makes the table, and sees to it that late segments are noted from now on. Returns the store's
/// generation: a purge raises it.
async fn prepare(conn: &mut PgConnection, tables: Tables) -> Result<i64, RebuildError> {
    let (old, new) = (tables.present(), tables.afresh());
    let exists: bool = sqlx::query_scalar(
        "SELECT EXISTS (SELECT FROM pg_inherits
                        WHERE inhrelid = to_regclass($1) AND NOT inhdetachpending)",
    )
    .bind(&old)
    .fetch_one(&mut *conn)
    .await?;
    if !exists {
        return Err(RebuildError::NoSuchDay { day: tables.day });
    }
    let (from, to) = (tables.day.start_ns(), tables.day.end_ns());
    let statement = format!(
        "CREATE TABLE {new} (LIKE segment INCLUDING ALL,
             CONSTRAINT of_day CHECK (start_ns >= {from} AND start_ns < {to}))
             {APPEND_ONLY};
         CREATE TRIGGER rebuild_late AFTER INSERT ON {old}
             FOR EACH ROW EXECUTE FUNCTION note_late_segment({});",
        tables.day.0
    );
    let mut tx = conn
        .begin_with("BEGIN; SET LOCAL lock_timeout = '300ms'")
        .await?;
    tx.execute(AssertSqlSafe(statement)).await?;
    let generation = sqlx::query_scalar("SELECT generation FROM purge")
        .fetch_one(&mut *tx)
        .await?;
    tx.commit().await?;
    Ok(generation)
}
