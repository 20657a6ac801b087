//! What a search asks for, and whether a span answers it.
//!
//! The semantics are those of Jaeger's in-memory store: one single span satisfies all predicates;
//! values are compared as strings; a key may match at any level.

use xxhash_rust::xxh3::xxh3_64;

use crate::filter::Filter;
use crate::ranking::{Page, TraceFacts, TraceOrder};
use crate::{Extent, SpanBatch, SpanKind, SpanRef, StatusCode, TimeRange};

/// Where an attribute is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AttributeLevel {
    /// On the span, its scope, its resource, any of its events or any of its links.
    Any,
    /// On the resource alone: Jaeger's prefix `resource.`.
    Resource,
}

/// One condition on a span beside its times.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SpanPredicate {
    /// The resource's service is this one.
    Service(String),
    /// The span's name is this one.
    Operation(String),
    /// The status is (or is not) an error: `error=true`, `error=false`.
    IsError(bool),
    /// The status is this one.
    Status(StatusCode),
    /// The kind is this one.
    Kind(SpanKind),
    /// The scope has this name.
    ScopeName(String),
    /// The scope has this version.
    ScopeVersion(String),
    /// An attribute has this canonical value.
    Attribute(AttributePredicate),
    /// An attribute of the span, its scope or its resource has this name, or an event of the span:
    /// Zipkin's bare annotation.
    Mentions(String),
    /// No span answers it: `error=maybe`.
    Never,
    /// A filter: any combination of conditions.
    Filter(Filter),
}

/// An attribute and the text its value must have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttributePredicate {
    /// The key.
    pub key: String,
    /// The value's canonical string.
    pub value: String,
    /// Where to look.
    pub level: AttributeLevel,
}

impl SpanPredicate {
    /// The predicate that Jaeger means by a tag `key=value`, its special keys included.
    pub fn from_tag(key: &str, value: &str) -> Self {
        match key {
            "error" => match value {
                "true" => Self::IsError(true),
                "false" => Self::IsError(false),
                _ => Self::Never,
            },
            "span.status" => Self::Status(StatusCode::parse(value).unwrap_or_default()),
            "span.kind" => Self::Kind(SpanKind::parse(value).unwrap_or_default()),
            "scope.name" => Self::ScopeName(value.to_owned()),
            "scope.version" => Self::ScopeVersion(value.to_owned()),
            _ => {
                let (key, level) = match key.strip_prefix("resource.") {
                    Some(key) => (key, AttributeLevel::Resource),
                    None => (key, AttributeLevel::Any),
                };
                Self::Attribute(AttributePredicate {
                    key: key.to_owned(),
                    value: value.to_owned(),
                    level,
                })
            }
        }
    }

    /// Whether the span answers the predicate.
    pub fn matches(&self, batch: &SpanBatch<'_>, span: &SpanRef<'_>) -> bool {
        match self {
            Self::Service(name) => batch.service_name(batch.resource(span)) == name,
            Self::Operation(name) => span.operation_name() == name,
            Self::IsError(error) => (span.status == StatusCode::Error) == *error,
            Self::Status(status) => span.status == *status,
            Self::Kind(kind) => span.kind == *kind,
            Self::ScopeName(name) => batch.scope(span).name == name,
            Self::ScopeVersion(version) => batch.scope(span).version == version,
            Self::Attribute(predicate) => predicate.matches(batch, span),
            Self::Mentions(name) => {
                let has = |extent| batch.attributes(extent).iter().any(|of| of.key == name);
                has(span.attributes)
                    || has(batch.scope(span).attributes)
                    || has(batch.resource(span).attributes)
                    || batch.events(span).iter().any(|event| event.name == name)
            }
            Self::Never => false,
            Self::Filter(filter) => filter.matches(batch, span),
        }
    }
}

impl AttributePredicate {
    fn matches(&self, batch: &SpanBatch<'_>, span: &SpanRef<'_>) -> bool {
        let on = |extent: Extent| self.is_among(batch, extent);
        match self.level {
            AttributeLevel::Resource => on(batch.resource(span).attributes),
            AttributeLevel::Any => {
                on(span.attributes)
                    || on(batch.scope(span).attributes)
                    || on(batch.resource(span).attributes)
                    || batch.events(span).iter().any(|event| on(event.attributes))
                    || batch.links(span).iter().any(|link| on(link.attributes))
            }
        }
    }

    fn is_among(&self, batch: &SpanBatch<'_>, extent: Extent) -> bool {
        let mut attributes = batch.attributes(extent).iter();
        attributes.any(|of| of.key == self.key && batch.has_text(&of.value, &self.value))
    }
}

/// A search for traces: those of which one single span satisfies every condition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TraceQuery {
    /// Conditions on the span, all of which must hold.
    pub predicates: Vec<SpanPredicate>,
    /// The span starts in this range.
    pub start: TimeRange,
    /// The span takes at least this many nanoseconds.
    pub duration_min: Option<u64>,
    /// The span takes at most this many nanoseconds.
    pub duration_max: Option<u64>,
    /// The whole trace takes at least this many nanoseconds.
    pub trace_duration_min: Option<u64>,
    /// The whole trace takes at most this many nanoseconds.
    pub trace_duration_max: Option<u64>,
    /// Which traces come first.
    pub order: TraceOrder,
    /// Which part of the answer is wanted.
    pub page: Page,
    /// Most traces to return.
    pub limit: usize,
}

impl TraceQuery {
    /// A search for any traces, the newest of them, at most `limit`.
    pub fn any(limit: usize) -> Self {
        Self {
            predicates: Vec::new(),
            start: TimeRange::ALL,
            duration_min: None,
            duration_max: None,
            trace_duration_min: None,
            trace_duration_max: None,
            order: TraceOrder::Newest,
            page: Page::Only,
            limit,
        }
    }

    /// Whether the span answers the query.
    pub fn matches(&self, batch: &SpanBatch<'_>, span: &SpanRef<'_>) -> bool {
        let duration = span.duration();
        self.start.contains(span.start)
            && self.duration_min.is_none_or(|least| duration >= least)
            && self.duration_max.is_none_or(|most| duration <= most)
            && self
                .predicates
                .iter()
                .all(|predicate| predicate.matches(batch, span))
    }

    /// Whether there are conditions on traces as a whole.
    pub fn bounds_traces(&self) -> bool {
        self.trace_duration_min.is_some() || self.trace_duration_max.is_some()
    }

    /// Whether a trace as a whole is one that is looked for.
    pub fn matches_trace(&self, facts: &TraceFacts) -> bool {
        let duration = facts.duration();
        self.trace_duration_min
            .is_none_or(|least| duration >= least)
            && self.trace_duration_max.is_none_or(|most| duration <= most)
    }

    /// What tells this query from others, whatever its time range and however its answer is cut
    /// into pages. It may change with the version of the program.
    pub fn fingerprint(&self) -> u64 {
        let asked = Self {
            start: TimeRange::ALL,
            page: Page::Only,
            limit: 0,
            ..self.clone()
        };
        xxh3_64(format!("{asked:?}").as_bytes())
    }
}
