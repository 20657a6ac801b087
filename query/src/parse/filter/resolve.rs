//! From what was written to what it means: operators get their operands, constants the kind of what
//! they are compared with.

use model::filter::{
    Collection, Comparison, Constant, Domain, Field, Filter, Level, Pattern, PatternError, Real,
    Relation, Subject, Test,
};

use super::{FilterError, Node, Term};
use crate::go::{duration, time};

/// Jaeger's levels, all of which are known.
pub(crate) const LEVELS: [&str; 5] = ["span", "resource", "scope", "event", "link"];

/// Jaeger's operators, all of which are known. Beyond them: `not_regex`, `like` and `not_like`.
pub(crate) const OPERATORS: [&str; 14] = [
    "and", "or", "not", "eq", "ne", "gt", "lt", "gte", "lte", "regex", "exists", "in", "not_in",
    "some",
];

/// The filter that a node means.
pub(super) fn filter(node: &Node) -> Result<Filter, FilterError> {
    Resolving { bound: None }.filter(node)
}

/// What of the span is one alone, within `some`.
#[derive(Clone, Copy)]
struct Resolving {
    bound: Option<Collection>,
}

impl Resolving {
    fn filter(self, node: &Node) -> Result<Filter, FilterError> {
        let Term::Call { op, args } = &node.term else {
            return Err(node.error("a condition was expected here"));
        };
        match op.as_str() {
            "and" => Ok(Filter::All(self.filters(node, args)?)),
            "or" => Ok(Filter::Any(self.filters(node, args)?)),
            "not" => {
                let [inner] = operands(node, args)?;
                Ok(Filter::Not(Box::new(self.filter(inner)?)))
            }
            "exists" => {
                let [subject] = operands(node, args)?;
                Ok(Filter::Exists(subject_of(subject)?))
            }
            "some" => self.some(node, args),
            "eq" => compare(node, args, Relation::Equal, false),
            "ne" => compare(node, args, Relation::Equal, true),
            "lt" => compare(node, args, Relation::Less, false),
            "lte" => compare(node, args, Relation::AtMost, false),
            "gt" => compare(node, args, Relation::Greater, false),
            "gte" => compare(node, args, Relation::AtLeast, false),
            "in" => one_of(node, args, false),
            "not_in" => one_of(node, args, true),
            "regex" => matches(node, args, Pattern::regex, false),
            "not_regex" => matches(node, args, Pattern::regex, true),
            "like" => matches(node, args, Pattern::wildcard, false),
            "not_like" => matches(node, args, Pattern::wildcard, true),
            _ => Err(node.error(format!("unknown operator {op:?}"))),
        }
    }

    fn filters(self, node: &Node, args: &[Node]) -> Result<Vec<Filter>, FilterError> {
        if args.is_empty() {
            return Err(node.error("there is nothing to combine"));
        }
        args.iter().map(|arg| self.filter(arg)).collect()
    }

    fn some(self, node: &Node, args: &[Node]) -> Result<Filter, FilterError> {
        let [nested, inner] = operands(node, args)?;
        let Term::Nested { level } = &nested.term else {
            return Err(nested.error("the events or the links were expected here"));
        };
        let collection = match level.as_str() {
            "event" => Collection::Events,
            "link" => Collection::Links,
            other => return Err(nested.error(format!("a span has no collection {other:?}"))),
        };
        if self.bound == Some(collection) {
            return Err(node.error(format!("{level} within {level} has no meaning")));
        }
        let bound = Some(collection);
        let inner = Self { bound }.filter(inner)?;
        Ok(Filter::Some(collection, Box::new(inner)))
    }
}

fn operands<'n, const COUNT: usize>(
    node: &Node,
    args: &'n [Node],
) -> Result<&'n [Node; COUNT], FilterError> {
    args.try_into().map_err(|_| {
        let found = args.len();
        node.error(format!("the operator takes {COUNT} operands, not {found}"))
    })
}

fn subject_of(node: &Node) -> Result<Subject, FilterError> {
    match &node.term {
        Term::Attribute { key, level } => {
            let level = match level.as_str() {
                "" => Level::SpanOrResource,
                name => Level::parse(name)
                    .ok_or_else(|| node.error(format!("unknown level {name:?}")))?,
            };
            if key.is_empty() {
                return Err(node.error("the key is empty"));
            }
            text_of(node, key)?;
            Ok(Subject::attribute(key, level))
        }
        Term::Field { name, level } => {
            let field = Level::parse(level).and_then(|level| Field::find(level, name));
            let unknown = || node.error(format!("unknown field {name:?} of level {level:?}"));
            field.map(Subject::Field).ok_or_else(unknown)
        }
        _ => Err(node.error("an attribute or a field was expected here")),
    }
}

/// The text, unless it holds U+0000, which no stored text does.
fn text_of<'t>(node: &Node, text: &'t str) -> Result<&'t str, FilterError> {
    if text.contains('\0') {
        return Err(node.error("the text holds a zero byte"));
    }
    Ok(text)
}

fn is_constant(node: &Node) -> bool {
    matches!(node.term, Term::Scalar { .. })
}

