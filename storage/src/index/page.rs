//! Pages of postings: which segments of a run hold which token.
//!
//! A run's entries, by token, then by ordinal, are cut into pages of at most [`MAX_BODY`] bytes.
//! Format, version 1; integers are little-endian, bits as in [`crate::bits`]:
//!
//! ```text
//! page  = 0x01, u8 gap parameter, u32 segments of the run, u32 first token, u16 count,
//!         count × entry as bits
//! entry = Rice(gap parameter) of the token less the previous entry's (the first token at first)
//!         gamma of the number of ordinals, 1 to 128
//!         the first ordinal in as many bits as the run's last ordinal needs
//!         if there are 128 ordinals: 5 bits, the ordinal parameter
//!         for each further ordinal: Rice(ordinal parameter) of its distance to the last, less 1
//! ```
//!
//! Unless it is written out, the ordinal parameter is the one for a mean of
//! `(segments − 1 − first ordinal) / number of ordinals`. A token with more than 128 ordinals has
//! several entries, possibly on several pages, and all but the last of them are full.

use crate::bits::{BitReader, BitWriter, OutOfBits, rice_len, rice_parameter};

/// Most bytes of a page: a row with it fills a page of Postgres.
pub(super) const MAX_BODY: usize = 8_096;

/// Most ordinals of an entry.
const MAX_ORDINALS: usize = 128;

const VERSION: u8 = 1;
const HEADER: usize = 12;
const COUNT_AT: usize = 10;
const PARAMETER_BITS: u32 = 5;

/// Why bytes are not a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum PageError {
    /// Written by a newer program.
    #[error("page version {0} is not known")]
    Version(u8),
    /// The bytes end too early.
    #[error("the page ends too early")]
    Truncated,
    /// A number is impossible.
    #[error("the page has an impossible {0}")]
    Impossible(&'static str),
}

impl From<OutOfBits> for PageError {
    fn from(_: OutOfBits) -> Self {
        Self::Truncated
    }
}

/// A page that is full, or the last of its run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Page {
    /// Token of its first entry.
    pub(super) first_token: u32,
    /// Its bytes.
    pub(super) body: Vec<u8>,
}

/// Bits that the last ordinal of a run of `segments` needs.
fn ordinal_width(segments: u32) -> u32 {
    32 - segments.saturating_sub(1).leading_zeros()
}

/// The ordinal parameter of an entry that does not write it out.
fn implied_parameter(segments: u32, first: u32, count: usize) -> u32 {
    rice_parameter(u64::from(segments - 1 - first) / count as u64)
}

/// Writes the pages of a run.
#[derive(Debug)]
pub(super) struct PageWriter {
    segments: u32,
    gap_parameter: u32,
    open: Option<OpenPage>,
    full: Vec<Page>,
}

#[derive(Debug)]
struct OpenPage {
    first_token: u32,
    last_token: u32,
    entries: u16,
    bits: BitWriter,
}

impl PageWriter {
    /// A writer for a run of so many segments, at least one, and about so many distinct tokens.
    pub(super) fn new(segments: u32, expected_tokens: u64) -> Self {
        Self {
            segments,
            gap_parameter: rice_parameter((1 << 32) / expected_tokens.max(1)),
            open: None,
            full: Vec::new(),
        }
    }

    /// Adds a token with the ordinals of its segments, ascending and distinct. Tokens ascend.
    pub(super) fn push(&mut self, token: u32, ordinals: &[u32]) {
        ordinals
            .chunks(MAX_ORDINALS)
            .for_each(|entry| self.push_entry(token, entry));
    }

    fn push_entry(&mut self, token: u32, ordinals: &[u32]) {
        let parameter = self.ordinal_parameter(ordinals);
        let ordinal_bits: u32 = ordinals
            .windows(2)
            .map(|pair| rice_len(u64::from(pair[1] - pair[0] - 1), parameter))
            .sum();
        // A gamma code and a written parameter take at most 20 bits together.
        let upper = ordinal_bits + ordinal_width(self.segments) + 20;
        if let Some(open) = &self.open {
            let gap = u64::from(token - open.last_token);
            let needed = rice_len(gap, self.gap_parameter) + upper;
            if open.bits.len() + needed.div_ceil(8) as usize > MAX_BODY {
                self.close();
            }
        }
        self.put_entry(token, ordinals, parameter);
    }

    fn ordinal_parameter(&self, ordinals: &[u32]) -> u32 {
        let (first, last) = (ordinals[0], ordinals[ordinals.len() - 1]);
        if ordinals.len() < MAX_ORDINALS {
            return implied_parameter(self.segments, first, ordinals.len());
        }
        let gaps = ordinals.len() as u64 - 1;
        rice_parameter((u64::from(last - first) - gaps) / gaps)
    }

    fn put_entry(&mut self, token: u32, ordinals: &[u32], parameter: u32) {
        let (segments, gap_parameter) = (self.segments, self.gap_parameter);
        let open = self
            .open
            .get_or_insert_with(|| OpenPage::new(segments, gap_parameter, token));
        let gap = u64::from(token - open.last_token);
        open.bits.rice(gap, gap_parameter);
        open.bits.gamma(ordinals.len() as u32);
        open.bits
            .fixed(u64::from(ordinals[0]), ordinal_width(segments));
        if ordinals.len() == MAX_ORDINALS {
            open.bits.fixed(u64::from(parameter), PARAMETER_BITS);
        }
        for pair in ordinals.windows(2) {
            open.bits.rice(u64::from(pair[1] - pair[0] - 1), parameter);
        }
        open.last_token = token;
        open.entries += 1;
    }

