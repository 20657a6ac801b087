//! What a search looks for in payloads: its conditions, by how much of a span each has to see.
//!
//! Most spans of most candidates fail a condition on their times, their service or their name, and
//! what follows in the payload is passed over. Conditions are those of the query, evaluated by the
//! model: this module only says when, and what they look at.

use model::filter::{
    Collection, Comparison, Constant, Field, Filter, Level, Relation, Subject, Test,
};
use model::{AttributeLevel, SpanBatch, SpanPredicate, SpanRef, TimeRange, TraceQuery, UnixNanos};

use crate::payload::{Lens, Sight};

/// One of the conditions that must all hold.
#[derive(Debug, Clone, Copy)]
enum Condition<'q> {
    Predicate(&'q SpanPredicate),
    Filter(&'q Filter),
}

impl Condition<'_> {
    fn holds(self, batch: &SpanBatch<'_>, span: &SpanRef<'_>) -> bool {
        match self {
            Self::Predicate(predicate) => predicate.matches(batch, span),
            Self::Filter(filter) => filter.matches(batch, span),
        }
    }
}

/// The conditions of a query.
#[derive(Debug)]
pub(super) struct Sought<'q> {
    query: &'q TraceQuery,
    /// Each with the first sight of a span that is enough for it.
    conditions: Vec<(Sight, Condition<'q>)>,
    /// What the last of them look at.
    lens: Lens,
}

/// Which spans of a segment matter beside what they are.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    /// They start in this range.
    pub(super) range: TimeRange,
    /// They start at this time or later.
    pub(super) least: UnixNanos,
}

impl<'q> Sought<'q> {
    /// What a query looks for.
    pub(super) fn of(query: &'q TraceQuery) -> Self {
        let mut sought = Self {
            query,
            conditions: Vec::new(),
            lens: Lens::default(),
        };
        for predicate in &query.predicates {
            match predicate {
                SpanPredicate::Filter(filter) => sought.add_filter(filter),
                predicate => {
                    let sight = sight_of(predicate, &mut sought.lens);
                    let condition = Condition::Predicate(predicate);
                    sought.conditions.push((sight, condition));
                }
            }
        }
        sought
    }

    /// The query.
    pub(super) fn query(&self) -> &'q TraceQuery {
        self.query
    }

    fn add_filter(&mut self, filter: &'q Filter) {
        if let Filter::All(filters) = filter {
            return filters.iter().for_each(|filter| self.add_filter(filter));
        }
        let sight = sight_of_filter(filter, &mut self.lens);
        self.conditions.push((sight, Condition::Filter(filter)));
    }

    /// Splits into the lens and the judge of spans within bounds.
    pub(super) fn judge(
        &mut self,
        bounds: Bounds,
    ) -> (
        &mut Lens,
        impl FnMut(Sight, &SpanBatch<'_>, &SpanRef<'_>) -> bool,
    ) {
        let Self {
            query,
            conditions,
            lens,
        } = self;
        let judge = move |sight: Sight, batch: &SpanBatch<'_>, span: &SpanRef<'_>| {
            let mut due = conditions.iter().filter(|(of, _)| *of == sight);
            (sight != Sight::Frame || within(query, bounds, span))
                && due.all(|(_, condition)| condition.holds(batch, span))
        };
        (lens, judge)
    }

    /// No span that takes less time answers.
    pub(super) fn least_duration(&self) -> u64 {
        let of_conditions = self.conditions.iter().filter_map(|(_, of)| match of {
            Condition::Filter(filter) => least_duration(filter),
            Condition::Predicate(_) => None,
        });
        let least = of_conditions.chain(self.query.duration_min).max();
        least.unwrap_or(0)
    }
}

fn within(query: &TraceQuery, bounds: Bounds, span: &SpanRef<'_>) -> bool {
    let duration = span.duration();
    span.start >= bounds.least
        && bounds.range.contains(span.start)
        && query.start.contains(span.start)
        && query.duration_min.is_none_or(|least| duration >= least)
        && query.duration_max.is_none_or(|most| duration <= most)
}

fn least_duration(filter: &Filter) -> Option<u64> {
    match filter {
        Filter::Compare(Comparison {
            subject: Subject::Field(Field::Duration),
            test: Test::Is(Relation::Equal | Relation::Greater | Relation::AtLeast, constant),
            negated: false,
        }) => match constant {
            Constant::Nanos(nanos) => Some(*nanos),
            _ => None,
        },
        _ => None,
    }
}

