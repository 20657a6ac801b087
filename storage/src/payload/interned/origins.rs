//! Resources and scopes of the spans that are being written: known, named or spelt out.

use model::SpanBatch;
use xxhash_rust::xxh3::xxh3_64;

use super::encode::Encoder;
use super::resource_code;
use crate::payload::intern::HashedMap;
use crate::payload::varint::put;
use crate::payload::{EncodeError, whole};

/// Different new resources that are remembered of what one encoder writes.
const MAX_STRANGERS: usize = 1_024;

/// A resource that was written out since nothing names it.
#[derive(Debug)]
pub(crate) struct Stranger {
    /// The hash of its bytes.
    pub(crate) name: u64,
    /// Its bytes.
    pub(crate) bytes: Box<[u8]>,
    /// In how many segments.
    pub(crate) segments: u32,
}

impl Encoder<'_> {
    /// The number of a scope with its resource; equal ones share one.
    pub(super) fn origin(&mut self, batch: &SpanBatch<'_>, index: u32) -> Result<u32, EncodeError> {
        if let Some(&number) = self.scope_numbers.get(&u64::from(index)) {
            return Ok(number);
        }
        let scope = &batch.scopes[index as usize];
        self.bytes.clear();
        whole::put_resource(
            batch,
            &batch.resources[scope.resource as usize],
            &mut self.bytes,
        )?;
        let resource_len = self.bytes.len();
        whole::put_scope(batch, scope, &mut self.bytes)?;
        let hash = xxh3_64(&self.bytes);
        let number = match self.origins.find(hash, &self.bytes) {
            Some(number) => number,
            None => {
                self.put_origin(resource_len);
                self.origins.add(hash, &self.bytes)
            }
        };
        self.scope_numbers.insert(u64::from(index), number);
        Ok(number)
    }

    /// Writes the origin whose bytes were made.
    fn put_origin(&mut self, resource_len: usize) {
        let (resource, scope) = self.bytes.split_at(resource_len);
        let hash = xxh3_64(resource);
        let segment = &mut self.segment;
        if let Some(number) = self.words.dictionary.resource(hash, resource) {
            put(
                resource_code::SHARED + 2 * u64::from(number),
                &mut segment.origins,
            );
        } else if let Some(number) = self.written.find(hash, resource) {
            put(
                resource_code::AGAIN + 2 * u64::from(number),
                &mut segment.origins,
            );
        } else {
            let named = self.words.named.get(&hash);
            if named.is_some_and(|known| *known.bytes == *resource) {
                put(resource_code::NAMED, &mut segment.origins);
                segment.named.push(hash);
                self.referenced.insert(hash, ());
            } else {
                put(resource_code::NEW, &mut segment.origins);
                segment.texts.extend_from_slice(resource);
                note_stranger(&mut self.strangers, hash, resource);
            }
            self.written.add(hash, resource);
        }
        match self.words.dictionary.scope(scope) {
            Some(number) => put(1 + u64::from(number), &mut segment.origins),
            None => {
                put(0, &mut segment.origins);
                segment.texts.extend_from_slice(scope);
            }
        }
    }
}

fn note_stranger(strangers: &mut HashedMap<Stranger>, hash: u64, bytes: &[u8]) {
    if let Some(known) = strangers.get_mut(&hash) {
        known.segments += 1;
    } else if strangers.len() < MAX_STRANGERS {
        let bytes = bytes.into();
        let (name, segments) = (hash, 1);
        strangers.insert(
            hash,
            Stranger {
                name,
                bytes,
                segments,
            },
        );
    }
}
