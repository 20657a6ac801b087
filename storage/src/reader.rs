//! The store as a [`TraceReader`].

use std::collections::BTreeMap;
use std::future::Future;

use futures_util::future::try_join_all;
use model::{SpanKind, Tenant, TimeRange, TraceId, TraceQuery};
use sqlx::{Postgres, Transaction};
use tokio::time::Instant;

use crate::search::{Cost, Ranks};
use crate::traces::TraceReading;
use crate::{
    Archived, AttributeCounts, AttributeQuery, Dependency, FoundPage, Operation, PostgresStore,
    ReadError, RedPoint, RedQuery, SearchLimits, StoredTrace, TraceReader, archive, derived,
    failure, read_metrics, search,
};

/// One snapshot for all that a search reads. The planner must not choose a sequential scan while
/// a partition is small, and keep to it as the partition grows.
const BEGIN_SNAPSHOT: &str =
    "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL enable_seqscan = off";

/// How often a search begins anew because its snapshot has outlived a table.
const ATTEMPTS: usize = 3;

/// "There is no such table."
const UNDEFINED_TABLE: &str = "42P01";

impl PostgresStore {
    /// Limits the time of a read, and counts it.
    async fn read<T>(
        &self,
        call: &'static str,
        read: impl Future<Output = Result<T, ReadError>>,
    ) -> Result<T, ReadError> {
        let started = Instant::now();
        let timed = tokio::time::timeout(self.config.read_timeout, read).await;
        let outcome = timed.unwrap_or(Err(ReadError::Timeout));
        read_metrics::read(call, started.elapsed(), &outcome);
        outcome
    }

    async fn snapshot(&self) -> Result<Transaction<'static, Postgres>, sqlx::Error> {
        self.read_pool.begin_with(BEGIN_SNAPSHOT).await
    }

    async fn trace_by_id(
        &self,
        tenant: &Tenant,
        id: TraceId,
        hint: Option<TimeRange>,
    ) -> Result<Option<StoredTrace>, ReadError> {
        let mut tx = self.snapshot().await?;
        let mut reading = TraceReading::new(
            tenant,
            &SearchLimits::NONE,
            &self.vocabulary,
            Cost::default(),
        );
        if let Some(range) = hint {
            let mut found = reading.by_id(&mut tx, &[id], range).await?;
            if let Some(trace) = found.remove(&id) {
                return Ok(Some(trace));
            }
        }
        let mut found = reading.by_id(&mut tx, &[id], TimeRange::ALL).await?;
        Ok(found.remove(&id))
    }

    /// Searches, and keeps the snapshot for the traces that are found.
    async fn rank(
        &self,
        tenant: &Tenant,
        query: &TraceQuery,
    ) -> Result<(Transaction<'static, Postgres>, Ranks), ReadError> {
        let mut tx = self.snapshot().await?;
        let limits = &self.config.search;
        let ranks = search::search(&mut tx, tenant, query, limits, &self.vocabulary).await?;
        Ok((tx, ranks))
    }

    /// Those of the traces that lie here, whole.
    async fn whole(
        &self,
        mut tx: Transaction<'static, Postgres>,
        tenant: &Tenant,
        ids: &[TraceId],
        cost: Cost,
    ) -> Result<BTreeMap<TraceId, StoredTrace>, ReadError> {
        let limits = &self.config.search;
        let mut reading = TraceReading::new(tenant, limits, &self.vocabulary, cost);
        reading.by_id(&mut tx, ids, TimeRange::ALL).await
    }

    /// Searches some stores, and reads the traces of the page, in one snapshot of each.
    async fn search_once(
        stores: &[&Self],
        tenant: &Tenant,
        query: &TraceQuery,
    ) -> Result<FoundPage, ReadError> {
        let asked = search::questions(query, stores.len())?;
        let ranked = stores.iter().zip(&asked).map(async |(store, query)| {
            let ranked = store.rank(tenant, query).await;
            ranked.map_err(|error| store.blamed(error))
        });
        let (snapshots, ranks): (Vec<_>, Vec<_>) = try_join_all(ranked).await?.into_iter().unzip();
        let costs: Vec<Cost> = ranks.iter().map(|of| of.cost).collect();
        let found = search::found(query, ranks);
        let read = stores.iter().zip(snapshots).zip(costs);
        let read = read.map(async |((store, tx), cost)| {
            let here = |id: &&TraceId| store.holds(**id);
            let ids: Vec<TraceId> = found.ids.iter().filter(here).copied().collect();
            let whole = store.whole(tx, tenant, &ids, cost).await;
            whole.map_err(|error| store.blamed(error))
        });
        let mut traces: BTreeMap<TraceId, StoredTrace> =
            try_join_all(read).await?.into_iter().flatten().collect();
        let ids = found.ids.iter();
        Ok(FoundPage {
            traces: ids.filter_map(|id| traces.remove(id)).collect(),
            next: found.next,
            total: found.total,
        })
    }

    /// Searches some stores as if they were one, in the time that this one has for a read.
    pub(crate) async fn search_among(
        &self,
        stores: &[&Self],
        tenant: &Tenant,
        query: &TraceQuery,
    ) -> Result<FoundPage, ReadError> {
        let search = until_tables_stay(|| Self::search_once(stores, tenant, query));
        self.read("search", search).await
    }

    async fn attributes_once(
        &self,
        tenant: &Tenant,
        query: &AttributeQuery,
    ) -> Result<AttributeCounts, ReadError> {
        let mut tx = self.snapshot().await?;
        let limits = &self.config.search;
        search::count_attributes(&mut tx, tenant, query, limits, &self.vocabulary).await
    }
}

