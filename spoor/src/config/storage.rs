//! The store that holds the traces: the document's form of the `storage` crate's settings, and a
//! storage plug-in in its place.

use std::path::PathBuf;
use std::time::Duration;

use bootstrap::{ByteSize, Secret, config};
use remote_storage::RemoteConfig;
use serde::{Deserialize, Serialize};
use storage::{DatabaseUrl, FurtherStore, IndexConfig, SearchLimits, StorageConfig};

/// What holds the traces.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum StoreKind {
    /// Postgres.
    Postgres,
    /// A storage plug-in written for Jaeger.
    Remote,
}

/// Where a further store is: what differs from the first one. All else is shared.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct FurtherSection {
    /// As `storage.url`.
    url: Secret,
    /// As `storage.hosts`.
    #[serde(default)]
    hosts: Vec<String>,
    /// As `storage.password_file`.
    #[serde(default)]
    password_file: Option<PathBuf>,
}

impl FurtherSection {
    /// Whether it says where the store is.
    pub(crate) fn is_set(&self) -> bool {
        self.url.is_set()
    }
}

config! {
    /// The store that holds the traces: Postgres, or a storage plug-in.
    pub(crate) struct StorageSection {
        /// `postgres`: everything below but `storage.remote`. `remote`: a storage plug-in written for
        /// Jaeger, at `storage.remote`; it delivers at least once, and cannot do everything.
        pub kind: StoreKind = StoreKind::Postgres,
        /// `postgres://user@host:port/database?sslmode=…`. Empty: `spoor all-in-one` starts a
        /// Postgres of its own.
        pub url: Secret = Secret::none(),
        /// Further servers, `host` or `host:port`, one of which may become the primary. When the
        /// present one is gone or in recovery, the others are asked, every second, until one says
        /// that it is the primary.
        pub hosts: Vec<String> = Vec::new(),
        /// File with the password and nothing else. Read at each start; overrides one in the URL.
        pub password_file: Option<PathBuf> = None,
        /// Further stores, each a Postgres of its own with `url`, and `hosts` and `password_file` if it
        /// has them: `[{ url = "postgres://…" }]`. With the first, their number must be a power of two and
        /// no more than the topic's partitions, which are divided among them. It cannot be changed once
        /// anything is stored, and none may take the place of another.
        pub further: Vec<FurtherSection> = Vec::new(),
        /// Name of the sessions in `pg_stat_activity`.
        pub application_name: String = StorageConfig::default().application_name,
        /// Most connections for writing. Each writes one batch at a time; more than a few per core
        /// of the server only queue there.
        pub write_connections: u32 = StorageConfig::default().write_connections,
        /// Most connections for reading.
        pub read_connections: u32 = StorageConfig::default().read_connections,
        /// Longest wait for a connection. Beyond it a call fails as "not available".
        pub acquire_timeout: Duration = StorageConfig::default().acquire_timeout,
        /// Longest statement of a write. Beyond it the batch is rolled back and tried again.
        pub write_timeout: Duration = StorageConfig::default().write_timeout,
        /// Longest statement of a read. Beyond it the query fails.
        pub read_timeout: Duration = StorageConfig::default().read_timeout,
        /// Longest wait of a write for a lock, such as that of another writer of the same traces.
        pub lock_timeout: Duration = StorageConfig::default().lock_timeout,
        /// How long spans are kept, by their start. Whole UTC days are dropped once they are
        /// older. Shorter frees disk at the next pass of maintenance; longer costs some 60 bytes
        /// a span.
        pub retention: Duration = StorageConfig::default().retention,
        /// How long a day that is past retention is kept once a replay or a backfill has written
        /// to it. Shorter frees disk earlier; what was stored is gone again by then.
        pub hold_replayed: Duration = StorageConfig::default().hold_replayed,
        /// How many days after today have their partitions made ahead.
        pub days_ahead: u16 = StorageConfig::default().days_ahead,
        /// Pause between two passes of maintenance (partitions, retention, folding, merging).
        pub maintenance_interval: Duration = StorageConfig::default().maintenance_interval,
        /// How often it is looked whether a newly learnt dictionary would make payloads smaller.
        /// More often follows changes of the traffic sooner, for a second or two of CPU each time.
        pub relearn_interval: Duration = StorageConfig::default().relearn_interval,
        /// Level of zstd for payloads. 3 saves a hundredth of the bytes of 1, for a third more CPU.
        pub compression_level: i32 = StorageConfig::default().compression_level,
        /// How many spans of huge traces the writer remembers, so that it need not read them again
        /// with each segment. Some 150 bytes each.
        pub remembered_spans: usize = StorageConfig::default().remembered_spans,
        /// Runs of one level of the token index that are merged into one of the next. More: less
        /// merging and fewer tables, slower searches.
        pub index_fan_in: u32 = IndexConfig::default().fan_in,
        /// Segments from which on a run of the token index is not merged again. More: faster
        /// searches for rare values, more memory and longer transactions when merging.
        pub index_max_run_segments: u32 = IndexConfig::default().max_run_segments,
        /// How long the pages of merged runs are kept for queries that began before the merge; at
        /// least twice `read_timeout`.
        pub index_keep_merged: Duration = IndexConfig::default().keep_merged,
        /// Longest wait of the merge worker for writers to let go of a table. Writers that come
        /// later wait behind it; beyond it the merge is put off.
        pub index_lock_timeout: Duration = IndexConfig::default().lock_timeout,
        /// Most segments that a search reads. Beyond it the search fails; it never answers with
        /// less. Some 0.1 ms of CPU each.
        pub search_max_segments: u64 = SearchLimits::default().max_segments,
        /// Most bytes of their compressed payloads. Only the answer is held in memory, where it
        /// takes ten to thirty times as much.
        pub search_max_payload_bytes: ByteSize = ByteSize(SearchLimits::default().max_payload_bytes),
        /// Segments that a listing of attributes looks into, the newest. More: counts of more spans,
        /// for some 0.1 ms of CPU each.
        pub search_counted_segments: u64 = SearchLimits::default().counted_segments,
        /// The storage plug-in, if `storage.kind` is `remote`.
        pub remote: RemoteConfig,
    }
}

