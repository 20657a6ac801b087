//! Traces of a small shop, and a dictionary learnt from them.

use std::sync::Arc;

use model::{
    Event, KeyValue, Link, Resource, ResourceSpans, Scope, ScopeSpans, Span, SpanBatch, SpanId,
    SpanKind, StatusCode, Trace, TraceId, Value,
};

use super::{Dictionary, Encoder, Known, Learner, Words};

const NOON: u64 = 1_764_000_000_000_000_000;

/// A number that looks random, the same for the same place.
fn noise(of: u64, place: u64) -> u64 {
    xxhash_rust::xxh3::xxh3_64_with_seed(&place.to_le_bytes(), of)
}

fn span_id(of: u64, place: u64) -> SpanId {
    SpanId::new((noise(of, place) | 1).to_be_bytes()).expect("not zero")
}

/// A server's span with its query, of a customer.
fn spans(number: u64, id: TraceId) -> Vec<Span> {
    let random = |place| noise(number, place);
    let start = NOON + random(0) % 1_000_000_000;
    let duration = 5_000_000 + random(1) % 100_000_000;
    let mut server = Span::new(
        id,
        span_id(number, 2),
        "GET /cart/{id}",
        start,
        start + duration,
    );
    server.kind = SpanKind::Server;
    server.flags = 0x101;
    let bytes = random(3).to_be_bytes();
    let request = uuid::Uuid::from_slice(&[bytes, bytes].concat()).expect("16 bytes");
    server.attributes = vec![
        KeyValue::new("http.route", "/cart/{id}"),
        KeyValue::new("url.path", format!("/cart/{}", random(4) % 100_000)),
        KeyValue::new("http.response.status_code", 200i64),
        KeyValue::new("app.request_id", request.to_string()),
        KeyValue::new("app.cached", random(5) % 2 == 0),
        KeyValue::new("app.weight", Value::Double((random(6) % 100) as f64 / 8.0)),
    ];
    let mut query = Span::new(
        id,
        span_id(number, 7),
        "SELECT cart",
        start + 1_000,
        start + 9_000,
    );
    query.parent_span_id = Some(server.span_id);
    query.kind = SpanKind::Client;
    query.attributes = vec![
        KeyValue::new("db.system.name", "postgresql"),
        KeyValue::new("db.response.returned_rows", (random(8) % 500) as i64),
        KeyValue::new("shards", Value::Array(vec![1i64.into(), "a".into()])),
    ];
    if number.is_multiple_of(5) {
        query.status = StatusCode::Error;
        query.status_message = "no answer".to_owned();
        query.events = vec![Event {
            time: query.end,
            name: "exception".to_owned(),
            attributes: vec![KeyValue::new("exception.type", "Timeout")],
            dropped_attributes: 0,
        }];
        query.links = vec![Link {
            trace_id: TraceId::new([9; 16]).expect("not zero"),
            span_id: server.span_id,
            trace_state: String::new(),
            attributes: Vec::new(),
            dropped_attributes: 0,
            flags: 1,
        }];
    }
    vec![server, query]
}

/// A trace of the shop.
pub(crate) fn trace(number: u64) -> Trace {
    let id = TraceId::new([1 + (number % 250) as u8; 16]).expect("not zero");
    let scope = Scope {
        name: "shop".to_owned(),
        version: "1.2".to_owned(),
        ..Scope::default()
    };
    let resource = Resource {
        attributes: vec![
            KeyValue::new("service.name", "cart"),
            KeyValue::new("k8s.pod.name", format!("cart-{}", number % 3)),
        ],
        ..Resource::default()
    };
    let spans = spans(number, id);
    let scopes = vec![ScopeSpans { scope, spans }];
    Trace {
        id,
        resources: vec![ResourceSpans { resource, scopes }],
    }
}

/// Words learnt from the first traces of the shop.
pub(crate) fn words() -> Words {
    let traces: Vec<Trace> = (0..64).map(trace).collect();
    let batches: Vec<SpanBatch<'_>> = traces.iter().map(SpanBatch::of_trace).collect();
    let mut learner = Learner::default();
    for batch in &batches {
        learner.count(batch).expect("small values");
    }
    batches.iter().for_each(|batch| learner.collect(batch));
    of_bytes(&learner.words())
}

/// The words of a dictionary's bytes.
pub(crate) fn of_bytes(bytes: &[u8]) -> Words {
    let dictionary = Dictionary::open(bytes, 3).expect("a dictionary");
    Words {
        dictionary: Arc::new(dictionary),
        named: Arc::default(),
    }
}

/// Words with a dictionary of zstd beside.
pub(crate) fn words_with_zstd() -> Words {
    let words = words();
    let mut encoder = Encoder::new(&words, 3).expect("a level");
    let (mut bodies, mut lens) = (Vec::new(), Vec::new());
    for number in 0..400 {
        let trace = trace(number);
        let batch = SpanBatch::of_trace(&trace);
        let body = encoder.body(&batch, &all(&batch)).expect("small spans");
        lens.push(body.len());
        bodies.extend_from_slice(body);
    }
    let zstd = zstd::dict::from_continuous(&bodies, &lens, 4_096).expect("enough to train on");
    of_bytes(&[words.dictionary.bytes(), &zstd].concat())
}

/// All that payloads with these words refer to.
pub(crate) fn known(words: &Words) -> Known {
    let mut known = Known::default();
    let dictionary = words.dictionary.clone();
    known.dictionaries.insert(dictionary.name(), dictionary);
    known.resources.clone_from(&words.named);
    known
}

/// The places of all spans.
pub(crate) fn all(batch: &SpanBatch<'_>) -> Vec<u32> {
    (0..batch.spans.len() as u32).collect()
}
