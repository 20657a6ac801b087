//! What Jaeger's agent is told: one call of `agent.thrift` in a datagram, read in place.
//!
//! `emitBatch` carries a `Batch` of `jaeger.thrift`, `emitZipkinBatch` a list of the spans of
//! `zipkincore.thrift`. The call says which it is, whatever the port.

use bumpalo::Bump;

use super::builder::Builder;
use super::thrift::{Protocol, Reader, ThriftError, kind};
use super::zipkin::{self, v1_thrift};
use super::{DecodeError, DecodeLimits, Decoded, jaeger_thrift, scopes};

/// The number of the only argument of both methods.
const ARGUMENT: i16 = 1;

/// Decodes a datagram.
///
/// # Errors
/// When the bytes are not one call in this protocol, or hold more than `limits` allows.
pub(super) fn decode<'a>(
    protocol: Protocol,
    body: &'a [u8],
    arena: &'a Bump,
    limits: DecodeLimits,
) -> Result<Decoded<'a>, DecodeError> {
    let mut builder = Builder::new(arena, limits, body.len());
    let mut reader = Reader::new(protocol, body);
    let decoded = match reader.call()? {
        b"emitBatch" => {
            argument(&mut reader, kind::STRUCT, |reader| {
                jaeger_thrift::batch(&mut builder, reader)
            })?;
            scopes::in_order(builder.decoded)
        }
        b"emitZipkinBatch" => {
            let mut request = zipkin::Request::new(builder);
            argument(&mut reader, kind::LIST, |reader| {
                v1_thrift::list(&mut request, reader)
            })?;
            request.finish()
        }
        _ => return Err(ThriftError::UnknownMethod.into()),
    };
    reader.end()?;
    Ok(decoded)
}

/// Reads the struct of arguments, whose first one must be there and of this type.
fn argument<'a>(
    reader: &mut Reader<'a>,
    kind: u8,
    mut read: impl FnMut(&mut Reader<'a>) -> Result<(), DecodeError>,
) -> Result<(), DecodeError> {
    let (mut last, mut is_set) = (0, false);
    while let Some(field) = reader.field(&mut last)? {
        if (field.id, field.kind, is_set) == (ARGUMENT, kind, false) {
            read(reader)?;
            is_set = true;
        } else {
            reader.skip(field.kind)?;
        }
    }
    match is_set {
        true => Ok(()),
        false => Err(ThriftError::Missing("batch").into()),
    }
}
