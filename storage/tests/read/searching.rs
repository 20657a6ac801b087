//! A search answers what a scan over every span would, before, during and after merges.

use model::{
    AttributeLevel, AttributePredicate, NANOS_PER_DAY, PageMark, SpanPredicate, StatusCode, Tenant,
    TimeRange, Trace, TraceQuery, canonical_string,
};
use proptest::prelude::*;
use proptest::sample::Index;
use sqlx::Connection;
use storage::{IndexConfig, ReadError, SearchLimits, StorageConfig, TraceReader};

use crate::arbitrary;
use crate::model_of_search::{Answer, Model, identities};
use crate::store::TestStore;

pub(crate) const NOON: u64 = 20_000 * NANOS_PER_DAY + NANOS_PER_DAY / 2;
const MIDNIGHT: u64 = 20_001 * NANOS_PER_DAY - 40_000_000_000;
pub(crate) const NOW: u64 = 20_002 * NANOS_PER_DAY;

/// Merges as soon as there are two runs, and drops what was merged at the next pass.
pub(crate) fn merging() -> StorageConfig {
    StorageConfig {
        index: IndexConfig {
            fan_in: 2,
            max_run_segments: 12,
            ..IndexConfig::default()
        },
        ..StorageConfig::default()
    }
}

pub(crate) fn query(predicates: Vec<SpanPredicate>, limit: usize) -> TraceQuery {
    TraceQuery {
        predicates,
        ..TraceQuery::any(limit)
    }
}

pub(crate) async fn answers(store: &TestStore, query: &TraceQuery) -> Vec<Answer> {
    page(store, query).await.0
}

/// The answers, and what the store says of the page.
pub(crate) async fn page(
    store: &TestStore,
    query: &TraceQuery,
) -> (Vec<Answer>, Option<PageMark>, Option<u64>) {
    let found = store.store.search(&Tenant::default(), query).await;
    let found = found.expect("searches");
    let answer = |stored: storage::StoredTrace| {
        let spans = identities(&stored.trace);
        let distinct: std::collections::BTreeSet<_> = spans.iter().copied().collect();
        assert_eq!(distinct.len(), spans.len(), "each span is there once");
        (stored.trace.id, distinct)
    };
    let answers = found.traces.into_iter().map(answer).collect();
    (answers, found.next, found.total)
}

pub(crate) async fn maintain(store: &TestStore, now: u64) {
    let mut session = store.session().await;
    sqlx::query("SET search_path = spoor")
        .execute(&mut session)
        .await
        .expect("a setting");
    let retention = store.store.maintain_once(&mut session, now);
    retention.await.expect("maintains");
    session.close().await.expect("closes");
}

/// How a query is drawn from the spans that were written.
#[derive(Debug, Clone)]
struct Question {
    span: Index,
    chosen: Vec<bool>,
    limit: usize,
    /// Nanoseconds around the span's start, if the range is limited.
    around: Option<(u64, u64)>,
    durations: (bool, bool),
    off: bool,
}

fn question() -> impl Strategy<Value = Question> {
    let around = prop::option::of((0u64..90_000_000_000, 0u64..90_000_000_000));
    let durations = (prop::bool::weighted(0.2), prop::bool::weighted(0.2));
    let chosen = prop::collection::vec(prop::bool::weighted(0.15), 16);
    let rest = (around, durations, prop::bool::weighted(0.1));
    (any::<Index>(), chosen, 1usize..6, rest).prop_map(
        |(span, chosen, limit, (around, durations, off))| Question {
            span,
            chosen,
            limit,
            around,
            durations,
            off,
        },
    )
}

impl Question {
    /// The query: some of what is true of the span, or with `off` something that may not be.
    fn of(&self, traces: &[Trace]) -> TraceQuery {
        let spans: Vec<_> = traces.iter().flat_map(Trace::spans).collect();
        if spans.is_empty() {
            return query(vec![], self.limit);
        }
        let (resource, scope, span) = spans[self.span.index(spans.len())];
        let attribute = |a: &model::KeyValue, level| {
            SpanPredicate::Attribute(AttributePredicate {
                key: a.key.clone(),
                value: canonical_string(&a.value).into_owned(),
                level,
            })
        };
        let operation = match span.name.as_str() {
            "" => model::EMPTY_SPAN_NAME,
            name => name,
        };
        let mut all = vec![
            SpanPredicate::Service(resource.service_name().to_owned()),
            SpanPredicate::Operation(operation.to_owned()),
            SpanPredicate::Kind(span.kind),
            SpanPredicate::Status(span.status),
            SpanPredicate::IsError((span.status == StatusCode::Error) != self.off),
            SpanPredicate::ScopeName(scope.name.clone()),
            SpanPredicate::ScopeVersion(scope.version.clone()),
        ];
        let mentioned = span.events.iter().map(|event| &event.name);
        let mentioned = mentioned.chain(resource.attributes.iter().map(|a| &a.key));
        all.extend(mentioned.map(|name| SpanPredicate::Mentions(name.clone())));
        let events = span.events.iter().flat_map(|event| &event.attributes);
        let own = span
            .attributes
            .iter()
            .chain(&scope.attributes)
            .chain(events);
        all.extend(own.map(|a| attribute(a, AttributeLevel::Any)));
        let of_resource = resource.attributes.iter();
        all.extend(of_resource.map(|a| attribute(a, AttributeLevel::Resource)));
        let chosen = all.into_iter().zip(self.chosen.iter().cycle());
        let predicates = chosen.filter(|(_, chosen)| **chosen).map(|(p, _)| p);
        TraceQuery {
            start: self
                .around
                .map_or(TimeRange::ALL, |(before, after)| TimeRange {
                    start: span.start - before,
                    end: span.start + after,
                }),
            duration_min: self.durations.0.then(|| span.duration()),
            duration_max: self.durations.1.then(|| span.duration()),
            ..query(predicates.collect(), self.limit)
        }
    }
}

