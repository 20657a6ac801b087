//! Links that point nowhere.
//!
//! Jaeger removes them when it reads. Here ingest has removed them (a link without a valid id
//! cannot be stored) and marked the span; what is left is to say so in Jaeger's words.

use model::{Repair, Trace};

use super::Warnings;

/// Warns on every span that lost an invalid link.
pub(super) fn adjust(trace: &Trace, warnings: &mut Warnings) {
    for (position, (_, _, span)) in trace.spans().enumerate() {
        if span.repairs.contains(Repair::InvalidLinkDropped) {
            warnings.add(position, "Invalid span link removed");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::adjust::samples::{span, trace_of};

    #[test]
    fn a_span_that_lost_an_invalid_link_says_so() {
        let mut marked = span(2);
        marked.repairs.insert(Repair::InvalidLinkDropped);
        let mut warnings = Warnings::default();
        adjust(&trace_of([vec![span(1), marked]]), &mut warnings);
        assert_eq!(warnings.of(1), ["Invalid span link removed"]);
        assert!(warnings.of(0).is_empty());
    }
}
