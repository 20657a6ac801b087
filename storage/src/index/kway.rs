//! Merging the postings of several runs, page by page. Pure: pages in, pages out.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

use super::page::{Page, PageError, PageReader, PageWriter};

/// What the merge needs to go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Need {
    /// The next pages of this source, or word that there are none.
    Pages(usize),
    /// Room: there are pages to be taken.
    Room,
    /// Nothing: every source is at its end.
    Nothing,
}

/// Merges sources in order of token, then of source.
#[derive(Debug)]
pub(super) struct Merge {
    sources: Vec<Source>,
    /// Sources with an entry at hand, by its token, then by their order.
    heap: BinaryHeap<Reverse<(u32, usize)>>,
    /// Sources that may be at their end.
    starved: Vec<usize>,
    token: u32,
    ordinals: Vec<u32>,
    writer: PageWriter,
}

#[derive(Debug)]
struct Source {
    /// What is added to its ordinals.
    offset: u32,
    pages: VecDeque<Vec<u8>>,
    ended: bool,
    page: DecodedPage,
}

/// A page's entries, those not taken yet.
#[derive(Debug, Default)]
struct DecodedPage {
    /// Tokens, each with the end of its ordinals.
    entries: Vec<(u32, u32)>,
    ordinals: Vec<u32>,
    next: usize,
}

/// Bytes of pages that are written before room is asked for.
const ROOM: usize = 512 << 10;

impl Merge {
    /// A merge of sources with so many segments each.
    pub(super) fn new(segments: &[u32], expected_tokens: u64) -> Self {
        let mut total = 0;
        let mut sources = Vec::with_capacity(segments.len());
        for of_source in segments {
            sources.push(Source {
                offset: total,
                pages: VecDeque::new(),
                ended: false,
                page: DecodedPage::default(),
            });
            total += of_source;
        }
        Self {
            starved: (0..sources.len()).rev().collect(),
            sources,
            heap: BinaryHeap::new(),
            token: 0,
            ordinals: Vec::new(),
            writer: PageWriter::new(total, expected_tokens),
        }
    }

    /// Hands over the next pages of a source, in order; none when it has no more.
    pub(super) fn feed(&mut self, source: usize, pages: Vec<Vec<u8>>) {
        let source = &mut self.sources[source];
        source.ended = pages.is_empty();
        source.pages.extend(pages);
    }

    /// Goes on until something is needed.
    pub(super) fn advance(&mut self) -> Result<Need, PageError> {
        loop {
            while let Some(source) = self.starved.last().copied() {
                if !self.sources[source].decode_next()? {
                    return Ok(Need::Pages(source));
                }
                self.starved.pop();
                if let Some(token) = self.sources[source].page.token() {
                    self.heap.push(Reverse((token, source)));
                }
            }
            if self.writer.full_bytes() >= ROOM {
                return Ok(Need::Room);
            }
            let Some(Reverse((token, source))) = self.heap.pop() else {
                self.flush();
                return Ok(Need::Nothing);
            };
            self.take(token, source);
        }
    }

    /// Takes the entry at hand of a source.
    fn take(&mut self, token: u32, source: usize) {
        if token != self.token {
            self.flush();
            self.token = token;
        }
        let from = &mut self.sources[source];
        let offset = from.offset;
        let ordinals = from.page.take().iter().map(|ordinal| ordinal + offset);
        self.ordinals.extend(ordinals);
        match from.page.token() {
            Some(next) => self.heap.push(Reverse((next, source))),
            None => self.starved.push(source),
        }
    }

    fn flush(&mut self) {
        if !self.ordinals.is_empty() {
            self.writer.push(self.token, &self.ordinals);
            self.ordinals.clear();
        }
    }

    /// Pages that are full.
    pub(super) fn take_full(&mut self) -> Vec<Page> {
        self.writer.take_full()
    }

    /// The last pages, once nothing is needed.
    pub(super) fn finish(self) -> Vec<Page> {
        self.writer.finish()
    }
}

