//! Whose traces a request sees.

use http::{HeaderMap, HeaderName};
use model::{Tenant, TenantError};

use crate::config::TenancyConfig;

/// Why a request has no tenant; in Jaeger's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum NoTenant {
    /// The header is missing or empty.
    #[error("missing tenant header")]
    Missing,
    /// There is no such tenant.
    #[error("unknown tenant")]
    Unknown,
    /// A call names more than one.
    #[error("extra tenant header")]
    Extra,
}

/// Why the configuration of tenancy is refused.
#[derive(Debug, thiserror::Error)]
pub enum TenancyError {
    /// The header's name.
    #[error("{0:?} is no name of a header")]
    Header(String, #[source] http::header::InvalidHeaderName),
    /// A tenant's name.
    #[error("{0:?} is no name of a tenant")]
    Tenant(String, #[source] TenantError),
}

/// Finds the tenant of requests.
#[derive(Debug)]
pub(super) struct Tenancy {
    required: bool,
    header: HeaderName,
    known: Vec<Tenant>,
}

impl Tenancy {
    pub(super) fn new(config: &TenancyConfig) -> Result<Self, TenancyError> {
        let header = HeaderName::try_from(&config.header)
            .map_err(|error| TenancyError::Header(config.header.clone(), error))?;
        let parse = |name: &String| {
            Tenant::parse(name).map_err(|error| TenancyError::Tenant(name.clone(), error))
        };
        Ok(Self {
            required: config.required,
            header,
            known: config.tenants.iter().map(parse).collect::<Result<_, _>>()?,
        })
    }

    /// The tenant that the metadata of a call name: not more than one.
    pub(super) fn of_call(&self, metadata: &HeaderMap) -> Result<Tenant, NoTenant> {
        if metadata.get_all(&self.header).iter().count() > 1 {
            return Err(NoTenant::Extra);
        }
        self.of(metadata)
    }

    /// The tenant that the headers name.
    pub(super) fn of(&self, headers: &HeaderMap) -> Result<Tenant, NoTenant> {
        let named = headers.get(&self.header).filter(|value| !value.is_empty());
        let Some(named) = named else {
            return if self.required {
                Err(NoTenant::Missing)
            } else {
                Ok(Tenant::default())
            };
        };
        let name = named.to_str().map_err(|_| NoTenant::Unknown)?;
        let tenant = Tenant::parse(name).map_err(|_| NoTenant::Unknown)?;
        if self.known.is_empty() || self.known.contains(&tenant) {
            Ok(tenant)
        } else {
            Err(NoTenant::Unknown)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(required: bool, known: &[&str], sent: Option<&str>) -> Result<String, NoTenant> {
        let tenancy = Tenancy::new(&TenancyConfig {
            required,
            tenants: known.iter().map(|name| (*name).to_owned()).collect(),
            ..TenancyConfig::default()
        })
        .expect("valid configuration");
        let mut headers = HeaderMap::new();
        if let Some(sent) = sent {
            headers.insert("x-tenant", sent.parse().expect("a header value"));
        }
        tenancy.of(&headers).map(|tenant| tenant.to_string())
    }

    #[test]
    fn without_a_header_the_default_tenant_is_meant_unless_one_is_required() {
        assert_eq!(of(false, &[], None), Ok("default".to_owned()));
        assert_eq!(of(true, &[], None), Err(NoTenant::Missing));
        assert_eq!(of(true, &[], Some("")), Err(NoTenant::Missing));
    }

    #[test]
    fn only_known_tenants_are_let_in_when_they_are_listed() {
        assert_eq!(of(true, &["a"], Some("a")), Ok("a".to_owned()));
        assert_eq!(of(true, &["a"], Some("b")), Err(NoTenant::Unknown));
        assert_eq!(of(true, &[], Some("b")), Ok("b".to_owned()));
        assert_eq!(of(false, &[], Some("not a name")), Err(NoTenant::Unknown));
    }
}
