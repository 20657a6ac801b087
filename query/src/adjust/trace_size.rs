//! Bounds what one trace can cost its readers.

use model::Trace;

/// Keeps the first `most` spans (all when 0). Returns the warning for the first span if any was
/// left out.
pub(super) fn truncate(trace: &mut Trace, most: usize) -> Option<String> {
    if most == 0 || trace.span_count() <= most {
        return None;
    }
    let mut room = most;
    for of_resource in &mut trace.resources {
        for of_scope in &mut of_resource.scopes {
            of_scope.spans.truncate(room);
            room -= of_scope.spans.len();
        }
        of_resource.scopes.retain(|of| !of.spans.is_empty());
    }
    trace.resources.retain(|of| !of.scopes.is_empty());
    Some(format!(
        "trace has more than {most} spans, showing first {most} spans only"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::adjust::samples::{span, trace_of};

    #[test]
    fn a_trace_beyond_the_limit_keeps_its_first_spans_and_says_so() {
        let mut trace = trace_of([vec![span(1), span(2)], vec![span(3)], vec![span(4)]]);
        let warning = truncate(&mut trace, 3).expect("four spans are too many");
        assert_eq!(
            warning,
            "trace has more than 3 spans, showing first 3 spans only"
        );
        assert_eq!(trace, trace_of([vec![span(1), span(2)], vec![span(3)]]));
    }

    #[test]
    fn zero_is_no_limit() {
        let mut trace = trace_of([vec![span(1), span(2)]]);
        assert_eq!(truncate(&mut trace, 0), None);
        assert_eq!(trace.span_count(), 2);
    }
}
