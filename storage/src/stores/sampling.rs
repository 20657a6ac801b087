//! Adaptive sampling over several stores: one process calculates, at the home store, from the root
//! spans that each store has counted.

use super::Stores;
use crate::pool::Purpose;
use crate::{PostgresStore, ReadError, SamplingSeat};

impl Stores<PostgresStore> {
    /// Tries to become the one that calculates; `None` while another process is.
    ///
    /// # Errors
    /// If one of the stores does not answer: counts that are missing would look like less traffic.
    pub async fn take_sampling_seat(&self) -> Result<Option<SamplingSeat>, ReadError> {
        let Some(mut seat) = self.home().take_sampling_seat().await? else {
            return Ok(None);
        };
        for store in &self.all()[1..] {
            let session = store.servers.connect(Purpose::Maintain).await;
            seat.count_at(session.map_err(|error| store.blamed(error.into()))?);
        }
        Ok(Some(seat))
    }
}
