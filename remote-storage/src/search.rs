//! What is looked for, as the protocol asks it. Pure.
//!
//! Only what a plug-in understands as it is meant is asked: the rest is refused.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use model::{
    AttributeLevel, Page, SpanPredicate, StatusCode, TimeRange, TraceOrder, TraceQuery, UnixNanos,
};
use prost_types::{Duration, Timestamp};
use schemas::jaeger_storage::{self as wire, AnyValue, KeyValue, any_value};
use storage::ReadError;

const NANOS_PER_SECOND: u64 = 1_000_000_000;

/// Keys that mean something else than an attribute with that name.
const SPECIAL: [&str; 5] = [
    "error",
    "span.status",
    "span.kind",
    "scope.name",
    "scope.version",
];

/// The question for a query; nothing if no span can answer it.
pub(crate) fn question(
    query: &TraceQuery,
) -> Result<Option<wire::TraceQueryParameters>, ReadError> {
    if query.order != TraceOrder::Newest || query.page != Page::Only || query.bounds_traces() {
        return Err(ReadError::Unsupported(
            "orders other than the newest first, pages, and durations of whole traces",
        ));
    }
    if query.predicates.contains(&SpanPredicate::Never) || query.limit == 0 {
        return Ok(None);
    }
    let mut asked = Conditions::default();
    for predicate in &query.predicates {
        asked.add(predicate)?;
    }
    Ok(Some(wire::TraceQueryParameters {
        service_name: asked.service.unwrap_or_default(),
        operation_name: asked.operation.unwrap_or_default(),
        attributes: asked.attributes.into_iter().map(attribute).collect(),
        start_time_min: Some(timestamp(query.start.start)),
        start_time_max: Some(timestamp(query.start.end)),
        duration_min: query.duration_min.filter(|least| *least > 0).map(duration),
        duration_max: query.duration_max.map(duration),
        search_depth: i32::try_from(query.limit).unwrap_or(i32::MAX),
        filter: None,
    }))
}

/// The conditions of a query, each at most once: attributes are a map for plug-ins.
#[derive(Default)]
struct Conditions {
    service: Option<String>,
    operation: Option<String>,
    attributes: BTreeMap<String, String>,
}

impl Conditions {
    fn add(&mut self, predicate: &SpanPredicate) -> Result<(), ReadError> {
        match predicate {
            SpanPredicate::Service(name) => once(&mut self.service, name),
            SpanPredicate::Operation(name) => once(&mut self.operation, name),
            SpanPredicate::IsError(is) => self.tag("error", if *is { "true" } else { "false" }),
            SpanPredicate::Status(status) => self.tag("span.status", status_name(*status)),
            SpanPredicate::Kind(kind) => self.tag("span.kind", &kind.as_str().to_ascii_uppercase()),
            SpanPredicate::ScopeName(name) => self.tag("scope.name", name),
            SpanPredicate::ScopeVersion(version) => self.tag("scope.version", version),
            SpanPredicate::Attribute(of) if of.level == AttributeLevel::Resource => {
                self.tag(&format!("resource.{}", of.key), &of.value)
            }
            SpanPredicate::Attribute(of) if is_plain(&of.key) => self.tag(&of.key, &of.value),
            SpanPredicate::Attribute(_) => Err(ReadError::Unsupported(
                "attributes whose keys mean something else in searches",
            )),
            SpanPredicate::Mentions(_) => Err(ReadError::Unsupported(
                "annotations and keys without a value",
            )),
            SpanPredicate::Filter(_) => Err(ReadError::Unsupported("filters")),
            // Found before.
            SpanPredicate::Never => Ok(()),
        }
    }

    fn tag(&mut self, key: &str, value: &str) -> Result<(), ReadError> {
        match self.attributes.entry(key.to_owned()) {
            Entry::Vacant(free) => {
                free.insert(value.to_owned());
                Ok(())
            }
            Entry::Occupied(taken) if taken.get() == value => Ok(()),
            Entry::Occupied(_) => Err(TWICE),
        }
    }
}