impl StorageSection {
    /// Where the stores beside the first one are.
    pub(crate) fn further_stores(&self) -> Vec<FurtherStore> {
        let further = self.further.iter().map(|of| FurtherStore {
            url: DatabaseUrl(of.url.expose().to_owned()),
            hosts: of.hosts.clone(),
            password_file: of.password_file.clone(),
        });
        further.collect()
    }

    /// How many stores there are.
    pub(crate) fn count(&self) -> usize {
        1 + self.further.len()
    }

    /// What the store takes.
    pub(crate) fn store(&self) -> StorageConfig {
        StorageConfig {
            url: DatabaseUrl(self.url.expose().to_owned()),
            hosts: self.hosts.clone(),
            password_file: self.password_file.clone(),
            application_name: self.application_name.clone(),
            write_connections: self.write_connections,
            read_connections: self.read_connections,
            acquire_timeout: self.acquire_timeout,
            write_timeout: self.write_timeout,
            read_timeout: self.read_timeout,
            lock_timeout: self.lock_timeout,
            retention: self.retention,
            hold_replayed: self.hold_replayed,
            days_ahead: self.days_ahead,
            maintenance_interval: self.maintenance_interval,
            relearn_interval: self.relearn_interval,
            compression_level: self.compression_level,
            remembered_spans: self.remembered_spans,
            // Set by those who open the store, from the ingester's section.
            count_roots: false,
            index: IndexConfig {
                fan_in: self.index_fan_in,
                max_run_segments: self.index_max_run_segments,
                keep_merged: self.index_keep_merged,
                lock_timeout: self.index_lock_timeout,
            },
            search: SearchLimits {
                max_segments: self.search_max_segments,
                max_payload_bytes: self.search_max_payload_bytes.0,
                counted_segments: self.search_counted_segments,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_those_of_the_store() {
        let url = DatabaseUrl(String::new());
        let store = StorageConfig {
            url,
            ..StorageConfig::default()
        };
        assert_eq!(StorageSection::default().store(), store);
    }
}
