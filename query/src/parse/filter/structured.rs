//! Structured filters: the messages of `jaeger.expression.v1`, and their JSON.

use schemas::jaeger_query::expression::{self as wire, Call, Expression};
use serde_json::{Map, Value};

use super::{Budget, FilterError, Node, Place, TEXT_OPERATOR, Term};

/// The text of a call of [`TEXT_OPERATOR`].
pub(super) fn text_of(call: &Call) -> Option<&str> {
    match call.args.as_slice() {
        [
            Expression {
                term: Some(wire::Term::Scalar(scalar)),
            },
        ] if call.op == TEXT_OPERATOR => Some(&scalar.value),
        _ => None,
    }
}

/// Reads messages. The decoder has bounded their nesting already.
pub(super) fn from_call(call: &Call) -> Result<Node, FilterError> {
    Reading::default().call(call)
}

#[derive(Default)]
struct Reading {
    budget: Budget,
    path: Vec<usize>,
}

impl Reading {
    fn place(&self) -> Place {
        Place::Argument(self.path.clone())
    }

    fn error(&self, what: impl std::fmt::Display) -> FilterError {
        FilterError::new(self.place(), what)
    }

    fn node(&mut self, term: Term) -> Result<Node, FilterError> {
        let place = self.place();
        self.budget.spend(&term, &place)?;
        Ok(Node { place, term })
    }

    /// Reads every argument at its place.
    fn args<T>(
        &mut self,
        args: &[T],
        read: fn(&mut Self, &T) -> Result<Node, FilterError>,
    ) -> Result<Vec<Node>, FilterError> {
        Budget::check_depth(self.path.len() + 1, &self.place())?;
        let mut nodes = Vec::new();
        for (number, arg) in args.iter().enumerate() {
            self.path.push(number);
            nodes.push(read(self, arg)?);
            self.path.pop();
        }
        Ok(nodes)
    }

    fn call(&mut self, call: &Call) -> Result<Node, FilterError> {
        let args = self.args(&call.args, Self::expression)?;
        let op = call.op.clone();
        self.node(Term::Call { op, args })
    }

    fn expression(&mut self, expression: &Expression) -> Result<Node, FilterError> {
        let Some(term) = &expression.term else {
            return Err(self.error("the expression is empty"));
        };
        let term = match term.clone() {
            wire::Term::Call(call) => return self.call(&call),
            wire::Term::Attr(of) => Term::Attribute {
                key: of.key,
                level: of.level,
            },
            wire::Term::Field(of) => Term::Field {
                name: of.name,
                level: of.level,
            },
            wire::Term::Nested(of) => Term::Nested { level: of.level },
            wire::Term::Scalar(of) => Term::Scalar {
                value: of.value,
                hint: of.r#type,
            },
            wire::Term::List(of) => Term::List {
                values: of.values,
                hint: of.r#type,
            },
        };
        self.node(term)
    }

    fn json_call(&mut self, call: &Map<String, Value>) -> Result<Node, FilterError> {
        self.only(call, &["op", "args"])?;
        let op = self.text(call, "op")?;
        if op == TEXT_OPERATOR {
            return Err(self.error("a filter in JSON is no place for a text"));
        }
        let args = match call.get("args") {
            None | Some(Value::Null) => Vec::new(),
            Some(Value::Array(args)) => self.args(args, Self::json_expression)?,
            Some(_) => return Err(self.error("\"args\" must be a list")),
        };
        self.node(Term::Call { op, args })
    }

    fn json_expression(&mut self, expression: &Value) -> Result<Node, FilterError> {
        let one = || "an expression is an object with one of \"attr\", \"field\", \"nested\", \"scalar\", \"list\", \"call\"";
        let mut terms = match expression {
            Value::Object(terms) => terms.iter(),
            _ => return Err(self.error(one())),
        };
        let (Some((kind, Value::Object(term))), None) = (terms.next(), terms.next()) else {
            return Err(self.error(one()));
        };
        let term = match kind.as_str() {
            "call" => return self.json_call(term),
            "attr" => {
                self.only(term, &["key", "level"])?;
                Term::Attribute {
                    key: self.text(term, "key")?,
                    level: self.text(term, "level")?,
                }
            }
            "field" => {
                self.only(term, &["name", "level"])?;
                Term::Field {
                    name: self.text(term, "name")?,
                    level: self.text(term, "level")?,
                }
            }
            "nested" => {
                self.only(term, &["level"])?;
                Term::Nested {
                    level: self.text(term, "level")?,
                }
            }
            "scalar" => {
                self.only(term, &["value", "type"])?;
                Term::Scalar {
                    value: self.text(term, "value")?,
                    hint: self.text(term, "type")?,
                }
            }
            "list" => {
                self.only(term, &["values", "type"])?;
                Term::List {
                    values: self.texts(term, "values")?,
                    hint: self.text(term, "type")?,
                }
            }
            _ => return Err(self.error(one())),
        };
        self.node(term)
    }

    /// Complains of members that mean nothing.
    fn only(&self, object: &Map<String, Value>, known: &[&str]) -> Result<(), FilterError> {
        let mut unknown = object.keys().filter(|name| !known.contains(&name.as_str()));
        match unknown.next() {
            None => Ok(()),
            Some(name) => Err(self.error(format!("unknown member {name:?}"))),
        }
    }

    /// A text, empty when absent.
    fn text(&self, object: &Map<String, Value>, name: &str) -> Result<String, FilterError> {
        match object.get(name) {
            None | Some(Value::Null) => Ok(String::new()),
            Some(Value::String(text)) => Ok(text.clone()),
            Some(_) => Err(self.error(format!("{name:?} must be a string"))),
        }
    }

    fn texts(&self, object: &Map<String, Value>, name: &str) -> Result<Vec<String>, FilterError> {
        let strings = || self.error(format!("{name:?} must be a list of strings"));
        let text = |value: &Value| value.as_str().map(str::to_owned).ok_or_else(strings);
        match object.get(name) {
            None | Some(Value::Null) => Ok(Vec::new()),
            Some(Value::Array(values)) => values.iter().map(text).collect(),
            Some(_) => Err(strings()),
        }
    }
}

/// Reads JSON.
pub(super) fn from_json(text: &str) -> Result<Node, FilterError> {
    let mut reading = Reading::default();
    match serde_json::from_str(text) {
        Ok(Value::Object(call)) => reading.json_call(&call),
        Ok(_) => Err(reading.error("a structured filter is a JSON object")),
        Err(error) => Err(reading.error(error)),
    }
}
