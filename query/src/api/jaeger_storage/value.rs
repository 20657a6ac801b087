//! Values of attributes in a search: compared as text, whatever their type.

use model::{KeyValue, Value, canonical_string};
use schemas::jaeger_storage::any_value::Value as Wire;
use schemas::jaeger_storage::{self as wire, AnyValue};

/// The text that a value must have; `None` for a value that was left out, which asks nothing.
pub(super) fn text(value: Option<AnyValue>) -> Option<String> {
    let value = own(value?.value?);
    Some(canonical_string(&value).into_owned())
}

// The decoder bounds nesting, so recursion is bounded here.
fn own(value: Wire) -> Value {
    match value {
        Wire::StringValue(text) => Value::String(text),
        Wire::BoolValue(is) => Value::Bool(is),
        Wire::IntValue(number) => Value::Int(number),
        Wire::DoubleValue(number) => Value::Double(number),
        Wire::BytesValue(bytes) => Value::Bytes(bytes),
        Wire::ArrayValue(list) => Value::Array(list.values.into_iter().map(item).collect()),
        Wire::KvlistValue(map) => Value::Map(map.values.into_iter().map(entry).collect()),
    }
}

fn item(value: AnyValue) -> Value {
    value.value.map(own).unwrap_or_default()
}

fn entry(entry: wire::KeyValue) -> KeyValue {
    KeyValue {
        key: entry.key,
        value: entry.value.map(item).unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_of_any_type_is_looked_for_by_its_text() {
        let list = wire::ArrayValue {
            values: vec![
                AnyValue {
                    value: Some(Wire::IntValue(1)),
                },
                AnyValue { value: None },
            ],
        };
        for (value, expected) in [
            (Wire::StringValue("200".to_owned()), "200"),
            (Wire::IntValue(200), "200"),
            (Wire::DoubleValue(72.5), "72.5"),
            (Wire::BoolValue(true), "true"),
            (Wire::BytesValue(vec![1, 2]), "AQI="),
            (Wire::ArrayValue(list), "[1,null]"),
        ] {
            let value = Some(AnyValue { value: Some(value) });
            assert_eq!(text(value).as_deref(), Some(expected));
        }
        assert_eq!(text(None), None);
        assert_eq!(text(Some(AnyValue { value: None })), None);
    }
}
