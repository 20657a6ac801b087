//! Attribute values: everything OTLP's `AnyValue` can hold.

/// A typed attribute value, owned.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Value {
    /// No value at all, which is not the empty string.
    #[default]
    Empty,
    /// Text.
    String(String),
    /// True or false.
    Bool(bool),
    /// A signed 64-bit integer.
    Int(i64),
    /// A double, NaN and the infinities included.
    Double(f64),
    /// Raw bytes.
    Bytes(Vec<u8>),
    /// A list of values of any types.
    Array(Vec<Value>),
    /// A nested list of attributes.
    Map(Vec<KeyValue>),
}

impl Value {
    /// The text of a string value.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(text) => Some(text),
            _ => None,
        }
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::String(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::String(text)
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self::Int(value)
    }
}

impl From<f64> for Value {
    fn from(value: f64) -> Self {
        Self::Double(value)
    }
}

/// One attribute, owned.
#[derive(Debug, Clone, PartialEq)]
pub struct KeyValue {
    /// Never empty once validated.
    pub key: String,
    /// The value.
    pub value: Value,
}

impl KeyValue {
    /// An attribute of this key and value.
    pub fn new(key: impl Into<String>, value: impl Into<Value>) -> Self {
        Self {
            key: key.into(),
            value: value.into(),
        }
    }
}