/// Reads again what met a table of the index that was dropped meanwhile.
async fn until_tables_stay<T, F: Future<Output = Result<T, ReadError>>>(
    read: impl Fn() -> F,
) -> Result<T, ReadError> {
    let mut left = ATTEMPTS;
    loop {
        left -= 1;
        match read().await {
            Err(error) if left > 0 && is_undefined_table(&error) => {}
            outcome => return outcome,
        }
    }
}

fn is_undefined_table(error: &ReadError) -> bool {
    match error {
        ReadError::Operator(error) => failure::sqlstate(error).as_deref() == Some(UNDEFINED_TABLE),
        _ => false,
    }
}

impl TraceReader for PostgresStore {
    async fn trace(
        &self,
        tenant: &Tenant,
        id: TraceId,
        hint: Option<TimeRange>,
    ) -> Result<Option<StoredTrace>, ReadError> {
        self.read("trace", self.trace_by_id(tenant, id, hint)).await
    }

    async fn search(&self, tenant: &Tenant, query: &TraceQuery) -> Result<FoundPage, ReadError> {
        self.search_among(&[self], tenant, query).await
    }

    async fn attributes(
        &self,
        tenant: &Tenant,
        query: &AttributeQuery,
    ) -> Result<AttributeCounts, ReadError> {
        let count = until_tables_stay(|| self.attributes_once(tenant, query));
        self.read("attributes", count).await
    }

    async fn services(&self, tenant: &Tenant) -> Result<Vec<String>, ReadError> {
        let read = async {
            let mut conn = self.read_pool.acquire().await?;
            derived::services(&mut conn, tenant).await
        };
        self.read("services", read).await
    }

    async fn operations(
        &self,
        tenant: &Tenant,
        service: &str,
        kind: Option<SpanKind>,
    ) -> Result<Vec<Operation>, ReadError> {
        let read = async {
            let mut conn = self.read_pool.acquire().await?;
            derived::operations(&mut conn, tenant, service, kind).await
        };
        self.read("operations", read).await
    }

    async fn dependencies(
        &self,
        tenant: &Tenant,
        range: TimeRange,
    ) -> Result<Vec<Dependency>, ReadError> {
        let read = async {
            let mut conn = self.read_pool.acquire().await?;
            derived::dependencies(&mut conn, tenant, range).await
        };
        self.read("dependencies", read).await
    }

    async fn red(&self, tenant: &Tenant, query: &RedQuery) -> Result<Vec<RedPoint>, ReadError> {
        let read = async {
            let mut conn = self.read_pool.acquire().await?;
            derived::red(&mut conn, tenant, query).await
        };
        self.read("red", read).await
    }

    async fn archive(&self, tenant: &Tenant, id: TraceId) -> Result<Archived, ReadError> {
        let copy = archive::archive(&self.write_pool, tenant, id);
        self.read("archive", copy).await
    }
}
