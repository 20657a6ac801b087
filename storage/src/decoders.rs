//! The decoders of what lies in the store, for whoever wants to give them other bytes than those
//! that were written: fuzzing.
//!
//! Each says whether the bytes are what it decodes. None may panic, or take more memory than in
//! proportion to the bytes.

use bumpalo::Bump;
use model::{SpanBatch, SpanRef, TraceId};

use crate::index;
use crate::payload::{Dictionary, Known, Lens, Reader, SharedResource, Sight};

/// Level of zstd at which dictionaries are opened: of no matter for reading.
const LEVEL: i32 = 3;

/// What payloads refer to.
#[derive(Debug, Default)]
pub struct Vocabulary(Known);

impl Vocabulary {
    /// One with the dictionary that these bytes are; nothing if they are none.
    pub fn of(dictionary: &[u8]) -> Option<Self> {
        let mut known = Known::default();
        let dictionary = Dictionary::open(dictionary, LEVEL).ok()?;
        known
            .dictionaries
            .insert(dictionary.name(), dictionary.into());
        Some(Self(known))
    }

    /// A segment's payload.
    ///
    /// # Panics
    /// If spans that are skimmed are others than those that are decoded.
    pub fn decodes_payload(&self, bytes: &[u8]) -> bool {
        let arena = Bump::new();
        let Some(trace) = TraceId::new([1; 16]) else {
            return false;
        };
        let mut reader = Reader::new(&self.0);
        let decoded = reader.decode(trace, bytes, &arena);
        let mut all = |_: Sight, _: &SpanBatch<'_>, _: &SpanRef<'_>| true;
        let newest = reader.newest(trace, bytes, &arena, &mut Lens::default(), &mut all);
        if let Ok(batch) = &decoded {
            let last = batch.spans.iter().map(|span| span.start).max();
            assert_eq!(newest.ok(), Some(last), "skimmed and decoded");
        }
        decoded.is_ok()
    }
}

/// A page of a posting run.
pub fn decodes_index_page(bytes: &[u8]) -> bool {
    index::decodes_page(bytes)
}

/// A chunk of a posting run's directory.
pub fn decodes_index_directory(bytes: &[u8]) -> bool {
    index::decodes_directory(bytes)
}

/// A dictionary of values.
pub fn decodes_dictionary(bytes: &[u8]) -> bool {
    Dictionary::open(bytes, LEVEL).is_ok()
}

/// A resource that is named by its content.
pub fn decodes_resource(bytes: &[u8]) -> bool {
    SharedResource::open(bytes).is_ok()
}
