//! A run in memory: what segments hold which tokens, and as rows of a page table.

use super::directory::{self, Bounds, CHUNK, DirectoryEntry};
use super::page::{Page, PageWriter};

/// The tokens of one transaction's segments within one day and one block of segment numbers.
#[derive(Debug, Default)]
pub(crate) struct RunBuilder {
    segments: Vec<Segment>,
    /// Token in the high half, place in `segments` in the low one.
    postings: Vec<u64>,
}

#[derive(Debug)]
struct Segment {
    ordinal: u32,
    start_ns: i64,
    last_start_ns: i64,
}

impl RunBuilder {
    /// An empty run.
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Adds a segment: its number less that of the run's first one, the earliest and the latest
    /// start of its spans, and its tokens, sorted and distinct.
    pub(crate) fn add_segment(
        &mut self,
        ordinal: u32,
        start_ns: i64,
        last_start_ns: i64,
        tokens: &[u32],
    ) {
        let place = self.segments.len() as u64;
        self.segments.push(Segment {
            ordinal,
            start_ns,
            last_start_ns,
        });
        let posting = |token: &u32| u64::from(*token) << 32 | place;
        self.postings.extend(tokens.iter().map(posting));
    }

    /// Whether no segment was added.
    pub(crate) fn is_empty(&self) -> bool {
        self.segments.is_empty()
    }

    /// The run's rows and bounds. The ordinals in it count the segments that were added.
    pub(super) fn encode(mut self, first_segment_id: i64) -> EncodedRun {
        sort_by_token(&mut self.postings);
        let token = |posting: &u64| (posting >> 32) as u32;
        let groups = || self.postings.chunk_by(|a, b| token(a) == token(b));
        let mut writer = PageWriter::new(self.segments.len() as u32, groups().count() as u64);
        let mut ordinals = Vec::new();
        for group in groups() {
            ordinals.clear();
            ordinals.extend(group.iter().map(|posting| *posting as u32));
            writer.push(token(&group[0]), &ordinals);
        }
        let entry = |segment: &Segment| {
            let id = first_segment_id + i64::from(segment.ordinal);
            DirectoryEntry::new(id, segment.start_ns, segment.last_start_ns)
        };
        let entries: Vec<DirectoryEntry> = self.segments.iter().map(entry).collect();
        let mut run = EncodedRun::of_directory(&entries);
        run.rows
            .extend(PageNumbers::default().rows(writer.finish()));
        run
    }
}

/// Postings below which a sort that compares is faster.
const FEW: usize = 1 << 11;
/// Bits of a token that one pass goes by.
const DIGIT: u32 = 11;

/// Sorts postings that were added in order of places: by token alone, which a radix sort that keeps
/// the order of equals does in three passes.
fn sort_by_token(postings: &mut Vec<u64>) {
    if postings.len() < FEW {
        postings.sort_unstable();
        return;
    }
    let mut sorted = vec![0; postings.len()];
    for pass in 0..3 {
        let digit = |posting: u64| (posting >> (32 + pass * DIGIT)) as usize % (1 << DIGIT);
        let mut places = [0_usize; 1 << DIGIT];
        for posting in postings.iter() {
            places[digit(*posting)] += 1;
        }
        let mut before = 0;
        for place in &mut places {
            before += std::mem::replace(place, before);
        }
        for posting in postings.iter() {
            let place = &mut places[digit(*posting)];
            sorted[*place] = *posting;
            *place += 1;
        }
        std::mem::swap(postings, &mut sorted);
    }
}

/// A row of a page table, without the run's number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PageRow {
    /// First token of the page; −1 − n for chunk n of the directory.
    pub(super) key: i64,
    /// Tells pages with the same first token apart; ascends in a run.
    pub(super) page_no: i32,
    /// The bytes.
    pub(super) body: Vec<u8>,
}

/// Key of a chunk of the directory among the rows of its run.
pub(super) fn chunk_key(chunk: usize) -> i64 {
    -1 - chunk as i64
}

/// Numbers the pages of a run, however many at a time.
#[derive(Debug, Default)]
pub(super) struct PageNumbers(i32);

impl PageNumbers {
    /// The rows of the run's next pages.
    pub(super) fn rows(&mut self, pages: Vec<Page>) -> Vec<PageRow> {
        let numbered = pages.into_iter().map(|page| {
            self.0 += 1;
            PageRow {
                key: i64::from(page.first_token),
                page_no: self.0,
                body: page.body,
            }
        });
        numbered.collect()
    }
}

/// A run as rows, all of them or the directory's only, and what the catalogue says of it.
#[derive(Debug)]
pub(super) struct EncodedRun {
    /// How many segments it has.
    pub(super) segments: u32,
    /// Bounds of each chunk of the directory.
    pub(super) chunks: Vec<Bounds>,
    /// Rows of the page table.
    pub(super) rows: Vec<PageRow>,
}

impl EncodedRun {
    /// A run of these segments, as yet without pages of postings.
    pub(super) fn of_directory(entries: &[DirectoryEntry]) -> Self {
        let chunks = || entries.chunks(CHUNK);
        let row = |(chunk, entries): (usize, &[DirectoryEntry])| PageRow {
            key: chunk_key(chunk),
            page_no: 0,
            body: directory::encode(entries),
        };
        Self {
            segments: entries.len() as u32,
            chunks: chunks().map(Bounds::of).collect(),
            rows: chunks().enumerate().map(row).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn postings_are_sorted_by_token_and_place(
            tokens in prop::collection::vec(prop::collection::vec(any::<u32>(), 0..40), 0..200)
        ) {
            let mut postings: Vec<u64> = Vec::new();
            for (place, tokens) in tokens.iter().enumerate() {
                postings.extend(tokens.iter().map(|token| u64::from(*token) << 32 | place as u64));
            }
            let mut expected = postings.clone();
            expected.sort_unstable();
            sort_by_token(&mut postings);
            prop_assert_eq!(postings, expected);
        }
    }
}
