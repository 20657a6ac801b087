//! What waits for its owner to end: attributes, and elements of lists.

use model::{AttributeRef, Extent, ValueRef};

use super::Builder;
use crate::decode::DecodeError;

impl<'a> Builder<'a> {
    /// Where an owner's attributes begin on the stack.
    pub(in crate::decode) fn begin_attributes(&self) -> usize {
        self.waiting_attributes.len()
    }

    pub(in crate::decode) fn push_attribute(
        &mut self,
        key: &'a str,
        value: ValueRef<'a>,
    ) -> Result<(), DecodeError> {
        self.count_item()?;
        self.waiting_attributes.push(AttributeRef { key, value });
        Ok(())
    }

    /// The value of the last attribute with this key that waits since `begin`.
    pub(in crate::decode) fn waiting(&self, begin: usize, key: &str) -> Option<ValueRef<'a>> {
        let mut waiting = self.waiting_attributes[begin..].iter().rev();
        waiting.find(|of| of.key == key).map(|of| of.value)
    }

    /// As before; the attributes with this key do not wait any more.
    pub(in crate::decode) fn take_waiting(
        &mut self,
        begin: usize,
        key: &str,
    ) -> Option<ValueRef<'a>> {
        let found = self.waiting(begin, key)?;
        let mut kept = begin;
        for index in begin..self.waiting_attributes.len() {
            let attribute = self.waiting_attributes[index];
            if attribute.key != key {
                self.waiting_attributes[kept] = attribute;
                kept += 1;
            }
        }
        self.waiting_attributes.truncate(kept);
        Some(found)
    }

    /// As before, if it is text.
    pub(in crate::decode) fn take_text(&mut self, begin: usize, key: &str) -> Option<&'a str> {
        match self.waiting(begin, key)? {
            ValueRef::String(text) => self.take_waiting(begin, key).map(|_| text),
            _ => None,
        }
    }

    /// Puts an attribute before those that wait since `begin`.
    pub(in crate::decode) fn insert_attribute(
        &mut self,
        begin: usize,
        key: &'a str,
        value: ValueRef<'a>,
    ) -> Result<(), DecodeError> {
        self.count_item()?;
        self.waiting_attributes
            .insert(begin, AttributeRef { key, value });
        Ok(())
    }

    /// Moves an owner's attributes from the stack into the batch.
    pub(in crate::decode) fn end_attributes(&mut self, begin: usize) -> Extent {
        let attributes = &mut self.decoded.batch.attributes;
        let start = attributes.len();
        attributes.extend_from_slice(&self.waiting_attributes[begin..]);
        self.waiting_attributes.truncate(begin);
        Extent::since(start, attributes.len())
    }

    /// Where a list's elements begin on the stack.
    pub(in crate::decode) fn begin_values(&self) -> usize {
        self.waiting_values.len()
    }

    pub(in crate::decode) fn push_value(&mut self, value: ValueRef<'a>) -> Result<(), DecodeError> {
        self.count_item()?;
        self.waiting_values.push(value);
        Ok(())
    }

    /// Moves a list's elements from the stack into the batch.
    pub(in crate::decode) fn end_values(&mut self, begin: usize) -> Extent {
        let values = &mut self.decoded.batch.values;
        let start = values.len();
        values.extend_from_slice(&self.waiting_values[begin..]);
        self.waiting_values.truncate(begin);
        Extent::since(start, values.len())
    }
}
