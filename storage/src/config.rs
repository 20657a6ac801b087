//! How to reach the store and how long it keeps what it holds.

use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize, Serializer};

use crate::{IndexConfig, SearchLimits};

/// The Postgres that holds the traces.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct StorageConfig {
    /// `postgres://user@host:port/database?sslmode=…`. Better without a password: see `password_file`.
    pub url: DatabaseUrl,
    /// Further servers, `host` or `host:port`, one of which may become the primary. After a failure
    /// the next one is tried; a server that is in recovery is passed over.
    pub hosts: Vec<String>,
    /// File with the password and nothing else. Read at each start; overrides one in the URL.
    pub password_file: Option<PathBuf>,
    /// Name of the sessions in `pg_stat_activity`.
    pub application_name: String,
    /// Most connections for writing. Each writes one batch at a time; more than a few per core of
    /// the server only queue there.
    pub write_connections: u32,
    /// Most connections for reading.
    pub read_connections: u32,
    /// Longest wait for a connection. Beyond it a call fails as "not available".
    #[serde(with = "humantime_serde")]
    pub acquire_timeout: Duration,
    /// Longest statement of a write. Beyond it the batch is rolled back and tried again.
    #[serde(with = "humantime_serde")]
    pub write_timeout: Duration,
    /// Longest statement of a read. Beyond it the query fails.
    #[serde(with = "humantime_serde")]
    pub read_timeout: Duration,
    /// Longest wait of a write for a lock, such as that of another writer of the same traces.
    #[serde(with = "humantime_serde")]
    pub lock_timeout: Duration,
    /// How long spans are kept, by their start. Whole UTC days are dropped once they are older.
    /// Shorter frees disk at the next pass of maintenance; longer costs some 60 bytes a span.
    #[serde(with = "humantime_serde")]
    pub retention: Duration,
    /// How long a day that is past retention is kept once a replay or a backfill has written to it.
    /// Shorter frees disk earlier; what was stored is gone again by then.
    #[serde(with = "humantime_serde")]
    pub hold_replayed: Duration,
    /// How many days after today have their partitions made ahead. None: each midnight's first
    /// writes make them.
    pub days_ahead: u16,
    /// Pause between two passes of maintenance (partitions, retention, folding, merging).
    #[serde(with = "humantime_serde")]
    pub maintenance_interval: Duration,
    /// How often it is looked whether a newly learnt dictionary would make payloads smaller. More
    /// often follows changes of the traffic sooner, for a second or two of CPU each time.
    #[serde(with = "humantime_serde")]
    pub relearn_interval: Duration,
    /// Level of zstd for payloads. 3 saves a hundredth of the bytes of 1, for a third more CPU.
    pub compression_level: i32,
    /// How many spans of huge traces the writer remembers, so that it need not read them again
    /// with each segment. Some 150 bytes each.
    pub remembered_spans: usize,
    /// Whether root spans are counted by how they were sampled, for adaptive sampling.
    pub count_roots: bool,
    /// How the token index is kept.
    pub index: IndexConfig,
    /// What one search may cost.
    pub search: SearchLimits,
}

impl Default for StorageConfig {
    fn default() -> Self {
        Self {
            url: DatabaseUrl("postgres://postgres@127.0.0.1:25432/postgres".to_owned()),
            hosts: Vec::new(),
            password_file: None,
            application_name: "spoor".to_owned(),
            write_connections: 8,
            read_connections: 16,
            acquire_timeout: Duration::from_secs(10),
            write_timeout: Duration::from_secs(30),
            read_timeout: Duration::from_secs(30),
            lock_timeout: Duration::from_secs(10),
            retention: Duration::from_secs(7 * 24 * 3600),
            hold_replayed: Duration::from_secs(7 * 24 * 3600),
            days_ahead: 2,
            maintenance_interval: Duration::from_secs(5),
            relearn_interval: Duration::from_secs(600),
            compression_level: 1,
            remembered_spans: 500_000,
            count_roots: false,
            index: IndexConfig::default(),
            search: SearchLimits::default(),
        }
    }
}

/// A connection URL that hides its password wherever it is printed.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct DatabaseUrl(pub String);

impl DatabaseUrl {
    /// The URL with `***` in place of the password.
    pub fn redacted(&self) -> String {
        let Some((scheme, rest)) = self.0.split_once("://") else {
            return self.0.clone();
        };
        let authority_end = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, tail) = rest.split_at(authority_end);
        match authority.rsplit_once('@') {
            Some((user, host)) => match user.split_once(':') {
                Some((name, _)) => format!("{scheme}://{name}:***@{host}{tail}"),
                None => self.0.clone(),
            },
            None => self.0.clone(),
        }
    }
}

impl std::fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.redacted())
    }
}

impl Serialize for DatabaseUrl {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.redacted())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_never_printed() {
        let url = DatabaseUrl("postgres://a:se@cret@db:5432/x?sslmode=require".to_owned());
        assert_eq!(
            format!("{url:?}"),
            "postgres://a:***@db:5432/x?sslmode=require"
        );
    }

    #[test]
    fn an_unknown_key_is_refused() {
        let parsed: Result<StorageConfig, _> = serde_json::from_str(r#"{"retension": "7d"}"#);
        assert!(parsed.is_err());
    }

    #[test]
    fn the_defaults_read_back_as_they_print() {
        let config = StorageConfig::default();
        let text = serde_json::to_string(&config).expect("plain data");
        let back: StorageConfig = serde_json::from_str(&text).expect("its own output");
        assert_eq!(back, config);
    }
}
