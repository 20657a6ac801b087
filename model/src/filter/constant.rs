//! What values are compared with, and values as they are seen on a span.

use std::borrow::Cow;
use std::cmp::Ordering;

use super::Relation;
use crate::{SpanBatch, ValueRef, canonical_double};

/// What a value is compared with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Constant {
    /// A text that stands for a value of any type.
    Untyped(Untyped),
    /// Text, and nothing but text.
    Text(String),
    /// An integer, and nothing but an integer.
    Int(i64),
    /// A double, and nothing but a double.
    Double(Real),
    /// True or false.
    Bool(bool),
    /// A duration, or a time since 1970, in nanoseconds: for fields that are one.
    Nanos(u64),
}

impl Constant {
    /// A constant that stands for a value of any type.
    pub fn untyped(text: impl Into<String>) -> Self {
        let text = text.into();
        let number = Number::parse(&text);
        Self::Untyped(Untyped { text, number })
    }

    /// The canonical text of the values that are equal to it; none for a duration or a time, nor for a
    /// double of zero, which is equal to minus zero and to its text.
    pub fn canonical(&self) -> Option<Cow<'_, str>> {
        match self {
            Self::Untyped(Untyped { text, .. }) | Self::Text(text) => Some(Cow::Borrowed(text)),
            Self::Int(number) => Some(Cow::Owned(number.to_string())),
            Self::Double(number) if number.get() == 0.0 => None,
            Self::Double(number) => Some(Cow::Owned(canonical_double(number.get()))),
            Self::Bool(value) => Some(Cow::Borrowed(if *value { "true" } else { "false" })),
            Self::Nanos(_) => None,
        }
    }
}

/// A text that stands for a value of any type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Untyped {
    text: String,
    /// The number that it reads as.
    number: Option<Number>,
}

/// A double that is not NaN.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Real(f64);

impl Real {
    /// The number, unless it is none.
    pub fn new(number: f64) -> Option<Self> {
        (!number.is_nan()).then_some(Self(number))
    }

    /// The number.
    pub const fn get(self) -> f64 {
        self.0
    }
}

// Without NaN every number equals itself.
impl Eq for Real {}

/// A number of either kind; they compare by what they are worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Number {
    /// An integer.
    Int(i64),
    /// A double.
    Real(Real),
}

/// The first double that no `i64` reaches.
const BEYOND_INT: f64 = 9_223_372_036_854_775_808.0;

impl Number {
    /// The number that a text reads as: decimal, with a sign, a fraction and an exponent at most.
    pub fn parse(text: &str) -> Option<Self> {
        if let Ok(number) = text.parse() {
            return Some(Self::Int(number));
        }
        let plain = |c: char| c.is_ascii_digit() || matches!(c, '+' | '-' | '.' | 'e' | 'E');
        if !text.chars().all(plain) {
            return None;
        }
        text.parse().ok().and_then(Real::new).map(Self::Real)
    }

    /// Which of two numbers is greater, exactly.
    pub fn compare(self, other: Self) -> Ordering {
        match (self, other) {
            (Self::Int(a), Self::Int(b)) => a.cmp(&b),
            (Self::Real(a), Self::Real(b)) => a.0.partial_cmp(&b.0).unwrap_or(Ordering::Equal),
            (Self::Int(a), Self::Real(b)) => compare_mixed(a, b.0),
            (Self::Real(a), Self::Int(b)) => compare_mixed(b, a.0).reverse(),
        }
    }
}

fn compare_mixed(int: i64, real: f64) -> Ordering {
    if real >= BEYOND_INT {
        return Ordering::Less;
    }
    if real < -BEYOND_INT {
        return Ordering::Greater;
    }
    let whole = real.trunc();
    int.cmp(&(whole as i64)).then_with(|| {
        0.0_f64
            .partial_cmp(&(real - whole))
            .unwrap_or(Ordering::Equal)
    })
}

/// A value of a subject.
pub(super) enum Seen<'v, 'a> {
    /// An attribute's.
    Attribute(&'v SpanBatch<'a>, ValueRef<'a>),
    /// A field's text.
    Text(Cow<'v, str>),
    /// A field's duration or time.
    Nanos(u64),
}

impl Seen<'_, '_> {
    /// The text that patterns are matched with; a duration and a time have none.
    pub(super) fn text(&self) -> Option<Cow<'_, str>> {
        match self {
            Self::Attribute(batch, value) => Some(batch.canonical(value)),
            Self::Text(text) => Some(Cow::Borrowed(text)),
            Self::Nanos(_) => None,
        }
    }

    /// The text, if it is a value of that type.
    fn string(&self) -> Option<&str> {
        match self {
            Self::Attribute(_, ValueRef::String(text)) => Some(text),
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The number, if it is a value of such a type.
    fn number(&self) -> Option<Number> {
        match *self {
            Self::Attribute(_, ValueRef::Int(number)) => Some(Number::Int(number)),
            Self::Attribute(_, ValueRef::Double(number)) => Real::new(number).map(Number::Real),
            Self::Nanos(nanos) => Some(Number::Int(i64::try_from(nanos).unwrap_or(i64::MAX))),
            _ => None,
        }
    }

    /// Whether it is in a relation to a constant.
    pub(super) fn is(&self, relation: Relation, constant: &Constant) -> bool {
        let holds = |ordering: Option<Ordering>| ordering.is_some_and(|of| relation.holds(of));
        match constant {
            Constant::Untyped(untyped) => match relation {
                Relation::Equal => self.text().is_some_and(|text| text == untyped.text),
                _ => holds(self.compare_untyped(untyped)),
            },
            Constant::Text(text) => holds(self.string().map(|of| of.cmp(text.as_str()))),
            Constant::Int(number) => match self {
                Self::Attribute(_, ValueRef::Int(of)) => relation.holds(of.cmp(number)),
                _ => false,
            },
            Constant::Double(number) => match self {
                Self::Attribute(_, ValueRef::Double(of)) => holds(of.partial_cmp(&number.0)),
                _ => false,
            },
            Constant::Bool(value) => {
                let same = |of: &bool| relation == Relation::Equal && of == value;
                matches!(self, Self::Attribute(_, ValueRef::Bool(of)) if same(of))
            }
            Constant::Nanos(nanos) => match self {
                Self::Nanos(of) => relation.holds(of.cmp(nanos)),
                _ => false,
            },
        }
    }

    /// Numbers, and texts that read as one, compare with a number; texts with any other text.
    fn compare_untyped(&self, untyped: &Untyped) -> Option<Ordering> {
        match untyped.number {
            Some(number) => {
                let read = || self.string().and_then(Number::parse);
                let own = self.number().or_else(read)?;
                Some(own.compare(number))
            }
            None => self.string().map(|text| text.cmp(untyped.text.as_str())),
        }
    }

    /// Whether it is in a relation to a value of another subject: numbers compare with numbers,
    /// texts with texts; anything is equal to what has the same canonical text.
    pub(super) fn stands(&self, relation: Relation, other: &Seen<'_, '_>) -> bool {
        if let (Some(own), Some(other)) = (self.number(), other.number()) {
            return relation.holds(own.compare(other));
        }
        match relation {
            Relation::Equal => match (self.text(), other.text()) {
                (Some(own), Some(other)) => own == other,
                _ => false,
            },
            _ => match (self.string(), other.string()) {
                (Some(own), Some(other)) => relation.holds(own.cmp(other)),
                _ => false,
            },
        }
    }
}
