//! What can be wrong with a record's bytes.

/// What is wrong with a record.
#[derive(Debug, thiserror::Error)]
pub enum Flaw {
    /// The record ends inside a value.
    #[error("the record ends too early")]
    Truncated,
    /// Bytes follow after the last field.
    #[error("{left} bytes follow the last field")]
    TrailingBytes {
        /// How many.
        left: usize,
    },
    /// A variable-length number of more than 64 bits.
    #[error("a number of more than 64 bits")]
    NumberTooLong,
    /// A number outside its field's range.
    #[error("{number} lies outside the range of its field")]
    OutOfRange {
        /// The number.
        number: i64,
    },
    /// A length or a count that is negative or beyond the bytes that are left.
    #[error("a length or count of {claimed} where {left} bytes are left")]
    BeyondEnd {
        /// What the record says.
        claimed: i64,
        /// What it can hold at most.
        left: usize,
    },
    /// A block of a list is longer or shorter than it says.
    #[error("a block of a list does not have the size that it says")]
    BlockSize,
    /// A text is not UTF-8.
    #[error("a text is not UTF-8")]
    NotUtf8,
    /// A boolean that is neither 0 nor 1.
    #[error("{byte} is no boolean")]
    NotBoolean {
        /// The byte.
        byte: u8,
    },
    /// A union's branch, or an enum's symbol, that the schema does not have.
    #[error("there is no branch {branch}")]
    NoSuchBranch {
        /// The branch.
        branch: i64,
    },
    /// Values nested too deeply.
    #[error("values are nested too deeply")]
    TooDeep,
    /// A span kind that OTLP does not have.
    #[error("{number} is no span kind")]
    NoSuchKind {
        /// The number.
        number: i64,
    },
    /// A status code that OTLP does not have.
    #[error("{number} is no status code")]
    NoSuchStatus {
        /// The number.
        number: i64,
    },
    /// The trace id is all zero.
    #[error("a trace id of nothing but zeros")]
    ZeroTraceId,
    /// A span's id is all zero.
    #[error("a span id of nothing but zeros")]
    ZeroSpanId,
    /// A parent's or link's id is all zero.
    #[error("a parent or link with an id of nothing but zeros")]
    ZeroReference,
    /// The writer's schema lacks a field that has no default.
    #[error("the schema has no field {field}")]
    MissingField {
        /// Its name.
        field: &'static str,
    },
    /// The writer's schema gives a field a type that cannot stand for ours.
    #[error("the field {field} has a type that it cannot have")]
    WrongType {
        /// Its name.
        field: &'static str,
    },
    /// There was no memory for the stack that a deep record takes.
    #[error("no stack for a record this deep")]
    NoStack(#[source] std::io::Error),
    /// apache-avro refused what had passed the check of its bounds.
    #[error("the Avro reader refuses the record")]
    Avro(#[source] Box<apache_avro::Error>),
}
