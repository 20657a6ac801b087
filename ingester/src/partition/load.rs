//! What one transaction carries for a partition, and how it is halved when the store refuses it.

use std::collections::BTreeMap;

use kafka::Ahead;
use model::RejectReason;
use storage::{Owner, PassedOffsets, ProgressStep, Source, TenantRecords};

use crate::{DeadRecord, DueTrace, HeldRecord};

/// The records that one write finishes.
#[derive(Debug, Clone, Default)]
pub struct Load {
    /// Traces to store.
    pub traces: Vec<DueTrace>,
    /// Records for the dead letters, to be acknowledged there before the store is written.
    pub dead: Vec<DeadRecord>,
    /// How many of these, from the first on, are acknowledged already.
    pub dead_acked: usize,
    /// Offsets of records without content.
    pub ignored: Vec<i64>,
}

/// What becomes of a load that the store refuses.
#[derive(Debug)]
pub enum Halved {
    /// Two loads, to be written one after the other.
    Two(Box<[Load; 2]>),
    /// One record was to blame; it goes to the dead letters now.
    Condemned(Load),
    /// There was no trace in it: no data is at fault.
    Blameless(Load),
}

impl Load {
    /// Whether there is nothing to write.
    pub fn is_empty(&self) -> bool {
        self.traces.is_empty() && self.dead.is_empty() && self.ignored.is_empty()
    }

    /// The offsets of all its records.
    pub fn offsets(&self) -> impl Iterator<Item = i64> {
        let held = self.records().map(|record| record.offset);
        let dead = self.dead.iter().map(|record| record.offset);
        held.chain(dead).chain(self.ignored.iter().copied())
    }

    /// The records of its traces.
    pub fn records(&self) -> impl Iterator<Item = &HeldRecord> {
        self.traces.iter().flat_map(|trace| &trace.records)
    }

    /// When the broker took the oldest of its records that have content, in milliseconds.
    pub(super) fn oldest_timestamp_ms(&self) -> Option<i64> {
        let dead = self.dead.iter().map(|record| record.timestamp_ms);
        let held = self.records().map(|record| record.timestamp_ms);
        held.chain(dead).min()
    }

    /// Bytes that it takes of the memory budget.
    pub fn bytes(&self) -> u64 {
        let traces: u64 = self.traces.iter().map(|trace| trace.bytes).sum();
        traces + self.dead.iter().map(DeadRecord::cost).sum::<u64>()
    }

    /// Spans in the records that go to the dead letters, as far as they could be counted.
    pub fn dead_spans(&self) -> u64 {
        self.dead.iter().map(|record| u64::from(record.spans)).sum()
    }

    /// The progress after it, given where the partition stands then.
    pub(super) fn step(
        &self,
        source: &Source,
        owner: Owner,
        expected_revision: i64,
        ahead: Ahead,
    ) -> ProgressStep {
        ProgressStep {
            source: source.clone(),
            owner,
            expected_revision,
            watermark: ahead.watermark,
            done_above: ahead.done_above,
            records: self.offsets().count() as u64,
            records_dead_lettered: self.dead.len() as u64,
            spans_dead_lettered: self.dead_spans(),
            tenants: self.tenants(),
            // What was read last is told with the step by whoever reads.
            landmark: None,
            passed: PassedOffsets {
                skipped: ahead.passed.skipped,
                lost: ahead.passed.lost,
                base_moved: ahead.passed.base_moved,
            },
        }
    }

    /// Whose records they are.
    fn tenants(&self) -> Vec<TenantRecords> {
        let mut by_tenant: BTreeMap<&str, TenantRecords> = BTreeMap::new();
        for trace in &self.traces {
            let of = by_tenant.entry(trace.tenant.as_str()).or_default();
            of.records += trace.records.len() as u64;
        }
        for record in &self.dead {
            let of = by_tenant.entry(record.tenant()).or_default();
            of.records += 1;
            of.records_dead_lettered += 1;
            of.spans_dead_lettered += u64::from(record.spans);
        }
        if !self.ignored.is_empty() {
            by_tenant.entry("").or_default().records += self.ignored.len() as u64;
        }
        let named = by_tenant.into_iter().map(|(tenant, of)| TenantRecords {
            tenant: tenant.to_owned(),
            ..of
        });
        named.collect()
    }

    /// Parts the traces in two; a single trace by its records; a single record is condemned.
    pub fn halve(mut self, error: &str) -> Halved {
        match self.traces.as_mut_slice() {
            [] => Halved::Blameless(self),
            [trace] if trace.records.len() == 1 => {
                let trace = self.traces.remove(0);
                self.dead.extend(condemn(trace, error));
                Halved::Condemned(self)
            }
            [trace] => {
                let second = part(trace);
                Halved::Two(Box::new([self, Load::of(vec![second])]))
            }
            traces => {
                let middle = traces.len() / 2;
                let second = Load::of(self.traces.split_off(middle));
                Halved::Two(Box::new([self, second]))
            }
        }
    }

    fn of(traces: Vec<DueTrace>) -> Self {
        Self {
            traces,
            ..Self::default()
        }
    }
}

/// Takes the second half of a trace's records away from it.
fn part(trace: &mut DueTrace) -> DueTrace {
    let records = trace.records.split_off(trace.records.len() / 2);
    let mut second = DueTrace {
        tenant: trace.tenant.clone(),
        records,
        verdict: trace.verdict.clone(),
        ..*trace
    };
    for half in [trace, &mut second] {
        half.spans = half
            .records
            .iter()
            .map(|record| u64::from(record.spans))
            .sum();
        half.bytes = half.records.iter().map(HeldRecord::cost).sum();
    }
    second
}

fn condemn(trace: DueTrace, error: &str) -> impl Iterator<Item = DeadRecord> {
    let DueTrace {
        tenant, records, ..
    } = trace;
    records.into_iter().map(move |record| {
        DeadRecord::refused(record, &tenant, RejectReason::RefusedByStore, error)
    })
}
