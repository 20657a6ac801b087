//! Time as the pure core sees it.

use std::time::Duration;

/// A point on a monotonic clock, counted from an origin of the caller's choice.
///
/// The shell counts from its own start; a simulator counts from wherever it likes.
pub type Moment = Duration;