/// The first sight that is enough for a predicate; what it looks at then is added to the lens.
fn sight_of(predicate: &SpanPredicate, lens: &mut Lens) -> Sight {
    match predicate {
        SpanPredicate::Never => Sight::Frame,
        SpanPredicate::Service(_)
        | SpanPredicate::ScopeName(_)
        | SpanPredicate::ScopeVersion(_) => Sight::Origin,
        SpanPredicate::Operation(_)
        | SpanPredicate::IsError(_)
        | SpanPredicate::Status(_)
        | SpanPredicate::Kind(_) => Sight::Row,
        SpanPredicate::Attribute(wanted) => {
            let level = match wanted.level {
                AttributeLevel::Resource => Level::Resource,
                AttributeLevel::Any => Level::Any,
            };
            of_attribute(&wanted.key, level, lens)
        }
        SpanPredicate::Mentions(name) => {
            lens.events = true;
            of_attribute(name, Level::Span, lens)
        }
        SpanPredicate::Filter(filter) => sight_of_filter(filter, lens),
    }
}

fn sight_of_filter(filter: &Filter, lens: &mut Lens) -> Sight {
    let mut looks = Looks {
        sights: Vec::new(),
        lens: &mut *lens,
    };
    looks.at(filter);
    let mut sight = looks.sights.iter().copied().max().unwrap_or(Sight::Frame);
    let has = |sight| looks.sights.contains(&sight);
    // What is said of a scope holds for every span of it, whatever its times.
    if sight == Sight::Origin && has(Sight::Frame) {
        sight = Sight::Row;
    }
    lens.origins |= sight >= Sight::Row && has(Sight::Origin);
    sight
}

/// What a filter looks at.
struct Looks<'l> {
    sights: Vec<Sight>,
    lens: &'l mut Lens,
}

impl Looks<'_> {
    fn at(&mut self, filter: &Filter) {
        match filter {
            Filter::All(filters) | Filter::Any(filters) => {
                filters.iter().for_each(|filter| self.at(filter));
            }
            Filter::Not(filter) => self.at(filter),
            Filter::Exists(subject) => self.at_subject(subject),
            Filter::Compare(comparison) => {
                self.at_subject(&comparison.subject);
                if let Test::Against(_, other) = &comparison.test {
                    self.at_subject(other);
                }
            }
            Filter::Some(collection, filter) => {
                self.sights.push(Sight::Whole);
                match collection {
                    Collection::Events => self.lens.events = true,
                    Collection::Links => self.lens.links = true,
                }
                self.at(filter);
            }
        }
    }

    fn at_subject(&mut self, subject: &Subject) {
        let sight = match subject {
            Subject::Attribute { key, level } => of_attribute(key, *level, self.lens),
            Subject::Field(field) => of_field(*field, self.lens),
        };
        self.sights.push(sight);
    }
}

fn of_attribute(key: &str, level: Level, lens: &mut Lens) -> Sight {
    if matches!(level, Level::Resource | Level::Scope) {
        return Sight::Origin;
    }
    lens.add_key(key);
    lens.events |= matches!(level, Level::Event | Level::Any);
    lens.links |= matches!(level, Level::Link | Level::Any);
    Sight::Whole
}

fn of_field(field: Field, lens: &mut Lens) -> Sight {
    match field {
        Field::TraceId
        | Field::SpanId
        | Field::ParentSpanId
        | Field::StartTime
        | Field::EndTime
        | Field::Duration => Sight::Frame,
        Field::Service
        | Field::ResourceSchemaUrl
        | Field::ScopeName
        | Field::ScopeVersion
        | Field::ScopeSchemaUrl => Sight::Origin,
        Field::Name | Field::Kind | Field::Status => Sight::Row,
        Field::TraceState | Field::StatusMessage => Sight::Whole,
        Field::EventName | Field::EventTime | Field::EventTimeSinceStart => {
            lens.events = true;
            Sight::Whole
        }
        Field::LinkTraceId | Field::LinkSpanId | Field::LinkTraceState => {
            lens.links = true;
            Sight::Whole
        }
    }
}

#[cfg(test)]
mod tests;
