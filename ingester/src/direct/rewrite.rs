//! One record that was refused before, written by the same stages as any other.

use bytes::Bytes;
use model::RejectReason;
use storage::{TraceWriter, Written};

use super::group::{Piece, Refusal, write_run};
use crate::{KnownSchemas, metrics};

/// Why a record that was refused before is still not stored.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RewriteError {
    /// It is refused again.
    #[error("the record is refused again ({reason}): {error}")]
    Refused {
        /// Why.
        reason: RejectReason,
        /// The error in words.
        error: String,
    },
    /// The store is away, or needs an operator.
    #[error("the store did not commit: {reason}")]
    Unavailable {
        /// The failure in words.
        reason: String,
    },
}

/// Writes a record alone, and once.
///
/// # Errors
/// If it is refused again, or the store is not there.
pub async fn rewrite<W: TraceWriter>(
    record: Bytes,
    schemas: &KnownSchemas,
    writer: &W,
) -> Result<Written, RewriteError> {
    let run = [Piece { caller: 0, record }];
    match write_run(&run, schemas, writer).await {
        Ok(written) => {
            metrics::stored(&written);
            Ok(written)
        }
        Err(Refusal::Poison { reason, error, .. }) => Err(RewriteError::Refused { reason, error }),
        Err(Refusal::Failed { reason, .. }) => Err(RewriteError::Unavailable { reason }),
    }
}
