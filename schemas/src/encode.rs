//! encode: spans of a batch → a framed Avro record.
//!
//! apache-avro writes straight from the batch: nothing is built in between. The views in
//! `encode/` serialize as tuples, by position, which spares a look-up by name per field.

mod field;
mod value;
mod view;

use apache_avro::writer::datum::GenericDatumWriter;
use model::{TraceChunk, TraceId};

use self::view::ChunkView;
use crate::{SchemaId, frame, trace_chunk};

/// Why a chunk has no Avro form. A validated chunk always has one.
#[derive(Debug, thiserror::Error)]
#[error("the spans of trace {trace_id} cannot be written as Avro")]
pub struct EncodeError {
    /// The chunk's trace.
    pub trace_id: TraceId,
    /// The cause: a time beyond the year 2262, or values nested deeper than
    /// [`crate::MAX_NESTING`].
    pub source: Box<apache_avro::Error>,
}

/// Writes chunks with the embedded schema under its registered id.
pub struct ChunkEncoder {
    id: SchemaId,
    writer: GenericDatumWriter<'static>,
}

impl ChunkEncoder {
    /// An encoder that frames its records with `id`: the embedded schema's id in the registry.
    pub fn new(id: SchemaId) -> Self {
        let writer = GenericDatumWriter::builder(trace_chunk::schema())
            .human_readable(false)
            .build()
            .expect("every name in the embedded schema is defined in it");
        Self { id, writer }
    }

    /// The same, with every list cut into blocks of some `bytes` that say their size.
    #[cfg(test)]
    pub(crate) fn in_blocks(id: SchemaId, bytes: usize) -> Self {
        let writer = GenericDatumWriter::builder(trace_chunk::schema())
            .human_readable(false)
            .target_block_size(bytes)
            .build()
            .expect("every name in the embedded schema is defined in it");
        Self { id, writer }
    }

    /// The id in the frame of its records.
    pub fn id(&self) -> SchemaId {
        self.id
    }

    /// Appends the chunk's record to `out`: the frame, then the Avro body. Spans of one scope
    /// that are not neighbours in `chunk.spans` make several scopes.
    ///
    /// # Errors
    /// If a time or a nesting is beyond what validation lets pass; `out` is as it was.
    pub fn encode(&self, chunk: &TraceChunk<'_, '_>, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        let before = out.len();
        frame::begin(self.id, out);
        match self.writer.write_ser(out, &ChunkView(chunk)) {
            Ok(_) => Ok(()),
            Err(source) => {
                out.truncate(before);
                Err(EncodeError {
                    trace_id: chunk.trace_id,
                    source: Box::new(source),
                })
            }
        }
    }
}
