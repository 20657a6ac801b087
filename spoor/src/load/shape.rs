//! What traffic is like beside that of one shop as it is: to see what a span costs by it.

use clap::Args;
use serde::{Deserialize, Serialize};

/// Traces of one window.
const TRACES_PER_WINDOW: u64 = 40;
/// Spans of a window whose traces are of one size.
const WINDOW_OF_LARGE: u64 = 10_000;

/// What traffic is like that is not that of one shop as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Args)]
pub struct Shape {
    /// So many shops, each with services of its own: 40 services and some 400 operations each.
    #[arg(long, default_value_t = 1, value_name = "NUMBER")]
    pub shops: u64,
    /// Every trace has so many spans, instead of sizes with a long tail.
    #[arg(long, value_name = "SPANS")]
    pub trace_spans: Option<usize>,
    /// Further attributes of each span, with values that no other span has.
    #[arg(long, default_value_t = 0, value_name = "NUMBER")]
    pub unique_attributes: u32,
}

impl Default for Shape {
    fn default() -> Self {
        Self {
            shops: 1,
            trace_spans: None,
            unique_attributes: 0,
        }
    }
}

impl Shape {
    /// Traces of one window, fewer if they are large.
    pub fn traces_per_window(&self) -> u64 {
        let large = self
            .trace_spans
            .map(|spans| WINDOW_OF_LARGE / spans.max(1) as u64);
        large.map_or(TRACES_PER_WINDOW, |traces| {
            traces.clamp(1, TRACES_PER_WINDOW)
        })
    }
}
