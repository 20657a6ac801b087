//! Views of attributes and their values.

use model::{AttributeRef, Extent, SpanBatch, ValueRef};
use serde::ser::{Error, Serialize, SerializeTuple, Serializer};

use super::field::{Raw, in_branch, record, sequence};
use crate::trace_chunk::{MAX_NESTING, branch};

pub(super) struct Attributes<'v, 'a> {
    batch: &'v SpanBatch<'a>,
    attributes: &'v [AttributeRef<'a>],
    /// Lists and maps around them.
    depth: usize,
}

impl<'v, 'a> Attributes<'v, 'a> {
    pub(super) fn of(batch: &'v SpanBatch<'a>, extent: Extent) -> Self {
        Self {
            batch,
            attributes: batch.attributes(extent),
            depth: 0,
        }
    }
}

impl Serialize for Attributes<'_, '_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { batch, depth, .. } = *self;
        sequence(serializer, self.attributes, |attribute| AttributeView {
            key: attribute.key,
            value: ValueView {
                batch,
                value: &attribute.value,
                depth,
            },
        })
    }
}

pub(super) struct AttributeView<'v, 'a> {
    key: &'a str,
    value: ValueView<'v, 'a>,
}

record!(AttributeView as "Attribute", self {
    key: self.key,
    value: self.value,
});

#[derive(Clone, Copy)]
struct ValueView<'v, 'a> {
    batch: &'v SpanBatch<'a>,
    value: &'v ValueRef<'a>,
    depth: usize,
}

impl Serialize for ValueView<'_, '_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_newtype_struct("Value", &UnionView(*self))
    }
}

/// The union inside a value.
struct UnionView<'v, 'a>(ValueView<'v, 'a>);

impl Serialize for UnionView<'_, '_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let value = &self.0;
        match value.value {
            ValueRef::Empty => in_branch(serializer, branch::EMPTY, &()),
            ValueRef::String(text) => in_branch(serializer, branch::STRING, text),
            ValueRef::Bool(flag) => in_branch(serializer, branch::BOOL, flag),
            ValueRef::Int(number) => in_branch(serializer, branch::INT, number),
            ValueRef::Double(number) => in_branch(serializer, branch::DOUBLE, number),
            ValueRef::Bytes(bytes) => in_branch(serializer, branch::BYTES, &Raw(bytes)),
            ValueRef::Array(_) | ValueRef::Map(_) if value.depth == MAX_NESTING => Err(
                Error::custom(format_args!("values nested deeper than {MAX_NESTING}")),
            ),
            ValueRef::Array(extent) => in_branch(
                serializer,
                branch::ARRAY,
                &Items {
                    batch: value.batch,
                    items: value.batch.values(*extent),
                    depth: value.depth + 1,
                },
            ),
            ValueRef::Map(extent) => in_branch(
                serializer,
                branch::MAP,
                &MapView(Attributes {
                    batch: value.batch,
                    attributes: value.batch.attributes(*extent),
                    depth: value.depth + 1,
                }),
            ),
        }
    }
}

struct Items<'v, 'a> {
    batch: &'v SpanBatch<'a>,
    items: &'v [ValueRef<'a>],
    depth: usize,
}

impl Serialize for Items<'_, '_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { batch, depth, .. } = *self;
        sequence(serializer, self.items, |value| ValueView {
            batch,
            value,
            depth,
        })
    }
}

struct MapView<'v, 'a>(Attributes<'v, 'a>);

impl Serialize for MapView<'_, '_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_newtype_struct("ValueMap", &self.0)
    }
}
