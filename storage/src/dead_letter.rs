//! Records that can never be stored, kept for an operator to look at.

use sqlx::PgPool;

use crate::{DeadLetter, WriteError, metrics};

/// Keeps the records: all of them or none.
pub(crate) async fn keep(pool: &PgPool, letters: &[DeadLetter<'_>]) -> Result<(), WriteError> {
    let mut tx = pool.begin().await?;
    for letter in letters {
        sqlx::query(
            "INSERT INTO dead_letter (received_ns, tenant, reason, error, spans, record)
             VALUES ($1, $2, $3, $4, $5, $6)",
        )
        .bind(i64::try_from(letter.received_at).unwrap_or(i64::MAX))
        .bind(letter.tenant.as_str())
        .bind(letter.reason.as_str())
        // An error may repeat what it complains about.
        .bind(letter.error.replace('\0', "\u{fffd}"))
        .bind(i32::try_from(letter.spans).unwrap_or(i32::MAX))
        .bind(letter.record)
        .execute(&mut *tx)
        .await?;
    }
    tx.commit().await?;
    letters
        .iter()
        .for_each(|letter| metrics::dead_letter(letter.reason.as_str()));
    Ok(())
}
