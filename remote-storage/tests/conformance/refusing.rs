//! What a store does not do: refused, never answered otherwise.

use model::filter::{Filter, Level, Subject};
use model::{Page, SpanKind, SpanPredicate, TimeRange, TraceOrder, TraceQuery};
use storage::{Archived, AttributeQuery, ReadError, RedQuery, TraceReader, TraceWriter};

use crate::samples::{full, trace_id};
use crate::under::{Under, query};

/// Answered where it is declared, refused where it is not.
fn assert_as_declared<T: std::fmt::Debug>(what: &str, declared: bool, told: Result<T, ReadError>) {
    match (&told, declared) {
        (Ok(_), true) | (Err(ReadError::Unsupported(_)), false) => {}
        _ => panic!("{what}: declared {declared}, answered {told:?}"),
    }
}

pub async fn what_a_store_does_not_declare_it_refuses<R: TraceReader, W: TraceWriter>(
    under: &Under<'_, R, W>,
) {
    under.write(&[full()]).await;
    let (reader, tenant) = (under.reader, &under.tenant);
    let able = reader.capabilities();
    let exists = Filter::Exists(Subject::attribute("ok", Level::Span));
    let filtered = TraceQuery {
        predicates: vec![SpanPredicate::Filter(exists)],
        ..TraceQuery::any(9)
    };
    let longest = TraceQuery {
        order: TraceOrder::Longest,
        ..query("shop", [])
    };
    let page = TraceQuery {
        page: Page::First,
        ..query("shop", [])
    };
    let of_traces = TraceQuery {
        trace_duration_min: Some(1),
        ..query("shop", [])
    };
    assert_as_declared("filters", able.filters, under.try_search(&filtered).await);
    for (what, asked) in [("order", longest), ("page", page), ("whole", of_traces)] {
        assert_as_declared(what, able.orders_and_pages, under.try_search(&asked).await);
    }
    let attributes = AttributeQuery {
        predicates: Vec::new(),
        start: TimeRange::ALL,
        key: None,
        prefix: String::new(),
        limit: 9,
    };
    let told = reader.attributes(tenant, &attributes).await;
    assert_as_declared("attributes", able.attributes, told);
    let red = RedQuery {
        services: vec!["shop".to_owned()],
        kinds: vec![SpanKind::Server],
        by_operation: false,
        range: TimeRange::ALL,
    };
    assert_as_declared("red", able.red, reader.red(tenant, &red).await);
    let archived = reader.archive(tenant, trace_id()).await;
    assert!(
        !matches!(archived, Ok(Archived::Unsupported)),
        "{archived:?}"
    );
    assert_as_declared("archive", able.archive, archived);
}

pub async fn a_condition_that_no_span_can_meet_finds_nothing<R: TraceReader, W: TraceWriter>(
    under: &Under<'_, R, W>,
) {
    under.write(&[full()]).await;
    assert_eq!(under.with_tags("shop", &[("error", "perhaps")]).await, []);
}
