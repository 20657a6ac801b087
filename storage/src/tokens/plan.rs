//! From a query to the tokens that a segment must hold to have a span that answers it. Pure.
//!
//! A plan may name segments without an answer, never leave one out that has one. Equality has a
//! token, and so has the presence of a key; what is ordered, matched by a pattern or negated is
//! narrowed by the presence that it needs, and what needs none by nothing.

use model::filter::{Comparison, Constant, Field, Filter, Relation, Subject, Test};
use model::{SpanKind, SpanPredicate, StatusCode, TraceQuery};

use super::{Hasher, LONGEST, SHORTEST, Service, TokenKind, TokenSet, duration_bucket, is_paired};

/// Most tokens of a plan: beyond it a condition narrows nothing.
const MAX_TOKENS: usize = 256;

/// Tokens, combined.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Plan {
    /// This one.
    Token(u32),
    /// This one, of a value beside its service.
    Pair(u32),
    /// What all of these name, at least one.
    All(Vec<Plan>),
    /// What any of these names, at least one.
    Any(Vec<Plan>),
}

impl Plan {
    /// All tokens, each once.
    pub(crate) fn tokens(&self) -> Vec<u32> {
        let mut tokens = Vec::new();
        self.collect(&mut tokens);
        tokens.sort_unstable();
        tokens.dedup();
        tokens
    }

    fn collect(&self, tokens: &mut Vec<u32>) {
        match self {
            Self::Token(token) | Self::Pair(token) => tokens.push(*token),
            Self::All(plans) | Self::Any(plans) => {
                plans.iter().for_each(|plan| plan.collect(tokens));
            }
        }
    }

    fn size(&self) -> usize {
        match self {
            Self::Token(_) | Self::Pair(_) => 1,
            Self::All(plans) | Self::Any(plans) => plans.iter().map(Self::size).sum(),
        }
    }

    /// Whether what it names has a span of the service anyway.
    fn says_service(&self) -> bool {
        match self {
            Self::Token(_) => false,
            Self::Pair(_) => true,
            Self::All(plans) => plans.iter().any(Self::says_service),
            Self::Any(plans) => plans.iter().all(Self::says_service),
        }
    }
}

/// The tokens of a query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TokenQuery {
    single: Plan,
    paired: Plan,
}

impl TokenQuery {
    /// The tokens of a query; `None` if no span can answer it.
    pub(crate) fn of(tenant: &str, query: &TraceQuery) -> Option<Self> {
        let hasher = Hasher::new(tenant);
        let plan = |set| {
            let planner = Planner {
                hasher,
                set,
                service: None,
            };
            match planner.query(query) {
                Narrow::Nothing => None,
                Narrow::Everything => Some(Plan::Token(hasher.token(TokenKind::Tenant, b""))),
                Narrow::To(plan) => Some(plan),
            }
        };
        Some(Self {
            single: plan(TokenSet::Single)?,
            paired: plan(TokenSet::Paired)?,
        })
    }

    /// How they are combined for segments with these tokens.
    pub(crate) fn plan(&self, set: TokenSet) -> &Plan {
        match set {
            TokenSet::Single => &self.single,
            TokenSet::Paired => &self.paired,
        }
    }
}

/// Which segments may hold an answer.
#[derive(Debug, Clone)]
enum Narrow {
    Everything,
    Nothing,
    To(Plan),
}

fn any(parts: impl IntoIterator<Item = Narrow>) -> Narrow {
    let mut plans = Vec::new();
    for part in parts {
        match part {
            Narrow::Everything => return Narrow::Everything,
            Narrow::Nothing => {}
            Narrow::To(Plan::Any(inner)) => plans.extend(inner),
            Narrow::To(plan) => plans.push(plan),
        }
    }
    combined(plans, Plan::Any, Narrow::Nothing)
}

fn combined(mut plans: Vec<Plan>, combine: fn(Vec<Plan>) -> Plan, none: Narrow) -> Narrow {
    plans.sort_unstable();
    plans.dedup();
    if plans.iter().map(Plan::size).sum::<usize>() > MAX_TOKENS {
        return Narrow::Everything;
    }
    match plans.len() {
        0 => none,
        1 => plans.pop().map_or(none, Narrow::To),
        _ => Narrow::To(combine(plans)),
    }
}

/// Plans what is asked of one span.
#[derive(Debug, Clone, Copy)]
struct Planner {
    hasher: Hasher,
    set: TokenSet,
    /// The service that the span is of, if one is asked for.
    service: Option<Service>,
}

impl Planner {
    fn query(&self, query: &TraceQuery) -> Narrow {
        let within = self.within(query.predicates.iter().find_map(service_of_predicate));
        let parts = query.predicates.iter().map(|of| within.predicate(of));
        let durations = within.durations(query.duration_min, query.duration_max);
        within.all(parts.chain([durations]))
    }

