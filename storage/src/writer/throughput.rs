//! Root spans by operation and by how they were sampled: what adaptive sampling goes by.

use std::collections::HashMap;

use model::{AttributeRef, SpanBatch, SpanRef, UnixNanos, ValueRef};
use sqlx::PgConnection;

use super::plan::Plan;
use crate::WriteError;
use crate::copy_binary::CopyRows;
use crate::sampling::{RootSampler, billionths};

const COPY: &str = "COPY root_delta (second_ns, probability_e9, roots, sampler, tenant, service, \
     operation) FROM STDIN (FORMAT binary)";

const NANOS_PER_SECOND: u64 = 1_000_000_000;

/// Attributes by which Jaeger's clients tell how a trace was sampled.
const SAMPLER_TYPE: &str = "sampler.type";
const SAMPLER_PARAM: &str = "sampler.param";
/// The sampler whose spans say how much traffic there is. Those of others only say which
/// probability a client goes by.
const PROBABILISTIC: &str = "probabilistic";

/// Different probabilities of one operation that a transaction tells apart. Clients of one service
/// go by two or three at a time; whoever makes up more shall not make a row of each.
const MOST_PROBABILITIES: usize = 10;

/// One operation in one second.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Key<'a> {
    tenant: &'a str,
    service: &'a str,
    operation: &'a str,
    second: UnixNanos,
}

/// How a root span was sampled: the sampler, and the probability in billionths.
type Sampled = (RootSampler, i64);

/// Root spans of a batch that come for the first time, whether a policy keeps them or not.
#[derive(Debug, Default)]
pub(super) struct Throughput<'a>(HashMap<Key<'a>, Vec<(Sampled, i64)>>);

impl<'a> Throughput<'a> {
    /// Of what is left of the plan. Spans that are read once more tell nothing of the present.
    pub(super) fn of<'b: 'a>(plan: &Plan<'a, 'b>) -> Self {
        let mut throughput = Self::default();
        if plan.is_replayed() {
            return throughput;
        }
        for part in plan.counted() {
            let of = plan.of(part);
            let second = of.received.start - of.received.start % NANOS_PER_SECOND;
            for index in &part.spans {
                let span = &of.batch.spans[*index as usize];
                if span.parent_span_id.is_none() {
                    let key = Key {
                        tenant: of.tenant.as_str(),
                        service: of.batch.service_name(of.batch.resource(span)),
                        operation: span.operation_name(),
                        second,
                    };
                    throughput.add(key, sampled(of.batch, span));
                }
            }
        }
        throughput
    }

    fn add(&mut self, key: Key<'a>, sampled: Sampled) {
        let known = self.0.entry(key).or_default();
        let at = known.iter().position(|(one, _)| *one == sampled);
        match at {
            Some(at) => known[at].1 += 1,
            None if known.len() < MOST_PROBABILITIES => known.push((sampled, 1)),
            None => known[MOST_PROBABILITIES - 1].1 += 1,
        }
    }

    /// Appends the counts.
    pub(super) async fn write(&self, conn: &mut PgConnection) -> Result<(), WriteError> {
        let mut keys: Vec<_> = self.0.iter().collect();
        keys.sort_unstable_by_key(|(key, _)| **key);
        let mut rows = CopyRows::new(7);
        for (key, counts) in keys {
            for ((sampler, probability), roots) in counts {
                rows.row()
                    .bigint(key.second as i64)
                    .bigint(*probability)
                    .bigint(*roots)
                    .smallint(sampler.number())
                    .text(key.tenant)
                    .text(key.service)
                    .text(key.operation);
            }
        }
        Ok(rows.send(conn, COPY).await?)
    }
}

/// By Jaeger's attributes, or by the threshold in the trace state.
fn sampled(batch: &SpanBatch<'_>, span: &SpanRef<'_>) -> Sampled {
    let attributes = batch.attributes(span.attributes);
    let find = |key: &str| {
        let found = |attribute: &&AttributeRef<'_>| attribute.key == key;
        attributes.iter().rev().find(found).map(|one| one.value)
    };
    if let Some(ValueRef::String(sampler)) = find(SAMPLER_TYPE) {
        return match find(SAMPLER_PARAM).and_then(number) {
            Some(probability) if sampler == PROBABILISTIC && probability > 0.0 => {
                (RootSampler::Probabilistic, billionths(probability))
            }
            parameter => (RootSampler::Other, billionths(parameter.unwrap_or(0.0))),
        };
    }
    match probability_of_threshold(span.trace_state) {
        Some(probability) => (RootSampler::Probabilistic, billionths(probability)),
        None => (RootSampler::Untold, 0),
    }
}

/// A number, or a text of one.
fn number(value: ValueRef<'_>) -> Option<f64> {
    match value {
        ValueRef::Double(number) => Some(number),
        ValueRef::Int(number) => Some(number as f64),
        ValueRef::String(text) => text.parse().ok(),
        _ => None,
    }
}

/// What OpenTelemetry's consistent samplers leave in the trace state: `ot=th:c` rejects the first
/// 12/16 of all random values.
fn probability_of_threshold(trace_state: &str) -> Option<f64> {
    let members = trace_state.split(',').map(str::trim);
    let ours = members.filter_map(|member| member.strip_prefix("ot="));
    let digits = ours
        .flat_map(|member| member.split(';'))
        .find_map(|field| field.strip_prefix("th:"))?;
    if digits.is_empty() || digits.len() > 14 {
        return None;
    }
    let threshold = u64::from_str_radix(digits, 16).ok()?;
    let rejected = threshold as f64 / 16f64.powi(digits.len() as i32);
    Some(1.0 - rejected)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_threshold_is_the_part_that_is_rejected() {
        assert_eq!(probability_of_threshold("a=b,ot=rv:1;th:c"), Some(0.25));
        assert_eq!(probability_of_threshold("ot=th:0"), Some(1.0));
        for none in ["", "ot=th:", "ot=th:xyz", "th:8", "ot=th:123456789012345"] {
            assert_eq!(probability_of_threshold(none), None, "{none}");
        }
    }

    #[test]
    fn probabilities_that_somebody_makes_up_are_counted_together() {
        let mut throughput = Throughput::default();
        let key = Key {
            tenant: "t",
            service: "s",
            operation: "o",
            second: 0,
        };
        for n in 0..1_000 {
            throughput.add(key, (RootSampler::Probabilistic, n));
        }
        let counts = &throughput.0[&key];
        assert_eq!(counts.len(), MOST_PROBABILITIES);
        assert_eq!(counts.iter().map(|(_, roots)| roots).sum::<i64>(), 1_000);
    }
}
