//! `jaeger/expression/v1/expression.proto`: structured filters.

use prost::{Message, Oneof};

/// Applies an operator to arguments.
#[derive(Clone, PartialEq, Message)]
pub struct Call {
    /// The operator.
    #[prost(string, tag = "1")]
    pub op: String,
    /// What it is applied to.
    #[prost(message, repeated, tag = "2")]
    pub args: Vec<Expression>,
}

/// Part of a filter.
#[derive(Clone, PartialEq, Message)]
pub struct Expression {
    /// Which part.
    #[prost(oneof = "Term", tags = "1, 2, 3, 4, 5, 6")]
    pub term: Option<Term>,
}

/// The parts of a filter.
#[derive(Clone, PartialEq, Oneof)]
#[expect(missing_docs, reason = "each variant is named for what it holds")]
pub enum Term {
    #[prost(message, tag = "1")]
    Attr(AttributeReference),
    #[prost(message, tag = "2")]
    Field(FieldReference),
    #[prost(message, tag = "3")]
    Nested(NestedReference),
    #[prost(message, tag = "4")]
    Scalar(Scalar),
    #[prost(message, tag = "5")]
    List(List),
    #[prost(message, tag = "6")]
    Call(Call),
}

/// An attribute.
#[derive(Clone, PartialEq, Message)]
pub struct AttributeReference {
    /// Its key.
    #[prost(string, tag = "1")]
    pub key: String,
    /// Where it is looked for; empty for the span and its resource.
    #[prost(string, tag = "2")]
    pub level: String,
}

/// What the data model defines itself.
#[derive(Clone, PartialEq, Message)]
pub struct FieldReference {
    /// Its name.
    #[prost(string, tag = "1")]
    pub name: String,
    /// Where it belongs.
    #[prost(string, tag = "2")]
    pub level: String,
}

/// The events or the links of a span.
#[derive(Clone, PartialEq, Message)]
pub struct NestedReference {
    /// Which.
    #[prost(string, tag = "1")]
    pub level: String,
}

/// A constant.
#[derive(Clone, PartialEq, Message)]
pub struct Scalar {
    /// Its text.
    #[prost(string, tag = "1")]
    pub value: String,
    /// `string`, `int`, `double`, `bool`, or empty for any.
    #[prost(string, tag = "2")]
    pub r#type: String,
}

/// Constants of one type.
#[derive(Clone, PartialEq, Message)]
pub struct List {
    /// Their texts.
    #[prost(string, repeated, tag = "1")]
    pub values: Vec<String>,
    /// As of a constant.
    #[prost(string, tag = "2")]
    pub r#type: String,
}
