//! Stored segments as a sample of the installation's traffic, and what can be learnt from it.

use std::sync::Arc;

use bumpalo::Bump;
use model::{SpanBatch, TraceId};
use sqlx::PgConnection;
use uuid::Uuid;

use super::{LoadError, Vocabulary};
use crate::payload::{DecodeError, Dictionary, Encoder, Known, Learner, Names, Reader, Words};

/// Blocks of segment numbers that a sample is taken from, the newest ones.
const BLOCKS_BACK: i64 = 16_384;
/// How many of them.
const BLOCKS: i64 = 256;
/// Segments of each.
const PER_BLOCK: i64 = 16;
/// Bits of a segment's number below its block.
const BLOCK_BITS: u32 = 12;

/// Bytes of a dictionary of zstd.
const ZSTD_BYTES: usize = 48 << 10;
/// One in so many segments is also taken as it would be if no word of it were known.
const PLAIN: usize = 8;

/// Segments from all over the newest ones.
#[derive(Debug)]
pub(crate) struct Sample {
    segments: Vec<(TraceId, Vec<u8>)>,
    known: Arc<Known>,
}

/// Which segments of a sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    All,
    Even,
    Odd,
}

impl Part {
    fn has(self, place: usize) -> bool {
        match self {
            Self::All => true,
            Self::Even => place.is_multiple_of(2),
            Self::Odd => !place.is_multiple_of(2),
        }
    }
}

impl Vocabulary {
    /// Takes a sample of the segments that were written last.
    pub(crate) async fn sample(&self, conn: &mut PgConnection) -> Result<Sample, LoadError> {
        let newest: i64 = sqlx::query_scalar("SELECT last_value FROM segment_block")
            .fetch_one(&mut *conn)
            .await?;
        let oldest = (newest - BLOCKS_BACK).max(0);
        let step = ((newest - oldest) / BLOCKS).max(1);
        let blocks: Vec<i64> = (0..BLOCKS)
            .map(|back| newest - back * step)
            .take_while(|block| *block > oldest)
            .map(|block| block << BLOCK_BITS)
            .collect();
        let rows: Vec<(Uuid, Vec<u8>)> = sqlx::query_as(
            "SELECT trace_id, payload
             FROM unnest($1::bigint[]) AS block, LATERAL (
                 SELECT trace_id, payload FROM segment
                 WHERE segment_id >= block AND segment_id < block + (1 << 12)
                 ORDER BY segment_id LIMIT $2
             ) AS of_block",
        )
        .bind(&blocks)
        .bind((BLOCKS * PER_BLOCK / blocks.len().max(1) as i64).clamp(PER_BLOCK, 1 << 9))
        .fetch_all(&mut *conn)
        .await?;
        let mut names = Names::default();
        rows.iter().for_each(|(_, payload)| names.add(payload));
        let known = self.load(conn, &names).await?;
        let id = |id: Uuid| TraceId::new(*id.as_bytes());
        let segments = rows
            .into_iter()
            .filter_map(|(trace, payload)| Some((id(trace)?, payload)));
        Ok(Sample {
            segments: segments.collect(),
            known,
        })
    }
}

impl Sample {
    /// How many segments it has.
    pub(crate) fn len(&self) -> usize {
        self.segments.len()
    }

    /// Shows the spans of each segment. Segments that cannot be read are no sample.
    pub(crate) fn each<E>(
        &self,
        part: Part,
        mut visit: impl FnMut(&SpanBatch<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut arena = Bump::new();
        let mut reader = Reader::new(&self.known);
        for (place, (trace, payload)) in self.segments.iter().enumerate() {
            if part.has(place) {
                if let Ok(batch) = reader.decode(*trace, payload, &arena) {
                    visit(&batch)?;
                }
                arena.reset();
            }
        }
        Ok(())
    }

    /// Bytes of the payloads, were they written with this dictionary.
    pub(crate) fn cost(
        &self,
        part: Part,
        dictionary: &Arc<Dictionary>,
        level: i32,
    ) -> Result<u64, LearnError> {
        let words = Words {
            dictionary: dictionary.clone(),
            named: Arc::new(self.known.resources.clone()),
        };
        let mut encoder = Encoder::new(&words, level)?;
        let (mut payload, mut bytes) = (Vec::new(), 0);
        self.each(part, |batch| {
            payload.clear();
            encoder.encode(batch, &all(batch), &mut payload)?;
            bytes += payload.len() as u64;
            Ok::<_, LearnError>(())
        })?;
        Ok(bytes)
    }
}

/// Why nothing could be learnt.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LearnError {
    /// A segment could not be written.
    #[error("a sample cannot be encoded")]
    Encode(#[from] crate::payload::EncodeError),
    /// What was learnt cannot be read.
    #[error("what was learnt cannot be read")]
    Open(#[from] DecodeError),
}

pub(super) fn all(batch: &SpanBatch<'_>) -> Vec<u32> {
    (0..batch.spans.len() as u32).collect()
}

/// Learns a dictionary from a part of a sample. Takes a second or so.
pub(crate) fn learn(
    sample: &Sample,
    part: Part,
    level: i32,
) -> Result<Arc<Dictionary>, LearnError> {
    let mut learner = Learner::default();
    sample.each(part, |batch| learner.count(batch))?;
    sample.each(part, |batch| {
        learner.collect(batch);
        Ok::<_, LearnError>(())
    })?;
    let mut bytes = learner.words();
    let words = Words {
        dictionary: Arc::new(Dictionary::open(&bytes, level)?),
        named: Arc::default(),
    };
    // With too few samples there is no dictionary of zstd; the words are worth most anyway.
    if let Ok(zstd) = train(sample, part, &words, level) {
        bytes.extend_from_slice(&zstd);
    }
    Ok(Arc::new(Dictionary::open(&bytes, level)?))
}

fn train(
    sample: &Sample,
    part: Part,
    words: &Words,
    level: i32,
) -> Result<Vec<u8>, std::io::Error> {
    let nothing = Words::default();
    let failed = |error| std::io::Error::other(error);
    let mut known = Encoder::new(words, level).map_err(failed)?;
    let mut plain = Encoder::new(&nothing, level).map_err(failed)?;
    let (mut bodies, mut lens, mut place) = (Vec::new(), Vec::new(), 0);
    sample
        .each(part, |batch| {
            let spans = all(batch);
            let mut add = |body: &[u8]| {
                bodies.extend_from_slice(body);
                lens.push(body.len());
            };
            add(known.body(batch, &spans)?);
            if place % PLAIN == 0 {
                add(plain.body(batch, &spans)?);
            }
            place += 1;
            Ok::<_, crate::payload::EncodeError>(())
        })
        .map_err(failed)?;
    zstd::dict::from_continuous(&bodies, &lens, ZSTD_BYTES)
}
