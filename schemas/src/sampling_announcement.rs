//! How the probabilities of adaptive sampling reach collectors: records on `spoor.control`.

use std::collections::BTreeMap;

use model::{Tenant, UnixNanos};
use serde::{Deserialize, Serialize};

/// Key of the record with what holds for every service.
const DEFAULTS_KEY: &str = "sampling";
/// Begins the keys of the records of one service each.
const PREFIX: &str = "sampling/";

/// A record of adaptive sampling. The control topic keeps the last one of each key.
#[derive(Debug, Clone, PartialEq)]
pub enum SamplingAnnouncement {
    /// What services without a record of their own are told.
    Defaults(SamplingDefaults),
    /// What one service is told.
    Service(ServiceProbabilities),
    /// The service is told the defaults again.
    Forgotten {
        /// Whose service it was.
        tenant: Tenant,
        /// Its name.
        service: String,
    },
}

/// What holds for operations that nothing is known of.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct SamplingDefaults {
    /// Probability of operations that have not been seen.
    pub default_probability: f64,
    /// Traces per second of each operation that clients sample whatever its probability.
    pub lower_bound: f64,
}

/// The probabilities of one service.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ServiceProbabilities {
    /// Whose service it is.
    #[serde(with = "tenant_name")]
    pub tenant: Tenant,
    /// Its name.
    pub service: String,
    /// When they were calculated. An older record never replaces a newer one.
    pub calculated_at: UnixNanos,
    /// Probability by operation.
    pub operations: BTreeMap<String, f64>,
}

/// Why a control record cannot be read although its key says that it is about sampling.
#[derive(Debug, thiserror::Error)]
pub enum SamplingAnnouncementError {
    /// The key names no tenant and service.
    #[error("the control record {key} is about sampling, but of no service")]
    Key {
        /// The record's key.
        key: String,
    },
    /// The value is not the JSON that belongs to the key.
    #[error("the control record {key} does not hold probabilities as JSON")]
    Malformed {
        /// The record's key.
        key: String,
        /// The cause.
        source: serde_json::Error,
    },
    /// The key names another service than the value, or a probability is none.
    #[error("the control record {key} holds what it cannot hold")]
    Mislabelled {
        /// The record's key.
        key: String,
    },
}

impl SamplingAnnouncement {
    /// Key and value of the record. An empty value deletes the key.
    pub fn to_record(&self) -> (Vec<u8>, Vec<u8>) {
        let json = "texts and finite numbers always have a JSON form";
        match self {
            Self::Defaults(defaults) => (
                DEFAULTS_KEY.into(),
                serde_json::to_vec(defaults).expect(json),
            ),
            Self::Service(of) => (
                key(&of.tenant, &of.service),
                serde_json::to_vec(of).expect(json),
            ),
            Self::Forgotten { tenant, service } => (key(tenant, service), Vec::new()),
        }
    }

    /// Reads a control record; none if it is not about sampling.
    ///
    /// # Errors
    /// If its key says that it is and it cannot be read.
    pub fn from_record(
        key: &[u8],
        value: Option<&[u8]>,
    ) -> Result<Option<Self>, SamplingAnnouncementError> {
        let Ok(key) = std::str::from_utf8(key) else {
            return Ok(None);
        };
        if key == DEFAULTS_KEY {
            return value.map(|value| defaults(key, value)).transpose();
        }
        let Some(name) = key.strip_prefix(PREFIX) else {
            return Ok(None);
        };
        let of_none = || SamplingAnnouncementError::Key {
            key: key.to_owned(),
        };
        let (tenant, service) = name.split_once('/').ok_or_else(of_none)?;
        let tenant = Tenant::parse(tenant).map_err(|_| of_none())?;
        match value {
            Some(value) if !value.is_empty() => service_of(key, &tenant, service, value).map(Some),
            _ => Ok(Some(Self::Forgotten {
                tenant,
                service: service.to_owned(),
            })),
        }
    }
}

fn key(tenant: &Tenant, service: &str) -> Vec<u8> {
    format!("{PREFIX}{tenant}/{service}").into_bytes()
}

