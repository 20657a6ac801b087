//! What records are written with: by position, and from a few kinds of field.
//!
//! A record is a tuple of its fields. Each `record!` lists them by name, so that a test can hold
//! the order against the schema. A record of one field goes as a newtype, since a tuple of one
//! means its element; a branch of a union goes as a newtype variant with the branch's index.

use model::SpanId;
use serde::ser::{Error, Serialize, SerializeSeq, Serializer};

macro_rules! record {
    ($view:ident as $name:literal, $self:ident { $($field:ident: $value:expr,)* }) => {
        #[cfg(test)]
        impl $crate::encode::field::Named for $view<'_, '_> {
            const NAME: &'static str = $name;
            const FIELDS: &'static [&'static str] = &[$(stringify!($field)),*];
        }

        impl Serialize for $view<'_, '_> {
            fn serialize<S: Serializer>(&$self, serializer: S) -> Result<S::Ok, S::Error> {
                const FIELDS: usize = [$(stringify!($field)),*].len();
                let mut record = serializer.serialize_tuple(FIELDS)?;
                $(record.serialize_element(&$value)?;)*
                record.end()
            }
        }
    };
}

/// A view's record and its fields, in the order in which they are written.
#[cfg(test)]
pub(super) trait Named {
    const NAME: &'static str;
    const FIELDS: &'static [&'static str];
}

pub(super) use record;

/// Bytes of a `bytes` or a `fixed`.
pub(super) struct Raw<'v>(pub(super) &'v [u8]);

impl Serialize for Raw<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(self.0)
    }
}

/// Nanoseconds as a `long`.
pub(super) struct Nanos(pub(super) u64);

impl Serialize for Nanos {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let signed = i64::try_from(self.0)
            .map_err(|_| Error::custom(format_args!("{} ns lie beyond the year 2262", self.0)))?;
        serializer.serialize_i64(signed)
    }
}

/// An unsigned number of 32 bits as a `long`.
pub(super) struct Count(pub(super) u32);

impl Serialize for Count {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_i64(i64::from(self.0))
    }
}

pub(super) struct Parent<'v>(pub(super) Option<&'v SpanId>);

impl Serialize for Parent<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            None => in_branch(serializer, 0, &()),
            Some(id) => in_branch(serializer, 1, &Raw(id.as_bytes())),
        }
    }
}

pub(super) fn in_branch<S: Serializer, T: Serialize + ?Sized>(
    serializer: S,
    branch: u32,
    value: &T,
) -> Result<S::Ok, S::Error> {
    serializer.serialize_newtype_variant("", branch, "", value)
}

pub(super) fn sequence<'v, S: Serializer, T, V: Serialize>(
    serializer: S,
    items: &'v [T],
    view: impl Fn(&'v T) -> V,
) -> Result<S::Ok, S::Error> {
    let mut seq = serializer.serialize_seq(Some(items.len()))?;
    for item in items {
        seq.serialize_element(&view(item))?;
    }
    seq.end()
}
