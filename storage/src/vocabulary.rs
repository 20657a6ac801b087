//! The words that payloads refer to: dictionaries and resources, by the hash of their content.
//!
//! Words are committed before the first row that refers to them, and stay. A reader that meets a
//! name it does not know loads it; what it has loaded is right for ever. A writer refers to the
//! newest dictionary it knows, and sees to it within its own transaction that the server has all
//! that it refers to ([`confirm`]): a server that took over may have gone back in time.

mod costs;
mod learning;
mod sample;
mod writing;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::TryStreamExt;
use model::UnixNanos;
use sqlx::postgres::{PgArguments, PgRow};
use sqlx::query::Query;
use sqlx::{PgConnection, Postgres, Row};

use crate::payload::{Dictionary, HashedMap, Known, Names, Reader, SharedResource, Words};
use crate::{ReadError, WriteError};
pub(crate) use costs::Costs;
pub(crate) use writing::confirm;

/// Resources that are kept in memory before all are forgotten.
const MAX_RESOURCES: usize = 100_000;

/// What a process knows of the words of its store.
#[derive(Debug)]
pub(crate) struct Vocabulary {
    level: i32,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    known: Arc<Known>,
    /// What is written with.
    words: Words,
    /// Segments by the resource that they had to spell out.
    strangers: HashedMap<u32>,
    /// When the worker looks at the dictionary again.
    next_look: UnixNanos,
}

