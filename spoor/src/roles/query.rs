//! The query service: search/read → adjust → render.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Context;
use axum::Router;
use bootstrap::{Process, Stop};
use query::Query;
use remote_storage::RemoteStore;
use storage::{PostgresStore, Stores};

use super::store::AnyStore;
use crate::config::Config;
use crate::dead_letters::desk;
use crate::purge;

/// A query service on a store of either kind.
pub(crate) enum AnyQuery {
    Postgres(Query<Stores<PostgresStore>>),
    Remote(Query<RemoteStore>),
}

/// The same of whichever it is.
macro_rules! either {
    ($query:expr, $of:ident => $work:expr) => {
        match $query {
            AnyQuery::Postgres($of) => $work,
            AnyQuery::Remote($of) => $work,
        }
    };
}

impl AnyQuery {
    /// Lets exports to the port of Jaeger's remote storage be answered by this router.
    pub(crate) fn with_span_writer(self, exports: Router) -> Self {
        match self {
            Self::Postgres(query) => Self::Postgres(query.with_span_writer(exports)),
            Self::Remote(query) => Self::Remote(query.with_span_writer(exports)),
        }
    }

    /// Where it listens for HTTP and gRPC.
    pub(crate) fn address(&self) -> SocketAddr {
        either!(self, query => query.addresses())
    }

    /// Where it listens for gRPC alone.
    pub(crate) fn grpc_address(&self) -> SocketAddr {
        either!(self, query => query.grpc_address())
    }

    /// Where it listens as Jaeger's remote storage; none when switched off.
    pub(crate) fn remote_storage_address(&self) -> Option<SocketAddr> {
        either!(self, query => query.remote_storage_address())
    }

    /// Answers until told to stop.
    pub(crate) async fn run(self, stop: Stop) {
        either!(self, query => query.run(stop).await);
    }
}

/// Builds a query service that listens already; on Postgres with the admin API, if there is a token
/// for it.
pub(crate) async fn query(
    config: &Config,
    store: AnyStore,
    process: &Process,
) -> anyhow::Result<AnyQuery> {
    let (settings, readiness) = (config.query.clone(), &process.readiness);
    let failed = "cannot start the query service";
    Ok(match store {
        AnyStore::Postgres(stores) => {
            let letters = desk(config, stores.home().clone());
            let purge = purge::desk(config, stores.clone());
            let query = Query::build(settings, Arc::new(stores), readiness).await;
            let query = query.context(failed)?;
            AnyQuery::Postgres(query.with_admin(letters).with_purge(purge))
        }
        AnyStore::Remote(store) => {
            let query = Query::build(settings, store, readiness).await;
            AnyQuery::Remote(query.context(failed)?)
        }
    })
}
