//! What a store remembers of its place among the stores, so that it is never taken for another.

use sqlx::{PgConnection, PgPool};

use super::Placement;
use crate::SetupError;

/// Writes down the place of a store that has none yet.
pub(crate) async fn settle(
    conn: &mut PgConnection,
    placement: Placement,
    address: &str,
) -> Result<(), SetupError> {
    sqlx::query(
        "INSERT INTO placement (number, place, stores) VALUES (1, $1, $2)
         ON CONFLICT (number) DO NOTHING",
    )
    .bind(placement.place as i32)
    .bind(placement.stores as i32)
    .execute(&mut *conn)
    .await
    .map_err(|source| SetupError::Unreachable { source })?;
    let found = sqlx::query_as(READ).fetch_optional(conn).await;
    compare(found, placement, address)
}

/// Compares the place that is written down with the one that is configured.
pub(crate) async fn check(
    pool: &PgPool,
    placement: Placement,
    address: &str,
) -> Result<(), SetupError> {
    let found = sqlx::query_as(READ).fetch_optional(pool).await;
    compare(found, placement, address)
}

const READ: &str = "SELECT place, stores FROM placement";

fn compare(
    found: Result<Option<(i32, i32)>, sqlx::Error>,
    expected: Placement,
    address: &str,
) -> Result<(), SetupError> {
    let found = found.map_err(|source| SetupError::Unreachable { source })?;
    let Some((place, stores)) = found else {
        return Err(SetupError::Unplaced {
            address: address.to_owned(),
        });
    };
    let found = Placement {
        place: place.max(0) as usize,
        stores: stores.max(0) as usize,
    };
    if found == expected {
        return Ok(());
    }
    Err(SetupError::Misplaced {
        address: address.to_owned(),
        found,
        expected,
    })
}
