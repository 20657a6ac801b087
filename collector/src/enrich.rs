//! enrich: whose spans they are, when they came, and what the installation adds to every resource.

use bumpalo::Bump;
use http::HeaderMap;
use model::{AttributeRef, Extent, Refusal, SpanBatch, Tenant, TenantError, UnixNanos, ValueRef};

use crate::config::{EnrichConfig, TenancyConfig};

/// What is known of a request beside its body. Every record carries it.
#[derive(Debug, Clone)]
pub struct Origin {
    /// Whose spans they are.
    pub tenant: Tenant,
    /// When the request was received, in nanoseconds.
    pub received_at: UnixNanos,
}

/// Why a request belongs to no tenant. The words are Jaeger's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UnknownTenant {
    /// There must be a header and there is none.
    #[error("missing tenant header")]
    Missing,
    /// There is more than one.
    #[error("extra tenant header")]
    Several,
    /// It names none of the tenants there are.
    #[error("unknown tenant")]
    NotListed,
    /// It is no tenant's name.
    #[error("invalid tenant header")]
    NoName(#[source] TenantError),
}

impl UnknownTenant {
    /// The refusal that this error means for the request.
    pub fn refusal(&self) -> Refusal {
        Refusal::InvalidTenant
    }
}

/// The tenant that a request's headers name.
///
/// # Errors
/// When there is none and there must be, when there are several, when it is not one of those that
/// the configuration lists, or no tenant's name at all.
pub fn tenant(headers: &HeaderMap, config: &TenancyConfig) -> Result<Tenant, UnknownTenant> {
    let mut values = headers.get_all(&config.header).iter();
    let Some(value) = values.next().filter(|value| !value.is_empty()) else {
        return if config.enabled {
            Err(UnknownTenant::Missing)
        } else {
            Ok(Tenant::default())
        };
    };
    if values.next().is_some() {
        return Err(UnknownTenant::Several);
    }
    let name = value.to_str().unwrap_or_default();
    let listed = !config.enabled || config.tenants.is_empty();
    if !listed && !config.tenants.iter().any(|tenant| tenant == name) {
        return Err(UnknownTenant::NotListed);
    }
    Tenant::parse(name).map_err(UnknownTenant::NoName)
}

/// Adds the configured attributes to each resource that does not have them.
pub fn spans<'a>(batch: &mut SpanBatch<'a>, config: &EnrichConfig, arena: &'a Bump) {
    if config.resource_attributes.is_empty() {
        return;
    }
    let added: Vec<AttributeRef<'a>> = config
        .resource_attributes
        .iter()
        .map(|(key, value)| AttributeRef {
            key: arena.alloc_str(key),
            value: ValueRef::String(arena.alloc_str(value)),
        })
        .collect();
    for index in 0..batch.resources.len() {
        let present = batch.resources[index].attributes;
        let is_missing = |added: &&AttributeRef<'a>| batch.attribute(present, added.key).is_none();
        let missing: Vec<_> = added.iter().filter(is_missing).copied().collect();
        let first = batch.attributes.len();
        batch.attributes.extend_from_within(present.range());
        batch.attributes.extend(missing);
        batch.resources[index].attributes = Extent::since(first, batch.attributes.len());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(values: &[&str], tenants: Option<&[&str]>) -> Result<String, UnknownTenant> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append("x-tenant", value.parse().expect("a header's value"));
        }
        let listed = tenants
            .unwrap_or_default()
            .iter()
            .map(|name| (*name).to_owned());
        let config = TenancyConfig {
            enabled: tenants.is_some(),
            tenants: listed.collect(),
            ..TenancyConfig::default()
        };
        tenant(&headers, &config).map(|tenant| tenant.as_str().to_owned())
    }

    #[test]
    fn without_multi_tenancy_the_header_is_optional() {
        assert_eq!(of(&[], None), Ok("default".to_owned()));
        assert_eq!(of(&["acme"], None), Ok("acme".to_owned()));
    }

    #[test]
    fn with_multi_tenancy_exactly_one_listed_tenant_is_accepted() {
        assert_eq!(of(&["acme"], Some(&["acme"])), Ok("acme".to_owned()));
        assert_eq!(of(&["acme"], Some(&[])), Ok("acme".to_owned()));
        assert_eq!(of(&[], Some(&[])), Err(UnknownTenant::Missing));
        assert_eq!(of(&[""], Some(&[])), Err(UnknownTenant::Missing));
        assert_eq!(
            of(&["evil"], Some(&["acme"])),
            Err(UnknownTenant::NotListed)
        );
        assert_eq!(
            of(&["acme", "evil"], Some(&["acme"])),
            Err(UnknownTenant::Several)
        );
    }

    #[test]
    fn what_is_no_name_is_refused() {
        assert!(matches!(of(&["a b"], None), Err(UnknownTenant::NoName(_))));
        assert!(matches!(
            of(&["../x"], Some(&[])),
            Err(UnknownTenant::NoName(_))
        ));
    }

    #[test]
    fn configured_attributes_do_not_replace_those_that_were_sent() {
        let sent = [model::KeyValue::new("env", "prod")];
        let arena = Bump::new();
        let mut batch = SpanBatch::default();
        let attributes = batch.push_attributes(&sent);
        batch.resources.push(model::ResourceRef {
            attributes,
            ..Default::default()
        });
        let config = EnrichConfig {
            resource_attributes: [("env", "test"), ("zone", "a")]
                .map(|(k, v)| (k.to_owned(), v.to_owned()))
                .into(),
        };
        spans(&mut batch, &config, &arena);
        let zone = model::KeyValue::new("zone", "a");
        assert_eq!(
            batch.own_resource(&batch.resources[0]).attributes,
            [sent[0].clone(), zone]
        );
    }
}
