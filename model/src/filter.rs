//! Conditions on one span, in any combination: what a structured filter means.
//!
//! The semantics are those of Jaeger's `jaeger.expression.v1`. A subject may have several values
//! (an attribute on the span and on its resource, an attribute of each event): a comparison holds
//! if one of them passes, a negated one if there is a value and none passes. Where there is no
//! value nothing holds, but for [`Filter::Not`].

mod constant;
mod pattern;
mod scene;
mod subject;

#[cfg(test)]
mod tests;

use crate::{SpanBatch, SpanRef};
pub use constant::{Constant, Number, Real, Untyped};
pub use pattern::{Pattern, PatternError};
use scene::Scene;
pub use subject::{Collection, Domain, Field, Level, Subject};

/// A condition on one span. Whoever makes one bounds its nesting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Filter {
    /// All of these hold; with none, anything does.
    All(Vec<Filter>),
    /// At least one of these holds; with none, nothing does.
    Any(Vec<Filter>),
    /// This does not hold.
    Not(Box<Filter>),
    /// The subject has a value.
    Exists(Subject),
    /// The subject's values pass a test.
    Compare(Comparison),
    /// One and the same event or link makes this hold: subjects on its level mean that one alone.
    Some(Collection, Box<Filter>),
}

/// A test of a subject's values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comparison {
    /// Whose values.
    pub subject: Subject,
    /// What one of them must pass.
    pub test: Test,
    /// There must be a value, and none may pass.
    pub negated: bool,
}

/// What a value must be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Test {
    /// In this relation to a constant.
    Is(Relation, Constant),
    /// Equal to one of these.
    IsOneOf(Vec<Constant>),
    /// Its text matches.
    Matches(Pattern),
    /// In this relation to a value of another subject.
    Against(Relation, Subject),
}

/// How a value on the left stands to one on the right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Relation {
    /// It is the same.
    Equal,
    /// It is less.
    Less,
    /// It is less or the same.
    AtMost,
    /// It is greater.
    Greater,
    /// It is greater or the same.
    AtLeast,
}

impl Relation {
    /// The relation with the sides exchanged.
    pub const fn reversed(self) -> Self {
        match self {
            Self::Equal => Self::Equal,
            Self::Less => Self::Greater,
            Self::AtMost => Self::AtLeast,
            Self::Greater => Self::Less,
            Self::AtLeast => Self::AtMost,
        }
    }

    /// Whether the sides must have an order.
    pub const fn is_ordered(self) -> bool {
        !matches!(self, Self::Equal)
    }

    /// Whether values that compare like this are in the relation.
    pub(crate) fn holds(self, ordering: std::cmp::Ordering) -> bool {
        match self {
            Self::Equal => ordering.is_eq(),
            Self::Less => ordering.is_lt(),
            Self::AtMost => ordering.is_le(),
            Self::Greater => ordering.is_gt(),
            Self::AtLeast => ordering.is_ge(),
        }
    }
}

impl Filter {
    /// The subject is equal to a constant.
    pub fn equal(subject: Subject, constant: Constant) -> Self {
        Self::is(subject, Relation::Equal, constant)
    }

    /// The subject is in a relation to a constant.
    pub fn is(subject: Subject, relation: Relation, constant: Constant) -> Self {
        Self::Compare(Comparison {
            subject,
            test: Test::Is(relation, constant),
            negated: false,
        })
    }

    /// Whether the span answers.
    pub fn matches(&self, batch: &SpanBatch<'_>, span: &SpanRef<'_>) -> bool {
        self.holds(&Scene::new(batch, span))
    }

    fn holds(&self, scene: &Scene<'_, '_>) -> bool {
        match self {
            Self::All(filters) => filters.iter().all(|filter| filter.holds(scene)),
            Self::Any(filters) => filters.iter().any(|filter| filter.holds(scene)),
            Self::Not(filter) => !filter.holds(scene),
            Self::Exists(subject) => scene.any(subject, &mut |_| true),
            Self::Compare(comparison) => comparison.holds(scene),
            Self::Some(Collection::Events, filter) => {
                let mut events = scene.events().iter();
                events.any(|event| filter.holds(&scene.with_event(event)))
            }
            Self::Some(Collection::Links, filter) => {
                let mut links = scene.links().iter();
                links.any(|link| filter.holds(&scene.with_link(link)))
            }
        }
    }
}

impl Comparison {
    fn holds(&self, scene: &Scene<'_, '_>) -> bool {
        let mut present = false;
        let passes = scene.any(&self.subject, &mut |seen| match &self.test {
            Test::Is(relation, constant) => {
                present = true;
                seen.is(*relation, constant)
            }
            Test::IsOneOf(constants) => {
                present = true;
                let mut constants = constants.iter();
                constants.any(|constant| seen.is(Relation::Equal, constant))
            }
            Test::Matches(pattern) => {
                present = true;
                seen.text()
                    .is_some_and(|text| pattern.matches(text.as_ref()))
            }
            Test::Against(relation, other) => scene.any(other, &mut |other| {
                present = true;
                seen.stands(*relation, &other)
            }),
        });
        match self.negated {
            true => present && !passes,
            false => passes,
        }
    }
}