    /// Plans what is asked of a span of a service beside it.
    fn within(self, service: Option<String>) -> Self {
        let service = service.map(|name| self.hasher.service(&name));
        Self {
            service: service.or(self.service),
            ..self
        }
    }

    fn all(&self, parts: impl IntoIterator<Item = Narrow>) -> Narrow {
        let mut plans = Vec::new();
        for part in parts {
            match part {
                Narrow::Everything => {}
                Narrow::Nothing => return Narrow::Nothing,
                Narrow::To(Plan::All(inner)) => plans.extend(inner),
                Narrow::To(plan) => plans.push(plan),
            }
        }
        if let Some(service) = self.service
            && plans.iter().any(Plan::says_service)
        {
            plans.retain(|plan| *plan != Plan::Token(service.token()));
        }
        combined(plans, Plan::All, Narrow::Everything)
    }

    fn one(&self, kind: TokenKind, value: &[u8]) -> Narrow {
        Narrow::To(Plan::Token(self.hasher.token(kind, value)))
    }

    /// A value that has a token beside its service.
    fn beside_service(&self, value: u64) -> Narrow {
        Narrow::To(match (self.set, self.service) {
            (TokenSet::Paired, Some(service)) => Plan::Pair(service.beside(value)),
            _ => Plan::Token(value as u32),
        })
    }

    fn status(&self, status: StatusCode) -> Narrow {
        let hash = self.hasher.hash(TokenKind::Status, &[status.number()]);
        match status {
            StatusCode::Error => self.beside_service(hash),
            _ => Narrow::To(Plan::Token(hash as u32)),
        }
    }

    fn operation(&self, name: &str) -> Narrow {
        match self.service {
            Some(service) => Narrow::To(Plan::Pair(service.operation(name.as_bytes()))),
            None => self.one(TokenKind::Operation, name.as_bytes()),
        }
    }

    fn kind(&self, kind: SpanKind) -> Narrow {
        self.one(TokenKind::SpanKind, &[kind.number()])
    }

    fn value(&self, key: &str, value: &str) -> Narrow {
        let text = value.as_bytes();
        let hash = self.hasher.keyed(TokenKind::Attribute, key, text);
        match is_paired(text) {
            true => self.beside_service(hash),
            false => Narrow::To(Plan::Token(hash as u32)),
        }
    }

    fn predicate(&self, predicate: &SpanPredicate) -> Narrow {
        match predicate {
            SpanPredicate::Service(name) => self.one(TokenKind::Service, name.as_bytes()),
            SpanPredicate::Operation(name) => self.operation(name),
            SpanPredicate::IsError(true) => self.status(StatusCode::Error),
            SpanPredicate::IsError(false) => {
                any([self.status(StatusCode::Unset), self.status(StatusCode::Ok)])
            }
            SpanPredicate::Status(wanted) => self.status(*wanted),
            SpanPredicate::Kind(wanted) => self.kind(*wanted),
            SpanPredicate::ScopeName(name) => self.one(TokenKind::ScopeName, name.as_bytes()),
            SpanPredicate::ScopeVersion(version) => {
                self.one(TokenKind::ScopeVersion, version.as_bytes())
            }
            SpanPredicate::Attribute(wanted) => self.value(&wanted.key, &wanted.value),
            // Names of events have no token.
            SpanPredicate::Mentions(_) => Narrow::Everything,
            SpanPredicate::Never => Narrow::Nothing,
            SpanPredicate::Filter(filter) => self.filter(filter),
        }
    }

    fn filter(&self, filter: &Filter) -> Narrow {
        match filter {
            Filter::All(filters) => {
                let within = self.within(filters.iter().find_map(service_of));
                within.all(filters.iter().map(|filter| within.filter(filter)))
            }
            Filter::Any(filters) => any(filters.iter().map(|filter| self.filter(filter))),
            Filter::Not(filter) => self.not(filter),
            Filter::Exists(subject) => self.presence(subject),
            Filter::Compare(comparison) => self.comparison(comparison),
            Filter::Some(_, filter) => self.filter(filter),
        }
    }

    /// What must be there for a filter not to hold.
    fn not(&self, filter: &Filter) -> Narrow {
        match filter {
            Filter::All(filters) => any(filters.iter().map(|filter| self.not(filter))),
            Filter::Any(filters) => self.all(filters.iter().map(|filter| self.not(filter))),
            Filter::Not(filter) => self.filter(filter),
            // Kind and status are always there: not to be one is to be another.
            Filter::Compare(Comparison {
                subject: Subject::Field(field @ (Field::Kind | Field::Status)),
                test,
                negated,
            }) => self.words(*field, test, !negated),
            Filter::Exists(_) | Filter::Compare(_) | Filter::Some(..) => Narrow::Everything,
        }
    }