fn compare(
    node: &Node,
    args: &[Node],
    relation: Relation,
    negated: bool,
) -> Result<Filter, FilterError> {
    let [left, right] = operands(node, args)?;
    let (left, right, relation) = match (is_constant(left), is_constant(right)) {
        (true, true) => {
            return Err(node.error("two constants are compared, an attribute or a field is needed"));
        }
        (true, false) => (right, left, relation.reversed()),
        (false, _) => (left, right, relation),
    };
    let subject = subject_of(left)?;
    let unordered = matches!(subject, Subject::Field(of) if matches!(of.domain(), Domain::Word(_)));
    if relation.is_ordered() && unordered {
        return Err(left.error("it has no order"));
    }
    let test = match &right.term {
        Term::Scalar { value, hint } => {
            let constant = constant(&subject, right, value, hint)?;
            if relation.is_ordered() && matches!(constant, Constant::Bool(_)) {
                return Err(right.error("true and false have no order"));
            }
            Test::Is(relation, constant)
        }
        _ => {
            let other = subject_of(right)?;
            check_kinds(node, &subject, &other, relation)?;
            Test::Against(relation, other)
        }
    };
    Ok(Filter::Compare(Comparison {
        subject,
        test,
        negated,
    }))
}

/// Fields of different kinds can never be compared; an attribute may hold anything.
fn check_kinds(
    node: &Node,
    left: &Subject,
    right: &Subject,
    relation: Relation,
) -> Result<(), FilterError> {
    let (Subject::Field(left), Subject::Field(right)) = (left, right) else {
        return Ok(());
    };
    let kind = |field: &Field| match field.domain() {
        Domain::Text | Domain::Word(_) => 0,
        Domain::Duration => 1,
        Domain::Time => 2,
    };
    if kind(left) != kind(right) {
        return Err(node.error("fields of different kinds are compared"));
    }
    let is_word = matches!(right.domain(), Domain::Word(_));
    if relation.is_ordered() && is_word {
        return Err(node.error("it has no order"));
    }
    Ok(())
}

fn one_of(node: &Node, args: &[Node], negated: bool) -> Result<Filter, FilterError> {
    let [left, right] = operands(node, args)?;
    let subject = subject_of(left)?;
    let Term::List { values, hint } = &right.term else {
        return Err(right.error("a list was expected here"));
    };
    if values.is_empty() {
        return Err(right.error("the list is empty"));
    }
    let constants = values
        .iter()
        .map(|value| constant(&subject, right, value, hint));
    Ok(Filter::Compare(Comparison {
        test: Test::IsOneOf(constants.collect::<Result<_, _>>()?),
        subject,
        negated,
    }))
}

fn matches(
    node: &Node,
    args: &[Node],
    compile: fn(&str) -> Result<Pattern, PatternError>,
    negated: bool,
) -> Result<Filter, FilterError> {
    let [left, right] = operands(node, args)?;
    let subject = subject_of(left)?;
    if let Subject::Field(field) = &subject
        && matches!(field.domain(), Domain::Duration | Domain::Time)
    {
        return Err(left.error("it has no text that a pattern could match"));
    }
    let pattern = match &right.term {
        Term::Scalar { value, hint } if matches!(hint.as_str(), "" | "string") => value,
        _ => return Err(right.error("a pattern was expected here")),
    };
    let pattern = compile(pattern).map_err(|error| right.error(error))?;
    Ok(Filter::Compare(Comparison {
        subject,
        test: Test::Matches(pattern),
        negated,
    }))
}

/// What a text means beside a subject.
fn constant(
    subject: &Subject,
    node: &Node,
    value: &str,
    hint: &str,
) -> Result<Constant, FilterError> {
    text_of(node, value)?;
    let none = |what: &str| node.error(format!("{value:?} is no {what}"));
    match subject {
        Subject::Attribute { .. } => match hint {
            "" => Ok(Constant::untyped(value)),
            "string" => Ok(Constant::Text(value.to_owned())),
            "int" => value.parse().map(Constant::Int).map_err(|_| none("int")),
            "double" => {
                let number = value.parse().ok().and_then(Real::new);
                number.map(Constant::Double).ok_or_else(|| none("double"))
            }
            "bool" => value.parse().map(Constant::Bool).map_err(|_| none("bool")),
            other => Err(node.error(format!("unknown type {other:?}"))),
        },
        Subject::Field(field) => {
            if !matches!(hint, "" | "string") {
                return Err(node.error(format!("{} is no {hint}", field.name())));
            }
            of_field(*field, node, value)
        }
    }
}

fn of_field(field: Field, node: &Node, value: &str) -> Result<Constant, FilterError> {
    match field.domain() {
        Domain::Text => Ok(Constant::Text(value.to_owned())),
        Domain::Word(words) => {
            let known = words.iter().find(|word| word.eq_ignore_ascii_case(value));
            let unknown = || {
                let (name, words) = (field.name(), words.join(", "));
                node.error(format!("unknown {name} {value:?}, there are {words}"))
            };
            let word = known.ok_or_else(unknown)?;
            Ok(Constant::Text((*word).to_owned()))
        }
        Domain::Duration => {
            let nanos = duration::parse(value).map_err(|error| node.error(error))?;
            let negative = |_| node.error(format!("negative duration {value}"));
            u64::try_from(nanos).map(Constant::Nanos).map_err(negative)
        }
        Domain::Time => time::parse_rfc3339(value)
            .map(Constant::Nanos)
            .map_err(|error| node.error(error)),
    }
}