fn defaults(key: &str, value: &[u8]) -> Result<SamplingAnnouncement, SamplingAnnouncementError> {
    let read: SamplingDefaults = parse(key, value)?;
    let fits = is_probability(read.default_probability) && read.lower_bound >= 0.0;
    checked(key, fits, SamplingAnnouncement::Defaults(read))
}

fn service_of(
    key: &str,
    tenant: &Tenant,
    service: &str,
    value: &[u8],
) -> Result<SamplingAnnouncement, SamplingAnnouncementError> {
    let read: ServiceProbabilities = parse(key, value)?;
    let fits = read.tenant == *tenant
        && read.service == service
        && read.operations.values().copied().all(is_probability);
    checked(key, fits, SamplingAnnouncement::Service(read))
}

fn parse<'v, T: Deserialize<'v>>(
    key: &str,
    value: &'v [u8],
) -> Result<T, SamplingAnnouncementError> {
    serde_json::from_slice(value).map_err(|source| SamplingAnnouncementError::Malformed {
        key: key.to_owned(),
        source,
    })
}

fn checked<T>(key: &str, fits: bool, value: T) -> Result<T, SamplingAnnouncementError> {
    fits.then_some(value)
        .ok_or_else(|| SamplingAnnouncementError::Mislabelled {
            key: key.to_owned(),
        })
}

fn is_probability(number: f64) -> bool {
    (0.0..=1.0).contains(&number)
}

/// A tenant as its name.
mod tenant_name {
    use model::Tenant;
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(super) fn serialize<S: Serializer>(tenant: &Tenant, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(tenant.as_str())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Tenant, D::Error> {
        let name = String::deserialize(from)?;
        Tenant::parse(&name).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shop() -> ServiceProbabilities {
        ServiceProbabilities {
            tenant: Tenant::default(),
            service: "shop/eu".into(),
            calculated_at: 7,
            operations: [("GET /".to_owned(), 0.25), ("a\"b".to_owned(), 1e-5)].into(),
        }
    }

    fn read(record: (Vec<u8>, Vec<u8>)) -> Option<SamplingAnnouncement> {
        SamplingAnnouncement::from_record(&record.0, Some(&record.1)).expect("it is well-formed")
    }

    #[test]
    fn an_announcement_survives_its_record() {
        let defaults = SamplingDefaults {
            default_probability: 0.001,
            lower_bound: 1.0 / 60.0,
        };
        let forgotten = SamplingAnnouncement::Forgotten {
            tenant: Tenant::default(),
            service: "shop/eu".into(),
        };
        for one in [
            SamplingAnnouncement::Defaults(defaults),
            SamplingAnnouncement::Service(shop()),
            forgotten,
        ] {
            assert_eq!(read(one.to_record()), Some(one));
        }
    }

    #[test]
    fn other_control_records_are_not_about_sampling() {
        for key in [&b"schema/spoor.spans-value/7"[..], b"samplings", b"\xff"] {
            let read = SamplingAnnouncement::from_record(key, Some(b"{}"));
            assert!(matches!(read, Ok(None)));
        }
    }

    #[test]
    fn a_record_that_holds_what_it_cannot_hold_is_refused() {
        let (key, _) = SamplingAnnouncement::Service(shop()).to_record();
        let refused = |key: &[u8], value: &[u8]| {
            SamplingAnnouncement::from_record(key, Some(value)).expect_err("cannot be read")
        };
        let json = br#"{"tenant":"default","service":"shop","calculated_at":1,"operations":{}}"#;
        assert!(matches!(
            refused(&key, json),
            SamplingAnnouncementError::Mislabelled { .. }
        ));
        let negative =
            br#"{"tenant":"default","service":"shop/eu","calculated_at":1,"operations":{"a":-1}}"#;
        assert!(matches!(
            refused(&key, negative),
            SamplingAnnouncementError::Mislabelled { .. }
        ));
        assert!(matches!(
            refused(&key, b"<html>"),
            SamplingAnnouncementError::Malformed { .. }
        ));
        assert!(matches!(
            refused(b"sampling/shop", b"{}"),
            SamplingAnnouncementError::Key { .. }
        ));
    }
}
