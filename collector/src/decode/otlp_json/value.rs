//! Attributes and their values in OTLP JSON.

use model::{Extent, ValueRef};
use serde::de::{DeserializeSeed, Deserializer, MapAccess};

use crate::decode::builder::Builder;
use crate::decode::json::object::{Element, Fields, Ignored, List, Object};
use crate::decode::json::scalar::{Base64, Double, Text, Whole};

/// A list of keys and values, the values at `depth`.
pub(super) struct Attributes<'x, 'a> {
    pub(super) to: &'x mut Builder<'a>,
    pub(super) depth: u32,
}

impl<'a> DeserializeSeed<'a> for Attributes<'_, 'a> {
    type Value = Extent;

    fn deserialize<D: Deserializer<'a>>(mut self, json: D) -> Result<Extent, D::Error> {
        let begin = self.to.begin_attributes();
        List(&mut self).deserialize(json)?;
        Ok(self.to.end_attributes(begin))
    }
}

impl<'a> Element<'a> for Attributes<'_, 'a> {
    fn read<D: Deserializer<'a>>(&mut self, json: D) -> Result<(), D::Error> {
        let mut attribute = Attribute {
            to: self.to,
            depth: self.depth,
            key: "",
            value: ValueRef::Empty,
        };
        Object(&mut attribute).deserialize(json)?;
        let (key, value) = (attribute.key, attribute.value);
        let pushed = self.to.push_attribute(key, value);
        pushed.map_err(|error| self.to.fail(error))
    }
}

struct Attribute<'x, 'a> {
    to: &'x mut Builder<'a>,
    depth: u32,
    key: &'a str,
    value: ValueRef<'a>,
}

impl<'a> Fields<'a> for Attribute<'_, 'a> {
    fn field<A: MapAccess<'a>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
        match key {
            "key" => self.key = map.next_value_seed(Text(self.to))?,
            "value" => {
                let value = AnyValue {
                    to: self.to,
                    depth: self.depth,
                    value: ValueRef::Empty,
                };
                self.value = map.next_value_seed(value)?;
            }
            _ => {
                map.next_value::<Ignored>()?;
            }
        }
        Ok(())
    }
}

/// A value of any type at `depth`.
struct AnyValue<'x, 'a> {
    to: &'x mut Builder<'a>,
    depth: u32,
    value: ValueRef<'a>,
}

impl<'a> DeserializeSeed<'a> for AnyValue<'_, 'a> {
    type Value = ValueRef<'a>;

    fn deserialize<D: Deserializer<'a>>(mut self, json: D) -> Result<ValueRef<'a>, D::Error> {
        let depth = self.to.check_depth(self.depth);
        depth.map_err(|error| self.to.fail(error))?;
        Object(&mut self).deserialize(json)?;
        Ok(self.value)
    }
}

impl<'a> Fields<'a> for AnyValue<'_, 'a> {
    fn field<A: MapAccess<'a>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
        self.value = match key {
            "stringValue" => ValueRef::String(map.next_value_seed(Text(self.to))?),
            "boolValue" => ValueRef::Bool(map.next_value::<Option<bool>>()?.unwrap_or_default()),
            "intValue" => ValueRef::Int(map.next_value_seed(Whole::new())?),
            "doubleValue" => ValueRef::Double(map.next_value_seed(Double)?),
            "bytesValue" => {
                let bytes = map.next_value_seed(Base64)?;
                ValueRef::Bytes(self.to.arena().alloc_slice_copy(&bytes))
            }
            "arrayValue" => self.array(map)?,
            "kvlistValue" => self.map(map)?,
            _ => return Ignored::skip(map),
        };
        Ok(())
    }
}

impl<'a> AnyValue<'_, 'a> {
    fn array<A: MapAccess<'a>>(&mut self, map: &mut A) -> Result<ValueRef<'a>, A::Error> {
        let before = self.to.mark();
        let mut array = Array {
            to: self.to,
            depth: self.depth + 1,
            items: Extent::default(),
        };
        map.next_value_seed(Object(&mut array))?;
        let items = ValueRef::Array(array.items);
        Ok(self.to.nested(items, self.depth, before))
    }

    fn map<A: MapAccess<'a>>(&mut self, map: &mut A) -> Result<ValueRef<'a>, A::Error> {
        let before = self.to.mark();
        let mut list = KeyValueList {
            to: self.to,
            depth: self.depth + 1,
            entries: Extent::default(),
        };
        map.next_value_seed(Object(&mut list))?;
        let entries = ValueRef::Map(list.entries);
        Ok(self.to.nested(entries, self.depth, before))
    }
}

/// An `ArrayValue`, its elements at `depth`.
struct Array<'x, 'a> {
    to: &'x mut Builder<'a>,
    depth: u32,
    items: Extent,
}

impl<'a> Fields<'a> for Array<'_, 'a> {
    fn field<A: MapAccess<'a>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
        if key != "values" {
            return Ignored::skip(map);
        }
        let begin = self.to.begin_values();
        map.next_value_seed(List(self))?;
        self.items = self.to.end_values(begin);
        Ok(())
    }
}

impl<'a> Element<'a> for Array<'_, 'a> {
    fn read<D: Deserializer<'a>>(&mut self, json: D) -> Result<(), D::Error> {
        let value = AnyValue {
            to: self.to,
            depth: self.depth,
            value: ValueRef::Empty,
        };
        let item = value.deserialize(json)?;
        let pushed = self.to.push_value(item);
        pushed.map_err(|error| self.to.fail(error))
    }
}

/// A `KeyValueList`, its values at `depth`.
struct KeyValueList<'x, 'a> {
    to: &'x mut Builder<'a>,
    depth: u32,
    entries: Extent,
}

impl<'a> Fields<'a> for KeyValueList<'_, 'a> {
    fn field<A: MapAccess<'a>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
        if key != "values" {
            return Ignored::skip(map);
        }
        self.entries = map.next_value_seed(Attributes {
            to: self.to,
            depth: self.depth,
        })?;
        Ok(())
    }
}
