//! adjust: mends a trace before it is shown, in Jaeger's order.
//!
//! Each step is one pure function over the trace and the side table of warnings. Deep chains and
//! cycles of parents are walked without recursion.

mod trace_size;
mod duplicate_span_ids;
mod sort_collections;
mod dedupe_spans;
mod clock_skew;
mod ip_attributes;
mod library_attributes;
mod empty_links;
mod warnings;

use std::time::Duration;

use model::Trace;

pub use warnings::{WARNINGS_ATTRIBUTE, Warnings};

/// How traces are to be adjusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AdjustPlan {
    /// Most spans of a trace; 0 for all of them.
    pub max_trace_spans: usize,
    /// Largest clock skew that is corrected; zero corrects none.
    pub max_clock_skew: Duration,
}

impl AdjustPlan {
    /// Every span is shown where it was.
    pub const NONE: Self = Self {
        max_trace_spans: 0,
        max_clock_skew: Duration::ZERO,
    };
}

/// A trace to be rendered.
#[derive(Debug, Clone, PartialEq)]
pub struct Adjusted {
    /// The trace.
    pub trace: Trace,
    /// What there is to say about its spans.
    pub warnings: Warnings,
    /// Whether it is as it was stored.
    pub raw: bool,
    /// Whether only its first spans are there.
    pub truncated: bool,
}

/// Adjusts a trace, unless it is wanted raw; the limit on its size holds in any case.
pub fn standard(mut trace: Trace, raw: bool, plan: AdjustPlan) -> Adjusted {
    let mut warnings = Warnings::default();
    let cut = trace_size::truncate(&mut trace, plan.max_trace_spans);
    if !raw {
        duplicate_span_ids::adjust(&mut trace);
        sort_collections::adjust(&mut trace);
        dedupe_spans::adjust(&mut trace);
        clock_skew::adjust(&mut trace, plan.max_clock_skew, &mut warnings);
        ip_attributes::adjust(&mut trace);
        library_attributes::adjust(&mut trace, &mut warnings);
        empty_links::adjust(&trace, &mut warnings);
    }
    let truncated = cut.is_some();
    if let Some(words) = cut {
        warnings.add(0, words);
    }
    Adjusted {
        trace,
        warnings,
        raw,
        truncated,
    }
}

#[cfg(test)]
pub(crate) mod samples;
