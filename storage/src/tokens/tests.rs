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
        Plan::Token(token) | Plan::Pair(token) => tokens.binary_search(token).is_ok(),
        Plan::All(plans) => plans.iter().all(|plan| holds(tokens, plan)),
        Plan::Any(plans) => plans.iter().any(|plan| holds(tokens, plan)),
    }
}

const SETS: [TokenSet; 2] = [TokenSet::Single, TokenSet::Paired];

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
            for set in SETS {
                prop_assert!(holds(&tokens, wanted.plan(set)), "{set:?} {question:?}");
            }
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
                for set in SETS {
                    prop_assert!(holds(&tokens, plan.plan(set)), "{set:?} {plan:?}");
                }
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
        let asked = TokenQuery::of("acme", &asked).expect("a range");
        let tokens = asked.plan(TokenSet::WRITTEN).tokens();
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

/// What of a service is asked together with it.
fn beside_a_service() -> Vec<SpanPredicate> {
    vec![
        SpanPredicate::Service("cart".into()),
        SpanPredicate::IsError(true),
        SpanPredicate::from_tag("http.request.method", "GET"),
        SpanPredicate::from_tag("http.route", "/cart/items"),
    ]
}

#[test]
fn stored_tokens_never_change() {
    let of = |predicates, set| {
        let asked = TokenQuery::of("default", &query(predicates)).expect("can be answered");
        format!("{:x?}", asked.plan(set).tokens())
    };
    let named = || {
        let name = SpanPredicate::Operation("GET /".into());
        vec![SpanPredicate::Service("cart".into()), name]
    };
    let mut single = beside_a_service();
    single.push(SpanPredicate::Kind(SpanKind::Server));
    assert_eq!(
        of(single, TokenSet::Single),
        "[28305130, 3435e775, 3690bb39, 4c9b3ad6, f9915d67]"
    );
    assert_eq!(
        of(beside_a_service(), TokenSet::Paired),
        "[4c9b3ad6, 5cc59ed9, 82f2beb7]"
    );
    assert_eq!(of(named(), TokenSet::Single), "[d528d08b]");
}

#[test]
fn values_are_asked_beside_their_service_where_they_have_a_token_there() {
    let asked = TokenQuery::of("acme", &query(beside_a_service())).expect("a plan");
    let Plan::All(plans) = asked.plan(TokenSet::Paired) else {
        panic!("{asked:?}");
    };
    // The error and the method; the route is long; the service is said by what is beside it.
    let pairs = plans.iter().filter(|plan| matches!(plan, Plan::Pair(_)));
    assert_eq!((pairs.count(), plans.len()), (2, 3));
}

#[test]
fn runs_that_have_single_tokens_are_asked_for_each_alone() {
    let alone = beside_a_service().into_iter().map(|predicate| {
        let asked = TokenQuery::of("acme", &query(vec![predicate])).expect("a plan");
        asked.plan(TokenSet::Single).clone()
    });
    let mut alone: Vec<Plan> = alone.collect();
    alone.sort_unstable();
    let together = TokenQuery::of("acme", &query(beside_a_service())).expect("a plan");
    assert_eq!(together.plan(TokenSet::Single), &Plan::All(alone));
}

#[test]
fn alternatives_that_leave_the_service_open_keep_its_token() {
    let service = Filter::equal(Subject::Field(Field::Service), Constant::untyped("cart"));
    let key = Filter::Exists(attribute("a"));
    let value = Filter::equal(attribute("a"), Constant::untyped("1"));
    let either = Filter::Any(vec![value, key]);
    let asked = plan_of(Filter::All(vec![service.clone(), either])).expect("a plan");
    let service = plan_of(service).expect("a plan");
    let tokens = asked.plan(TokenSet::Paired).tokens();
    assert!(tokens.contains(&service.plan(TokenSet::Paired).tokens()[0]));
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
        let asked = TokenQuery::of("acme", &query(vec![tag])).expect("a plan");
        asked.plan(TokenSet::WRITTEN).clone()
    };
    let sorted = |mut plans: Vec<Plan>| {
        plans.sort_unstable();
        plans
    };
    let both = plan_of(Filter::All(vec![equal("a", "1"), equal("b", "2")]));
    let expected = Plan::All(sorted(vec![token("a", "1"), token("b", "2")]));
    let both = both.expect("a plan");
    assert_eq!(both.plan(TokenSet::WRITTEN), &expected);
    let either = plan_of(Filter::Any(vec![equal("a", "1"), equal("b", "2")]));
    let expected = Plan::Any(sorted(vec![token("a", "1"), token("b", "2")]));
    let either = either.expect("a plan");
    assert_eq!(either.plan(TokenSet::WRITTEN), &expected);
}

#[test]
fn what_has_no_token_of_its_value_is_narrowed_by_its_key() {
    let key = plan_of(Filter::Exists(attribute("a"))).expect("a plan");
    assert!(matches!(key.plan(TokenSet::WRITTEN), Plan::Token(_)));
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
