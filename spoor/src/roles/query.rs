//! The query service: search/read → adjust → render.

use std::sync::Arc;

use anyhow::Context;
use bootstrap::Process;
use query::Query;
use storage::PostgresStore;

use crate::config::Config;

/// Builds a query service that listens already.
pub(crate) async fn query(
    config: &Config,
    store: Arc<PostgresStore>,
    process: &Process,
) -> anyhow::Result<Query<PostgresStore>> {
    let built = Query::build(config.query.clone(), store, &process.readiness).await;
    built.context("cannot start the query service")
}
