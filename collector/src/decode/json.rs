//! What the decoders of JSON share: objects and lists read field by field, and their scalars.

pub(super) mod object;
pub(super) mod scalar;
