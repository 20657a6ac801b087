//! Several stores: each holds some partitions of the log, and so every trace of these.
//!
//! A partition belongs to one store by the low bits of the hash that also picks the partition of a
//! trace. As both numbers are powers of two, a trace stays in its store when partitions are added.
//! The first store is the home of jobs and elections.

mod placement;
mod union;
mod account;
mod purge;
mod reader;
mod replay;
mod sampling;

use std::sync::Arc;

use metrics::Label;
use model::TraceId;

pub(crate) use placement::{check, settle};

use crate::{DatabaseUrl, PostgresStore, SetupError, StorageConfig, slot};

/// Which of how many stores one is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Placement {
    /// From 0, which is the home.
    pub place: usize,
    /// How many stores there are: a power of two.
    pub stores: usize,
}

impl Placement {
    /// Of a store that is the only one.
    pub const ONLY: Self = Self {
        place: 0,
        stores: 1,
    };

    /// Whether there are others.
    pub fn has_others(self) -> bool {
        self.stores > 1
    }

    /// What tells its metrics from those of others; nothing where there are none.
    pub(crate) fn labels(self) -> Vec<Label> {
        let label = || Label::new("store", self.place.to_string());
        self.has_others().then(label).into_iter().collect()
    }
}

impl std::fmt::Display for Placement {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "store {} of {}", self.place, self.stores)
    }
}

/// Where a further store is; everything else is as with the first.
#[derive(Debug, Clone, PartialEq)]
pub struct FurtherStore {
    /// As [`StorageConfig::url`].
    pub url: DatabaseUrl,
    /// As [`StorageConfig::hosts`].
    pub hosts: Vec<String>,
    /// As [`StorageConfig::password_file`].
    pub password_file: Option<std::path::PathBuf>,
}

/// The stores of an installation, or what there is one of for each.
#[derive(Debug)]
pub struct Stores<S>(Vec<Arc<S>>);

impl<S> Clone for Stores<S> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<S> Stores<S> {
    /// One store alone.
    pub fn one(store: Arc<S>) -> Self {
        Self(vec![store])
    }

    /// These stores, the home first.
    ///
    /// # Errors
    /// If their number is not a power of two.
    pub fn new(all: Vec<Arc<S>>) -> Result<Self, SetupError> {
        if all.len().is_power_of_two() {
            Ok(Self(all))
        } else {
            Err(SetupError::StoreCount { stores: all.len() })
        }
    }

    /// The home of jobs and elections.
    pub fn home(&self) -> &Arc<S> {
        &self.0[0]
    }

    /// All of them, the home first.
    pub fn all(&self) -> &[Arc<S>] {
        &self.0
    }

    /// Whether there is more than one.
    pub fn are_several(&self) -> bool {
        self.0.len() > 1
    }

    /// The one that holds what comes by this partition, of any topic.
    pub fn of_partition(&self, partition: i32) -> &Arc<S> {
        &self.0[place_of(partition.cast_unsigned(), self.0.len())]
    }

    /// The one that holds this trace.
    pub fn of_trace(&self, trace: TraceId) -> &Arc<S> {
        &self.0[place_of_trace(trace, self.0.len())]
    }

    /// One of something for each.
    #[must_use]
    pub fn map<T>(&self, one: impl Fn(&Arc<S>) -> T) -> Stores<T> {
        self.map_shared(|store| Arc::new(one(store)))
    }

    /// What each shares with others.
    #[must_use]
    pub fn map_shared<T>(&self, one: impl Fn(&Arc<S>) -> Arc<T>) -> Stores<T> {
        Stores(self.0.iter().map(one).collect())
    }
}

impl Stores<PostgresStore> {
    /// The configured stores, which may still be away: see [`PostgresStore::connect`].
    ///
    /// # Errors
    /// If a setting cannot be read, or the number of stores is not a power of two.
    pub async fn connect(
        config: &StorageConfig,
        further: &[FurtherStore],
    ) -> Result<Self, SetupError> {
        let stores = 1 + further.len();
        let mut all = Vec::with_capacity(stores);
        for place in 0..stores {
            let config = match place.checked_sub(1).map(|of| further[of].clone()) {
                None => config.clone(),
                Some(of) => StorageConfig {
                    url: of.url,
                    hosts: of.hosts,
                    password_file: of.password_file,
                    ..config.clone()
                },
            };
            let placement = Placement { place, stores };
            all.push(Arc::new(
                PostgresStore::connect_as(&config, placement).await?,
            ));
        }
        Self::new(all)
    }

    /// Brings the schema of every store up to date: see [`PostgresStore::migrate`].
    ///
    /// # Errors
    /// If one of them cannot be reached or migrated, or is another one than configured.
    pub async fn migrate(&self) -> Result<(), SetupError> {
        for store in self.all() {
            store.migrate().await?;
        }
        Ok(())
    }

    /// Refuses a store that this program does not know, or that is not the one that is configured in
    /// its place.
    ///
    /// # Errors
    /// If so, or if one of them cannot be reached.
    pub async fn check_version(&self) -> Result<(), SetupError> {
        for store in self.all() {
            store.check_version().await?;
        }
        Ok(())
    }

    /// Closes all connections, once what they do is done.
    pub async fn close(&self) {
        for store in self.all() {
            store.close().await;
        }
    }
}

/// Whether a topic with so many partitions can be spread over so many stores.
pub fn can_spread(partitions: usize, stores: usize) -> bool {
    stores == 1 || (partitions.is_power_of_two() && partitions >= stores)
}

/// The place of what has these low bits: the one function by which partitions and traces are mapped
/// to stores.
fn place_of(bits: u32, stores: usize) -> usize {
    bits as usize & (stores - 1)
}

/// The place of a trace.
pub(crate) fn place_of_trace(trace: TraceId, stores: usize) -> usize {
    place_of(slot::murmur2(trace.as_bytes()), stores)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stores(count: usize) -> Result<Stores<usize>, SetupError> {
        Stores::new((0..count).map(Arc::new).collect())
    }

    #[test]
    fn the_number_of_stores_is_a_power_of_two() {
        for count in [1, 2, 4, 8, 16] {
            assert!(stores(count).is_ok(), "{count}");
        }
        for count in [0, 3, 6, 12] {
            let refused = stores(count).err().map(|error| error.to_string());
            assert!(refused.is_some_and(|why| why.contains(&count.to_string())));
        }
    }

    #[test]
    fn a_topic_has_a_power_of_two_of_partitions_and_one_for_each_store_at_least() {
        assert!(can_spread(2, 2) && can_spread(64, 4));
        assert!(!can_spread(2, 4) && !can_spread(12, 4));
        assert!(can_spread(12, 1), "one store holds any partition");
    }

    #[test]
    fn partitions_take_turns() {
        let stores = stores(4).expect("a power of two");
        let places: Vec<usize> = (0..8).map(|one| **stores.of_partition(one)).collect();
        assert_eq!(places, [0, 1, 2, 3, 0, 1, 2, 3]);
    }
}