impl Source {
    /// Decodes its next page. False when there is none at hand though there may be more.
    fn decode_next(&mut self) -> Result<bool, PageError> {
        match self.pages.pop_front() {
            Some(body) => {
                self.page.decode(&body)?;
                Ok(true)
            }
            None => Ok(self.ended),
        }
    }
}

impl DecodedPage {
    fn decode(&mut self, body: &[u8]) -> Result<(), PageError> {
        self.entries.clear();
        self.ordinals.clear();
        self.next = 0;
        let mut reader = PageReader::new(body)?;
        while let Some(token) = reader.next(&mut self.ordinals)? {
            self.entries.push((token, self.ordinals.len() as u32));
        }
        Ok(())
    }

    fn token(&self) -> Option<u32> {
        self.entries.get(self.next).map(|(token, _)| *token)
    }

    /// The ordinals of the entry at hand, which is then done.
    fn take(&mut self) -> &[u32] {
        let start = match self.next {
            0 => 0,
            next => self.entries[next - 1].1 as usize,
        };
        let end = self.entries[self.next].1 as usize;
        self.next += 1;
        &self.ordinals[start..end]
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use proptest::collection::{btree_map, btree_set, vec};
    use proptest::prelude::*;

    use super::*;

    type Postings = BTreeMap<u32, BTreeSet<u32>>;

    fn pages_of(segments: u32, postings: &Postings) -> VecDeque<Vec<u8>> {
        let mut writer = PageWriter::new(segments, postings.len() as u64);
        for (token, ordinals) in postings {
            writer.push(*token, &ordinals.iter().copied().collect::<Vec<_>>());
        }
        writer.finish().into_iter().map(|page| page.body).collect()
    }

    fn merge(runs: &[(u32, Postings)], pages_at_a_time: usize) -> Vec<Page> {
        let segments: Vec<u32> = runs.iter().map(|run| run.0).collect();
        let mut sources: Vec<_> = runs.iter().map(|run| pages_of(run.0, &run.1)).collect();
        let mut merge = Merge::new(&segments, 1);
        let mut pages = Vec::new();
        loop {
            match merge.advance().expect("good pages") {
                Need::Pages(source) => {
                    let left = &mut sources[source];
                    let next = left.drain(..left.len().min(pages_at_a_time)).collect();
                    merge.feed(source, next);
                }
                Need::Room => pages.extend(merge.take_full()),
                Need::Nothing => break,
            }
        }
        pages.extend(merge.finish());
        pages
    }

    fn read(pages: &[Page]) -> Postings {
        let mut postings = Postings::new();
        for page in pages {
            let mut reader = PageReader::new(&page.body).expect("a page");
            let mut ordinals = Vec::new();
            while let Some(token) = reader.next(&mut ordinals).expect("an entry") {
                postings
                    .entry(token)
                    .or_default()
                    .extend(ordinals.drain(..));
            }
        }
        postings
    }

    fn run() -> impl Strategy<Value = (u32, Postings)> {
        let segments = prop_oneof![1u32..5, Just(3_000u32)];
        segments.prop_flat_map(|segments| {
            let token = prop_oneof![any::<u32>(), 0u32..20];
            let ordinals = btree_set(0..segments, 1..(segments as usize).min(300) + 1);
            (Just(segments), btree_map(token, ordinals, 0..60))
        })
    }

    proptest! {
        #[test]
        fn a_merged_run_has_all_postings_moved_behind_each_other(
            runs in vec(run(), 1..6),
            pages_at_a_time in 1usize..4,
        ) {
            let mut expected = Postings::new();
            let mut offset = 0;
            for (segments, postings) in &runs {
                for (token, ordinals) in postings {
                    let moved = ordinals.iter().map(|ordinal| ordinal + offset);
                    expected.entry(*token).or_default().extend(moved);
                }
                offset += segments;
            }
            let pages = merge(&runs, pages_at_a_time);
            prop_assert!(pages.windows(2).all(|p| p[0].first_token <= p[1].first_token));
            prop_assert_eq!(read(&pages), expected);
        }
    }
}
