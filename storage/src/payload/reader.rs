//! Reads payloads of every version, with what they refer to.

use std::sync::Arc;

use bumpalo::Bump;
use model::{SpanBatch, SpanRef, TraceId, UnixNanos};
use zstd::bulk::Decompressor;

use super::dictionary::{Dictionary, SharedResource};
use super::intern::HashedMap;
use super::interned::{self, Header, Source};
use super::{DecodeError, Lens, Sight, body_fits, contained};

/// Dictionaries and resources by their names: all that some payloads refer to.
#[derive(Debug, Default)]
pub(crate) struct Known {
    pub(crate) dictionaries: HashedMap<Arc<Dictionary>>,
    pub(crate) resources: HashedMap<Arc<SharedResource>>,
    empty: Empty,
}

#[derive(Debug)]
struct Empty(Dictionary);

impl Default for Empty {
    fn default() -> Self {
        Self(Dictionary::empty())
    }
}

impl Known {
    /// Whether all is known that a payload refers to.
    pub(crate) fn has_all_of(&self, payload: &[u8]) -> bool {
        match payload.split_first() {
            Some((&interned::VERSION, rest)) => Header::read(rest).map_or(true, |header| {
                let name = header.dictionary;
                (name == 0 || self.dictionaries.contains_key(&name))
                    && header
                        .named()
                        .all(|name| self.resources.contains_key(&name))
            }),
            _ => true,
        }
    }

    fn dictionary(&self, name: u64) -> Result<&Dictionary, DecodeError> {
        let what = "dictionary";
        match (name, self.dictionaries.get(&name)) {
            (0, _) => Ok(&self.empty.0),
            (_, Some(dictionary)) => Ok(dictionary),
            (_, None) => Err(DecodeError::Missing { what, name }),
        }
    }

    pub(super) fn resource(&self, name: u64) -> Result<&SharedResource, DecodeError> {
        let what = "resource";
        let found = self.resources.get(&name);
        found
            .map(Arc::as_ref)
            .ok_or(DecodeError::Missing { what, name })
    }
}

/// What a payload refers to.
#[derive(Debug, Default)]
pub(crate) struct Names {
    /// Dictionaries.
    pub(crate) dictionaries: HashedMap<()>,
    /// Resources that are not of a dictionary.
    pub(crate) resources: HashedMap<()>,
}

impl Names {
    /// Whether nothing is referred to.
    pub(crate) fn is_empty(&self) -> bool {
        self.dictionaries.is_empty() && self.resources.is_empty()
    }

    /// Adds what a payload refers to. Bad bytes refer to nothing; decoding them says what is wrong.
    pub(crate) fn add(&mut self, payload: &[u8]) {
        let Some((&interned::VERSION, rest)) = payload.split_first() else {
            return;
        };
        if let Ok(header) = Header::read(rest) {
            if header.dictionary != 0 {
                self.dictionaries.insert(header.dictionary, ());
            }
            self.resources.extend(header.named().map(|name| (name, ())));
        }
    }
}

/// Decodes one payload after the other.
pub(crate) struct Reader<'k> {
    known: &'k Known,
    plain: Decompressor<'static>,
    /// The one that is set up for the dictionary with this name.
    prepared: Option<(u64, Decompressor<'k>)>,
    frame: Vec<u8>,
}

impl<'k> Reader<'k> {
    /// A reader of payloads that refer to nothing else.
    pub(crate) fn new(known: &'k Known) -> Self {
        Self {
            known,
            plain: Decompressor::default(),
            prepared: None,
            frame: Vec::new(),
        }
    }

