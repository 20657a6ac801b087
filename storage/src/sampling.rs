//! What adaptive sampling needs of the store: how many root spans were sampled of each operation,
//! what clients are told, and one process that calculates it.

mod seat;

use std::collections::BTreeMap;

use model::{Tenant, UnixNanos};
use sqlx::Row;

pub use seat::{Intervals, SamplingSeat};

use crate::{PostgresStore, ReadError};

/// An operation that traces begin with.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SampledOperation {
    /// Whose service it is.
    pub tenant: Tenant,
    /// The service of the root span.
    pub service: String,
    /// The name of the root span.
    pub operation: String,
}

/// What a root span tells of the sampler that let it through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum RootSampler {
    /// A probabilistic one: what it lets through says how much traffic there is.
    Probabilistic,
    /// Another one, such as a lower bound: which says nothing of the traffic.
    Other,
    /// Nothing is told, as by most of OpenTelemetry's SDKs.
    Untold,
}

impl RootSampler {
    /// The number in the column `sampler`.
    pub(crate) fn number(self) -> i16 {
        self as i16
    }

    fn of_number(number: i16) -> Self {
        match number {
            0 => Self::Probabilistic,
            1 => Self::Other,
            _ => Self::Untold,
        }
    }
}

/// Root spans that were sampled in the same way.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RootCount {
    /// By which sampler.
    pub sampler: RootSampler,
    /// The probability that the sampler went by; 0 when it is not told.
    pub probability: f64,
    /// How many.
    pub roots: u64,
}

/// The root spans that were received in one interval.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ThroughputBucket {
    /// Start of the interval.
    pub start: UnixNanos,
    /// By operation.
    pub operations: BTreeMap<SampledOperation, Vec<RootCount>>,
}

/// What is known of an operation, and what its clients are told.
#[derive(Debug, Clone, PartialEq)]
pub struct OperationProbability {
    /// The latest probabilities, newest first: the first one holds.
    pub handed_out: Vec<f64>,
    /// When the first one was calculated; 0: it has always been so.
    pub changed_at: UnixNanos,
    /// Root spans per second that this probability lets through, as estimated.
    pub roots_per_second: f64,
    /// Near enough to the target to be left alone.
    pub at_rest: bool,
    /// The service samples by what it is told.
    pub follows: bool,
}

/// What is known of all operations.
pub type OperationProbabilities = BTreeMap<SampledOperation, OperationProbability>;

/// A probability as it is stored.
pub(crate) fn billionths(probability: f64) -> i64 {
    (probability * 1e9).round() as i64
}

impl PostgresStore {
    /// What clients are told, as the last round left it, and when that was; `None` before the
    /// first round.
    ///
    /// # Errors
    /// If the store does not answer.
    pub async fn sampling_probabilities(
        &self,
    ) -> Result<Option<(UnixNanos, OperationProbabilities)>, ReadError> {
        let mut tx = self.read_pool.begin().await?;
        let round: Option<i64> = sqlx::query_scalar("SELECT calculated_ns FROM sampling_round")
            .fetch_optional(&mut *tx)
            .await?;
        let all = probabilities(&mut tx).await?;
        Ok(round.map(|at| (at as UnixNanos, all)))
    }
}

async fn probabilities(
    conn: &mut sqlx::PgConnection,
) -> Result<OperationProbabilities, sqlx::Error> {
    let rows = sqlx::query(
        "SELECT tenant, service, operation, changed_ns, roots_per_s, at_rest, follows, handed_out
         FROM sampling_probability",
    )
    .fetch_all(conn)
    .await?;
    rows.iter()
        .map(|row| {
            let state = OperationProbability {
                handed_out: row.try_get("handed_out")?,
                changed_at: row.try_get::<i64, _>("changed_ns")? as UnixNanos,
                roots_per_second: row.try_get("roots_per_s")?,
                at_rest: row.try_get("at_rest")?,
                follows: row.try_get("follows")?,
            };
            Ok((operation(row)?, state))
        })
        .collect()
}

fn operation(row: &sqlx::postgres::PgRow) -> Result<SampledOperation, sqlx::Error> {
    let tenant = Tenant::parse(row.try_get("tenant")?);
    Ok(SampledOperation {
        tenant: tenant.map_err(|error| sqlx::Error::Decode(Box::new(error)))?,
        service: row.try_get("service")?,
        operation: row.try_get("operation")?,
    })
}
