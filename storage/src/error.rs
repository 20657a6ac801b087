//! What can go wrong with the store, by what the caller should do about it.

/// What a store beyond Postgres said.
pub type PluginError = Box<dyn std::error::Error + Send + Sync>;

/// What a failure of a storage plug-in asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Remedy {
    /// Try again, for as long as it takes.
    TryAgain,
    /// Something in the batch is to blame: halve it, and dead-letter what is left.
    Bisect,
    /// Nothing but an operator helps; no data is at fault.
    CallOperator,
}

/// Why a write or a claim did not happen. Postgres has written nothing in any of these cases; a
/// plug-in may have stored a part.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// Another owner has claimed the source, or its revision moved. Claim anew, drop every cache.
    #[error("{topic}/{partition} belongs to another owner or revision")]
    Fenced {
        /// Topic of the source.
        topic: String,
        /// Partition of the source.
        partition: i32,
    },
    /// The store is away, full, busy or failing over. Try again, for as long as it takes.
    #[error("the store is not available for now (SQLSTATE {sqlstate:?})")]
    Transient {
        /// SQLSTATE, if the server said one.
        sqlstate: Option<String>,
        /// The cause.
        source: sqlx::Error,
    },
    /// The store refuses a value in the batch. Bisect, and dead-letter what is left.
    #[error("the store refuses a value (SQLSTATE {sqlstate})")]
    Poison {
        /// SQLSTATE.
        sqlstate: String,
        /// The cause.
        source: sqlx::Error,
    },
    /// A trace came by a partition of another store than its own, where nobody would look for it: who
    /// published it did not partition by its id. Bisect, and dead-letter what is left.
    #[error(
        "trace {trace_id} does not belong to {placement}: its record is in the wrong partition"
    )]
    Misplaced {
        /// Which trace.
        trace_id: model::TraceId,
        /// The store of the partition that it came by.
        placement: crate::Placement,
    },
    /// The schema or the rights are wrong. Pause and tell the operator; no data is at fault.
    #[error("the store needs an operator (SQLSTATE {sqlstate:?})")]
    Operator {
        /// SQLSTATE, if the server said one.
        sqlstate: Option<String>,
        /// The cause.
        source: sqlx::Error,
    },
    /// A stored row is not what this program writes.
    #[error("stored data is inconsistent: {table}.{column}: {what}")]
    Inconsistent {
        /// Table of the row.
        table: &'static str,
        /// Column of the value.
        column: &'static str,
        /// What is wrong with it.
        what: String,
    },
    /// A storage plug-in did not take all of it.
    #[error("the storage plug-in did not take the spans")]
    Plugin {
        /// What to do about it.
        remedy: Remedy,
        /// The cause.
        source: PluginError,
    },
}

/// Why a read failed.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The store is away, full, busy or failing over.
    #[error("the store is not available for now")]
    Unavailable(#[source] sqlx::Error),
    /// One of several stores is: what it holds is missing, and an answer without it would be wrong.
    #[error("{placement}, at {address}, is not available for now")]
    StoreUnavailable {
        /// Which of them.
        placement: crate::Placement,
        /// `host:port`.
        address: String,
        /// The cause.
        source: sqlx::Error,
    },
    /// The query ran into its time limit.
    #[error("the query took longer than it may")]
    Timeout,
    /// The search would have to read more than it may. A narrower one may be answered.
    #[error(
        "the search is too broad: it has read {segments} segments with {payload_bytes} bytes and \
         was not done"
    )]
    TooBroad {
        /// Segments that were read.
        segments: u64,
        /// Bytes of their payloads.
        payload_bytes: u64,
    },
    /// The page that is to follow another is none of this store.
    #[error("the page token is none of this store's: search anew")]
    NoSuchPage,
    /// The schema or the rights are wrong.
    #[error("the store needs an operator")]
    Operator(#[source] sqlx::Error),
    /// A stored row is not what this program writes.
    #[error("stored data is inconsistent: {table}.{column}: {what}")]
    Inconsistent {
        /// Table of the row.
        table: &'static str,
        /// Column of the value.
        column: &'static str,
        /// What is wrong with it.
        what: String,
    },
    /// This store cannot answer that, now or later.
    #[error("the store that is configured cannot do that: {0}")]
    Unsupported(&'static str),
    /// The answer would take more memory than one answer may.
    #[error("the answer is larger than {limit} bytes: ask for less")]
    TooLarge {
        /// The most there may be.
        limit: u64,
    },
    /// A storage plug-in is away, or busy.
    #[error("the storage plug-in is not available for now")]
    PluginAway(#[source] PluginError),
    /// A storage plug-in refuses to answer, or what it answers cannot be read.
    #[error("the storage plug-in does not answer as it should")]
    PluginFailed(#[source] PluginError),
}
