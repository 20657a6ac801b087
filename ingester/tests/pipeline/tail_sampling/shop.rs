//! Traces of a shop, as they are sent, and what policies make of them by a naive evaluation.

use model::{
    AttributeRef, Extent, ResourceRef, ScopeRef, SpanBatch, SpanId, SpanKind, SpanRef, StatusCode,
    Tenant, TraceChunk, TraceId, ValueRef,
};
use rand::Rng;
use schemas::ChunkEncoder;
use serde_json::{Value, json};

use crate::log::SCHEMA;

pub const SERVICES: [&str; 4] = ["shop", "cart", "bank", "mail"];

/// Errors, slow traces, failed requests to the cart, a tenth of the rest; no probes of health.
pub fn policies() -> Value {
    json!([
        {"name": "errors", "type": "status_code", "status_code": {"status_codes": ["ERROR"]}},
        {"name": "slow", "type": "latency", "latency": {"threshold_ms": 400}},
        {"name": "failed carts", "type": "and", "and": {"and_sub_policy": [
            {"name": "cart", "type": "service_name", "service_name": {"values": ["cart"]}},
            {"name": "failed", "type": "numeric_attribute",
             "numeric_attribute": {"key": "http.status_code", "min_value": 500}}]}},
        {"name": "a tenth", "type": "probabilistic", "probabilistic": {"sampling_percentage": 10}},
        {"name": "health", "type": "drop", "drop": {"drop_sub_policy": [
            {"name": "path", "type": "string_attribute",
             "string_attribute": {"key": "url.path", "values": ["/health"]}}]}}
    ])
}

/// A span of an order.
#[derive(Debug, Clone, Copy)]
pub struct Step {
    id: u64,
    parent: u64,
    service: usize,
    start: u64,
    lasts_ms: u64,
    code: i64,
    is_health: bool,
    is_error: bool,
}

/// A trace.
#[derive(Debug)]
pub struct Order {
    pub id: TraceId,
    pub spans: Vec<Step>,
    /// Whether an error was sent after all that.
    pub failed_late: bool,
}

impl Order {
    pub fn draw(rng: &mut impl Rng) -> Self {
        let start = bootstrap::clock::now();
        let count = rng.random_range(1..10u64);
        let is_health = rng.random_bool(0.1);
        let id = TraceId::new(rng.random::<[u8; 16]>()).expect("not zero");
        let step = |id: u64| Step {
            id,
            parent: if id == 1 { 0 } else { rng.random_range(1..id) },
            service: rng.random_range(0..SERVICES.len()),
            start: start + rng.random_range(0..200_000_000),
            lasts_ms: rng.random_range(1..if id.is_multiple_of(4) { 500 } else { 100 }),
            code: if rng.random_bool(0.05) { 503 } else { 200 },
            is_health: is_health && id == 1,
            is_error: rng.random_bool(0.02),
        };
        Self {
            id,
            spans: (1..=count).map(step).collect(),
            failed_late: false,
        }
    }

    /// The spans as they are exported: some at a time, the root last.
    pub fn parts(&self) -> impl Iterator<Item = &[Step]> {
        self.spans.chunks(3).rev()
    }

    /// An error that nobody knew of when the trace was decided.
    pub fn fail_late(&mut self) -> Step {
        self.failed_late = true;
        Step {
            id: 1_000,
            is_error: true,
            ..self.spans[0]
        }
    }

    /// What the policies keep, of all that was sent in time.
    pub fn is_kept(&self) -> bool {
        let start = self.spans.iter().map(|span| span.start).min();
        let end = self.spans.iter().map(Step::end).max();
        let lasted_ms = (end.expect("spans") - start.expect("spans")) / 1_000_000;
        let of_cart = self
            .spans
            .iter()
            .any(|span| SERVICES[span.service] == "cart");
        let failed = self.spans.iter().any(|span| span.code >= 500);
        let error = self.spans.iter().any(|span| span.is_error);
        let wanted = error || lasted_ms >= 400 || (of_cart && failed) || self.is_of_the_tenth();
        wanted && !self.spans.iter().any(|span| span.is_health)
    }

    fn is_of_the_tenth(&self) -> bool {
        let bytes = b"default-hash-seed".iter().chain(self.id.as_bytes());
        let hash = bytes.fold(14_695_981_039_346_656_037u64, |hash, byte| {
            (hash ^ u64::from(*byte)).wrapping_mul(1_099_511_628_211)
        });
        hash <= (0.1 * u64::MAX as f64) as u64
    }

    /// Some of its spans as a collector publishes them.
    pub fn record(&self, tenant: &Tenant, spans: &[Step]) -> Vec<u8> {
        let mut batch = SpanBatch::default();
        for span in spans {
            batch.push_step(self.id, span);
        }
        let chunk = TraceChunk {
            tenant,
            received_at: bootstrap::clock::now(),
            trace_id: self.id,
            batch: &batch,
            spans: &(0..spans.len() as u32).collect::<Vec<_>>(),
        };
        let mut out = Vec::new();
        let encoded = ChunkEncoder::new(SCHEMA).encode(&chunk, &mut out);
        encoded.expect("a small chunk can be encoded");
        out
    }
}

impl Step {
    fn end(&self) -> u64 {
        self.start + self.lasts_ms * 1_000_000
    }
}

trait PushStep {
    fn push_step(&mut self, trace_id: TraceId, step: &Step);
}

impl PushStep for SpanBatch<'_> {
    /// Adds a span with a resource of its own.
    fn push_step(&mut self, trace_id: TraceId, step: &Step) {
        let before = self.attributes.len();
        self.attributes.push(AttributeRef {
            key: "service.name",
            value: ValueRef::String(SERVICES[step.service]),
        });
        self.resources.push(ResourceRef {
            attributes: Extent::since(before, before + 1),
            ..ResourceRef::default()
        });
        self.scopes.push(ScopeRef {
            resource: self.resources.len() as u32 - 1,
            ..ScopeRef::default()
        });
        let before = self.attributes.len();
        let path = if step.is_health { "/health" } else { "/order" };
        self.attributes.extend([
            AttributeRef {
                key: "http.status_code",
                value: ValueRef::Int(step.code),
            },
            AttributeRef {
                key: "url.path",
                value: ValueRef::String(path),
            },
        ]);
        self.spans.push(SpanRef {
            scope: self.scopes.len() as u32 - 1,
            trace_id,
            span_id: SpanId::new(step.id.to_be_bytes()).expect("not zero"),
            parent_span_id: SpanId::new(step.parent.to_be_bytes()),
            trace_state: "",
            flags: 0,
            name: "step",
            kind: SpanKind::Server,
            start: step.start,
            end: step.end(),
            attributes: Extent::since(before, before + 2),
            dropped_attributes: 0,
            events: Extent::default(),
            dropped_events: 0,
            links: Extent::default(),
            dropped_links: 0,
            status: match step.is_error {
                true => StatusCode::Error,
                false => StatusCode::Unset,
            },
            status_message: "",
            repairs: Default::default(),
        });
    }
}