const TWICE: ReadError = ReadError::Unsupported("two values for one condition");

fn once(place: &mut Option<String>, value: &str) -> Result<(), ReadError> {
    match place {
        Some(before) if before != value => Err(TWICE),
        _ => {
            *place = Some(value.to_owned());
            Ok(())
        }
    }
}

fn is_plain(key: &str) -> bool {
    !SPECIAL.contains(&key) && !key.starts_with("resource.")
}

fn status_name(status: StatusCode) -> &'static str {
    match status {
        StatusCode::Unset => "UNSET",
        StatusCode::Ok => "OK",
        StatusCode::Error => "ERROR",
    }
}

/// Values are texts, as Jaeger's UI sends them.
fn attribute((key, text): (String, String)) -> KeyValue {
    let value = Some(any_value::Value::StringValue(text));
    KeyValue {
        key,
        value: Some(AnyValue { value }),
    }
}

/// Plug-ins count in signed nanoseconds.
pub(crate) fn timestamp(at: UnixNanos) -> Timestamp {
    let at = at.min(TimeRange::ALL.end);
    Timestamp {
        seconds: (at / NANOS_PER_SECOND) as i64,
        nanos: (at % NANOS_PER_SECOND) as i32,
    }
}

fn duration(nanos: u64) -> Duration {
    let nanos = nanos.min(i64::MAX as u64);
    Duration {
        seconds: (nanos / NANOS_PER_SECOND) as i64,
        nanos: (nanos % NANOS_PER_SECOND) as i32,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asking(predicates: Vec<SpanPredicate>) -> TraceQuery {
        TraceQuery {
            predicates,
            ..TraceQuery::any(20)
        }
    }

    fn tags(query: &TraceQuery) -> Vec<(String, String)> {
        let asked = question(query).expect("it can be asked").expect("some may");
        let text = |of: KeyValue| match of.value.and_then(|value| value.value) {
            Some(any_value::Value::StringValue(text)) => (of.key, text),
            other => panic!("{other:?}"),
        };
        asked.attributes.into_iter().map(text).collect()
    }

    #[test]
    fn every_tag_goes_out_as_it_came_in() {
        for (key, value) in [
            ("http.status_code", "200"),
            ("resource.region", "eu"),
            ("error", "true"),
            ("error", "false"),
            ("span.status", "ERROR"),
            ("span.kind", "SERVER"),
            ("scope.name", "lib"),
            ("scope.version", "1"),
        ] {
            let query = asking(vec![SpanPredicate::from_tag(key, value)]);
            assert_eq!(tags(&query), [(key.to_owned(), value.to_owned())]);
        }
    }

    #[test]
    fn what_no_span_has_is_not_asked() {
        let never = asking(vec![SpanPredicate::from_tag("error", "perhaps")]);
        assert!(question(&never).expect("it can be answered").is_none());
    }

    #[test]
    fn what_the_protocol_cannot_ask_is_refused() {
        let two = |a: &str, b: &str| {
            asking(vec![
                SpanPredicate::from_tag("k", a),
                SpanPredicate::from_tag("k", b),
            ])
        };
        assert!(question(&two("1", "1")).is_ok());
        let refused = [
            two("1", "2"),
            asking(vec![SpanPredicate::Mentions("cs".to_owned())]),
            TraceQuery {
                order: TraceOrder::Longest,
                ..TraceQuery::any(20)
            },
            TraceQuery {
                page: Page::First,
                ..TraceQuery::any(20)
            },
            TraceQuery {
                trace_duration_min: Some(1),
                ..TraceQuery::any(20)
            },
        ];
        for query in refused {
            assert!(matches!(question(&query), Err(ReadError::Unsupported(_))));
        }
    }

    #[test]
    fn times_stay_within_what_plug_ins_count() {
        let asked = question(&asking(Vec::new())).expect("asked").expect("some");
        let end = asked.start_time_max.expect("always sent");
        assert_eq!((end.seconds, end.nanos), (9_223_372_036, 854_775_807));
    }
}
