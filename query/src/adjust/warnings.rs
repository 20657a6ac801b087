//! The side table of warnings: adjusters have no place for them in the trace itself.

use std::collections::BTreeMap;

/// The span attribute in which Jaeger stores warnings and hands them out in OTLP.
pub const WARNINGS_ATTRIBUTE: &str = "@jaeger@warnings";

/// Warnings by the position of their span in the order of [`model::Trace::spans`].
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Warnings(BTreeMap<usize, Vec<String>>);

impl Warnings {
    /// Adds a warning to the span at a position.
    pub fn add(&mut self, position: usize, words: impl Into<String>) {
        self.0.entry(position).or_default().push(words.into());
    }

    /// The warnings of the span at a position, in the order in which they were added.
    pub fn of(&self, position: usize) -> &[String] {
        self.0.get(&position).map_or(&[], Vec::as_slice)
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
