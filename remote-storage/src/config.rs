//! Where the plug-in is, and how much may be asked of it at once.

use std::time::Duration;

use bootstrap::ByteSize;

bootstrap::config! {
    /// A storage plug-in written for Jaeger: it answers `jaeger.storage.v2` and takes OTLP, both over
    /// gRPC without TLS. Used where `storage.kind` is `remote`.
    pub struct RemoteConfig {
        /// Where it is read from: `http://host:17271`.
        pub endpoint: String = String::new(),
        /// Where it takes spans. Empty: at `endpoint`.
        pub writer_endpoint: String = String::new(),
        /// Whether the plug-in keeps tenants apart by a header. Off: no header is sent, only the
        /// tenant `default` is read, and spans of others are dead-lettered. On before a plug-in that
        /// passes over the header, tenants see each other's traces.
        pub tenancy: bool = false,
        /// That header: metadata of every call.
        pub tenant_header: String = "x-tenant".to_owned(),
        /// Longest time until a connection stands.
        pub connect_timeout: Duration = Duration::from_secs(5),
        /// Longest time until an export is acknowledged. Beyond it the batch is sent again.
        pub write_timeout: Duration = Duration::from_secs(30),
        /// Longest time until an answer is read whole. Beyond it the query fails.
        pub read_timeout: Duration = Duration::from_secs(30),
        /// Size from which on a batch is parted into several exports. gRPC servers take messages of
        /// 4 MiB unless told otherwise.
        pub max_request: ByteSize = ByteSize::mib(3),
        /// Largest message of an answer. A larger one fails the query.
        pub max_message: ByteSize = ByteSize::mib(64),
        /// Largest answer, over all its messages: what one query may hold, in memory some three times
        /// as much. A larger one fails the query.
        pub max_answer: ByteSize = ByteSize::mib(128),
    }
}
