//! Every span that answers a query has the query's tokens, and nothing else decides.

use model::filter::{Comparison, Constant, Field, Filter, Level, Pattern, Relation, Subject, Test};
use model::{
    AttributeLevel, AttributePredicate, SpanBatch, SpanKind, SpanPredicate, StatusCode, Trace,
    TraceQuery, canonical_string,
};
use proptest::prelude::*;

use super::*;
use crate::{test_filters, test_traces};

fn tokens_of(tenant: &str, batch: &SpanBatch<'_>) -> Vec<u32> {
    let spans: Vec<u32> = (0..batch.spans.len() as u32).collect();
    let mut tokens = Vec::new();
    of_segment(tenant, batch, &spans, &mut String::new(), &mut tokens);
    tokens
}

fn query(predicates: Vec<SpanPredicate>) -> TraceQuery {
    TraceQuery {
        predicates,
        ..TraceQuery::any(20)
    }
}

fn holds(tokens: &[u32], plan: &Plan) -> bool {
    match plan {
        Plan::Token(token) => tokens.binary_search(token).is_ok(),
        Plan::All(plans) => plans.iter().all(|plan| holds(tokens, plan)),
        Plan::Any(plans) => plans.iter().any(|plan| holds(tokens, plan)),
    }
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
            prop_assert!(holds(&tokens, &wanted.plan), "{question:?}");
        }
    }

    #[test]
    fn a_span_that_answers_a_filter_has_the_tokens_of_its_plan(
        trace in test_traces::trace(1_000),
        filter in test_filters::filter(1_000),
    ) {
        let batch = SpanBatch::of_trace(&trace);
        let asked = query(vec![SpanPredicate::Filter(filter)]);
        let plan = TokenQuery::of("acme", &asked);
        for index in 0..batch.spans.len() as u32 {
            if asked.matches(&batch, &batch.spans[index as usize]) {
                let mut tokens = Vec::new();
                of_segment("acme", &batch, &[index], &mut String::new(), &mut tokens);
                let plan = plan.as_ref().expect("a span answers");
                prop_assert!(holds(&tokens, &plan.plan), "{plan:?}");
            }
        }
    }

    #[test]
    fn a_duration_in_the_range_has_a_token_of_the_range(a in any::<u64>(), b in any::<u64>(), c in any::<u64>(), shift in 0u32..64) {
        let mut sorted = [a >> shift, b >> shift, c >> shift];
        sorted.sort_unstable();
        let mut asked = query(vec![]);
        asked.duration_min = Some(sorted[0]);
        asked.duration_max = Some(sorted[2]);
        let hasher = Hasher::new("acme");
        let everything = hasher.token(TokenKind::Tenant, b"");
        let bucket = hasher.token(TokenKind::Duration, &[duration_bucket(sorted[1])]);
        let tokens = TokenQuery::of("acme", &asked).expect("a range").tokens();
        prop_assert!(tokens.contains(&bucket) || tokens == [everything]);
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

/// What a filter is narrowed by.
fn plan_of(filter: Filter) -> Option<TokenQuery> {
    TokenQuery::of("acme", &query(vec![SpanPredicate::Filter(filter)]))
}

fn attribute(key: &str) -> Subject {
    Subject::attribute(key, Level::SpanOrResource)
}

fn compare(subject: Subject, test: Test, negated: bool) -> Filter {
    Filter::Compare(Comparison {
        subject,
        test,
        negated,
    })
}

#[test]
fn equalities_are_looked_up_together_and_alternatives_apart() {
    let equal = |key: &str, value: &str| Filter::equal(attribute(key), Constant::untyped(value));
    let token = |key, value| {
        let tag = SpanPredicate::from_tag(key, value);
        TokenQuery::of("acme", &query(vec![tag]))
            .expect("a plan")
            .plan
    };
    let sorted = |mut plans: Vec<Plan>| {
        plans.sort_unstable();
        plans
    };
    let both = plan_of(Filter::All(vec![equal("a", "1"), equal("b", "2")]));
    let expected = Plan::All(sorted(vec![token("a", "1"), token("b", "2")]));
    assert_eq!(both.expect("a plan").plan, expected);
    let either = plan_of(Filter::Any(vec![equal("a", "1"), equal("b", "2")]));
    let expected = Plan::Any(sorted(vec![token("a", "1"), token("b", "2")]));
    assert_eq!(either.expect("a plan").plan, expected);
}

#[test]
fn what_has_no_token_of_its_value_is_narrowed_by_its_key() {
    let key = plan_of(Filter::Exists(attribute("a"))).expect("a plan");
    assert!(matches!(key.plan, Plan::Token(_)));
    let constant = || Constant::untyped("1");
    let pattern = Pattern::regex("^x").expect("a pattern");
    for filter in [
        Filter::is(attribute("a"), Relation::Greater, constant()),
        compare(attribute("a"), Test::Is(Relation::Equal, constant()), true),
        compare(attribute("a"), Test::Matches(pattern), false),
    ] {
        assert_eq!(plan_of(filter), Some(key.clone()));
    }
}

#[test]
fn what_needs_no_key_is_narrowed_by_nothing() {
    let everything = TokenQuery::of("acme", &query(vec![]));
    let equal = Filter::equal(attribute("a"), Constant::untyped("1"));
    assert_eq!(plan_of(Filter::Not(Box::new(equal.clone()))), everything);
    let name = Filter::Exists(Subject::Field(Field::EventName));
    assert_eq!(plan_of(Filter::Any(vec![equal, name])), everything);
    assert_eq!(plan_of(Filter::All(vec![])), everything);
    assert_eq!(plan_of(Filter::Any(vec![])), None);
}

#[test]
fn not_to_have_one_status_is_to_have_another() {
    let error = || {
        let constant = Constant::Text("error".to_owned());
        Test::Is(Relation::Equal, constant)
    };
    let status = Subject::Field(Field::Status);
    let fine = TokenQuery::of("acme", &query(vec![SpanPredicate::IsError(false)]));
    assert_eq!(plan_of(compare(status.clone(), error(), true)), fine);
    let failed = compare(status, error(), false);
    assert_eq!(plan_of(Filter::Not(Box::new(failed))), fine);
}

#[test]
fn a_condition_of_too_many_tokens_narrows_nothing() {
    let many = (0..300).map(|n| Constant::untyped(n.to_string())).collect();
    let filter = compare(attribute("a"), Test::IsOneOf(many), false);
    assert_eq!(plan_of(filter), TokenQuery::of("acme", &query(vec![])));
}
