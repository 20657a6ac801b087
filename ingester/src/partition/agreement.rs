//! When the store last agreed on where a partition stands, and for how long that is believed.

use std::time::Duration;

use crate::Moment;

/// How long a partition that has nothing to write takes it for granted that the store is where it
/// was: a standby that lagged may have become the store, and nobody says so.
const BELIEVED_FOR: Duration = Duration::from_secs(30);

/// That owner, revision and position are those of the store.
#[derive(Debug, Default)]
pub(super) struct Agreement {
    reached_at: Option<Moment>,
}

impl Agreement {
    /// The claim was one; it counts from the first look on.
    pub(super) fn begin(&mut self, now: Moment) {
        self.reached_at.get_or_insert(now);
    }

    /// The store has compared, and committed.
    pub(super) fn renew(&mut self, now: Moment) {
        self.reached_at = Some(now);
    }

    /// When it is to be renewed, be it by a write of nothing.
    pub(super) fn ends_at(&self) -> Option<Moment> {
        Some(self.reached_at? + BELIEVED_FOR)
    }
}
