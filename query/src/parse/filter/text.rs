//! The text of a filter. Its grammar:
//!
//! ```text
//! filter    = and { ("or" | "||") and }
//! and       = unary { ("and" | "&&") unary }
//! unary     = ("not" | "!") unary | primary
//! primary   = "(" filter ")" | ("event" | "link") "[" filter "]"
//!           | "exists" "(" subject ")" | condition
//! condition = operand relation operand | subject ["not"] "like" constant
//!           | subject ["not"] "in" [type] "(" constant { "," constant } ")"
//! relation  = "=" | "==" | "!=" | "<" | "<=" | ">" | ">=" | "=~" | "!~"
//! operand   = subject | constant
//! subject   = level ":" field | [level] "." key | shorthand | key
//! constant  = word | text | type "(" (word | text) ")"
//! type      = "string" | "int" | "double" | "bool"
//! level     = "span" | "resource" | "scope" | "event" | "link" | "any"
//! ```
//!
//! A word to the right of a relation is a constant unless it names a level or begins with a dot; to
//! the left it is a constant if it begins with a digit or a sign.

use super::lexer::{Placed, Token, tokens};
use super::{Budget, FilterError, Node, Place, Term};
use model::filter::Level;

const TYPES: [&str; 4] = ["string", "int", "double", "bool"];

/// Names of fields that need no level.
const SHORTHANDS: [(&str, &str, &str); 8] = [
    ("service", "resource", "service"),
    ("name", "span", "name"),
    ("kind", "span", "kind"),
    ("status", "span", "status"),
    ("statusMessage", "span", "statusMessage"),
    ("duration", "span", "duration"),
    ("start", "span", "startTime"),
    ("end", "span", "endTime"),
];

/// Reads a filter's text.
pub(super) fn parse(text: &str) -> Result<Node, FilterError> {
    let mut parser = Parser {
        tokens: tokens(text)?,
        next: 0,
        depth: 0,
        budget: Budget::default(),
    };
    let node = parser.filter()?;
    match parser.peek() {
        Token::End => Ok(node),
        other => Err(parser.expected("\"and\", \"or\" or the end", other.told())),
    }
}

struct Parser {
    tokens: Vec<Placed>,
    next: usize,
    depth: usize,
    budget: Budget,
}

impl Parser {
    fn placed(&self, ahead: usize) -> &Placed {
        // The last token is the end, which is never passed.
        &self.tokens[(self.next + ahead).min(self.tokens.len() - 1)]
    }

    fn peek(&self) -> &Token {
        &self.placed(0).token
    }

    fn place(&self) -> Place {
        Place::Character(self.placed(0).at)
    }

    fn take(&mut self) -> Placed {
        let placed = self.placed(0).clone();
        self.next += 1;
        placed
    }

    fn takes(&mut self, token: &Token) -> bool {
        let is = self.peek() == token;
        self.next += usize::from(is);
        is
    }

    fn expect(&mut self, token: &Token) -> Result<(), FilterError> {
        if self.takes(token) {
            return Ok(());
        }
        Err(self.expected(&token.told(), self.peek().told()))
    }

    fn expected(&self, what: &str, found: String) -> FilterError {
        FilterError::new(self.place(), format!("expected {what}, found {found}"))
    }

    /// Whether the next token is this keyword.
    fn is_keyword(&self, ahead: usize, keyword: &str) -> bool {
        matches!(&self.placed(ahead).token, Token::Word(word) if word.eq_ignore_ascii_case(keyword))
    }

    fn node(&mut self, place: Place, term: Term) -> Result<Node, FilterError> {
        self.budget.spend(&term, &place)?;
        Ok(Node { place, term })
    }

    fn call(&mut self, place: Place, op: &str, args: Vec<Node>) -> Result<Node, FilterError> {
        let op = op.to_owned();
        self.node(place, Term::Call { op, args })
    }

    fn filter(&mut self) -> Result<Node, FilterError> {
        self.joined(&Token::Or, "or", Self::and)
    }

    fn and(&mut self) -> Result<Node, FilterError> {
        self.joined(&Token::And, "and", Self::unary)
    }

    fn joined(
        &mut self,
        joint: &Token,
        op: &str,
        part: fn(&mut Self) -> Result<Node, FilterError>,
    ) -> Result<Node, FilterError> {
        let place = self.place();
        let first = part(self)?;
        if self.peek() != joint {
            return Ok(first);
        }
        let mut args = vec![first];
        while self.takes(joint) {
            args.push(part(self)?);
        }
        self.call(place, op, args)
    }

    fn unary(&mut self) -> Result<Node, FilterError> {
        let place = self.place();
        self.depth += 1;
        Budget::check_depth(self.depth, &place)?;
        let node = if self.takes(&Token::Not) {
            let inner = self.unary()?;
            self.call(place, "not", vec![inner])
        } else {
            self.primary()
        };
        self.depth -= 1;
        node
    }

    fn primary(&mut self) -> Result<Node, FilterError> {
        let place = self.place();
        if self.takes(&Token::Open) {
            let inner = self.filter()?;
            self.expect(&Token::Close)?;
            return Ok(inner);
        }
        let followed_by = |token: &Token| self.placed(1).token == *token;
        for level in ["event", "link"] {
            if self.is_keyword(0, level) && followed_by(&Token::OpenBracket) {
                return self.some(place, level);
            }
        }
        if self.is_keyword(0, "exists") && followed_by(&Token::Open) {
            self.next += 2;
            let subject = self.subject()?;
            self.expect(&Token::Close)?;
            return self.call(place, "exists", vec![subject]);
        }
        self.condition(place)
    }

