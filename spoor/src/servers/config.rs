//! Settings of the child servers.

use std::path::PathBuf;
use std::time::Duration;

use bootstrap::{ByteSize, config};

config! {
    /// The servers that `spoor all-in-one` starts for itself. A server is started only when its
    /// address (`kafka.brokers`, `registry.url`, `storage.url`) is empty. All listen on 127.0.0.1.
    pub(crate) struct EmbeddedConfig {
        /// Folder for all data of the servers. Default: `$XDG_DATA_HOME/spoor`, else
        /// `~/.local/share/spoor`. Another folder is another, empty installation. Commands such as
        /// `spoor audit` that are told no address find the servers that run in it.
        pub data_dir: Option<PathBuf> = None,
        /// Folder with the servers' programs. Default: `runtime` next to the folder of the
        /// `spoor` program.
        pub runtime_dir: Option<PathBuf> = None,
        /// Whether Kafka and the registry, when they end, leave archives of the classes that they have
        /// loaded beside their programs. Later starts use them and take half the time; a Java
        /// machine that has changed ignores them.
        pub archive_classes: bool = false,
        /// How long a server may take to come up. Longer than a recovery after a crash takes.
        pub start_timeout: Duration = Duration::from_secs(120),
        /// How long a server may take to stop before it is killed.
        pub stop_timeout: Duration = Duration::from_secs(30),
        /// Kafka.
        pub kafka: EmbeddedKafkaConfig,
        /// The schema registry.
        pub registry: EmbeddedRegistryConfig,
        /// Postgres.
        pub postgres: EmbeddedPostgresConfig,
    }

    /// The embedded Kafka: one node, broker and controller.
    pub(crate) struct EmbeddedKafkaConfig {
        /// Port of the broker; 0 takes a free one.
        pub port: u16 = 29092,
        /// Port of the controller; 0 takes a free one.
        pub controller_port: u16 = 29093,
        /// Largest heap of its Java machine. Less than 256 MiB slows it down.
        pub heap: ByteSize = ByteSize::mib(512),
    }

    /// The embedded schema registry.
    pub(crate) struct EmbeddedRegistryConfig {
        /// Its port; 0 takes a free one.
        pub port: u16 = 28081,
        /// Largest heap of its Java machine.
        pub heap: ByteSize = ByteSize::mib(256),
    }

    /// The embedded Postgres.
    pub(crate) struct EmbeddedPostgresConfig {
        /// Its port; 0 takes a free one.
        pub port: u16 = 25432,
        /// Memory for cached pages. More helps searches over much data.
        pub shared_buffers: ByteSize = ByteSize::mib(256),
        /// How much log is written between checkpoints. More: fewer full-page writes, a longer
        /// recovery after a crash.
        pub max_wal_size: ByteSize = ByteSize::gib(2),
        /// Most connections, those of people with `psql` included.
        pub max_connections: u16 = 200,
    }
}
