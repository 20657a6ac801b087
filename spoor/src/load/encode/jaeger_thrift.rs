//! Jaeger's model in Thrift's binary protocol: a `Batch` without an envelope. Field numbers are those of
//! `jaeger.thrift`.

use anyhow::bail;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::common::v1::any_value::Value;

use super::jaeger::{fields, references, tags};
use super::thrift::{BOOL, DOUBLE, STRUCT, Writer};
use super::{Placed, high, low, service, spans};

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
    Ok(out.finish())
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

fn tag(out: &mut Writer, tag: &KeyValue) {
    out.text(1, tag.key.as_bytes());
    match tag.value.as_ref().and_then(|of| of.value.as_ref()) {
        Some(Value::DoubleValue(number)) => {
            out.i32(2, 1);
            out.begin(DOUBLE, 4);
            out.raw(&number.to_be_bytes());
        }
        Some(Value::BoolValue(is)) => {
            out.i32(2, 2);
            out.begin(BOOL, 5);
            out.raw(&[u8::from(*is)]);
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