    fn some(&mut self, place: Place, level: &str) -> Result<Node, FilterError> {
        self.next += 2;
        let level = level.to_owned();
        let nested = self.node(place.clone(), Term::Nested { level })?;
        let inner = self.filter()?;
        self.expect(&Token::CloseBracket)?;
        self.call(place, "some", vec![nested, inner])
    }

    fn condition(&mut self, place: Place) -> Result<Node, FilterError> {
        let left = self.left()?;
        if let Token::Relation(op) = *self.peek() {
            self.next += 1;
            let of_constant = matches!(left.term, Term::Scalar { .. });
            let right = if of_constant {
                self.left()?
            } else {
                self.right()?
            };
            return self.call(place, op, vec![left, right]);
        }
        let negated = self.takes(&Token::Not);
        if self.is_keyword(0, "like") {
            self.next += 1;
            let right = self.constant()?;
            let op = if negated { "not_like" } else { "like" };
            return self.call(place, op, vec![left, right]);
        }
        if self.is_keyword(0, "in") {
            self.next += 1;
            let list = self.list()?;
            let op = if negated { "not_in" } else { "in" };
            return self.call(place, op, vec![left, list]);
        }
        Err(self.expected("a relation, \"like\" or \"in\"", self.peek().told()))
    }

    /// The left of a relation: a subject, unless it can be nothing but a constant.
    fn left(&mut self) -> Result<Node, FilterError> {
        let is_number =
            |word: &str| word.starts_with(|c: char| c.is_ascii_digit() || c == '-' || c == '+');
        let is_constant = match self.peek() {
            Token::Text(_) => true,
            Token::Word(word) => is_number(word) || self.is_typed(),
            _ => false,
        };
        if is_constant {
            self.constant()
        } else {
            self.subject()
        }
    }

    /// The right of a relation: a constant, unless it is written as a subject.
    fn right(&mut self) -> Result<Node, FilterError> {
        let Token::Word(word) = self.peek() else {
            return self.constant();
        };
        let names_level =
            |(level, _): (&str, &str)| level.is_empty() || Level::parse(level).is_some();
        // A fraction may begin with its point.
        let is_number = word
            .strip_prefix('.')
            .is_some_and(|of| of.starts_with(|c: char| c.is_ascii_digit()));
        let is_attribute = !is_number && word.split_once('.').is_some_and(names_level);
        if is_attribute || self.placed(1).token == Token::Colon {
            self.subject()
        } else {
            self.constant()
        }
    }

    fn subject(&mut self) -> Result<Node, FilterError> {
        let place = self.place();
        let Token::Word(word) = self.peek().clone() else {
            return Err(self.expected("an attribute or a field", self.peek().told()));
        };
        self.next += 1;
        if self.takes(&Token::Colon) {
            let Token::Word(name) = self.peek().clone() else {
                return Err(self.expected("the name of a field", self.peek().told()));
            };
            self.next += 1;
            let level = word;
            return self.node(place, Term::Field { name, level });
        }
        let shorthand = SHORTHANDS.iter().find(|(short, ..)| *short == word);
        if let Some((_, level, name)) = shorthand {
            let (name, level) = ((*name).to_owned(), (*level).to_owned());
            return self.node(place, Term::Field { name, level });
        }
        let (level, key) = match word.split_once('.') {
            Some((level, key)) if level.is_empty() || Level::parse(level).is_some() => (level, key),
            _ => ("", word.as_str()),
        };
        let (level, mut key) = (level.to_owned(), key.to_owned());
        if key.is_empty() {
            match self.placed(0) {
                Placed {
                    token: Token::Text(text),
                    adjoins: true,
                    ..
                } => key.clone_from(text),
                _ => return Err(self.expected("a key", self.peek().told())),
            }
            self.next += 1;
        }
        self.node(place, Term::Attribute { key, level })
    }

    /// Whether a type and a bracket come next.
    fn is_typed(&self) -> bool {
        let is_type = TYPES.iter().any(|name| self.is_keyword(0, name));
        is_type && self.placed(1).token == Token::Open
    }

    fn constant(&mut self) -> Result<Node, FilterError> {
        let place = self.place();
        let hint = self.hint();
        if !hint.is_empty() {
            self.expect(&Token::Open)?;
        }
        let value = self.value()?;
        if !hint.is_empty() {
            self.expect(&Token::Close)?;
        }
        self.node(place, Term::Scalar { value, hint })
    }

    /// The type before a bracket; empty without one.
    fn hint(&mut self) -> String {
        if !self.is_typed() {
            return String::new();
        }
        match self.take().token {
            Token::Word(word) => word.to_ascii_lowercase(),
            _ => String::new(),
        }
    }

    fn value(&mut self) -> Result<String, FilterError> {
        match self.peek().clone() {
            Token::Word(value) | Token::Text(value) => {
                self.next += 1;
                Ok(value)
            }
            other => Err(self.expected("a value", other.told())),
        }
    }

    fn list(&mut self) -> Result<Node, FilterError> {
        let place = self.place();
        let hint = self.hint();
        self.expect(&Token::Open)?;
        let mut values = vec![self.value()?];
        while self.takes(&Token::Comma) {
            values.push(self.value()?);
        }
        self.expect(&Token::Close)?;
        self.node(place, Term::List { values, hint })
    }
}
