//! Records of one partition → bodies for the pipeline, in order: alone, or joined where their
//! encoding allows it.

use bytes::{BufMut, Bytes, BytesMut};
use http::{HeaderMap, HeaderName, HeaderValue};
use kafka::Record;
use model::Tenant;

use crate::config::{TenancyConfig, TopicEncoding};
use crate::enrich::{self, UnknownTenant};
use crate::receive::Encoding;

/// Most records of a body: what a batch of a client has.
const MOST: usize = 512;

/// `PostSpansRequest.batch` and `Batch.spans` of Jaeger's protobuf: field 1, length-delimited.
const FIELD_1: u8 = 0x0a;
/// Most bytes of a varint.
const VARINT: usize = 10;

/// Consecutive records that go through the pipeline together.
#[derive(Debug)]
pub(super) struct Parcel {
    /// Whose spans they are.
    pub(super) tenant: Result<Tenant, UnknownTenant>,
    /// The records, at least one, in order of their offsets.
    pub(super) records: Vec<Record>,
}

/// Makes parcels of consecutive records. Those that belong to different tenants never share one,
/// and only spans of Jaeger's protobuf do: they come one by one, and have a frame of their own in
/// Jaeger's batch. Bytes of the other encodings cannot be joined so that a broken record harms
/// no other.
pub(super) fn parcels(
    records: Vec<Record>,
    encoding: TopicEncoding,
    tenant_of: impl Fn(&Record) -> Result<Tenant, UnknownTenant>,
) -> Vec<Parcel> {
    let joins = encoding == TopicEncoding::JaegerProto;
    let mut parcels: Vec<Parcel> = Vec::new();
    for record in records {
        let tenant = tenant_of(&record);
        let last = parcels.last_mut().filter(|last| {
            joins && tenant.is_ok() && last.tenant == tenant && last.records.len() < MOST
        });
        match last {
            Some(last) => last.records.push(record),
            None => parcels.push(Parcel {
                tenant,
                records: vec![record],
            }),
        }
    }
    parcels
}

impl Parcel {
    /// The body of several records of Jaeger's protobuf, and how it is encoded.
    pub(super) fn joined(&self) -> (Encoding, Bytes) {
        let spans = self.records.iter().map(payload);
        let framed = |span: &Bytes| 1 + varint_len(span.len()) + span.len();
        let batch: usize = spans.clone().map(|span| framed(&span)).sum();
        let mut body = BytesMut::with_capacity(1 + VARINT + batch);
        put_head(&mut body, batch);
        for span in spans {
            put_head(&mut body, span.len());
            body.put_slice(&span);
        }
        (Encoding::JaegerProtobuf, body.freeze())
    }
}

/// The payload; a tombstone's is empty.
pub(super) fn payload(record: &Record) -> Bytes {
    record.payload.clone().unwrap_or_default()
}

/// The tenant that a record's header names, by the same rules as those of a request.
pub(super) fn tenant_of(record: &Record, config: &TenancyConfig) -> Result<Tenant, UnknownTenant> {
    let mut headers = HeaderMap::new();
    let named = record
        .headers
        .iter()
        .filter(|(name, _)| name.eq_ignore_ascii_case(&config.header));
    for (name, value) in named {
        // What no header of a request can hold is no tenant's name.
        let value = HeaderValue::from_bytes(value);
        let value = value.unwrap_or_else(|_| HeaderValue::from_static("?"));
        if let Ok(name) = HeaderName::from_bytes(name.as_bytes()) {
            headers.append(name, value);
        }
    }
    enrich::tenant(&headers, config)
}

fn put_head(to: &mut BytesMut, length: usize) {
    to.put_u8(FIELD_1);
    let mut rest = length as u64;
    while rest >= 0x80 {
        to.put_u8(rest as u8 | 0x80);
        rest >>= 7;
    }
    to.put_u8(rest as u8);
}

fn varint_len(length: usize) -> usize {
    let bits = usize::BITS - (length | 1).leading_zeros();
    bits.div_ceil(7) as usize
}

#[cfg(test)]
mod tests {
    use bumpalo::Bump;
    use schemas::jaeger_query::model::Span;

    use super::*;
    use crate::config::LimitsConfig;
    use crate::decode;

    fn record(offset: i64, payload: &[u8], headers: &[(&str, &[u8])]) -> Record {
        Record {
            offset,
            timestamp_ms: 0,
            key: None,
            payload: Some(Bytes::copy_from_slice(payload)),
            headers: headers.iter().copied().collect(),
        }
    }

    fn sizes(encoding: TopicEncoding, tenants: &[&str]) -> Vec<usize> {
        let records = tenants.iter().enumerate().map(|(offset, tenant)| {
            record(offset as i64, b"x", &[("x-tenant", tenant.as_bytes())])
        });
        let config = TenancyConfig::default();
        let made = parcels(records.collect(), encoding, |record| {
            tenant_of(record, &config)
        });
        made.iter().map(|parcel| parcel.records.len()).collect()
    }

    #[test]
    fn spans_of_one_tenant_that_follow_each_other_go_together() {
        let tenants = ["a", "a", "b", "a", "a b", "a b"];
        assert_eq!(sizes(TopicEncoding::JaegerProto, &tenants), [2, 1, 1, 1, 1]);
    }

    #[test]
    fn records_that_hold_batches_or_text_go_alone() {
        let others = TopicEncoding::ALL
            .into_iter()
            .filter(|encoding| *encoding != TopicEncoding::JaegerProto);
        for encoding in others {
            assert_eq!(sizes(encoding, &["a", "a"]), [1, 1], "{encoding:?}");
        }
    }

    #[test]
    fn a_parcel_never_outgrows_a_clients_batch() {
        let many = vec!["a"; MOST + 1];
        assert_eq!(sizes(TopicEncoding::JaegerProto, &many), [MOST, 1]);
    }

    #[test]
    fn joined_spans_decode_as_each_of_them_does() {
        let span = |n: u8, name: usize| Span {
            trace_id: vec![n; 16],
            span_id: vec![n; 8],
            operation_name: "n".repeat(name),
            ..Span::default()
        };
        let spans = [span(1, 3), span(2, 200), span(3, 70_000)];
        let records = spans
            .iter()
            .enumerate()
            .map(|(offset, span)| record(offset as i64, &prost::Message::encode_to_vec(span), &[]));
        let parcel = Parcel {
            tenant: Ok(Tenant::default()),
            records: records.collect(),
        };
        let (encoding, body) = parcel.joined();
        let arena = Bump::new();
        let limits = (&LimitsConfig::default()).into();
        let decoded = decode::spans(encoding, &body, &arena, limits).expect("a batch");
        let names: Vec<usize> = decoded.batch.spans.iter().map(|s| s.name.len()).collect();
        assert_eq!(names, [3, 200, 70_000]);
    }

    #[test]
    fn a_header_names_the_tenant_as_it_does_in_requests() {
        let config = TenancyConfig::default();
        let of = |headers: &[(&str, &[u8])]| tenant_of(&record(0, b"", headers), &config);
        let named = |name| Ok(Tenant::parse(name).expect("a name"));
        assert_eq!(of(&[]), named("default"));
        assert_eq!(of(&[("X-Tenant", b"acme")]), named("acme"));
        let twice = of(&[("x-tenant", b"a"), ("X-TENANT", b"b")]);
        assert_eq!(twice, Err(UnknownTenant::Several));
        let garbage = of(&[("x-tenant", b"\xff\n")]);
        assert!(matches!(garbage, Err(UnknownTenant::NoName(_))));
    }
}
