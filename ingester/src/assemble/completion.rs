//! When a trace is due to be written, and what the store is told about it.

use std::time::Duration;

use storage::Completeness;

use crate::Moment;

/// When a trace has been held long enough.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CompletionRules {
    /// How long a trace with its root must be quiet.
    pub idle_with_root: Duration,
    /// How long a trace without a root must be quiet.
    pub idle_without_root: Duration,
    /// Longest that any trace is held; zero: nothing is held back, and of no trace is known whether
    /// it is complete.
    pub hold_at_most: Duration,
    /// How long after its first record a trace is decided by tail sampling, if not by being quiet.
    pub decision_wait: Option<Duration>,
    /// Spans beyond which a trace is written, and goes on as a new one.
    pub max_held_spans: u32,
}

/// What the rules look at.
#[derive(Debug, Clone, Copy)]
pub(super) struct Activity {
    pub(super) first: Moment,
    pub(super) last: Moment,
    pub(super) root_seen: bool,
}

impl CompletionRules {
    /// When a trace is due if nothing more arrives for it.
    pub(super) fn due_at(&self, activity: Activity) -> Moment {
        if let Some(wait) = self.decision_wait {
            return activity.first + wait;
        }
        let quiet = activity.last + self.idle(activity.root_seen);
        quiet.min(activity.first + self.hold_at_most)
    }

    /// Why a trace is written, seen from the moment when it is taken.
    pub(super) fn completeness(&self, activity: Activity, now: Moment) -> Completeness {
        if self.hold_at_most.is_zero() && self.decision_wait.is_none() {
            return Completeness::Unknown;
        }
        let quiet = now.saturating_sub(activity.last) >= self.idle(activity.root_seen);
        match (quiet, activity.root_seen) {
            (true, true) => Completeness::Complete,
            (true, false) => Completeness::NoRoot,
            (false, _) => Completeness::StillOpen,
        }
    }

    fn idle(&self, root_seen: bool) -> Duration {
        if root_seen {
            self.idle_with_root
        } else {
            self.idle_without_root
        }
    }
}
