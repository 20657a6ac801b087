//! What can be read of a letter's record, however broken it is.

use bumpalo::Bump;
use model::{LetterContent, SpanBatch, Tenant, TraceId};
use schemas::{DecodeError, SchemaId, SchemaSet};

use super::OpenLetter;
use crate::{DeadRecord, KnownSchemas};

/// What a list shows of a record.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Skimmed {
    pub(super) tenant: Option<Tenant>,
    pub(super) trace_id: Option<TraceId>,
    pub(super) services: Vec<String>,
    pub(super) spans: u32,
}

/// Reads as much of a record as can be read.
pub(super) fn skim(schemas: &SchemaSet, payload: &[u8]) -> Skimmed {
    let (arena, mut batch) = (Bump::new(), SpanBatch::default());
    let whole = schemas.decode_as_far(payload, &arena, &mut batch).ok();
    let of_spans = batch.spans.iter().map(|span| batch.resource(span));
    let mut services: Vec<String> = of_spans
        .map(|resource| batch.service_name(resource).to_owned())
        .collect();
    services.sort_unstable();
    services.dedup();
    Skimmed {
        trace_id: whole
            .as_ref()
            .map(|chunk| chunk.trace_id)
            .or_else(|| batch.spans.first().map(|span| span.trace_id)),
        tenant: whole.map(|chunk| chunk.tenant),
        spans: batch.spans.len() as u32,
        services,
    }
}

/// Opens a letter: the spans that can be read, and from where on nothing can.
pub fn content(open: OpenLetter, schemas: &KnownSchemas) -> LetterContent {
    let payload = open.record.payload.unwrap_or_default();
    let (arena, mut batch) = (Bump::new(), SpanBatch::default());
    let read = schemas.read().decode_as_far(&payload, &arena, &mut batch);
    let trace_id = batch.spans.first().map(|span| span.trace_id);
    let decoded = trace_id.map(|id| batch.own_trace(id, 0..batch.spans.len() as u32));
    let undecoded = read
        .err()
        .map(|error| (flaw_at(&error), bootstrap::chain(&error).to_string()));
    LetterContent {
        letter: open.letter,
        key: open.record.key.map(|key| key.to_vec()),
        headers: open
            .record
            .headers
            .iter()
            .map(|(name, value)| (name.to_owned(), value.to_vec()))
            .collect(),
        decoded,
        undecoded,
        payload: payload.to_vec(),
    }
}

/// The first byte that could not be read.
fn flaw_at(error: &DecodeError) -> usize {
    match error {
        DecodeError::Unframed { .. } => 0,
        DecodeError::Undecodable { at, .. } | DecodeError::InvalidSpanId { at, .. } => *at,
        DecodeError::UnknownSchema { .. }
        | DecodeError::InvalidTenant { .. }
        | DecodeError::InvalidTraceId { .. } => schemas::FRAME_LEN,
    }
}

/// Learns the schemas that records name, as far as the registry knows them and answers.
pub(super) async fn learn<'p>(known: &KnownSchemas, payloads: impl Iterator<Item = &'p [u8]>) {
    let ids: std::collections::BTreeSet<u32> = payloads.filter_map(DeadRecord::schema_of).collect();
    for id in ids.into_iter().map(SchemaId) {
        let asked_before = known.read().knows(id) || known.given_up(id);
        if asked_before {
            continue;
        }
        if let Err(error) = known.ask(id).await {
            tracing::debug!(schema.id = id.0, error = %error, "A schema cannot be looked up");
        }
    }
}
