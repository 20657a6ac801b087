//! Whether the spans of records that count as done are in the store.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use kafka::Record;
use model::{SpanHash, SpanId, TraceId, UnixNanos};
use storage::{Day, DroppedIdentity, PostgresStore, Stores, WhichIdentities};

use super::{Held, LogContents, Missing};
use crate::TENANT_HEADER;
use crate::audit::{AuditError, AuditOptions, LogState};

/// A span of the log that the store is to have.
pub(super) struct Wanted {
    offset: i64,
    tenant: String,
    trace_id: TraceId,
    span_id: SpanId,
    start: UnixNanos,
}

/// The search for what must be in the store.
pub(super) struct Search<'s> {
    pub(super) found: LogContents,
    pub(super) removed: BTreeSet<i32>,
    pub(super) letters: BTreeSet<(String, i32, i64)>,
    pub(super) options: &'s AuditOptions,
    pub(super) stores: &'s Stores<PostgresStore>,
}

impl Search<'_> {
    /// Counts a record, and notes which of its spans the store is to have.
    pub(super) fn take(
        &mut self,
        state: &LogState,
        record: &Record,
        held: Option<Held>,
        wanted: &mut HashMap<SpanHash, Wanted>,
    ) {
        self.found.records += 1;
        let Some(held) = held else {
            self.found.undecodable += u64::from(record.payload.is_some());
            return;
        };
        let source = &state.account.source;
        let letter = (source.topic.clone(), source.partition, record.offset);
        let is_letter = self.letters.contains(&letter);
        let named = record
            .header(TENANT_HEADER)
            .and_then(|name| std::str::from_utf8(name).ok());
        // The ingester counts a letter for the tenant that its header names.
        let tenant = named.filter(|_| is_letter).unwrap_or(&held.tenant);
        let spans = held.spans.len() as u64;
        *self.found.spans.entry(tenant.to_owned()).or_default() += spans;
        if is_letter {
            self.found.dead_lettered += spans;
            return;
        }
        for (hash, span_id, start) in held.spans {
            wanted.entry(hash).or_insert_with(|| Wanted {
                offset: record.offset,
                tenant: held.tenant.clone(),
                trace_id: held.trace_id,
                span_id,
                start,
            });
        }
    }

    /// Strikes out what is stored; what is left is missing, unless its day was removed.
    pub(super) async fn look_for(
        &mut self,
        state: &LogState,
        mut wanted: HashMap<SpanHash, Wanted>,
    ) -> Result<(), AuditError> {
        if wanted.is_empty() {
            return Ok(());
        }
        let traces: BTreeSet<TraceId> = wanted.values().map(|span| span.trace_id).collect();
        let traces: Vec<TraceId> = traces.into_iter().collect();
        let strike = |stored: storage::StoredIdentity| {
            wanted.remove(&stored.hash);
        };
        let store = self.stores.of_partition(state.account.source.partition);
        store
            .identities(WhichIdentities::Traces(&traces), |_| true, strike)
            .await?;
        self.strike_dropped(store, &mut wanted).await?;
        let mut missing: BTreeMap<i64, Missing> = BTreeMap::new();
        for span in wanted.into_values() {
            let day = Day::of(span.start);
            if day < self.options.first_kept || self.removed.contains(&day.0) {
                self.found.removed += 1;
                continue;
            }
            self.found.missing_spans += 1;
            let of = missing.entry(span.offset).or_insert_with(|| Missing {
                topic: state.account.source.topic.clone(),
                partition: state.account.source.partition,
                offset: span.offset,
                tenant: span.tenant,
                trace_id: span.trace_id,
                spans: 0,
            });
            of.spans += 1;
        }
        let room = self.options.limit.saturating_sub(self.found.missing.len());
        self.found.missing.extend(missing.into_values().take(room));
        Ok(())
    }

    /// Strikes out what tail sampling dropped.
    async fn strike_dropped(
        &mut self,
        store: &PostgresStore,
        wanted: &mut HashMap<SpanHash, Wanted>,
    ) -> Result<(), AuditError> {
        let traces: BTreeSet<TraceId> = wanted.values().map(|span| span.trace_id).collect();
        if traces.is_empty() {
            return Ok(());
        }
        let traces: Vec<TraceId> = traces.into_iter().collect();
        let dropped = store.dropped(&traces).await?;
        let before = wanted.len();
        wanted.retain(|hash, span| {
            !dropped.contains(&DroppedIdentity::of(span.trace_id, span.span_id, *hash))
        });
        self.found.dropped += (before - wanted.len()) as u64;
        Ok(())
    }
}