    /// Closes the open page; the next one takes its mean distance of tokens for its own.
    fn close(&mut self) {
        if let Some(open) = self.open.take() {
            let span = u64::from(open.last_token - open.first_token);
            self.gap_parameter = rice_parameter(span / u64::from(open.entries));
            self.full.push(open.finish());
        }
    }

    /// Bytes of the pages that are full and were not taken yet.
    pub(super) fn full_bytes(&self) -> usize {
        self.full.len() * MAX_BODY
    }

    /// The pages that are full, in order.
    pub(super) fn take_full(&mut self) -> Vec<Page> {
        std::mem::take(&mut self.full)
    }

    /// The pages that were not taken yet, the last one included.
    pub(super) fn finish(mut self) -> Vec<Page> {
        self.close();
        self.full
    }
}

impl OpenPage {
    fn new(segments: u32, gap_parameter: u32, first_token: u32) -> Self {
        let mut bytes = Vec::with_capacity(1_024);
        bytes.push(VERSION);
        bytes.push(gap_parameter as u8);
        bytes.extend_from_slice(&segments.to_le_bytes());
        bytes.extend_from_slice(&first_token.to_le_bytes());
        bytes.extend_from_slice(&[0; 2]);
        Self {
            first_token,
            last_token: first_token,
            entries: 0,
            bits: BitWriter::after(bytes),
        }
    }

    fn finish(self) -> Page {
        let mut body = self.bits.finish();
        body[COUNT_AT..HEADER].copy_from_slice(&self.entries.to_le_bytes());
        Page {
            first_token: self.first_token,
            body,
        }
    }
}

/// Reads the entries of a page in order.
#[derive(Debug)]
pub(super) struct PageReader<'a> {
    bits: BitReader<'a>,
    gap_parameter: u32,
    segments: u32,
    token: u32,
    entries: u16,
}

impl<'a> PageReader<'a> {
    /// A reader at the first entry.
    pub(super) fn new(body: &'a [u8]) -> Result<Self, PageError> {
        let (header, bits) = body.split_at_checked(HEADER).ok_or(PageError::Truncated)?;
        if header[0] != VERSION {
            return Err(PageError::Version(header[0]));
        }
        let word = |at: usize| {
            u32::from_le_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]])
        };
        let reader = Self {
            bits: BitReader::new(bits),
            gap_parameter: u32::from(header[1]),
            segments: word(2),
            token: word(6),
            entries: u16::from_le_bytes([header[COUNT_AT], header[COUNT_AT + 1]]),
        };
        match reader {
            Self {
                gap_parameter: 32..,
                ..
            } => Err(PageError::Impossible("gap parameter")),
            Self { segments: 0, .. } => Err(PageError::Impossible("number of segments")),
            reader => Ok(reader),
        }
    }

    /// The next entry's token; its ordinals are appended to `ordinals`.
    pub(super) fn next(&mut self, ordinals: &mut Vec<u32>) -> Result<Option<u32>, PageError> {
        let token = self.next_token()?;
        if token.is_some() {
            let first = self.first()?;
            self.ordinals(first, ordinals)?;
        }
        Ok(token)
    }

    /// The next entry's token; its ordinals come next.
    fn next_token(&mut self) -> Result<Option<u32>, PageError> {
        if self.entries == 0 {
            return Ok(None);
        }
        self.entries -= 1;
        let gap = self.bits.rice(self.gap_parameter)?;
        let token = u64::from(self.token).checked_add(gap);
        let token = token.and_then(|token| u32::try_from(token).ok());
        self.token = token.ok_or(PageError::Impossible("token"))?;
        Ok(Some(self.token))
    }

    fn first(&mut self) -> Result<First, PageError> {
        let count = self.bits.gamma()? as usize;
        let ordinal = self.bits.fixed(ordinal_width(self.segments))?;
        if ordinal >= u64::from(self.segments) {
            return Err(PageError::Impossible("ordinal"));
        }
        let parameter = match count {
            ..MAX_ORDINALS => implied_parameter(self.segments, ordinal as u32, count),
            MAX_ORDINALS => self.bits.fixed(PARAMETER_BITS)? as u32,
            _ => return Err(PageError::Impossible("number of ordinals")),
        };
        Ok(First {
            ordinal,
            count,
            parameter,
        })
    }

    fn ordinals(&mut self, first: First, out: &mut Vec<u32>) -> Result<(), PageError> {
        let mut ordinal = first.ordinal;
        out.push(ordinal as u32);
        for _ in 1..first.count {
            let step = self.bits.rice(first.parameter)?;
            ordinal = ordinal.saturating_add(step).saturating_add(1);
            if ordinal >= u64::from(self.segments) {
                return Err(PageError::Impossible("ordinal"));
            }
            out.push(ordinal as u32);
        }
        Ok(())
    }

    fn pass_ordinals(&mut self, first: First) -> Result<(), PageError> {
        for _ in 1..first.count {
            self.bits.rice(first.parameter)?;
        }
        Ok(())
    }
}

/// The first ordinal of an entry, and how to read the further ones.
#[derive(Debug, Clone, Copy)]
struct First {
    ordinal: u64,
    /// How many ordinals there are.
    count: usize,
    parameter: u32,
}

/// Appends the ordinals that a page has for a token.
pub(super) fn find(body: &[u8], token: u32, ordinals: &mut Vec<u32>) -> Result<(), PageError> {
    let mut page = PageReader::new(body)?;
    while let Some(found) = page.next_token()? {
        if found > token {
            break;
        }
        let first = page.first()?;
        if found == token {
            page.ordinals(first, ordinals)?;
        } else {
            page.pass_ordinals(first)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
