//! Services and operations with spans on a day. Most are known: the store is told the new ones.

use std::collections::HashSet;
use std::sync::Mutex;

use sqlx::PgConnection;
use uuid::Uuid;
use xxhash_rust::xxh3::Xxh3;

use super::plan::{Plan, Seen};
/// Most rows to remember; beyond it everything is forgotten, which costs some writes.
const MAX_REMEMBERED: usize = 1 << 20;

/// Rows that are known to be committed.
#[derive(Debug, Default)]
pub(crate) struct Catalogue(Mutex<HashSet<(i32, Uuid)>>);

impl Catalogue {
    /// Forgets all: the store may have gone back in time.
    pub(crate) fn forget(&self) {
        self.lock().clear();
    }

    /// Remembers rows that have been committed.
    pub(crate) fn remember(&self, committed: Vec<(i32, Uuid)>) {
        let mut known = self.lock();
        if known.len() + committed.len() > MAX_REMEMBERED {
            known.clear();
        }
        known.extend(committed);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashSet<(i32, Uuid)>> {
        self.0
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// The rows of a plan that are not known to be there, in one order for everybody.
    pub(crate) fn unknown(&self, plan: &Plan<'_, '_>) -> NewOperations {
        let known = self.lock();
        let mut rows: Vec<((i32, Uuid), &Seen<'_>)> = plan
            .seen
            .iter()
            .map(|seen| ((seen.day.0, key(seen)), seen))
            .filter(|(place, _)| !known.contains(place))
            .collect();
        drop(known);
        rows.sort_unstable_by_key(|(place, _)| *place);
        NewOperations {
            places: rows.iter().map(|(place, _)| *place).collect(),
            tenants: rows
                .iter()
                .map(|(_, seen)| seen.tenant.to_owned())
                .collect(),
            services: rows
                .iter()
                .map(|(_, seen)| seen.service.to_owned())
                .collect(),
            operations: rows
                .iter()
                .map(|(_, seen)| seen.operation.to_owned())
                .collect(),
            kinds: rows
                .iter()
                .map(|(_, seen)| i16::from(seen.kind.number()))
                .collect(),
        }
    }
}

/// Rows for the catalogue, column by column.
#[derive(Debug)]
pub(crate) struct NewOperations {
    places: Vec<(i32, Uuid)>,
    tenants: Vec<String>,
    services: Vec<String>,
    operations: Vec<String>,
    kinds: Vec<i16>,
}

impl NewOperations {
    /// Writes the rows. Returns them, to be remembered after the commit.
    pub(crate) async fn write(
        self,
        conn: &mut PgConnection,
    ) -> Result<Vec<(i32, Uuid)>, sqlx::Error> {
        if self.places.is_empty() {
            return Ok(self.places);
        }
        sqlx::query(
            "INSERT INTO operation_seen (day, key, tenant, service, operation, kind)
             SELECT * FROM unnest($1::int[], $2::uuid[], $3::text[], $4::text[], $5::text[],
                 $6::smallint[])
             ON CONFLICT DO NOTHING",
        )
        .bind(self.places.iter().map(|(day, _)| *day).collect::<Vec<_>>())
        .bind(self.places.iter().map(|(_, key)| *key).collect::<Vec<_>>())
        .bind(self.tenants)
        .bind(self.services)
        .bind(self.operations)
        .bind(self.kinds)
        .execute(conn)
        .await?;
        Ok(self.places)
    }
}

fn key(seen: &Seen<'_>) -> Uuid {
    let mut hash = Xxh3::new();
    for text in [seen.tenant, seen.service, seen.operation] {
        hash.update(&(text.len() as u64).to_le_bytes());
        hash.update(text.as_bytes());
    }
    hash.update(&[seen.kind.number()]);
    Uuid::from_u128(hash.digest128())
}
