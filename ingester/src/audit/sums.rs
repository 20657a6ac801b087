//! accepted = stored + duplicates + dead-lettered + dropped by policy + in flight, by tenant. Pure.

use std::collections::BTreeMap;

use super::{Audit, Residue};

/// Label of tenants that have none of their own in the counters.
const OTHER_TENANT: &str = "_other";

/// What became of one tenant's spans, since ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TenantSums {
    /// Stored once.
    pub stored: u64,
    /// Came once more and changed nothing.
    pub duplicate: u64,
    /// Went to the dead letters, as far as they could be counted.
    pub dead_lettered: u64,
    /// Dropped by tail sampling.
    pub dropped: u64,
    /// In records of the log that are not done.
    pub in_flight: u64,
    /// There at present.
    pub there: u64,
    /// Removed on purpose.
    pub removed: u64,
}

impl TenantSums {
    /// Accepted by collectors and by replays.
    pub fn accepted(&self) -> u64 {
        self.stored + self.duplicate + self.dead_lettered + self.dropped + self.in_flight
    }
}

/// Sums by tenant; the empty one stands for those that could not be told.
pub fn tenant_sums(audit: &Audit) -> BTreeMap<String, TenantSums> {
    let mut sums: BTreeMap<String, TenantSums> = BTreeMap::new();
    for tally in &audit.account.tallies {
        let of = sums.entry(tally.tenant.clone()).or_default();
        of.stored += tally.counts.spans_stored;
        of.duplicate += tally.counts.spans_duplicate;
        of.dead_lettered += tally.counts.spans_dead_lettered;
        of.dropped += tally.counts.spans_dropped;
    }
    for (tenant, spans) in &audit.in_flight.spans {
        sums.entry(tenant.clone()).or_default().in_flight += spans;
    }
    for day in &audit.account.days {
        sums.entry(day.tenant.clone()).or_default().there += day.spans.max(0) as u64;
    }
    let removals = audit.account.removals.iter();
    for removal in removals.filter(|one| one.was_stored()) {
        let of = sums.entry(removal.tenant.clone()).or_default();
        of.removed += removal.spans.max(0) as u64;
    }
    sums
}

/// What the counters of processes that run say, added up.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CounterTotals {
    /// Spans accepted by collectors, by tenant.
    pub accepted: BTreeMap<String, u64>,
    /// Spans stored by ingesters.
    pub stored: u64,
    /// Spans that ingesters found to be duplicates.
    pub duplicate: u64,
    /// Spans that ingesters dead-lettered.
    pub dead_lettered: u64,
    /// Spans that tail sampling dropped.
    pub dropped: u64,
}

/// Counters begin at zero with each process, the account does not: more by a counter than by the
/// account has vanished.
pub fn against_counters(audit: &Audit, counters: &CounterTotals) -> Vec<Residue> {
    let sums = tenant_sums(audit);
    let total: u64 = sums.values().map(TenantSums::accepted).sum();
    let unread = !audit.in_flight.is_read;
    let accounted = |tenant: &str| match tenant {
        OTHER_TENANT => total,
        _ => sums.get(tenant).map_or(0, TenantSums::accepted),
    };
    counters
        .accepted
        .iter()
        .filter(|(tenant, accepted)| !unread && **accepted > accounted(tenant))
        .map(|(tenant, accepted)| Residue::Counters {
            tenant: tenant.clone(),
            accepted: *accepted,
            accounted: accounted(tenant),
        })
        .collect()
}
