//! What writers refer to, and how it comes to be stored before they do.

use std::sync::Arc;

use sqlx::{PgConnection, PgPool};

use super::{LoadError, Vocabulary};
use crate::payload::{HashedMap, Names, SharedResource, Stranger, Words};

/// Segments that have to spell a resource out before it gets a name. Fewer: what a client makes
/// anew for each request fills the table.
const SEGMENTS_FOR_A_NAME: u32 = 16;
/// Resources without a name that are counted before all are forgotten.
const MAX_STRANGERS: usize = 20_000;
/// Named resources that a writer knows before it forgets all.
const MAX_NAMED: usize = 50_000;

/// Sees to it, within the transaction that writes them, that all that its rows refer to is stored.
/// Returns the name of the newest dictionary, zero for none.
///
/// # Errors
/// [`sqlx::Error::RowNotFound`] if something is missing: the server has gone back in time.
pub(crate) async fn confirm(
    conn: &mut PgConnection,
    dictionary: u64,
    resources: &[u64],
) -> Result<u64, sqlx::Error> {
    let names: Vec<i64> = resources.iter().map(|name| name.cast_signed()).collect();
    let newest: i64 = sqlx::query_scalar(
        "SELECT coalesce((SELECT name FROM payload_dictionary
                          ORDER BY learnt_at DESC, name DESC LIMIT 1), 0)
         WHERE ($1::bigint = 0 OR EXISTS (SELECT FROM payload_dictionary WHERE name = $1))
           AND (SELECT count(*) FROM payload_resource WHERE name = ANY($2)) = $3",
    )
    .bind(dictionary.cast_signed())
    .bind(&names)
    .bind(names.len() as i64)
    .fetch_one(conn)
    .await?;
    Ok(newest.cast_unsigned())
}

impl Vocabulary {
    /// What the next payloads may refer to.
    pub(crate) fn words(&self) -> Words {
        self.state().words.clone()
    }

    /// Refers to nothing any more: the server may have gone back in time.
    pub(crate) fn forget(&self) {
        let mut state = self.state();
        state.words = Words::default();
        state.strangers.clear();
    }

    /// A transaction has seen this dictionary as the newest one, and had to spell out these
    /// resources: what comes next may refer to either.
    pub(crate) async fn follow(
        &self,
        pool: &PgPool,
        newest: u64,
        strangers: &[Stranger],
    ) -> Result<(), LoadError> {
        if newest != 0 && newest != self.words().dictionary.name() {
            let mut names = Names::default();
            names.dictionaries.insert(newest, ());
            let known = self.load(&mut *pool.acquire().await?, &names).await?;
            if let Some(dictionary) = known.dictionaries.get(&newest) {
                self.state().words.dictionary = dictionary.clone();
            }
        }
        let frequent = self.count_strangers(strangers);
        if !frequent.is_empty() {
            self.name_resources(pool, &frequent).await?;
        }
        Ok(())
    }

    /// Those resources that have become frequent enough for a name.
    fn count_strangers<'s>(&self, strangers: &'s [Stranger]) -> Vec<&'s [u8]> {
        let mut state = self.state();
        if state.strangers.len() > MAX_STRANGERS {
            state.strangers.clear();
        }
        let mut frequent = Vec::new();
        for Stranger {
            name,
            bytes,
            segments,
        } in strangers
        {
            let count = state.strangers.entry(*name).or_default();
            *count += segments;
            if *count >= SEGMENTS_FOR_A_NAME {
                state.strangers.remove(name);
                frequent.push(&**bytes);
            }
        }
        frequent
    }

    /// Stores resources, and refers to them from now on.
    async fn name_resources(&self, pool: &PgPool, bodies: &[&[u8]]) -> Result<(), LoadError> {
        let opened = bodies
            .iter()
            .filter_map(|body| SharedResource::open(body).ok());
        let resources: Vec<SharedResource> = opened.collect();
        let names: Vec<i64> = resources.iter().map(|one| one.name.cast_signed()).collect();
        let bodies: Vec<&[u8]> = resources.iter().map(|one| &*one.bytes).collect();
        sqlx::query(
            "INSERT INTO payload_resource (name, body)
             SELECT * FROM unnest($1::bigint[], $2::bytea[]) ON CONFLICT DO NOTHING",
        )
        .bind(&names)
        .bind(&bodies)
        .execute(pool)
        .await?;
        // Another resource of the same hash may have been first.
        let stored: Vec<(i64, Vec<u8>)> =
            sqlx::query_as("SELECT name, body FROM payload_resource WHERE name = ANY($1)")
                .bind(&names)
                .fetch_all(pool)
                .await?;
        let stored: HashedMap<Vec<u8>> = stored
            .into_iter()
            .map(|(name, body)| (name.cast_unsigned(), body))
            .collect();
        let mut state = self.state();
        let mut named = HashedMap::clone(&state.words.named);
        if named.len() > MAX_NAMED {
            named.clear();
        }
        for resource in resources {
            if stored
                .get(&resource.name)
                .is_some_and(|body| **body == *resource.bytes)
            {
                named.insert(resource.name, Arc::new(resource));
            }
        }
        state.words.named = Arc::new(named);
        Ok(())
    }
}
