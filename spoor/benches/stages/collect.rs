//! The stages of the collector between the socket and the producer.

use bumpalo::Bump;
use collector::decode::{self, Decoded};
use collector::{CollectorConfig, Encoding, Origin, SpanRecord, encode, validate};
use model::Tenant;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use prost::Message;
use schemas::ChunkEncoder;

use crate::ingest::SCHEMA;
use crate::traffic::Recipe;

/// When the traffic ends, in nanoseconds since 1970.
pub(crate) const BASE: u64 = 1_790_000_000_000_000_000;

/// What `spoor load` makes of a seed.
pub(crate) fn requests(seed: u64, windows: u64) -> impl Iterator<Item = ExportTraceServiceRequest> {
    let recipe = Recipe {
        seed,
        ..Recipe::default()
    };
    (0..windows).flat_map(move |number| recipe.window(number, BASE).requests)
}

/// Requests as clients send them.
pub(crate) fn bodies(seed: u64, windows: u64) -> Vec<Vec<u8>> {
    requests(seed, windows)
        .map(|request| request.encode_to_vec())
        .collect()
}

/// Spans in records.
pub(crate) fn spans(records: &[SpanRecord]) -> usize {
    records.iter().map(|record| record.spans as usize).sum()
}

pub(crate) struct CollectorStages {
    config: CollectorConfig,
    encoder: ChunkEncoder,
    origin: Origin,
}

impl CollectorStages {
    pub(crate) fn new() -> Self {
        Self {
            config: CollectorConfig::default(),
            encoder: ChunkEncoder::new(SCHEMA),
            origin: Origin {
                tenant: Tenant::default(),
                received_at: BASE,
            },
        }
    }

    pub(crate) fn decode<'a>(
        &self,
        encoding: Encoding,
        body: &'a [u8],
        arena: &'a Bump,
    ) -> Decoded<'a> {
        let limits = (&self.config.limits).into();
        decode::spans(encoding, body, arena, limits).unwrap()
    }

    pub(crate) fn validated<'a>(
        &self,
        encoding: Encoding,
        body: &'a [u8],
        arena: &'a Bump,
    ) -> Decoded<'a> {
        let mut decoded = self.decode(encoding, body, arena);
        let CollectorConfig { limits, times, .. } = &self.config;
        validate::spans(&mut decoded, limits, times, self.origin.received_at);
        collector::enrich::spans(&mut decoded.batch, &self.config.enrich, arena);
        decoded
    }

    pub(crate) fn whole(&self, encoding: Encoding, body: &[u8]) -> Vec<SpanRecord> {
        let arena = Bump::new();
        let mut decoded = self.validated(encoding, body, &arena);
        let records = encode::records(
            &mut decoded,
            &self.origin,
            &self.encoder,
            &self.config.limits,
        );
        records.unwrap()
    }
}