    /// The key of an attribute; fields have no token of their presence.
    fn presence(&self, subject: &Subject) -> Narrow {
        match subject {
            Subject::Attribute { key, .. } => self.one(TokenKind::Key, key.as_bytes()),
            Subject::Field(_) => Narrow::Everything,
        }
    }

    fn comparison(&self, comparison: &Comparison) -> Narrow {
        let Comparison {
            subject,
            test,
            negated,
        } = comparison;
        if let Subject::Field(field @ (Field::Kind | Field::Status)) = subject {
            return self.words(*field, test, *negated);
        }
        match test {
            Test::Is(Relation::Equal, constant) if !negated => self.equal(subject, constant),
            Test::IsOneOf(constants) if !negated => any(constants
                .iter()
                .map(|constant| self.equal(subject, constant))),
            Test::Is(relation, Constant::Nanos(nanos))
                if !negated && *subject == Subject::Field(Field::Duration) =>
            {
                self.duration(*relation, *nanos)
            }
            Test::Against(_, other) => self.all([self.presence(subject), self.presence(other)]),
            Test::Is(..) | Test::IsOneOf(_) | Test::Matches(_) => self.presence(subject),
        }
    }

    fn equal(&self, subject: &Subject, constant: &Constant) -> Narrow {
        if let (Subject::Field(Field::Duration), Constant::Nanos(nanos)) = (subject, constant) {
            return self.duration(Relation::Equal, *nanos);
        }
        let Some(text) = constant.canonical() else {
            return Narrow::Everything;
        };
        let kind = match subject {
            Subject::Attribute { key, .. } => return self.value(key, &text),
            Subject::Field(Field::Name) => return self.operation(&text),
            Subject::Field(Field::Service) => TokenKind::Service,
            Subject::Field(Field::ScopeName) => TokenKind::ScopeName,
            Subject::Field(Field::ScopeVersion) => TokenKind::ScopeVersion,
            Subject::Field(_) => return Narrow::Everything,
        };
        self.one(kind, text.as_bytes())
    }

    /// Kinds or statuses that pass a test, or those that do not.
    fn words(&self, field: Field, test: &Test, negated: bool) -> Narrow {
        let is = |word: &str, constant: &Constant| match constant.canonical() {
            Some(text) => text == word,
            None => false,
        };
        let passes = |word: &str| match test {
            Test::Is(Relation::Equal, constant) => Some(is(word, constant) != negated),
            Test::IsOneOf(constants) => {
                Some(constants.iter().any(|constant| is(word, constant)) != negated)
            }
            Test::Matches(pattern) => Some(pattern.matches(word) != negated),
            Test::Is(..) | Test::Against(..) => None,
        };
        let narrow = |passes: Option<bool>, token: Narrow| match passes {
            Some(true) => token,
            Some(false) => Narrow::Nothing,
            None => Narrow::Everything,
        };
        match field {
            Field::Kind => any(SpanKind::ALL
                .iter()
                .map(|kind| narrow(passes(kind.as_str()), self.kind(*kind)))),
            _ => any(StatusCode::ALL
                .iter()
                .map(|status| narrow(passes(status.as_str()), self.status(*status)))),
        }
    }

    fn duration(&self, relation: Relation, nanos: u64) -> Narrow {
        match relation {
            Relation::Equal => self.durations(Some(nanos), Some(nanos)),
            Relation::Less | Relation::AtMost => self.durations(None, Some(nanos)),
            Relation::Greater | Relation::AtLeast => self.durations(Some(nanos), None),
        }
    }

    /// The buckets of the durations that are asked for, unless that is all of them.
    fn durations(&self, least: Option<u64>, most: Option<u64>) -> Narrow {
        let (least, most) = (least.unwrap_or(0), most.unwrap_or(u64::MAX));
        if least > most {
            return Narrow::Nothing;
        }
        let buckets = duration_bucket(least)..=duration_bucket(most);
        if buckets == (SHORTEST..=LONGEST) {
            return Narrow::Everything;
        }
        let hash = |bucket| self.hasher.hash(TokenKind::Duration, &[bucket]);
        any(buckets.map(|bucket| self.beside_service(hash(bucket))))
    }
}

fn service_of_predicate(predicate: &SpanPredicate) -> Option<String> {
    match predicate {
        SpanPredicate::Service(name) => Some(name.clone()),
        SpanPredicate::Filter(filter) => service_of(filter),
        _ => None,
    }
}

fn service_of(filter: &Filter) -> Option<String> {
    equal_to(filter, Field::Service)
}

/// What a filter wants a field to be equal to.
fn equal_to(filter: &Filter, wanted: Field) -> Option<String> {
    match filter {
        Filter::Compare(Comparison {
            subject: Subject::Field(field),
            test: Test::Is(Relation::Equal, constant),
            negated: false,
        }) if *field == wanted => constant.canonical().map(|text| text.into_owned()),
        _ => None,
    }
}
