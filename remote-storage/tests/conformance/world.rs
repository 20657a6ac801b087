//! The stores: a Postgres, and a Spoor on it that is a storage plug-in.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bootstrap::{Readiness, Stop};
use collector::{Collector, CollectorConfig, Publish, PublishError, SpanRecord};
use ingester::{DirectConfig, DirectWriter, KnownSchemas, RetryPolicy};
use model::Tenant;
use query::{Query, QueryConfig};
use remote_storage::{Positions, RemoteConfig, RemoteStore, RemoteWriter};
use schemas::{ChunkEncoder, SchemaId, SchemaSet, TRACE_CHUNK_SCHEMA};
use storage::{DatabaseUrl, PluginError, PostgresStore, Source, StorageConfig};
use tokio::runtime::Runtime;

use crate::under::Under;

const SCHEMA: SchemaId = SchemaId(1);

struct World {
    runtime: Runtime,
    postgres: Arc<PostgresStore>,
    remote: Arc<RemoteStore>,
    remote_writer: RemoteWriter<Nowhere>,
}

/// Nothing was consumed yet.
pub struct Nowhere;

impl Positions for Nowhere {
    async fn committed(&self, _: &Source) -> Result<Option<i64>, PluginError> {
        Ok(None)
    }
}

/// The collector's records go straight to the store.
struct Direct(DirectWriter);

impl Publish for Direct {
    async fn publish(&self, records: Vec<SpanRecord>) -> Result<(), PublishError> {
        let payloads = records.into_iter().map(|record| record.payload).collect();
        let written = self.0.write(payloads).await;
        written.map_err(|error| PublishError::Unavailable {
            source: error.into(),
        })
    }

    async fn finish(&self, _: Duration) {}
}

fn world() -> &'static World {
    static WORLD: OnceLock<World> = OnceLock::new();
    WORLD.get_or_init(|| {
        let runtime = Runtime::new().expect("a runtime");
        let (postgres, remote) = runtime.block_on(build());
        let remote_writer = RemoteWriter::new(remote.clone(), Nowhere);
        World {
            runtime,
            postgres,
            remote,
            remote_writer,
        }
    })
}

async fn build() -> (Arc<PostgresStore>, Arc<RemoteStore>) {
    let url = std::env::var("SPOOR_TEST_POSTGRES_URL")
        .expect("run through `make test`, or set SPOOR_TEST_POSTGRES_URL");
    let config = StorageConfig {
        url: DatabaseUrl(url),
        ..StorageConfig::default()
    };
    let store = PostgresStore::connect(&config)
        .await
        .expect("good settings");
    store.migrate().await.expect("migrates");
    let store = Arc::new(store);
    let remote = RemoteConfig {
        endpoint: plug_in(store.clone()).await,
        tenancy: true,
        max_request: bootstrap::ByteSize::kib(256),
        ..RemoteConfig::default()
    };
    let remote = RemoteStore::new(&remote).expect("an address");
    (store, Arc::new(remote))
}

/// Starts a Spoor on this store and gives the address at which it is a plug-in.
async fn plug_in(store: Arc<PostgresStore>) -> String {
    let any = || "127.0.0.1:0".parse().expect("an address");
    let mut config = QueryConfig::default();
    (config.listen, config.grpc_listen) = (any(), any());
    config.remote_storage.listen = any();
    let readiness = Readiness::new();
    let query = Query::build(config, store.clone(), &readiness).await;
    let query = query.expect("it listens");
    let address = query.remote_storage_address().expect("it is on");
    let collector = collector(store).await;
    let collector = collector.with_readiness(readiness.register("collector"));
    let query = query.with_span_writer(collector.exports());
    let (handle, stop) = Stop::with_grace(Duration::from_secs(1));
    tokio::spawn(query.run(stop.clone()));
    tokio::spawn(async move {
        let ended = collector.run(stop).await;
        drop((handle, ended));
    });
    while !readiness.is_ready() {
        tokio::task::yield_now().await;
    }
    format!("http://{address}")
}

async fn collector(store: Arc<PostgresStore>) -> Collector<Direct> {
    let mut schemas = SchemaSet::new();
    schemas
        .announce(SCHEMA, TRACE_CHUNK_SCHEMA)
        .expect("our own schema");
    let retry = RetryPolicy {
        first: Duration::from_millis(100),
        longest: Duration::from_secs(1),
        operator: Duration::from_secs(1),
    };
    let direct = DirectConfig {
        group_for: Duration::from_millis(1),
        ..DirectConfig::default()
    };
    let known = KnownSchemas::new(schemas, None);
    let publisher = Direct(DirectWriter::start(&direct, retry, known, store));
    let mut config = CollectorConfig::default();
    // Spans come by the port of the plug-in alone.
    config.otlp_grpc.enabled = false;
    config.otlp_http.enabled = false;
    config.jaeger_grpc.enabled = false;
    config.jaeger_thrift.enabled = false;
    config.zipkin.enabled = false;
    config.sampling.listener.enabled = false;
    let built = Collector::build(config, ChunkEncoder::new(SCHEMA), publisher).await;
    built.expect("a collector")
}

/// A name that no other test has.
pub fn tenant() -> Tenant {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let name = format!("conformance-{}-{number}", std::process::id());
    Tenant::parse(&name).expect("a name")
}

/// Runs a sentence on Postgres.
pub fn postgres(sentence: impl AsyncFnOnce(Under<'static, PostgresStore, PostgresStore>)) {
    let world = world();
    let under = Under {
        reader: &*world.postgres,
        writer: &*world.postgres,
        tenant: tenant(),
    };
    world.runtime.block_on(sentence(under));
}

/// Runs a sentence on the plug-in.
pub fn remote(sentence: impl AsyncFnOnce(Under<'static, RemoteStore, RemoteWriter<Nowhere>>)) {
    let world = world();
    let under = Under {
        reader: &*world.remote,
        writer: &world.remote_writer,
        tenant: tenant(),
    };
    world.runtime.block_on(async {
        // What a plug-in can do is known once it was asked for anything.
        under.services().await;
        sentence(under).await;
    });
}
