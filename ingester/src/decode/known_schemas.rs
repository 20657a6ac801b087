//! The schemas that the process knows, and where to ask for others.

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard},
    time::Duration,
};

use futures_util::future::BoxFuture;
use schemas::{RegistryClient, RegistryError, SchemaId, SchemaSet};
use tokio::time::Instant;

/// How long a registry's word that it has no such schema is believed: it may be a replica that
/// lags behind.
const BELIEVED_FOR: Duration = Duration::from_secs(30);

/// The registry did not answer. Worth trying again.
#[derive(Debug, thiserror::Error)]
#[error("the schema registry did not answer for schema {schema}")]
pub struct SchemaSourceError {
    /// Which schema was asked for.
    pub schema: SchemaId,
    /// The cause.
    pub source: Box<dyn std::error::Error + Send + Sync>,
}

/// Where schemas come from that the process does not know: the registry.
pub trait SchemaSource: Send + Sync + 'static {
    /// The schema of this id; `None` if there is none.
    fn fetch(&self, schema: SchemaId) -> BoxFuture<'_, Result<Option<String>, SchemaSourceError>>;
}

impl SchemaSource for RegistryClient {
    fn fetch(&self, schema: SchemaId) -> BoxFuture<'_, Result<Option<String>, SchemaSourceError>> {
        Box::pin(async move {
            match RegistryClient::fetch(self, schema).await {
                Ok(json) => Ok(Some(json)),
                Err(RegistryError::NotFound { .. }) => Ok(None),
                Err(error) => Err(SchemaSourceError {
                    schema,
                    source: Box::new(error),
                }),
            }
        })
    }
}

/// What asking for a schema came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    /// It is known now.
    Known,
    /// There is none: its records are dead letters for a while.
    GivenUp,
}

/// The schemas that the process knows. Clones share them.
#[derive(Clone)]
pub struct KnownSchemas {
    set: Arc<RwLock<SchemaSet>>,
    given_up: Arc<Mutex<HashMap<SchemaId, Instant>>>,
    source: Option<Arc<dyn SchemaSource>>,
}

impl KnownSchemas {
    /// Schemas known from the start, and where to ask for others. Without a source, records of
    /// an unknown schema are dead letters at once.
    pub fn new(set: SchemaSet, source: Option<Arc<dyn SchemaSource>>) -> Self {
        Self {
            set: Arc::new(RwLock::new(set)),
            given_up: Arc::default(),
            source,
        }
    }

    /// The schemas, for decoding.
    pub fn read(&self) -> RwLockReadGuard<'_, SchemaSet> {
        self.set.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the source has no such schema.
    pub fn given_up(&self, schema: SchemaId) -> bool {
        let given_up = self.given_up.lock().unwrap_or_else(PoisonError::into_inner);
        given_up
            .get(&schema)
            .is_some_and(|since| since.elapsed() < BELIEVED_FOR)
    }

    /// Makes a schema known.
    ///
    /// # Errors
    /// If it is none, or another one is known under the id.
    pub fn announce(&self, schema: SchemaId, json: &str) -> Result<(), schemas::SchemaError> {
        self.set
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .announce(schema, json)
    }

    /// Asks the source for a schema.
    ///
    /// # Errors
    /// If the source does not answer.
    pub async fn ask(&self, schema: SchemaId) -> Result<Asked, SchemaSourceError> {
        let found = match &self.source {
            Some(source) => source.fetch(schema).await?,
            None => None,
        };
        let refused = match &found {
            Some(json) => self.announce(schema, json).err(),
            None => None,
        };
        if found.is_some() && refused.is_none() {
            return Ok(Asked::Known);
        }
        let why = refused
            .as_ref()
            .map(|error| bootstrap::chain(error).to_string());
        tracing::warn!(
            schema.id = schema.0,
            error = why.unwrap_or_else(|| "there is no such schema".to_owned()),
            "Records of an unusable schema go to the dead letters"
        );
        let mut given_up = self.given_up.lock().unwrap_or_else(PoisonError::into_inner);
        given_up.insert(schema, Instant::now());
        Ok(Asked::GivenUp)
    }
}

impl fmt::Debug for KnownSchemas {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KnownSchemas")
            .field("source", &self.source.is_some())
            .finish_non_exhaustive()
    }
}
