//! The fields of a record that apache-avro read, taken by name and promoted to our types.

use apache_avro::types::Value;
use model::{SpanId, UnixNanos};

use super::{flaw::Flaw, walk};

/// The fields of one record, in the writer's order. Unions are opened.
pub(super) struct Fields(Vec<(String, Value)>);

impl Fields {
    pub(super) fn of(field: &'static str, record: Value) -> Result<Self, Flaw> {
        match opened(record) {
            Value::Record(fields) => Ok(Self(fields)),
            _ => Err(Flaw::WrongType { field }),
        }
    }

    pub(super) fn take(&mut self, name: &str) -> Option<Value> {
        let at = self.0.iter().position(|(field, _)| field == name)?;
        Some(opened(self.0.swap_remove(at).1))
    }

    pub(super) fn required(&mut self, field: &'static str) -> Result<Value, Flaw> {
        self.take(field).ok_or(Flaw::MissingField { field })
    }

    pub(super) fn text(&mut self, field: &'static str) -> Result<Option<String>, Flaw> {
        match self.take(field) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(Flaw::WrongType { field }),
        }
    }

    pub(super) fn required_text(&mut self, field: &'static str) -> Result<String, Flaw> {
        self.text(field)?.ok_or(Flaw::MissingField { field })
    }

    pub(super) fn long(&mut self, field: &'static str) -> Result<Option<i64>, Flaw> {
        match self.take(field) {
            None => Ok(None),
            Some(Value::Long(number) | Value::TimestampNanos(number)) => Ok(Some(number)),
            Some(Value::Int(number)) => Ok(Some(i64::from(number))),
            Some(_) => Err(Flaw::WrongType { field }),
        }
    }

    pub(super) fn nanos(&mut self, field: &'static str) -> Result<UnixNanos, Flaw> {
        walk::nanos(self.long(field)?.ok_or(Flaw::MissingField { field })?)
    }

    pub(super) fn count(&mut self, field: &'static str) -> Result<u32, Flaw> {
        self.long(field)?.map_or(Ok(0), walk::count)
    }

    pub(super) fn int(&mut self, field: &'static str) -> Result<i32, Flaw> {
        match self.take(field) {
            None => Ok(0),
            Some(Value::Int(number)) => Ok(number),
            Some(_) => Err(Flaw::WrongType { field }),
        }
    }

    pub(super) fn list(&mut self, field: &'static str) -> Result<Vec<Value>, Flaw> {
        match self.take(field) {
            None => Ok(Vec::new()),
            Some(Value::Array(items)) => Ok(items),
            Some(_) => Err(Flaw::WrongType { field }),
        }
    }

    pub(super) fn required_list(&mut self, field: &'static str) -> Result<Vec<Value>, Flaw> {
        match self.required(field)? {
            Value::Array(items) => Ok(items),
            _ => Err(Flaw::WrongType { field }),
        }
    }

    pub(super) fn id<const N: usize>(&mut self, field: &'static str) -> Result<[u8; N], Flaw> {
        id(self.required(field)?, field)
    }

    pub(super) fn parent(&mut self) -> Result<Option<SpanId>, Flaw> {
        let field = "parent_span_id";
        match self.take(field) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => SpanId::new(id(value, field)?)
                .map(Some)
                .ok_or(Flaw::ZeroReference),
        }
    }
}

/// The bytes of a `fixed`.
fn id<const N: usize>(value: Value, field: &'static str) -> Result<[u8; N], Flaw> {
    let Value::Fixed(_, bytes) = value else {
        return Err(Flaw::WrongType { field });
    };
    bytes.try_into().map_err(|_| Flaw::WrongType { field })
}

fn opened(value: Value) -> Value {
    match value {
        Value::Union(_, inner) => *inner,
        value => value,
    }
}
