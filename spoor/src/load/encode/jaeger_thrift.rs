//! Jaeger's model in Thrift's binary protocol: a `Batch` without an envelope. Field numbers are those of
//! `jaeger.thrift`.

use anyhow::bail;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::common::v1::any_value::Value;

use super::jaeger::{fields, references, tags};
use super::{Placed, service, spans};

const BOOL: u8 = 2;
const DOUBLE: u8 = 4;
const I32: u8 = 8;
const I64: u8 = 10;
const STRING: u8 = 11;
const STRUCT: u8 = 12;
const LIST: u8 = 15;
const NANOS_PER_MICRO: u64 = 1_000;

/// The spans of one process.
pub(super) fn batch(request: &ExportTraceServiceRequest) -> anyhow::Result<Vec<u8>> {
    let [of_resource] = request.resource_spans.as_slice() else {
        bail!("a batch of Jaeger's Thrift has the spans of one process");
    };
    let (name, attributes) = service(of_resource.resource.as_ref());
    let mut out = Writer::default();
    out.begin(STRUCT, 1);
    out.text(1, name.as_bytes());
    out.list(2, attributes, tag);
    out.end();
    out.list(2, spans(of_resource), span);
    out.end();
    Ok(out.0)
}

fn span(out: &mut Writer, placed: Placed<'_>) {
    let of = placed.span;
    let micros = |nanos: u64| (nanos / NANOS_PER_MICRO) as i64;
    let lasts = of
        .end_time_unix_nano
        .saturating_sub(of.start_time_unix_nano);
    out.id(1, low(&of.trace_id));
    out.id(2, high(&of.trace_id));
    out.id(3, &of.span_id);
    out.id(4, &of.parent_span_id);
    out.text(5, of.name.as_bytes());
    out.list(6, references(of), |out, reference| {
        out.i32(1, reference.follows_from.into());
        out.id(2, low(reference.trace_id));
        out.id(3, high(reference.trace_id));
        out.id(4, reference.span_id);
        out.end();
    });
    out.i32(7, of.flags as i32);
    out.i64(8, micros(of.start_time_unix_nano));
    out.i64(9, micros(lasts));
    out.list(10, &tags(placed), tag);
    out.list(11, &of.events, |out, event| {
        out.i64(1, micros(event.time_unix_nano));
        out.list(2, &fields(event), tag);
        out.end();
    });
    out.end();
}

fn high(trace_id: &[u8]) -> &[u8] {
    &trace_id[..trace_id.len() / 2]
}

fn low(trace_id: &[u8]) -> &[u8] {
    &trace_id[trace_id.len() / 2..]
}

fn tag(out: &mut Writer, tag: &KeyValue) {
    out.text(1, tag.key.as_bytes());
    match tag.value.as_ref().and_then(|of| of.value.as_ref()) {
        Some(Value::DoubleValue(number)) => {
            out.i32(2, 1);
            out.begin(DOUBLE, 4);
            out.0.extend(number.to_be_bytes());
        }
        Some(Value::BoolValue(is)) => {
            out.i32(2, 2);
            out.begin(BOOL, 5);
            out.0.push(u8::from(*is));
        }
        Some(Value::IntValue(number)) => {
            out.i32(2, 3);
            out.i64(6, *number);
        }
        Some(Value::BytesValue(bytes)) => {
            out.i32(2, 4);
            out.text(7, bytes);
        }
        _ => {
            out.i32(2, 0);
            out.text(3, crate::load::carry::text(&tag.value).as_bytes());
        }
    }
    out.end();
}

/// Thrift's binary protocol, written in place.
#[derive(Default)]
struct Writer(Vec<u8>);

impl Writer {
    fn begin(&mut self, kind: u8, id: i16) {
        self.0.push(kind);
        self.0.extend(id.to_be_bytes());
    }

    /// Ends a struct.
    fn end(&mut self) {
        self.0.push(0);
    }

    fn i32(&mut self, id: i16, value: i32) {
        self.begin(I32, id);
        self.0.extend(value.to_be_bytes());
    }

    fn i64(&mut self, id: i16, value: i64) {
        self.begin(I64, id);
        self.0.extend(value.to_be_bytes());
    }

    /// Eight bytes as a number; an absent id is zero.
    fn id(&mut self, id: i16, bytes: &[u8]) {
        self.i64(id, i64::from_be_bytes(bytes.try_into().unwrap_or_default()));
    }

    fn text(&mut self, id: i16, bytes: &[u8]) {
        self.begin(STRING, id);
        self.0.extend((bytes.len() as i32).to_be_bytes());
        self.0.extend(bytes);
    }

    /// Structs, each of which `write` ends.
    fn list<T>(
        &mut self,
        id: i16,
        items: impl IntoIterator<Item = T>,
        write: impl Fn(&mut Self, T),
    ) {
        self.begin(LIST, id);
        self.0.push(STRUCT);
        let length = self.0.len();
        self.0.extend([0; 4]);
        let mut count: i32 = 0;
        for item in items {
            write(self, item);
            count += 1;
        }
        self.0[length..length + 4].copy_from_slice(&count.to_be_bytes());
    }
}
