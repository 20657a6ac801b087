//! Filters as requests write them: Jaeger's structured form, as JSON and as protobuf, and the same
//! as text.
//!
//! Either becomes a tree of [`Node`]s that know where they were written; [`resolve`] makes a
//! [`model::Filter`] of it, or says what is wrong and where.

mod lexer;
mod text;
mod structured;
mod resolve;

#[cfg(test)]
mod samples;
#[cfg(test)]
mod tests;

use std::fmt;

use model::filter::Filter;
use schemas::jaeger_query::expression::Call;

use super::Malformed;
pub(crate) use resolve::{LEVELS, OPERATORS};

/// Longest filter in bytes.
const MAX_BYTES: usize = 16 * 1024;
/// Deepest nesting.
const MAX_DEPTH: usize = 24;
/// Most parts of a filter, each value of a list counted.
const MAX_NODES: usize = 500;
/// The operator of a structured filter that has a text in it.
const TEXT_OPERATOR: &str = "text";

/// Reads a filter: structured if it is a JSON object, text otherwise.
pub fn parse(written: &str) -> Result<Filter, FilterError> {
    let size = written.len();
    if size > MAX_BYTES {
        let what = format!("{size} bytes are too many, at most {MAX_BYTES}");
        return Err(FilterError::new(Place::Whole, what));
    }
    let node = if written.trim_start().starts_with('{') {
        structured::from_json(written)?
    } else {
        text::parse(written)?
    };
    resolve::filter(&node)
}

/// Reads a structured filter. Beyond Jaeger's: its operator may be `text`, with a text as its one
/// argument.
pub fn from_call(call: &Call) -> Result<Filter, FilterError> {
    match structured::text_of(call) {
        Some(text) => parse(text),
        None => resolve::filter(&structured::from_call(call)?),
    }
}

/// The filter of spans of any of these services.
pub fn any_service(names: &[&str]) -> Result<Filter, FilterError> {
    let node = |term| Node {
        place: Place::Whole,
        term,
    };
    let subject = Term::Field {
        name: "service".to_owned(),
        level: "resource".to_owned(),
    };
    let list = Term::List {
        values: names.iter().map(|name| (*name).to_owned()).collect(),
        hint: String::new(),
    };
    Budget::default().spend(&list, &Place::Whole)?;
    let term = Term::Call {
        op: "in".to_owned(),
        args: vec![node(subject), node(list)],
    };
    resolve::filter(&node(term))
}

/// Why something is no filter.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{place}{what}")]
pub struct FilterError {
    place: Place,
    what: String,
}

impl FilterError {
    fn new(place: Place, what: impl fmt::Display) -> Self {
        let what = what.to_string();
        Self { place, what }
    }
}

impl From<FilterError> for Malformed {
    fn from(error: FilterError) -> Self {
        Self(format!("malformed filter: {error}"))
    }
}

/// Where something was written.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Place {
    /// Nowhere in particular.
    Whole,
    /// At this character of a text, the first being 1.
    Character(usize),
    /// Within a structured filter: at which argument of which argument.
    Argument(Vec<usize>),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whole => Ok(()),
            Self::Character(number) => write!(f, "at character {number}: "),
            Self::Argument(path) if path.is_empty() => Ok(()),
            Self::Argument(path) => {
                let args: Vec<String> = path.iter().map(|at| format!("args[{at}]")).collect();
                write!(f, "at {}: ", args.join("."))
            }
        }
    }
}

/// Part of a filter, and where it was written.
#[derive(Debug, Clone)]
struct Node {
    place: Place,
    term: Term,
}

impl Node {
    fn error(&self, what: impl fmt::Display) -> FilterError {
        FilterError::new(self.place.clone(), what)
    }
}

/// What a part is: the terms of `jaeger.expression.v1`.
#[derive(Debug, Clone, PartialEq)]
enum Term {
    Attribute { key: String, level: String },
    Field { name: String, level: String },
    Nested { level: String },
    Scalar { value: String, hint: String },
    List { values: Vec<String>, hint: String },
    Call { op: String, args: Vec<Node> },
}

impl PartialEq for Node {
    /// Where it was written does not matter.
    fn eq(&self, other: &Self) -> bool {
        self.term == other.term
    }
}

/// Counts what a filter is made of, and refuses what is too much.
#[derive(Debug, Default)]
struct Budget {
    nodes: usize,
}

impl Budget {
    fn spend(&mut self, term: &Term, place: &Place) -> Result<(), FilterError> {
        self.nodes += match term {
            Term::List { values, .. } => 1 + values.len(),
            _ => 1,
        };
        if self.nodes > MAX_NODES {
            let what = format!("the filter has too many parts, at most {MAX_NODES}");
            return Err(FilterError::new(place.clone(), what));
        }
        Ok(())
    }

    fn check_depth(depth: usize, place: &Place) -> Result<(), FilterError> {
        if depth > MAX_DEPTH {
            let what = format!("the filter is nested too deep, at most {MAX_DEPTH} levels");
            return Err(FilterError::new(place.clone(), what));
        }
        Ok(())
    }
}
