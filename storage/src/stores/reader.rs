//! All stores as one [`TraceReader`]: what is asked of a trace goes to its store, everything else to
//! all of them at once. An answer is whole or it is an error that names the store to blame.

use std::future::Future;

use futures_util::future::try_join_all;
use model::{SpanKind, Tenant, TimeRange, TraceId, TraceQuery};

use super::{Stores, union};
use crate::{
    Archived, AttributeCounts, AttributeQuery, Dependency, FoundPage, Operation, PostgresStore,
    ReadError, RedPoint, RedQuery, StoredTrace, TraceReader,
};

impl Stores<PostgresStore> {
    /// Asks all of them at once.
    async fn ask_all<'s, T, F>(
        &'s self,
        question: impl Fn(&'s PostgresStore) -> F,
    ) -> Result<Vec<T>, ReadError>
    where
        F: Future<Output = Result<T, ReadError>>,
    {
        let answers = self.all().iter().map(|store| {
            let answer = question(store);
            async { answer.await.map_err(|error| store.blamed(error)) }
        });
        try_join_all(answers).await
    }
}

impl TraceReader for Stores<PostgresStore> {
    async fn trace(
        &self,
        tenant: &Tenant,
        id: TraceId,
        hint: Option<TimeRange>,
    ) -> Result<Option<StoredTrace>, ReadError> {
        let store = self.of_trace(id);
        let found = store.trace(tenant, id, hint).await;
        found.map_err(|error| store.blamed(error))
    }

    async fn search(&self, tenant: &Tenant, query: &TraceQuery) -> Result<FoundPage, ReadError> {
        let all: Vec<&PostgresStore> = self.all().iter().map(|store| &**store).collect();
        self.home().search_among(&all, tenant, query).await
    }

    async fn attributes(
        &self,
        tenant: &Tenant,
        query: &AttributeQuery,
    ) -> Result<AttributeCounts, ReadError> {
        if !self.are_several() {
            return self.home().attributes(tenant, query).await;
        }
        // What is rare in one store may be frequent in all.
        let unlimited = AttributeQuery {
            limit: usize::MAX,
            ..query.clone()
        };
        let answers = self.ask_all(|store| store.attributes(tenant, &unlimited));
        Ok(union::attributes(answers.await?, query.limit))
    }

    async fn services(&self, tenant: &Tenant) -> Result<Vec<String>, ReadError> {
        let answers = self.ask_all(|store| store.services(tenant)).await?;
        Ok(union::sorted(answers))
    }

    async fn operations(
        &self,
        tenant: &Tenant,
        service: &str,
        kind: Option<SpanKind>,
    ) -> Result<Vec<Operation>, ReadError> {
        let answers = self.ask_all(|store| store.operations(tenant, service, kind));
        Ok(union::sorted(answers.await?))
    }

    async fn dependencies(
        &self,
        tenant: &Tenant,
        range: TimeRange,
    ) -> Result<Vec<Dependency>, ReadError> {
        let answers = self.ask_all(|store| store.dependencies(tenant, range));
        Ok(union::dependencies(answers.await?))
    }

    async fn red(&self, tenant: &Tenant, query: &RedQuery) -> Result<Vec<RedPoint>, ReadError> {
        let answers = self.ask_all(|store| store.red(tenant, query));
        Ok(union::red(answers.await?))
    }

    async fn archive(&self, tenant: &Tenant, id: TraceId) -> Result<Archived, ReadError> {
        let store = self.of_trace(id);
        let archived = store.archive(tenant, id).await;
        archived.map_err(|error| store.blamed(error))
    }
}
