//! One typed configuration document: defaults → file → environment → flags.
//!
//! [`config!`](crate::config!) makes a section, [`load`] reads the document, [`documentation`]
//! renders it for people. A key that no section knows is refused, and the nearest known one named.

mod document;
mod error;
mod keys;
mod layers;
mod load;
mod probe;
mod render;
mod section;

pub use document::{Documented, FieldDoc, Kind, SectionDoc};
pub use error::{ConfigError, Origin};
pub use keys::nearest_name;
pub use load::{Loaded, Sources, load};
pub use render::{documentation, redacted};

/// Serialisation of `Duration` and `Option<Duration>` fields, like `500ms` or `1h 30m`.
#[doc(hidden)]
pub mod duration {
    pub use humantime_serde::{deserialize, serialize};
}
