//! Conditions on the spans of a trace. A condition on attributes holds if any span or any resource
//! of the trace meets it; one that is inverted, if none does.

use std::collections::HashSet;

use model::{SpanBatch, SpanRef, StatusCode, ValueRef};
use regex::RegexSet;
use storage::TraceSpans;

const NANOS_PER_MILLI: u64 = 1_000_000;

/// What must be true of a trace.
#[derive(Debug, Clone)]
pub(super) enum Content {
    Always,
    /// From the earliest start to the latest end, in whole milliseconds: at least the threshold;
    /// with an upper one, above the former and up to the latter.
    Latency {
        threshold_ms: u64,
        upper_ms: Option<u64>,
    },
    StatusCode(Vec<StatusCode>),
    Numeric {
        key: String,
        min: f64,
        max: f64,
        inverted: bool,
    },
    Text {
        key: String,
        texts: Texts,
        inverted: bool,
    },
    Boolean {
        key: String,
        value: bool,
        inverted: bool,
    },
    /// A span of one of these services.
    Service {
        texts: Texts,
        inverted: bool,
    },
    SpanCount {
        min: u64,
        max: u64,
    },
    /// A member of the W3C trace state of any span.
    TraceState {
        key: String,
        values: HashSet<String>,
    },
}

/// Which texts are meant.
#[derive(Debug, Clone)]
pub(super) enum Texts {
    Exactly(HashSet<String>),
    /// Regular expressions that match somewhere in the text.
    Matching(RegexSet),
}

impl Texts {
    fn mean(&self, text: &str) -> bool {
        match self {
            Self::Exactly(texts) => texts.contains(text),
            Self::Matching(patterns) => patterns.is_match(text),
        }
    }
}

impl Content {
    /// Whether a trace of so many different spans is so.
    pub(super) fn is_met(&self, trace: &TraceSpans<'_, '_>, count: u64) -> bool {
        match self {
            Self::Always => true,
            Self::Latency {
                threshold_ms,
                upper_ms,
            } => {
                let lasted = duration(trace) / NANOS_PER_MILLI;
                match upper_ms {
                    None => lasted >= *threshold_ms,
                    Some(upper) => *threshold_ms < lasted && lasted <= *upper,
                }
            }
            Self::StatusCode(codes) => spans(trace).any(|span| codes.contains(&span.status)),
            Self::Numeric {
                key,
                min,
                max,
                inverted,
            } => any_attribute(trace, key, |value| within(value, *min, *max)) != *inverted,
            Self::Text {
                key,
                texts,
                inverted,
            } => {
                let is_meant = |value: &ValueRef<'_>| match value {
                    // The empty text is no text, as in OpenTelemetry's processor.
                    ValueRef::String(text) => !text.is_empty() && texts.mean(text),
                    _ => false,
                };
                any_attribute(trace, key, is_meant) != *inverted
            }
            Self::Boolean {
                key,
                value,
                inverted,
            } => {
                let is_so = |found: &ValueRef<'_>| *found == ValueRef::Bool(*value);
                any_attribute(trace, key, is_so) != *inverted
            }
            Self::Service { texts, inverted } => {
                let batch = trace.batch;
                let mut services =
                    spans(trace).map(|span| batch.service_name(batch.resource(span)));
                services.any(|service| texts.mean(service)) != *inverted
            }
            Self::SpanCount { min, max } => (*min..=*max).contains(&count),
            Self::TraceState { key, values } => {
                spans(trace).any(|span| has_member(span.trace_state, key, values))
            }
        }
    }
}

fn spans<'t, 'b, 'a>(trace: &'t TraceSpans<'b, 'a>) -> impl Iterator<Item = &'b SpanRef<'a>> + 't {
    let batch: &'b SpanBatch<'a> = trace.batch;
    trace.spans.iter().map(|at| &batch.spans[*at as usize])
}

fn duration(trace: &TraceSpans<'_, '_>) -> u64 {
    let start = spans(trace).map(|span| span.start).min();
    let end = spans(trace).map(|span| span.end).max();
    end.unwrap_or_default()
        .saturating_sub(start.unwrap_or_default())
}

fn within(value: &ValueRef<'_>, min: f64, max: f64) -> bool {
    let number = match value {
        ValueRef::Int(number) => *number as f64,
        ValueRef::Double(number) => *number,
        _ => return false,
    };
    (min..=max).contains(&number)
}

/// Whether a span, or the resource of one, has such an attribute.
fn any_attribute(
    trace: &TraceSpans<'_, '_>,
    key: &str,
    is_meant: impl Fn(&ValueRef<'_>) -> bool,
) -> bool {
    let batch = trace.batch;
    let mut looked_at = None;
    spans(trace).any(|span| {
        let resource = batch.scope(span).resource;
        let again = looked_at.replace(resource) == Some(resource);
        let of_resource = batch.resource(span).attributes;
        let lists = [span.attributes, of_resource];
        let lists = &lists[..if again { 1 } else { 2 }];
        let mut found = lists.iter().filter_map(|list| batch.attribute(*list, key));
        found.any(&is_meant)
    })
}

/// Whether a trace state has the key with one of the values.
fn has_member(trace_state: &str, key: &str, values: &HashSet<String>) -> bool {
    let members = trace_state
        .split(',')
        .filter_map(|one| one.trim().split_once('='));
    let mut of_key = members.filter(|(name, _)| *name == key);
    of_key.any(|(_, value)| values.contains(value))
}
