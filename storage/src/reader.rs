//! The store as a [`TraceReader`].

use model::{SpanKind, Tenant, TimeRange, TraceId, TraceQuery};

use crate::{
    Dependency, Operation, PostgresStore, ReadError, RedPoint, RedQuery, StoredTrace, TraceReader,
    derived, search, traces,
};

impl TraceReader for PostgresStore {
    async fn trace(
        &self,
        tenant: &Tenant,
        id: TraceId,
        hint: Option<TimeRange>,
    ) -> Result<Option<StoredTrace>, ReadError> {
        let mut conn = self.read_pool.acquire().await?;
        if let Some(range) = hint {
            let mut found = traces::by_id(&mut conn, tenant, &[id], range).await?;
            if let Some(trace) = found.remove(&id) {
                return Ok(Some(trace));
            }
        }
        let mut found = traces::by_id(&mut conn, tenant, &[id], TimeRange::ALL).await?;
        Ok(found.remove(&id))
    }

    async fn search(
        &self,
        tenant: &Tenant,
        query: &TraceQuery,
    ) -> Result<Vec<StoredTrace>, ReadError> {
        let mut conn = self.read_pool.acquire().await?;
        let found = search::search(&mut conn, tenant, query).await?;
        let ids: Vec<TraceId> = found.iter().map(|(_, id)| *id).collect();
        let mut traces = traces::by_id(&mut conn, tenant, &ids, TimeRange::ALL).await?;
        // A trace may have been dropped by retention in between.
        Ok(ids.iter().filter_map(|id| traces.remove(id)).collect())
    }

    async fn services(&self, tenant: &Tenant) -> Result<Vec<String>, ReadError> {
        derived::services(&mut *self.read_pool.acquire().await?, tenant).await
    }

    async fn operations(
        &self,
        tenant: &Tenant,
        service: &str,
        kind: Option<SpanKind>,
    ) -> Result<Vec<Operation>, ReadError> {
        derived::operations(&mut *self.read_pool.acquire().await?, tenant, service, kind).await
    }

    async fn dependencies(
        &self,
        tenant: &Tenant,
        range: TimeRange,
    ) -> Result<Vec<Dependency>, ReadError> {
        derived::dependencies(&mut *self.read_pool.acquire().await?, tenant, range).await
    }

    async fn red(&self, tenant: &Tenant, query: &RedQuery) -> Result<Vec<RedPoint>, ReadError> {
        derived::red(&mut *self.read_pool.acquire().await?, tenant, query).await
    }
}
