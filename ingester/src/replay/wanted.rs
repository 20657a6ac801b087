//! Which records of a range are wanted, and how many spans they hold.

use bumpalo::Bump;
use kafka::Record;
use model::{SpanBatch, ValueRef};
use schemas::SchemaSet;
use storage::ReplaySpec;

use crate::{RECEIVED_AT_HEADER, TENANT_HEADER};

/// Attribute of a resource that names the service.
const SERVICE_NAME: &str = "service.name";

/// Looks at records as a job's specification does.
#[derive(Debug, Clone)]
pub struct Wanted(ReplaySpec);

impl Wanted {
    /// Wants what the specification asks for.
    pub fn new(spec: ReplaySpec) -> Self {
        Self(spec)
    }

    /// Whether the headers of a record do not rule it out. A record without them is wanted: what
    /// it is must be found out by decoding it.
    pub fn by_headers(&self, record: &Record) -> bool {
        let spec = &self.0;
        let tenant = spec
            .tenant
            .as_ref()
            .map(|tenant| tenant.as_str().as_bytes());
        let of_tenant = match (tenant, record.header(TENANT_HEADER)) {
            (Some(wanted), Some(found)) => wanted == found,
            _ => true,
        };
        of_tenant
            && received_at(record)
                .is_none_or(|at| (spec.received.start..spec.received.end).contains(&at))
    }

    /// Whether a record must be decoded to know more.
    pub fn looks_inside(&self) -> bool {
        self.0.service.is_some() || self.0.spans_per_second.is_some()
    }

    /// The spans of a record that is wanted; `None` for one that is not. One that cannot be
    /// decoded is wanted: the pipeline says what is wrong with it.
    pub fn by_content(&self, record: &Record, schemas: &SchemaSet) -> Option<u64> {
        let Some(payload) = &record.payload else {
            return Some(0);
        };
        let arena = Bump::new();
        let mut batch = SpanBatch::default();
        match schemas.decode(payload, &arena, &mut batch) {
            Err(_) => Some(1),
            Ok(chunk) => {
                let of_tenant = self
                    .0
                    .tenant
                    .as_ref()
                    .is_none_or(|one| *one == chunk.tenant);
                (of_tenant && self.has_service(&batch)).then_some(chunk.spans.len() as u64)
            }
        }
    }

    fn has_service(&self, batch: &SpanBatch<'_>) -> bool {
        let Some(service) = &self.0.service else {
            return true;
        };
        batch.resources.iter().any(|resource| {
            let name = batch.attribute(resource.attributes, SERVICE_NAME);
            matches!(name, Some(ValueRef::String(name)) if name == service)
        })
    }
}

/// When a collector received a record, as its header says.
pub(super) fn received_at(record: &Record) -> Option<u64> {
    let header = record.header(RECEIVED_AT_HEADER)?;
    std::str::from_utf8(header).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use model::{Tenant, TimeRange};

    use super::*;

    fn record(headers: &[(&str, &str)]) -> Record {
        Record {
            offset: 0,
            timestamp_ms: 0,
            key: None,
            payload: None,
            headers: headers.iter().copied().collect(),
        }
    }

    #[test]
    fn records_outside_of_the_time_or_of_another_tenant_are_passed_over() {
        let wanted = Wanted::new(ReplaySpec {
            topic: "t".to_owned(),
            received: TimeRange {
                start: 100,
                end: 200,
            },
            tenant: Some(Tenant::parse("shop").expect("a name")),
            service: None,
            spans_per_second: None,
        });
        for (received, tenant, is_wanted) in [
            ("99", "shop", false),
            ("100", "shop", true),
            ("199", "shop", true),
            ("200", "shop", false),
            ("150", "bank", false),
        ] {
            let record = record(&[("received-at", received), ("tenant", tenant)]);
            assert_eq!(wanted.by_headers(&record), is_wanted, "{received} {tenant}");
        }
        assert!(wanted.by_headers(&record(&[])), "the content decides");
    }
}
