//! Whose spans these are.

use std::{fmt, sync::Arc};

/// Why some text cannot name a tenant.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "a tenant is 1 to {} of a-z, A-Z, 0-9, '-', '_' and '.'",
    Tenant::MAX_LEN
)]
pub struct TenantError;

/// Name of a tenant: 1 to 64 characters that are safe in a header, a file name and a label.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Tenant(Arc<str>);

impl Tenant {
    /// The tenant of requests that name none.
    pub const DEFAULT: &'static str = "default";
    /// Most characters a name may have.
    pub const MAX_LEN: usize = 64;

    /// Parses a tenant's name.
    pub fn parse(name: &str) -> Result<Self, TenantError> {
        let allowed = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'-' | b'_' | b'.');
        let fits = (1..=Self::MAX_LEN).contains(&name.len());
        if fits && name.bytes().all(allowed) {
            Ok(Self(name.into()))
        } else {
            Err(TenantError)
        }
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for Tenant {
    fn default() -> Self {
        Self(Self::DEFAULT.into())
    }
}

impl fmt::Display for Tenant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
