//! What a list of traces shows of each, without its spans.

use std::collections::{BTreeMap, HashSet};

use model::{EMPTY_SPAN_NAME, Span, SpanId, StatusCode, Trace, TraceId, UnixNanos};
use storage::{Completeness, StoredTrace};

/// A trace in a few words and numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TraceSummary {
    /// Which trace.
    pub id: TraceId,
    /// Service and operation of the earliest span without a parent; empty without such a span.
    pub root: Option<Root>,
    /// Start of the earliest span.
    pub start: UnixNanos,
    /// End of the last span.
    pub end: UnixNanos,
    /// How many spans, failed spans and spans whose parent is missing there are.
    pub counts: SpanCounts,
    /// Spans whose parent is not in the trace.
    pub orphans: u64,
    /// The same by service, sorted by name.
    pub services: Vec<(String, SpanCounts)>,
    /// Why the trace is not whole; nothing if it is.
    pub incomplete: Vec<Incomplete>,
}

/// Why a trace is not whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Incomplete {
    /// Every span has a parent.
    NoRoot,
    /// The parents of some spans are not there.
    Orphans,
    /// It has more spans than are shown of one trace.
    Truncated,
    /// It was still growing when it was last written.
    StillOpen,
}

impl Incomplete {
    /// The name in answers.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NoRoot => "noRoot",
            Self::Orphans => "orphans",
            Self::Truncated => "truncated",
            Self::StillOpen => "stillOpen",
        }
    }
}

/// Summarises a trace, of which at most so many spans are shown (0 for all).
pub fn stored(stored: &StoredTrace, most: usize) -> TraceSummary {
    let mut summary = summary(&stored.trace);
    if most > 0 && summary.counts.spans > most as u64 {
        summary.incomplete.push(Incomplete::Truncated);
    }
    if stored.completeness == Completeness::StillOpen {
        summary.incomplete.push(Incomplete::StillOpen);
    }
    summary
}

/// Where a trace began.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Root {
    /// Its service.
    pub service: String,
    /// Its operation.
    pub operation: String,
}

/// Counts of spans.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SpanCounts {
    /// All.
    pub spans: u64,
    /// Those with status error.
    pub errors: u64,
}

impl SpanCounts {
    fn add(&mut self, span: &Span) {
        self.spans += 1;
        self.errors += u64::from(span.status == StatusCode::Error);
    }
}

/// Summarises a trace as it is stored.
pub fn summary(trace: &Trace) -> TraceSummary {
    let ids: HashSet<SpanId> = trace.spans().map(|(_, _, span)| span.span_id).collect();
    let mut root: Option<(UnixNanos, Root)> = None;
    let mut services: BTreeMap<&str, SpanCounts> = BTreeMap::new();
    let mut counts = SpanCounts::default();
    let (mut start, mut end, mut orphans) = (UnixNanos::MAX, 0, 0);
    for (resource, _, span) in trace.spans() {
        let service = resource.service_name();
        services.entry(service).or_default().add(span);
        counts.add(span);
        start = start.min(span.start);
        end = end.max(span.end);
        match span.parent_span_id {
            Some(parent) => orphans += u64::from(!ids.contains(&parent)),
            None if root
                .as_ref()
                .is_none_or(|(earliest, _)| span.start < *earliest) =>
            {
                root = Some((span.start, root_of(service, span)));
            }
            None => {}
        }
    }
    let reasons = [
        (root.is_none(), Incomplete::NoRoot),
        (orphans > 0, Incomplete::Orphans),
    ];
    let reasons = reasons.into_iter().filter(|(holds, _)| *holds);
    TraceSummary {
        id: trace.id,
        incomplete: reasons.map(|(_, reason)| reason).collect(),
        root: root.map(|(_, root)| root),
        start: start.min(end),
        end,
        counts,
        orphans,
        services: services
            .into_iter()
            .map(|(name, counts)| (name.to_owned(), counts))
            .collect(),
    }
}

fn root_of(service: &str, span: &Span) -> Root {
    let operation = if span.name.is_empty() {
        EMPTY_SPAN_NAME
    } else {
        &span.name
    };
    Root {
        service: service.to_owned(),
        operation: operation.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::adjust::samples::{child, of_resource, span, trace};

    #[test]
    fn a_summary_counts_spans_errors_and_orphans_by_service() {
        let failed = Span {
            status: StatusCode::Error,
            end: 9_000_000_000,
            ..child(2, 1)
        };
        let later_root = Span {
            start: 1_500_000_000,
            end: 1_600_000_000,
            ..span(3)
        };
        let found = summary(&trace(vec![
            of_resource(&[("service.name", "web")], vec![later_root, span(1)]),
            of_resource(&[("service.name", "db")], vec![failed, child(4, 99)]),
        ]));
        let root = Root {
            service: "web".into(),
            operation: "op".into(),
        };
        assert_eq!((found.root, found.orphans), (Some(root), 1));
        assert_eq!((found.start, found.end), (1_000_000_000, 9_000_000_000));
        assert_eq!(
            found.counts,
            SpanCounts {
                spans: 4,
                errors: 1
            }
        );
        let (db, web) = (
            SpanCounts {
                spans: 2,
                errors: 1,
            },
            SpanCounts {
                spans: 2,
                errors: 0,
            },
        );
        assert_eq!(
            found.services,
            [("db".to_owned(), db), ("web".to_owned(), web)]
        );
    }

    #[test]
    fn a_trace_that_is_not_whole_says_why() {
        let reasons = |spans: Vec<Span>, completeness, most| {
            let trace = trace(vec![of_resource(&[], spans)]);
            let stored_trace = StoredTrace {
                trace,
                completeness,
            };
            stored(&stored_trace, most).incomplete
        };
        let whole = || vec![span(1), child(2, 1)];
        assert_eq!(reasons(whole(), Completeness::Complete, 2), []);
        assert_eq!(reasons(whole(), Completeness::Unknown, 0), []);
        assert_eq!(
            reasons(whole(), Completeness::StillOpen, 1),
            [Incomplete::Truncated, Incomplete::StillOpen]
        );
        assert_eq!(
            reasons(vec![child(2, 1)], Completeness::NoRoot, 0),
            [Incomplete::NoRoot, Incomplete::Orphans]
        );
    }

    #[test]
    fn a_trace_without_a_root_has_no_root_names() {
        assert_eq!(
            summary(&trace(vec![of_resource(&[], vec![child(2, 1)])])).root,
            None
        );
    }
}
