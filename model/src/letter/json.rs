//! How the fields of letters look in JSON.

use std::fmt::Display;

use serde::{Serialize, Serializer};

use crate::RejectReason;

/// The reason's label, or null.
pub(super) fn label<S: Serializer>(
    reason: &Option<RejectReason>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    reason.map(RejectReason::as_str).serialize(serializer)
}

/// A number, or another thing, as text.
pub(super) fn text<T: Display, S: Serializer>(value: &T, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(value)
}

/// The same, or null.
pub(super) fn optional_text<T: Display, S: Serializer>(
    value: &Option<T>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    value.as_ref().map(T::to_string).serialize(serializer)
}
