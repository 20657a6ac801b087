//! Passwords and the like: readable by those who ask, never printed.

use std::fmt;
use std::sync::Arc;

use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// What stands for a secret wherever one would be printed.
const REDACTED: &str = "<redacted>";

/// A value that is never printed, logged or serialised. Empty means that there is none.
///
/// A field `password: Secret` of the configuration is set by `password = "…"` or, better, by
/// `password_file = "/run/secrets/…"`: the file's content without its last line break.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Secret(Arc<str>);

impl Secret {
    /// A secret with this content.
    pub fn new(content: impl Into<Arc<str>>) -> Self {
        Self(content.into())
    }

    /// No secret.
    pub fn none() -> Self {
        Self::default()
    }

    /// Whether there is one.
    pub fn is_set(&self) -> bool {
        !self.0.is_empty()
    }

    /// The content. The caller must not print it.
    pub fn expose(&self) -> &str {
        &self.0
    }

    fn redacted(&self) -> &'static str {
        if self.is_set() { REDACTED } else { "" }
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.redacted())
    }
}

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.redacted())
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct SecretVisitor;
        // Numbers are taken too: a type error would show them.
        impl Visitor<'_> for SecretVisitor {
            type Value = Secret;

            fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str("text")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Secret, E> {
                Ok(Secret::new(text))
            }

            fn visit_u64<E: Error>(self, number: u64) -> Result<Secret, E> {
                Ok(Secret::new(number.to_string()))
            }

            fn visit_i64<E: Error>(self, number: i64) -> Result<Secret, E> {
                Ok(Secret::new(number.to_string()))
            }

            fn visit_f64<E: Error>(self, number: f64) -> Result<Secret, E> {
                Ok(Secret::new(number.to_string()))
            }

            fn visit_bool<E: Error>(self, value: bool) -> Result<Secret, E> {
                Ok(Secret::new(value.to_string()))
            }
        }
        deserializer.deserialize_any(SecretVisitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_not_printed() {
        let secret = Secret::new("hunter2");
        assert_eq!(format!("{secret:?}"), "<redacted>");
        assert_eq!(serde_json::to_string(&secret).unwrap(), "\"<redacted>\"");
        assert_eq!(secret.expose(), "hunter2");
    }
}
