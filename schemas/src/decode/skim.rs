//! Checks that a record stays within its own bounds before apache-avro reads it.
//!
//! apache-avro recurses as deeply as a record nests, takes a text that ends too early for null,
//! and believes counts up to its allocation limit. After this pass none of that can happen: every
//! length lies within the record, there are no more items than bytes, and the depth is bounded.

use std::collections::HashMap;

use apache_avro::{
    Schema,
    schema::{DecimalSchema, InnerDecimalSchema, Name, UuidSchema},
};

use super::{
    cursor::{Blocks, Cursor},
    flaw::Flaw,
};

/// Most schemas within each other on the way to a value. A list of values takes three, a map five.
const MAX_DEPTH: usize = 256;

/// Walks a whole body along its schema. On success the cursor is at its end; says how many
/// schemas lay within each other.
pub(super) fn body<'a>(
    cursor: &mut Cursor<'a>,
    schema: &Schema,
    names: &HashMap<Name, &Schema>,
) -> Result<usize, Flaw> {
    let mut skim = Skim {
        items: cursor.left(),
        cursor,
        names,
        deepest: 0,
    };
    skim.value(schema, 0)?;
    skim.cursor.end()?;
    Ok(skim.deepest)
}

struct Skim<'c, 'a, 's> {
    cursor: &'c mut Cursor<'a>,
    names: &'s HashMap<Name, &'s Schema>,
    /// How many more items there may be, in all lists together.
    items: usize,
    deepest: usize,
}

impl Skim<'_, '_, '_> {
    fn value(&mut self, schema: &Schema, depth: usize) -> Result<(), Flaw> {
        if depth == MAX_DEPTH {
            return Err(Flaw::TooDeep);
        }
        self.deepest = self.deepest.max(depth);
        match schema {
            Schema::Record(record) => record
                .fields
                .iter()
                .try_for_each(|field| self.value(&field.schema, depth + 1)),
            Schema::Array(array) => self.list(|skim| skim.value(&array.items, depth + 1)),
            Schema::Map(map) => self.list(|skim| {
                skim.cursor.text()?;
                skim.value(&map.types, depth + 1)
            }),
            Schema::Union(union) => {
                let branch = self.cursor.long()?;
                let chosen = usize::try_from(branch).ok();
                let chosen = chosen.and_then(|index| union.variants().get(index));
                self.value(chosen.ok_or(Flaw::NoSuchBranch { branch })?, depth + 1)
            }
            Schema::Ref { name } => {
                let named = self.names.get(name).copied();
                self.value(
                    named.ok_or(Flaw::WrongType { field: "reference" })?,
                    depth + 1,
                )
            }
            scalar => self.scalar(scalar),
        }
    }

    fn list(&mut self, item: impl Fn(&mut Self) -> Result<(), Flaw>) -> Result<(), Flaw> {
        let mut blocks = Blocks::default();
        while blocks.next(self.cursor)? {
            // An item without bytes of its own could be claimed any number of times.
            self.items = self.items.checked_sub(1).ok_or(Flaw::Truncated)?;
            item(self)?;
        }
        Ok(())
    }

    fn scalar(&mut self, schema: &Schema) -> Result<(), Flaw> {
        let cursor = &mut *self.cursor;
        match schema {
            Schema::Boolean => cursor.boolean().map(drop),
            Schema::Int | Schema::Date | Schema::TimeMillis => cursor.int().map(drop),
            Schema::Float => cursor.take(4).map(drop),
            Schema::Double => cursor.take(8).map(drop),
            Schema::Bytes
            | Schema::BigDecimal
            | Schema::Uuid(UuidSchema::Bytes)
            | Schema::Decimal(DecimalSchema {
                inner: InnerDecimalSchema::Bytes,
                ..
            }) => cursor.blob().map(drop),
            Schema::String | Schema::Uuid(UuidSchema::String) => cursor.text().map(drop),
            Schema::Fixed(fixed)
            | Schema::Duration(fixed)
            | Schema::Uuid(UuidSchema::Fixed(fixed))
            | Schema::Decimal(DecimalSchema {
                inner: InnerDecimalSchema::Fixed(fixed),
                ..
            }) => cursor.take(fixed.size).map(drop),
            Schema::Enum(symbols) => {
                let branch = i64::from(cursor.int()?);
                match usize::try_from(branch) {
                    Ok(index) if index < symbols.symbols.len() => Ok(()),
                    _ => Err(Flaw::NoSuchBranch { branch }),
                }
            }
            Schema::Null => Ok(()),
            _ => cursor.long().map(drop),
        }
    }
}
