//! The schema's versions: bringing it up to date, and refusing one that this program does not know.

use std::collections::BTreeMap;

use sqlx::migrate::Migrator;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Executor, PgConnection, PgPool};

use crate::pool::{Purpose, SCHEMA, Servers};
use crate::{Placement, stores};

static MIGRATIONS: Migrator = sqlx::migrate!();

/// Why the store cannot be used as it is. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// The connection URL cannot be read.
    #[error("the URL of the store is not a Postgres URL")]
    Url {
        /// The cause.
        source: sqlx::Error,
    },
    /// The password file cannot be read.
    #[error("the password file {} cannot be read", path.display())]
    PasswordFile {
        /// Its path.
        path: std::path::PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// An entry of the host list is not `host` or `host:port`.
    #[error("{host:?} is neither `host` nor `host:port`")]
    Host {
        /// The entry.
        host: String,
    },
    /// The server does not answer, or refuses the session. Worth trying again.
    #[error("the store cannot be reached")]
    Unreachable {
        /// The cause.
        source: sqlx::Error,
    },
    /// A migration failed; it was rolled back.
    #[error("the schema of the store could not be brought up to date")]
    Migration {
        /// The cause.
        source: sqlx::migrate::MigrateError,
    },
    /// The schema lacks migrations of this program: run `spoor migrate`.
    #[error(
        "the schema of the store is at version {found}, older than version {expected} that this \
         program needs: run `spoor migrate`"
    )]
    Older {
        /// Newest version in the database; 0 when it is empty.
        found: i64,
        /// Newest version of this program.
        expected: i64,
    },
    /// The schema was migrated by a newer program: run that one.
    #[error(
        "the schema of the store is at version {found}, newer than version {expected} that this \
         program knows: run a newer program"
    )]
    Newer {
        /// Newest version in the database.
        found: i64,
        /// Newest version of this program.
        expected: i64,
    },
    /// The number of stores is none that traces can be spread over.
    #[error("there are {stores} stores, and their number must be a power of two")]
    StoreCount {
        /// How many are configured.
        stores: usize,
    },
    /// The store does not know its place yet: run `spoor migrate`.
    #[error("the store at {address} does not know which of the stores it is: run `spoor migrate`")]
    Unplaced {
        /// `host:port`.
        address: String,
    },
    /// The store is another one than the configuration takes it for.
    #[error(
        "the store at {address} is {found} and is configured as {expected}: stores that hold \
         something cannot change places, and their number cannot be changed"
    )]
    Misplaced {
        /// `host:port`.
        address: String,
        /// What is written down in it.
        found: Placement,
        /// What the configuration says.
        expected: Placement,
    },
    /// A migration in the database is not the one of this program.
    #[error("version {version} of the store's schema is not the one that this program knows")]
    Different {
        /// The version.
        version: i64,
    },
}

/// Applies what is missing. Safe to run from several processes at once: one advisory lock.
pub(crate) async fn migrate(servers: &Servers, placement: Placement) -> Result<(), SetupError> {
    let unreachable = |source| SetupError::Unreachable { source };
    let mut conn: PgConnection = servers
        .options(Purpose::Migrate)
        .connect()
        .await
        .map_err(unreachable)?;
    create_schema(&mut conn).await.map_err(unreachable)?;
    let done = MIGRATIONS.run(&mut conn).await;
    done.map_err(|source| SetupError::Migration { source })?;
    stores::settle(&mut conn, placement, &servers.address()).await?;
    conn.close().await.map_err(unreachable)
}

/// `CREATE SCHEMA IF NOT EXISTS` of two sessions at once may fail in one of them with a
/// duplicate key: then the schema is there.
async fn create_schema(conn: &mut PgConnection) -> Result<(), sqlx::Error> {
    let create = AssertSqlSafe(format!("CREATE SCHEMA IF NOT EXISTS {SCHEMA}"));
    match conn.execute(create).await {
        Err(sqlx::Error::Database(e)) if e.is_unique_violation() => Ok(()),
        done => done.map(|_| ()),
    }
}

/// Compares the schema with what this program knows.
pub(crate) async fn check_version(pool: &PgPool) -> Result<(), SetupError> {
    let applied = applied(pool)
        .await
        .map_err(|source| SetupError::Unreachable { source })?;
    let known: BTreeMap<i64, &[u8]> = MIGRATIONS
        .iter()
        .filter(|migration| !migration.migration_type.is_down_migration())
        .map(|migration| (migration.version, migration.checksum.as_ref()))
        .collect();
    compare(&applied, &known)
}

async fn applied(pool: &PgPool) -> Result<BTreeMap<i64, Vec<u8>>, sqlx::Error> {
    let table: Option<String> = sqlx::query_scalar("SELECT to_regclass('_sqlx_migrations')::text")
        .fetch_one(pool)
        .await?;
    if table.is_none() {
        return Ok(BTreeMap::new());
    }
    let rows: Vec<(i64, Vec<u8>)> =
        sqlx::query_as("SELECT version, checksum FROM _sqlx_migrations WHERE success")
            .fetch_all(pool)
            .await?;
    Ok(rows.into_iter().collect())
}

fn compare(
    applied: &BTreeMap<i64, Vec<u8>>,
    known: &BTreeMap<i64, &[u8]>,
) -> Result<(), SetupError> {
    let newest = |last: Option<&i64>| last.copied().unwrap_or(0);
    let (found, expected) = (newest(applied.keys().last()), newest(known.keys().last()));
    if applied.keys().any(|version| !known.contains_key(version)) {
        return Err(SetupError::Newer { found, expected });
    }
    for (version, checksum) in known {
        match applied.get(version) {
            None => return Err(SetupError::Older { found, expected }),
            Some(same) if same == checksum => {}
            Some(_) => return Err(SetupError::Different { version: *version }),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(applied: &[(i64, u8)]) -> Result<(), SetupError> {
        let applied = applied.iter().map(|(v, c)| (*v, vec![*c])).collect();
        let known: BTreeMap<i64, &[u8]> = [(1, &[10u8][..]), (2, &[20])].into();
        compare(&applied, &known)
    }

    #[test]
    fn the_schema_of_this_program_is_accepted() {
        assert!(outcome(&[(1, 10), (2, 20)]).is_ok());
    }

    #[test]
    fn any_other_schema_is_refused_with_its_version() {
        let (older, newer) = (outcome(&[(1, 10)]), outcome(&[(1, 10), (2, 20), (3, 30)]));
        assert!(matches!(
            older,
            Err(SetupError::Older {
                found: 1,
                expected: 2
            })
        ));
        assert!(matches!(newer, Err(SetupError::Newer { found: 3, .. })));
        assert!(matches!(
            outcome(&[(1, 10), (2, 21)]),
            Err(SetupError::Different { version: 2 })
        ));
    }
}
