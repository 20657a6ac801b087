//! How the query service listens, what it allows and how it shows traces.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use bootstrap::{ByteSize, Secret};

bootstrap::config! {
    /// The query service: Jaeger's APIs over HTTP and gRPC, and Zipkin's.
    pub struct QueryConfig {
        /// Where the HTTP APIs listen; gRPC is answered there as well. Port 0 takes any free one.
        pub listen: SocketAddr = SocketAddr::from((Ipv4Addr::LOCALHOST, 16686)),
        /// Where the gRPC APIs listen. Port 0 takes any free one.
        pub grpc_listen: SocketAddr = SocketAddr::from((Ipv4Addr::LOCALHOST, 16685)),
        /// Spoor as the storage of a stock Jaeger.
        pub remote_storage: RemoteStorageConfig,
        /// Path under which everything is served, for reverse proxies: `/` or `/some/prefix`.
        pub base_path: String = "/".to_owned(),
        /// Folder of a built Jaeger UI (with `index.html` and `static`), served under the base path.
        /// None: there is no page.
        pub ui_dir: Option<PathBuf> = None,
        /// Configuration of that UI: a JSON object, or a `.js` file that defines
        /// `function UIConfig()`. Read again when it is older than ten seconds.
        pub ui_config: Option<PathBuf> = None,
        /// Origins that browsers may call the APIs from, `*` for any. None: no CORS header is
        /// ever sent, and pages of other origins cannot read answers.
        pub cors_origins: Vec<String> = Vec::new(),
        /// Whose traces a request sees.
        pub tenancy: TenancyConfig,
        /// How much a request may ask for, and how many may run.
        pub limits: QueryLimits,
        /// How traces are mended before they are shown.
        pub adjust: AdjustConfig,
        /// What operators may do through the query service.
        pub admin: AdminConfig,
    }

    /// Spoor as the storage of a stock Jaeger: its remote storage API, `jaeger.storage.v2`, over
    /// gRPC. In `spoor all-in-one` the same port takes spans by OTLP.
    pub struct RemoteStorageConfig {
        /// Whether to listen at all.
        pub enabled: bool = true,
        /// Address and port. Port 0 takes any free one.
        pub listen: SocketAddr = SocketAddr::from((Ipv4Addr::LOCALHOST, 17271)),
    }

    /// Whose traces a request sees.
    pub struct TenancyConfig {
        /// Whether every request must name its tenant. Off: a request that names none sees the
        /// tenant `default`.
        pub required: bool = false,
        /// The header that names the tenant.
        pub header: String = "x-tenant".to_owned(),
        /// The tenants that exist. None: every well-formed name is one.
        pub tenants: Vec<String> = Vec::new(),
    }

    /// How much a request may ask for, and how many may run.
    pub struct QueryLimits {
        /// Traces that a search returns when it does not say.
        pub default_traces: usize = 100,
        /// Most traces that one request gets; a larger limit is taken as this one. Higher costs
        /// memory: found traces are held whole.
        pub max_traces: usize = 1_500,
        /// Most spans of one trace that are shown; the first one then carries a warning. Bounds
        /// the size of an answer, raw ones included (some 1 KiB per span). 0 shows all.
        pub max_trace_spans: usize = 1_000_000,
        /// Most conditions on attributes in one search; more are refused.
        pub max_tags: usize = 50,
        /// Largest document that may be uploaded to be looked at; a larger one is refused with 413.
        /// It takes about ten times as much memory while it is read.
        pub max_upload: ByteSize = ByteSize::mib(32),
        /// Longest time from request to the first byte of its answer; beyond it the answer is 504.
        pub request_timeout: Duration = Duration::from_secs(30),
        /// Longest wait for a client to take the next piece of an answer.
        pub write_timeout: Duration = Duration::from_secs(30),
        /// Most requests worked on at the same time. More use more memory and store connections.
        pub max_running: usize = 32,
        /// Most requests of one tenant worked on at the same time.
        pub max_running_per_tenant: usize = 16,
        /// Most requests that wait for their turn; beyond it the answer is 429.
        pub max_waiting: usize = 128,
        /// Most connections; further ones wait to be accepted.
        pub max_connections: usize = 2_048,
    }

    /// What operators may do through the query service: look at dead letters of all tenants, drive
    /// them again, purge them.
    pub struct AdminConfig {
        /// The token that requests below `/admin/` must carry, as `Authorization: Bearer …`. Whoever
        /// has it sees the spans of every tenant in the dead letters. Empty: there is no admin API.
        pub token: Secret = Secret::none(),
        /// Whether whoever has the token may empty the whole store, by `POST /admin/purge`. For
        /// test installations.
        pub purge: bool = false,
    }

    /// How traces are mended before they are shown. Requests for raw traces get them as stored.
    pub struct AdjustConfig {
        /// Largest correction of a host's clock. Zero corrects nothing; spans that would have
        /// been moved say so in a warning.
        pub max_clock_skew: Duration = Duration::ZERO,
    }
}
