//! What an operator may do through the query service beyond asking for traces: dead letters, and
//! emptying the store.
//!
//! Where letters lie, and how they are driven again, is not known here: whoever builds the service
//! brings it along, see [`Query::with_admin`](crate::Query::with_admin) and
//! [`Query::with_purge`](crate::Query::with_purge).

use futures_util::future::BoxFuture;
use model::{
    LetterContent, LetterFilter, LetterGroup, LetterId, LetterPage, PurgeReport, PurgeRequest,
    RedriveReport, RedriveRequest,
};

/// Why an administrator's request has no answer. The text is what the client reads.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AdminError {
    /// Somebody else is at it.
    #[error("{0}")]
    Busy(String),
    /// It cannot be done, now or later.
    #[error("{0}")]
    Refused(String),
    /// Kafka or the store is away. Worth trying again.
    #[error("{0}")]
    Unavailable(String),
}

/// What may be done about dead letters, of all tenants.
pub trait DeadLetterAdmin: Send + Sync + 'static {
    /// The letters that a filter means, by what they have in common.
    fn groups(&self, filter: LetterFilter) -> BoxFuture<'_, Result<Vec<LetterGroup>, AdminError>>;

    /// The letters that a filter means, at most so many, after one of them.
    fn page(
        &self,
        filter: LetterFilter,
        after: Option<LetterId>,
        most: usize,
    ) -> BoxFuture<'_, Result<LetterPage, AdminError>>;

    /// One letter and what is in it; `None` if there is no such letter.
    fn letter(&self, id: LetterId) -> BoxFuture<'_, Result<Option<LetterContent>, AdminError>>;

    /// Drives letters again.
    fn redrive(&self, request: RedriveRequest) -> BoxFuture<'_, Result<RedriveReport, AdminError>>;

    /// Deletes letters for good.
    fn purge(&self, request: PurgeRequest) -> BoxFuture<'_, Result<PurgeReport, AdminError>>;
}

/// What may be done about the store as a whole.
pub trait StoreAdmin: Send + Sync + 'static {
    /// Empties the store, of all tenants, with what is kept beyond retention if told so. What was
    /// on its way to the store by then is passed over.
    fn purge(&self, archive: bool) -> BoxFuture<'_, Result<storage::Purge, AdminError>>;
}