/// Why words could not be loaded.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LoadError {
    /// The store cannot be read.
    #[error("words cannot be read")]
    Read(#[from] sqlx::Error),
    /// What is stored are no words.
    #[error("{table}.body: {what}")]
    Inconsistent { table: &'static str, what: String },
}

impl From<LoadError> for ReadError {
    fn from(error: LoadError) -> Self {
        let column = "body";
        match error {
            LoadError::Read(error) => error.into(),
            LoadError::Inconsistent { table, what } => Self::Inconsistent {
                table,
                column,
                what,
            },
        }
    }
}

impl From<LoadError> for WriteError {
    fn from(error: LoadError) -> Self {
        let column = "body";
        match error {
            LoadError::Read(error) => error.into(),
            LoadError::Inconsistent { table, what } => Self::Inconsistent {
                table,
                column,
                what,
            },
        }
    }
}

impl Vocabulary {
    /// No words yet; dictionaries will be for writing at this level of zstd.
    pub(crate) fn new(level: i32) -> Self {
        Self {
            level,
            state: Mutex::default(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // What is held is replaced as a whole: a panic in another task leaves it right.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn known(&self) -> Arc<Known> {
        self.state().known.clone()
    }

    /// Runs a query for rows with a `payload`, and shows each with a reader that knows all that it
    /// refers to, in the order of the query.
    pub(crate) async fn each_payload<E: From<sqlx::Error> + From<LoadError>>(
        &self,
        conn: &mut PgConnection,
        query: Query<'_, Postgres, PgArguments>,
        mut visit: impl FnMut(&PgRow, &mut Reader<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let known = self.known();
        let (mut later, mut names) = (Vec::new(), Names::default());
        let mut reader = Reader::new(&known);
        let mut rows = query.fetch(&mut *conn);
        while let Some(row) = rows.try_next().await? {
            let payload: &[u8] = row.try_get("payload")?;
            if later.is_empty() && known.has_all_of(payload) {
                visit(&row, &mut reader)?;
            } else {
                names.add(payload);
                later.push(row);
            }
        }
        drop(rows);
        if later.is_empty() {
            return Ok(());
        }
        // The connection is free for looking up names only now.
        let known = self.load(conn, &names).await?;
        let mut reader = Reader::new(&known);
        later.iter().try_for_each(|row| visit(row, &mut reader))
    }

    /// Runs a query for rows with a `payload`: the rows, and all that these refer to.
    pub(crate) async fn payloads<E: From<sqlx::Error> + From<LoadError>>(
        &self,
        conn: &mut PgConnection,
        query: Query<'_, Postgres, PgArguments>,
        mut fetched: impl FnMut(&PgRow) -> Result<(), E>,
    ) -> Result<(Vec<PgRow>, Arc<Known>), E> {
        let known = self.known();
        let (mut found, mut names) = (Vec::new(), Names::default());
        let mut rows = query.fetch(&mut *conn);
        while let Some(row) = rows.try_next().await? {
            fetched(&row)?;
            let payload: &[u8] = row.try_get("payload")?;
            if !known.has_all_of(payload) {
                names.add(payload);
            }
            found.push(row);
        }
        drop(rows);
        let known = match names.is_empty() {
            true => known,
            false => self.load(conn, &names).await?,
        };
        Ok((found, known))
    }

    /// Loads what is named and not known yet. A name that is not stored stays unknown.
    pub(crate) async fn load(
        &self,
        conn: &mut PgConnection,
        names: &Names,
    ) -> Result<Arc<Known>, LoadError> {
        let known = self.known();
        let unknown = |names: &HashedMap<()>, is_known: &dyn Fn(&u64) -> bool| -> Vec<i64> {
            let unknown = names.keys().filter(|name| !is_known(name));
            unknown.map(|name| name.cast_signed()).collect()
        };
        let dictionaries = unknown(&names.dictionaries, &|name| {
            known.dictionaries.contains_key(name)
        });
        let resources = unknown(&names.resources, &|name| known.resources.contains_key(name));
        let mut new = Known::default();
        if !dictionaries.is_empty() {
            self.load_dictionaries(conn, Some(&dictionaries), &mut new)
                .await?;
        }
        if !resources.is_empty() {
            load_resources(conn, Some(&resources), &mut new).await?;
        }
        Ok(self.learn_of(new))
    }

    /// Loads all there is.
    pub(crate) async fn load_all(&self, conn: &mut PgConnection) -> Result<Arc<Known>, LoadError> {
        let mut new = Known::default();
        self.load_dictionaries(conn, None, &mut new).await?;
        load_resources(conn, None, &mut new).await?;
        Ok(self.learn_of(new))
    }

    async fn load_dictionaries(
        &self,
        conn: &mut PgConnection,
        names: Option<&[i64]>,
        new: &mut Known,
    ) -> Result<(), LoadError> {
        let bodies: Vec<Vec<u8>> = sqlx::query_scalar(
            "SELECT body FROM payload_dictionary WHERE $1::bigint[] IS NULL OR name = ANY($1)",
        )
        .bind(names)
        .fetch_all(conn)
        .await?;
        for body in bodies {
            let dictionary = self.open(&body)?;
            new.dictionaries.insert(dictionary.name(), dictionary);
        }
        Ok(())
    }

    fn open(&self, body: &[u8]) -> Result<Arc<Dictionary>, LoadError> {
        match Dictionary::open(body, self.level) {
            Ok(dictionary) => Ok(Arc::new(dictionary)),
            Err(error) => Err(LoadError::Inconsistent {
                table: "payload_dictionary",
                what: error.to_string(),
            }),
        }
    }

    /// Adds to what is known.
    fn learn_of(&self, new: Known) -> Arc<Known> {
        let mut state = self.state();
        if new.dictionaries.is_empty() && new.resources.is_empty() {
            return state.known.clone();
        }
        let mut known = Known::default();
        known.dictionaries.clone_from(&state.known.dictionaries);
        known.dictionaries.extend(new.dictionaries);
        if state.known.resources.len() + new.resources.len() <= MAX_RESOURCES {
            known.resources.clone_from(&state.known.resources);
        }
        known.resources.extend(new.resources);
        state.known = Arc::new(known);
        state.known.clone()
    }
}

async fn load_resources(
    conn: &mut PgConnection,
    names: Option<&[i64]>,
    new: &mut Known,
) -> Result<(), LoadError> {
    let bodies: Vec<Vec<u8>> = sqlx::query_scalar(
        "SELECT body FROM payload_resource WHERE $1::bigint[] IS NULL OR name = ANY($1)",
    )
    .bind(names)
    .fetch_all(conn)
    .await?;
    for body in bodies {
        let resource = SharedResource::open(&body).map_err(|error| LoadError::Inconsistent {
            table: "payload_resource",
            what: error.to_string(),
        })?;
        new.resources.insert(resource.name, Arc::new(resource));
    }
    Ok(())
}
