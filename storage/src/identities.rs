//! Which spans are stored, by their identities: what a replay is compared with.

use std::collections::HashSet;

use bumpalo::Bump;
use model::{IdentityHasher, SpanHash, SpanId, Tenant, TimeRange, TraceId, UnixNanos, ValueRef};
use sqlx::{Row, postgres::PgRow};
use uuid::Uuid;

use crate::payload::Reader;
use crate::summary::dropped::{self, dropped_span};
use crate::traces::inconsistent;
use crate::{PostgresStore, ReadError};

/// The whole store may be read: no time limit, and no plan for a few rows.
const BEGIN: &str =
    "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL statement_timeout = 0";

/// Attribute of a resource that names the service.
const SERVICE_NAME: &str = "service.name";

/// A stored span, without its content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredIdentity {
    /// Whose span it is.
    pub tenant: Tenant,
    /// The trace it belongs to.
    pub trace_id: TraceId,
    /// Its id.
    pub span_id: SpanId,
    /// When it started.
    pub start: UnixNanos,
    /// The service of its resource, or empty.
    pub service: String,
    /// Its identity.
    pub hash: SpanHash,
    /// When collectors received the earliest and the latest span that was stored with it.
    pub received: TimeRange,
}

/// Which spans to name.
#[derive(Debug, Clone, Copy)]
pub enum WhichIdentities<'q> {
    /// Those stored with spans that were received in a range, and that start in another one.
    Received {
        /// When collectors received them.
        received: TimeRange,
        /// When they start: which days to read.
        started: TimeRange,
    },
    /// All of these traces.
    Traces(&'q [TraceId]),
}

/// A span that tail sampling dropped, as far as it is remembered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct DroppedIdentity {
    /// The trace it belonged to.
    pub trace_id: TraceId,
    /// Its id.
    pub span_id: SpanId,
    /// The first 32 bits of its identity.
    hash: u32,
}

impl DroppedIdentity {
    /// How a span would be remembered if it were dropped.
    pub fn of(trace_id: TraceId, span_id: SpanId, hash: SpanHash) -> Self {
        let (_, hash) = dropped_span(span_id, hash);
        Self {
            trace_id,
            span_id,
            hash,
        }
    }
}

impl PostgresStore {
    /// Names the spans of these traces that were dropped, of any tenant: the tenant is part of a span's
    /// identity.
    ///
    /// # Errors
    /// If the store cannot be read to the end.
    pub async fn dropped(&self, traces: &[TraceId]) -> Result<HashSet<DroppedIdentity>, ReadError> {
        let mut tx = self.read_pool.begin_with(BEGIN).await?;
        let ids = traces.iter().map(|id| Uuid::from_bytes(*id.as_bytes()));
        let rows = sqlx::query(
            "SELECT trace_id, dropped FROM trace_decision
             WHERE trace_id = ANY($1) AND segment_id IS NULL",
        )
        .bind(ids.collect::<Vec<_>>())
        .fetch_all(&mut *tx)
        .await?;
        let mut found = HashSet::new();
        for row in &rows {
            let id: Uuid = row.try_get("trace_id")?;
            let trace = TraceId::from_slice(id.as_bytes());
            let trace = trace.map_err(|e| inconsistent("trace_id", &e))?;
            let nodes = dropped::decode(row.try_get("dropped")?);
            let nodes = nodes.map_err(|error| ReadError::Inconsistent {
                table: "trace_decision",
                column: "dropped",
                what: error.to_string(),
            })?;
            let spans = nodes.iter();
            found.extend(spans.map(|node| DroppedIdentity::of(trace, node.id, node.hash)));
        }
        Ok(found)
    }

    /// Names the spans of traces that are wanted, segment by segment, in one snapshot. Takes as
    /// long as it takes.
    ///
    /// # Errors
    /// If the store cannot be read to the end.
    pub async fn identities(
        &self,
        which: WhichIdentities<'_>,
        wanted: impl Fn(TraceId) -> bool + Send,
        mut visit: impl FnMut(StoredIdentity) + Send,
    ) -> Result<(), ReadError> {
        let mut tx = self.read_pool.begin_with(BEGIN).await?;
        let query = match which {
            WhichIdentities::Received { received, started } => sqlx::query(
                "SELECT tenant, trace_id, received_first_ns, received_last_ns, payload
                 FROM segment
                 WHERE start_ns >= $1 AND start_ns <= $2
                   AND received_last_ns >= $3 AND received_first_ns <= $4",
            )
            .bind(signed(started.start))
            .bind(signed(started.end))
            .bind(signed(received.start))
            .bind(signed(received.end)),
            WhichIdentities::Traces(ids) => sqlx::query(
                "SELECT tenant, trace_id, received_first_ns, received_last_ns, payload
                 FROM segment WHERE trace_id = ANY($1)",
            )
            .bind(
                ids.iter()
                    .map(|id| Uuid::from_bytes(*id.as_bytes()))
                    .collect::<Vec<_>>(),
            ),
        };
        // No row has to wait for its words: the whole store would.
        self.vocabulary.load_all(&mut tx).await?;
        let mut arena = Bump::new();
        let name = |row: &PgRow, reader: &mut Reader<'_>| {
            name_spans(row, reader, &arena, &wanted, &mut visit)?;
            arena.reset();
            Ok::<_, ReadError>(())
        };
        self.vocabulary.each_payload(&mut tx, query, name).await
    }
}

fn name_spans(
    row: &PgRow,
    reader: &mut Reader<'_>,
    arena: &Bump,
    wanted: &impl Fn(TraceId) -> bool,
    visit: &mut impl FnMut(StoredIdentity),
) -> Result<(), ReadError> {
    let tenant: &str = row.try_get("tenant")?;
    let tenant = Tenant::parse(tenant).map_err(|error| inconsistent("tenant", &error))?;
    let id: Uuid = row.try_get("trace_id")?;
    let trace_id = TraceId::from_slice(id.as_bytes()).map_err(|e| inconsistent("trace_id", &e))?;
    if !wanted(trace_id) {
        return Ok(());
    }
    let received = |column| Ok::<_, sqlx::Error>(row.try_get::<i64, _>(column)?.max(0) as u64);
    let received = TimeRange {
        start: received("received_first_ns")?,
        end: received("received_last_ns")?,
    };
    let bytes: &[u8] = row.try_get("payload")?;
    let batch = reader
        .decode(trace_id, bytes, arena)
        .map_err(|e| inconsistent("payload", &e))?;
    let hasher = IdentityHasher::new(tenant.as_str(), &batch);
    for span in &batch.spans {
        let resource = batch.resource(span).attributes;
        let service = match batch.attribute(resource, SERVICE_NAME) {
            Some(ValueRef::String(name)) => (*name).to_owned(),
            _ => String::new(),
        };
        visit(StoredIdentity {
            tenant: tenant.clone(),
            trace_id,
            span_id: span.span_id,
            start: span.start,
            service,
            hash: hasher.span(span),
            received,
        });
    }
    Ok(())
}

fn signed(at: UnixNanos) -> i64 {
    i64::try_from(at).unwrap_or(i64::MAX)
}
