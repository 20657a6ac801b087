//! A migrated store in a database of its own, and what the tests ask it for.

use model::{SpanBatch, Tenant, TimeRange, Trace};
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};
use storage::{
    Account, Completeness, DatabaseUrl, PostgresStore, ProgressStep, StorageConfig, TraceSpans,
    TraceWriter, Verdict, WriteBatch, WriteError, Written,
};

use crate::database::TestDatabase;

/// A store with nothing in it.
pub(crate) struct TestStore {
    pub(crate) store: PostgresStore,
    pub(crate) database: TestDatabase,
}

impl TestStore {
    pub(crate) async fn new() -> Self {
        Self::with(StorageConfig::default()).await
    }

    pub(crate) async fn with(config: StorageConfig) -> Self {
        let database = TestDatabase::create().await;
        let config = StorageConfig {
            url: DatabaseUrl(database.url()),
            ..config
        };
        let store = PostgresStore::connect(&config)
            .await
            .expect("a good configuration");
        store.migrate().await.expect("migrates");
        Self { store, database }
    }

    /// Writes traces in one transaction, without a source.
    pub(crate) async fn write(&self, traces: &[Trace]) -> Written {
        write(&self.store, traces, &[]).await.expect("writes")
    }

    /// What the store says became of everything.
    pub(crate) async fn account(&self) -> Account {
        self.store.account().await.expect("reads the account")
    }

    /// Changes rows as an operator's hand may.
    pub(crate) async fn by_hand(&self, statement: &'static str) {
        let mut session = self.maintainer().await;
        session.execute(statement).await.expect("a good statement");
    }

    /// One pass of maintenance, as of `now`.
    pub(crate) async fn maintain(&self, now: u64) {
        let mut session = self.maintainer().await;
        let maintained = self.store.maintain_once(&mut session, now).await;
        maintained.expect("maintains");
    }

    pub(crate) async fn session(&self) -> PgConnection {
        self.database.session().await
    }

    /// A session as maintenance has it.
    pub(crate) async fn maintainer(&self) -> PgConnection {
        let mut session = self.session().await;
        let settings = "SET search_path = spoor; SET lock_timeout = '2s'";
        session.execute(settings).await.expect("settings");
        session
    }

    /// The rows of a query, as text, for comparing.
    pub(crate) async fn rows(&self, query: &str) -> Vec<String> {
        let mut session = self.session().await;
        let text = format!("SELECT row::text FROM ({query}) AS row ORDER BY 1");
        let rows = sqlx::query_scalar(AssertSqlSafe(text))
            .fetch_all(&mut session)
            .await;
        session.close().await.expect("closes");
        rows.expect("a good query")
    }

    /// Everything that follows from the spans stored: sums over parts and folded rows.
    pub(crate) async fn derived(&self) -> Vec<String> {
        let mut all = self
            .rows(
                "SELECT minute_ns, tenant, service, operation, kind, sum(calls) calls,
                     sum(errors) errors, sum(duration_sum) durations
                 FROM spoor.red_series
                 GROUP BY 1, 2, 3, 4, 5",
            )
            .await;
        let edges = self.rows(
            "SELECT minute_ns, tenant, parent, child, sum(calls) calls, sum(errors) errors,
                 sum(duration_sum) durations
             FROM spoor.edge_series
             GROUP BY 1, 2, 3, 4 HAVING sum(calls) <> 0",
        );
        all.extend(edges.await);
        all.extend(self.rows("SELECT * FROM spoor.operation_seen").await);
        all
    }

    /// Spans in all segments.
    pub(crate) async fn span_count(&self) -> i64 {
        let mut session = self.session().await;
        let count =
            sqlx::query_scalar("SELECT coalesce(sum(span_count), 0)::bigint FROM spoor.segment")
                .fetch_one(&mut session)
                .await;
        session.close().await.expect("closes");
        count.expect("a good query")
    }
}

/// Writes traces in one transaction, with the progress of the source of all of them, if any.
pub(crate) async fn write(
    store: &PostgresStore,
    traces: &[Trace],
    progress: &[ProgressStep],
) -> Result<Written, WriteError> {
    write_judged(store, traces, progress, |_| None).await
}

/// The same, where tail sampling says something of each trace.
pub(crate) async fn write_judged<'v>(
    store: &PostgresStore,
    traces: &'v [Trace],
    progress: &[ProgressStep],
    verdict: impl Fn(&Trace) -> Option<Verdict<'v>>,
) -> Result<Written, WriteError> {
    let tenant = Tenant::default();
    let batches: Vec<SpanBatch<'_>> = traces.iter().map(SpanBatch::of_trace).collect();
    let spans: Vec<Vec<u32>> = batches
        .iter()
        .map(|one| (0..one.spans.len() as u32).collect())
        .collect();
    let parts: Vec<TraceSpans<'_, '_>> = traces
        .iter()
        .zip(&batches)
        .zip(&spans)
        .map(|((trace, batch), spans)| TraceSpans {
            source: (!progress.is_empty()).then_some(0),
            tenant: &tenant,
            trace_id: trace.id,
            received: TimeRange { start: 1, end: 2 },
            completeness: Completeness::Unknown,
            verdict: verdict(trace),
            batch,
            spans,
        })
        .collect();
    store
        .write(WriteBatch {
            progress,
            traces: &parts,
        })
        .await
}