    /// Decodes a payload of this trace. The body is decompressed into the arena.
    pub(crate) fn decode<'a>(
        &mut self,
        trace: TraceId,
        payload: &[u8],
        arena: &'a Bump,
    ) -> Result<SpanBatch<'a>, DecodeError>
    where
        'k: 'a,
    {
        let (version, rest) = payload.split_first().ok_or(DecodeError::Truncated)?;
        match *version {
            contained::VERSION => contained::decode(rest, arena, &mut self.plain),
            interned::VERSION => interned::decode(self.source(trace, rest, arena)?),
            other => Err(DecodeError::Version(other)),
        }
    }

    /// The start of the newest span of a payload that passes the judge at every sight of it. Of
    /// each span the lens keeps what the judge looks at.
    pub(crate) fn newest(
        &mut self,
        trace: TraceId,
        payload: &[u8],
        arena: &Bump,
        lens: &mut Lens,
        judge: &mut impl FnMut(Sight, &SpanBatch<'_>, &SpanRef<'_>) -> bool,
    ) -> Result<Option<UnixNanos>, DecodeError> {
        match payload.split_first() {
            Some((&interned::VERSION, rest)) => {
                let source = self.source(trace, rest, arena)?;
                lens.fit(source.dictionary);
                interned::newest(source, lens, judge)
            }
            _ => {
                let batch = self.decode(trace, payload, arena)?;
                let passes = |span: &&SpanRef<'_>| {
                    let mut sights = Sight::ALL.into_iter();
                    sights.all(|sight| judge(sight, &batch, span))
                };
                Ok(batch.spans.iter().filter(passes).map(|of| of.start).max())
            }
        }
    }

    /// What it takes to read what follows the version of an interned payload.
    fn source<'a, 'p>(
        &mut self,
        trace: TraceId,
        rest: &'p [u8],
        arena: &'a Bump,
    ) -> Result<Source<'a, 'p>, DecodeError>
    where
        'k: 'a,
    {
        let header = Header::read(rest)?;
        let dictionary = self.known.dictionary(header.dictionary)?;
        Ok(Source {
            trace,
            header,
            body: self.body(&header, dictionary, arena)?,
            dictionary,
            known: self.known,
            arena,
        })
    }

    fn body<'a>(
        &mut self,
        header: &Header<'_>,
        dictionary: &'k Dictionary,
        arena: &'a Bump,
    ) -> Result<&'a [u8], DecodeError> {
        if !header.compressed {
            return Ok(arena.alloc_slice_copy(header.body));
        }
        if !body_fits(header.body_len, header.body.len()) {
            return Err(DecodeError::Impossible("body length"));
        }
        self.frame.clear();
        self.frame.extend_from_slice(&interned::MAGIC);
        self.frame.extend_from_slice(header.body);
        let body = arena.alloc_slice_fill_copy(header.body_len, 0u8);
        let zstd = decompressor(&mut self.plain, &mut self.prepared, dictionary)?;
        let written = zstd
            .decompress_to_buffer(&self.frame, &mut *body)
            .map_err(DecodeError::Decompress)?;
        if written != header.body_len {
            return Err(DecodeError::Impossible("body length"));
        }
        Ok(body)
    }
}

/// The decompressor for payloads of a dictionary.
fn decompressor<'r, 'k>(
    plain: &'r mut Decompressor<'static>,
    prepared: &'r mut Option<(u64, Decompressor<'k>)>,
    dictionary: &'k Dictionary,
) -> Result<&'r mut dyn Decompress, DecodeError> {
    let Some(of) = &dictionary.decompressing else {
        return Ok(plain);
    };
    if prepared
        .as_ref()
        .is_none_or(|(name, _)| *name != dictionary.name())
    {
        let made = Decompressor::with_prepared_dictionary(of).map_err(DecodeError::Decompress)?;
        *prepared = Some((dictionary.name(), made));
    }
    match prepared {
        Some((_, made)) => Ok(made),
        None => Ok(plain),
    }
}

/// Decompressors, whatever they borrow.
trait Decompress {
    fn decompress_to_buffer(&mut self, frame: &[u8], body: &mut [u8]) -> std::io::Result<usize>;
}

impl Decompress for Decompressor<'_> {
    fn decompress_to_buffer(&mut self, frame: &[u8], body: &mut [u8]) -> std::io::Result<usize> {
        Decompressor::decompress_to_buffer(self, frame, body)
    }
}
