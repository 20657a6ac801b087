//! What of a round goes to the control topic.

use std::collections::{BTreeMap, BTreeSet};

use model::{Tenant, UnixNanos};
use schemas::{SamplingAnnouncement, SamplingDefaults, ServiceProbabilities};
use storage::{OperationProbabilities, OperationProbability, SampledOperation};

use super::metrics;
use crate::config::AdaptiveSamplingConfig;

/// Most bytes of the operations' names in one record, which must stay below the topic's limit.
const MAX_RECORD_BYTES: usize = 512 << 10;
/// Bytes of a record's JSON beside each name.
const BYTES_BESIDE_A_NAME: usize = 32;

type Services<'a> = BTreeMap<(&'a Tenant, &'a str), Vec<(&'a str, &'a OperationProbability)>>;

/// The records that tell collectors of a round: of every service, or of those whose probabilities are
/// not those of before. Services that are gone lose their record.
pub fn announcements(
    config: &AdaptiveSamplingConfig,
    all: &OperationProbabilities,
    before: &OperationProbabilities,
    everything: bool,
    calculated_at: UnixNanos,
) -> Vec<SamplingAnnouncement> {
    let (now, before) = (by_service(all), by_service(before));
    let mut announcements = vec![SamplingAnnouncement::Defaults(SamplingDefaults {
        default_probability: config.initial_sampling_probability,
        lower_bound: config.min_samples_per_second,
    })];
    let changed = now.iter().filter(|(name, operations)| {
        let known = before.get(*name).filter(|_| !everything);
        known.is_none_or(|known| !tells_the_same(known, operations))
    });
    announcements.extend(changed.map(|((tenant, service), operations)| {
        SamplingAnnouncement::Service(ServiceProbabilities {
            tenant: (*tenant).clone(),
            service: (*service).to_owned(),
            calculated_at,
            operations: that_fit(operations),
        })
    }));
    let names: BTreeSet<_> = now.keys().collect();
    let gone = before.keys().filter(|name| !names.contains(name));
    announcements.extend(
        gone.map(|(tenant, service)| SamplingAnnouncement::Forgotten {
            tenant: (*tenant).clone(),
            service: (*service).to_owned(),
        }),
    );
    announcements
}

fn by_service(all: &OperationProbabilities) -> Services<'_> {
    let mut services = Services::new();
    for (
        SampledOperation {
            tenant,
            service,
            operation,
        },
        state,
    ) in all
    {
        let of_service = services.entry((tenant, service)).or_default();
        of_service.push((operation, state));
    }
    services
}

fn tells_the_same(
    one: &[(&str, &OperationProbability)],
    other: &[(&str, &OperationProbability)],
) -> bool {
    let told = |of: &[(&str, &OperationProbability)]| -> Vec<(String, Option<f64>)> {
        let names = of
            .iter()
            .map(|(name, state)| ((*name).to_owned(), state.handed_out.first().copied()));
        names.collect()
    };
    told(one) == told(other)
}

/// The busiest operations, until the record is full; the rest is told the default.
fn that_fit(operations: &[(&str, &OperationProbability)]) -> BTreeMap<String, f64> {
    let mut busiest: Vec<_> = operations
        .iter()
        .filter_map(|(name, state)| {
            let probability = *state.handed_out.first()?;
            Some((state.roots_per_second / probability, *name, probability))
        })
        .collect();
    busiest.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(b.1)));
    let mut room = MAX_RECORD_BYTES;
    let mut fitting = BTreeMap::new();
    for (_, name, probability) in busiest {
        let bytes = length_in_json(name) + BYTES_BESIDE_A_NAME;
        if bytes > room {
            metrics::left_out();
            continue;
        }
        room -= bytes;
        fitting.insert(name.to_owned(), probability);
    }
    fitting
}

fn length_in_json(name: &str) -> usize {
    let of_byte = |byte: u8| match byte {
        0..0x20 => 6,
        b'"' | b'\\' => 2,
        _ => 1,
    };
    name.bytes().map(of_byte).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(of: &[(&str, &str, f64)]) -> OperationProbabilities {
        let each = of.iter().map(|(service, operation, probability)| {
            let name = SampledOperation {
                tenant: Tenant::default(),
                service: (*service).to_owned(),
                operation: (*operation).to_owned(),
            };
            let state = OperationProbability {
                handed_out: vec![*probability],
                changed_at: 0,
                roots_per_second: 1.0,
                at_rest: false,
                follows: true,
            };
            (name, state)
        });
        each.collect()
    }

    fn keys(
        now: &OperationProbabilities,
        before: &OperationProbabilities,
        everything: bool,
    ) -> Vec<String> {
        let config = AdaptiveSamplingConfig::default();
        let records = announcements(&config, now, before, everything, 7);
        let record = |one: &SamplingAnnouncement| {
            let (key, value) = one.to_record();
            let deletes = if value.is_empty() { " deleted" } else { "" };
            String::from_utf8_lossy(&key).into_owned() + deletes
        };
        records.iter().map(record).collect()
    }

    #[test]
    fn only_services_that_are_told_something_new_are_published() {
        let before = all(&[("a", "x", 0.1), ("b", "x", 0.1), ("c", "x", 0.1)]);
        let now = all(&[("a", "x", 0.1), ("b", "x", 0.2), ("d", "x", 0.1)]);
        let told = ["sampling", "sampling/default/b", "sampling/default/d"];
        let gone = "sampling/default/c deleted";
        assert_eq!(keys(&now, &before, false), [&told[..], &[gone]].concat());
        let mut every = vec![told[0], "sampling/default/a", told[1], told[2], gone];
        assert_eq!(keys(&now, &before, true), every);
        every.pop();
        assert_eq!(keys(&now, &now, true), every);
    }

    #[test]
    fn a_record_holds_the_busiest_operations_that_fit() {
        let names: Vec<String> = (0..2_000).map(|n| format!("{n:0>1000}")).collect();
        let of: Vec<_> = names
            .iter()
            .enumerate()
            .map(|(n, name)| ("a", name.as_str(), 1.0 / (n + 1) as f64))
            .collect();
        let config = AdaptiveSamplingConfig::default();
        let records = announcements(&config, &all(&of), &all(&[]), false, 7);
        let SamplingAnnouncement::Service(told) = &records[1] else {
            panic!("{:?}", records[1]);
        };
        assert_eq!(told.operations.len(), MAX_RECORD_BYTES / 1_032);
        assert!(told.operations.contains_key(&names[1_999]));
        assert!(records[1].to_record().1.len() < 900_000);
    }
}
