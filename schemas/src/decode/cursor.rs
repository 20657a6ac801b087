//! Avro's binary primitives over borrowed bytes; nothing is read or believed past their end.

use super::flaw::Flaw;

/// A place in a record.
pub(super) struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// How many bytes were read.
    pub(super) fn at(&self) -> usize {
        self.at
    }

    /// How many bytes there are to read.
    pub(super) fn left(&self) -> usize {
        self.bytes.len() - self.at
    }

    /// Checks that the record ends here.
    pub(super) fn end(&self) -> Result<(), Flaw> {
        match self.left() {
            0 => Ok(()),
            left => Err(Flaw::TrailingBytes { left }),
        }
    }

    #[inline]
    pub(super) fn byte(&mut self) -> Result<u8, Flaw> {
        let byte = *self.bytes.get(self.at).ok_or(Flaw::Truncated)?;
        self.at += 1;
        Ok(byte)
    }

    /// The next `len` bytes.
    #[inline]
    pub(super) fn take(&mut self, len: usize) -> Result<&'a [u8], Flaw> {
        let taken = self
            .bytes
            .get(self.at..)
            .and_then(|rest| rest.get(..len))
            .ok_or(Flaw::Truncated)?;
        self.at += len;
        Ok(taken)
    }

    #[inline]
    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], Flaw> {
        let rest = self.bytes.get(self.at..).ok_or(Flaw::Truncated)?;
        let array = *rest.first_chunk::<N>().ok_or(Flaw::Truncated)?;
        self.at += N;
        Ok(array)
    }

    /// A `long`.
    #[inline]
    pub(super) fn long(&mut self) -> Result<i64, Flaw> {
        let first = self.byte()?;
        let bits = if first < 0x80 {
            u64::from(first)
        } else {
            self.long_tail(first)?
        };
        Ok((bits >> 1) as i64 ^ -((bits & 1) as i64))
    }

    fn long_tail(&mut self, first: u8) -> Result<u64, Flaw> {
        let mut bits = u64::from(first & 0x7f);
        for shift in (7..64).step_by(7) {
            let byte = self.byte()?;
            if shift == 63 && byte > 1 {
                return Err(Flaw::NumberTooLong);
            }
            bits |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(bits);
            }
        }
        Err(Flaw::NumberTooLong)
    }

    /// An `int`.
    #[inline]
    pub(super) fn int(&mut self) -> Result<i32, Flaw> {
        let number = self.long()?;
        i32::try_from(number).map_err(|_| Flaw::OutOfRange { number })
    }

    pub(super) fn boolean(&mut self) -> Result<bool, Flaw> {
        match self.byte()? {
            0 => Ok(false),
            1 => Ok(true),
            byte => Err(Flaw::NotBoolean { byte }),
        }
    }

    pub(super) fn double(&mut self) -> Result<f64, Flaw> {
        self.array().map(f64::from_le_bytes)
    }

    /// A length that the record can hold.
    #[inline]
    pub(super) fn length(&mut self) -> Result<usize, Flaw> {
        let claimed = self.long()?;
        let left = self.left();
        match usize::try_from(claimed) {
            Ok(length) if length <= left => Ok(length),
            _ => Err(Flaw::BeyondEnd { claimed, left }),
        }
    }

    /// A `bytes`.
    #[inline]
    pub(super) fn blob(&mut self) -> Result<&'a [u8], Flaw> {
        let length = self.length()?;
        self.take(length)
    }

    /// A `string`.
    #[inline]
    pub(super) fn text(&mut self) -> Result<&'a str, Flaw> {
        std::str::from_utf8(self.blob()?).map_err(|_| Flaw::NotUtf8)
    }

    /// Passes a `string` by. Most are ASCII, which is seen sooner than that they are UTF-8.
    #[inline]
    pub(super) fn pass_text(&mut self) -> Result<(), Flaw> {
        let bytes = self.blob()?;
        if bytes.is_ascii() || std::str::from_utf8(bytes).is_ok() {
            Ok(())
        } else {
            Err(Flaw::NotUtf8)
        }
    }
}

/// The blocks of a list: every item takes a byte at least, so no count can exceed what is left.
#[derive(Default)]
pub(super) struct Blocks {
    left: usize,
    end: Option<usize>,
}

impl Blocks {
    /// Whether another item follows.
    #[inline]
    pub(super) fn next(&mut self, cursor: &mut Cursor<'_>) -> Result<bool, Flaw> {
        if self.left == 0 {
            self.left = self.open(cursor)?;
            if self.left == 0 {
                return Ok(false);
            }
        }
        self.left -= 1;
        Ok(true)
    }

    /// The number of items in the next block. A negative count is followed by the block's size.
    fn open(&mut self, cursor: &mut Cursor<'_>) -> Result<usize, Flaw> {
        if let Some(end) = self.end.take()
            && end != cursor.at()
        {
            return Err(Flaw::BlockSize);
        }
        let claimed = cursor.long()?;
        if claimed < 0 {
            let size = cursor.length()?;
            self.end = Some(cursor.at() + size);
        }
        let left = cursor.left();
        match usize::try_from(claimed.unsigned_abs()) {
            Ok(count) if count <= left => Ok(count),
            _ => Err(Flaw::BeyondEnd { claimed, left }),
        }
    }
}
