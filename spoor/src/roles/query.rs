//! The query service: search/read → adjust → render.

use std::sync::Arc;

use anyhow::Context;
use bootstrap::Process;
use query::Query;
use storage::PostgresStore;

use crate::config::Config;
use crate::dead_letters::desk;
use crate::purge;

/// Builds a query service that listens already, with the admin API if there is a token for it.
pub(crate) async fn query(
    config: &Config,
    store: Arc<PostgresStore>,
    process: &Process,
) -> anyhow::Result<Query<PostgresStore>> {
    let letters = desk(config, store.clone());
    let purge = purge::desk(config, store.clone());
    let built = Query::build(config.query.clone(), store, &process.readiness).await;
    let query = built.context("cannot start the query service")?;
    Ok(query.with_admin(letters).with_purge(purge))
}
