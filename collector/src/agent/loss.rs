//! Why spans that the agent had taken are never delivered.

use std::fmt;

/// A reason: label of metric and log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Loss {
    /// A collector says that it will never take them.
    Refused,
    /// The queue on disk is full. What came over UDP; OTLP clients are told to retry.
    QueueFull,
    /// The queue on disk cannot be written. What came over UDP; OTLP clients are told to retry.
    QueueFailed,
    /// The agent was stopped before a collector took them.
    Stopped,
}

impl Loss {
    pub(super) const ALL: &'static [Self] = &[
        Self::Refused,
        Self::QueueFull,
        Self::QueueFailed,
        Self::Stopped,
    ];

    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Refused => "refused",
            Self::QueueFull => "queue_full",
            Self::QueueFailed => "queue_failed",
            Self::Stopped => "stopped",
        }
    }
}

impl fmt::Display for Loss {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.as_str())
    }
}
