//! Every span that answers a query has the query's tokens, and nothing else decides.

use model::{
    AttributeLevel, AttributePredicate, SpanBatch, SpanKind, StatusCode, TimeRange, Trace,
    canonical_string,
};
use proptest::prelude::*;

use super::*;
use crate::test_traces;

fn tokens_of(tenant: &str, batch: &SpanBatch<'_>) -> Vec<u32> {
    let spans: Vec<u32> = (0..batch.spans.len() as u32).collect();
    let mut tokens = Vec::new();
    of_segment(tenant, batch, &spans, &mut tokens);
    tokens
}

fn query(predicates: Vec<SpanPredicate>) -> TraceQuery {
    TraceQuery {
        predicates,
        start: TimeRange::ALL,
        duration_min: None,
        duration_max: None,
        limit: 20,
    }
}

fn holds(tokens: &[u32], query: &TokenQuery) -> bool {
    let has = |token: &u32| tokens.binary_search(token).is_ok();
    query.clauses.iter().all(|clause| clause.iter().any(has))
}

/// Queries for everything that a trace's spans have.
fn questions(trace: &Trace) -> Vec<TraceQuery> {
    let mut questions = vec![query(vec![])];
    let attribute = |attribute: &model::KeyValue, level| {
        SpanPredicate::Attribute(AttributePredicate {
            key: attribute.key.clone(),
            value: canonical_string(&attribute.value).into_owned(),
            level,
        })
    };
    for (resource, scope, span) in trace.spans() {
        let service = SpanPredicate::Service(resource.service_name().to_owned());
        let mut predicates = vec![
            service,
            SpanPredicate::Kind(span.kind),
            SpanPredicate::Status(span.status),
            SpanPredicate::IsError(span.status == StatusCode::Error),
            SpanPredicate::ScopeName(scope.name.clone()),
            SpanPredicate::ScopeVersion(scope.version.clone()),
        ];
        let events = span.events.iter().flat_map(|event| &event.attributes);
        let links = span.links.iter().flat_map(|link| &link.attributes);
        let own = span.attributes.iter().chain(&scope.attributes);
        let all = own.chain(events).chain(links);
        predicates.extend(all.map(|a| attribute(a, AttributeLevel::Any)));
        let of_resource = resource.attributes.iter();
        predicates.extend(of_resource.map(|a| attribute(a, AttributeLevel::Resource)));
        questions.push(TraceQuery {
            duration_min: Some(span.duration()),
            duration_max: Some(span.duration()),
            ..query(predicates)
        });
    }
    questions
}

proptest! {
    #[test]
    fn a_span_has_the_tokens_of_every_query_that_it_answers(trace in test_traces::trace(1_000)) {

        let batch = SpanBatch::of_trace(&trace);
        let tokens = tokens_of("acme", &batch);
        for question in questions(&trace) {
            let wanted = TokenQuery::of("acme", &question).expect("can be answered");
            prop_assert!(holds(&tokens, &wanted), "{question:?}");
        }
    }

    #[test]
    fn a_duration_in_the_range_has_a_token_of_the_range(a in any::<u64>(), b in any::<u64>(), c in any::<u64>(), shift in 0u32..64) {
        let mut sorted = [a >> shift, b >> shift, c >> shift];
        sorted.sort_unstable();
        let hasher = Hasher::new("acme");
        let mut asked = query(vec![]);
        asked.duration_min = Some(sorted[0]);
        asked.duration_max = Some(sorted[2]);
        if let Some(tokens) = of_durations(&hasher, &asked).expect("a range") {
            let token = hasher.token(TokenKind::Duration, &[duration_bucket(sorted[1])]);
            prop_assert!(tokens.contains(&token));
        }
    }

    #[test]
    fn an_integer_is_hashed_as_its_canonical_string(number in any::<i64>()) {
        with_decimal(number, |text| assert_eq!(text, number.to_string().as_bytes()));
    }
}

#[test]
fn tenants_share_no_tokens() {
    let asked = query(vec![SpanPredicate::Service("cart".into())]);
    assert_ne!(
        TokenQuery::of("acme", &asked),
        TokenQuery::of("other", &asked)
    );
    assert_ne!(
        TokenQuery::of("acme", &query(vec![])),
        TokenQuery::of("other", &query(vec![]))
    );
}

#[test]
fn what_no_span_answers_needs_no_look_up() {
    assert_eq!(
        TokenQuery::of("acme", &query(vec![SpanPredicate::Never])),
        None
    );
    let mut impossible = query(vec![]);
    impossible.duration_min = Some(2);
    impossible.duration_max = Some(1);
    assert_eq!(TokenQuery::of("acme", &impossible), None);
}

#[test]
fn stored_tokens_never_change() {
    let asked = query(vec![
        SpanPredicate::Service("cart".into()),
        SpanPredicate::Operation("GET /".into()),
        SpanPredicate::Kind(SpanKind::Server),
        SpanPredicate::from_tag("http.route", "/cart"),
    ]);
    let tokens = TokenQuery::of("default", &asked).expect("can be answered");
    assert_eq!(
        format!("{:x?}", tokens.tokens()),
        "[1d3c4bcd, 28305130, 3690bb39, d528d08b, d9c774b5]"
    );
}