pub(crate) fn trace() -> impl Strategy<Value = Trace> {
    prop::sample::select(vec![NOON, NOON + 60_000_000_000, MIDNIGHT])
        .prop_flat_map(arbitrary::trace)
}

/// A transaction, whether merges follow it, and what is asked then.
fn step() -> impl Strategy<Value = (Vec<Trace>, bool, Vec<Question>)> {
    let traces = prop::collection::vec(trace(), 1..4);
    (traces, any::<bool>(), prop::collection::vec(question(), 6))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 8, max_shrink_iters: 40, ..ProptestConfig::default() })]

    #[test]
    fn a_search_finds_what_a_scan_finds(steps in prop::collection::vec(step(), 1..7)) {
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        runtime.block_on(async {
            let store = TestStore::with(merging()).await;
            let mut model = Model::default();
            for (pass, (traces, merge, questions)) in (0u64..).zip(steps) {
                store.write(&traces).await;
                model.traces.extend(traces);
                if merge {
                    // An hour later: what the pass before has merged is dropped.
                    maintain(&store, NOW + pass * 3_600_000_000_000).await;
                }
                for question in questions {
                    let query = question.of(&model.traces);
                    assert_eq!(answers(&store, &query).await, model.search(&query), "{query:?}");
                }
            }
            store.store.close().await;
        });
    }
}

pub(crate) fn spans_of(trace: u16, count: u8, start: u64) -> Trace {
    let mut id = [7; 16];
    id[..2].copy_from_slice(&trace.to_be_bytes());
    let id = model::TraceId::new(id).expect("not zero");
    let span = |n: u8| {
        let span_id = model::SpanId::new([n + 1; 8]).expect("not zero");
        let start = start + u64::from(n);
        model::Span::new(id, span_id, "work", start, start + 1_000)
    };
    let scope = model::ScopeSpans {
        spans: (0..count).map(span).collect(),
        ..model::ScopeSpans::default()
    };
    Trace {
        id,
        resources: vec![model::ResourceSpans {
            scopes: vec![scope],
            ..model::ResourceSpans::default()
        }],
    }
}

#[tokio::test]
async fn a_search_that_has_its_answers_stops() {
    let limits = SearchLimits {
        max_segments: 150,
        ..SearchLimits::default()
    };
    let store = TestStore::with(StorageConfig {
        search: limits,
        ..merging()
    })
    .await;
    let traces: Vec<Trace> = (0..2_000)
        .map(|n| spans_of(n, 1, NOON + u64::from(n) * 1_000_000_000))
        .collect();
    store.write(&traces).await;
    let found = answers(&store, &query(vec![], 5)).await;
    let newest: Vec<_> = traces.iter().rev().take(5).map(|t| t.id).collect();
    assert_eq!(found.iter().map(|(id, _)| *id).collect::<Vec<_>>(), newest);
}

#[tokio::test]
async fn a_search_that_may_not_read_enough_fails_instead_of_answering_less() {
    let limits = SearchLimits {
        max_segments: 10,
        ..SearchLimits::default()
    };
    let store = TestStore::with(StorageConfig {
        search: limits,
        ..merging()
    })
    .await;
    let traces: Vec<Trace> = (0..30).map(|n| spans_of(n, 1, NOON)).collect();
    store.write(&traces).await;
    let (tenant, asked) = (Tenant::default(), query(vec![], 20));
    let found = store.store.search(&tenant, &asked).await;
    assert!(matches!(found, Err(ReadError::TooBroad { .. })));
}

#[tokio::test]
async fn what_looks_like_sql_is_plain_data_and_other_tenants_find_nothing() {
    let store = TestStore::with(merging()).await;
    let evil = "'; DROP TABLE spoor.segment; --";
    let mut trace = spans_of(1, 1, NOON);
    trace
        .spans_mut()
        .for_each(|span| span.name = evil.to_owned());
    store.write(std::slice::from_ref(&trace)).await;
    let asked = query(vec![SpanPredicate::Operation(evil.to_owned())], 5);
    assert_eq!(answers(&store, &asked).await.len(), 1);
    let other = Tenant::parse("other").expect("a tenant");
    for asked in [asked, query(vec![], 5)] {
        let found = store.store.search(&other, &asked).await;
        assert_eq!(found.expect("searches").traces, []);
    }
}

#[tokio::test]
async fn merges_under_way_change_no_answer() {
    let store = TestStore::with(merging()).await;
    let mut model = Model::default();
    let asked = query(vec![SpanPredicate::Operation("work".into())], 1_000);
    for round in 0..12u16 {
        let traces: Vec<Trace> = (0..3)
            .map(|n| spans_of(round * 3 + n, 2, NOON + u64::from(round)))
            .collect();
        store.write(&traces).await;
        model.traces.extend(traces);
        let now = NOW + u64::from(round) * 3_600_000_000_000;
        let (found, again, ()) = tokio::join!(
            answers(&store, &asked),
            answers(&store, &asked),
            maintain(&store, now)
        );
        let expected = model.search(&asked);
        assert_eq!((found, again), (expected.clone(), expected));
    }
}
