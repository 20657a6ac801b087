//! Avro's binary primitives over borrowed bytes; nothing is read or believed past their end.

/// What is wrong with a record.
#[derive(Debug, thiserror::Error)]
pub enum Flaw {
    /// The record ends inside a value.
    #[error("the record ends too early")]
    Truncated,
    /// Bytes follow after the last field.
    #[error("{left} bytes follow the last field")]
    TrailingBytes {
        /// How many.
        left: usize,
    },
    /// A variable-length number of more than 64 bits.
    #[error("a number of more than 64 bits")]
    NumberTooLong,
    /// A number outside its field's range.
    #[error("{number} lies outside the range of its field")]
    OutOfRange {
        /// The number.
        number: i64,
    },
    /// A length or a count that is negative or beyond the bytes that are left.
    #[error("a length or count of {claimed} where {left} bytes are left")]
    BeyondEnd {
        /// What the record says.
        claimed: i64,
        /// What it can hold at most.
        left: usize,
    },
    /// A block of a list is longer or shorter than it says.
    #[error("a block of a list does not have the size that it says")]
    BlockSize,
    /// A text is not UTF-8.
    #[error("a text is not UTF-8")]
    NotUtf8,
    /// A boolean that is neither 0 nor 1.
    #[error("{byte} is no boolean")]
    NotBoolean {
        /// The byte.
        byte: u8,
    },
    /// A union's branch, or an enum's symbol, that the schema does not have.
    #[error("there is no branch {branch}")]
    NoSuchBranch {
        /// The branch.
        branch: i64,
    },
    /// Values nested too deeply.
    #[error("values are nested too deeply")]
    TooDeep,
    /// A span kind that OTLP does not have.
    #[error("{number} is no span kind")]
    NoSuchKind {
        /// The number.
        number: i64,
    },
    /// A status code that OTLP does not have.
    #[error("{number} is no status code")]
    NoSuchStatus {
        /// The number.
        number: i64,
    },
    /// The trace id is all zero.
    #[error("a trace id of nothing but zeros")]
    ZeroTraceId,
    /// A span's id is all zero.
    #[error("a span id of nothing but zeros")]
    ZeroSpanId,
    /// A parent's or link's id is all zero.
    #[error("a parent or link with an id of nothing but zeros")]
    ZeroReference,
    /// The writer's schema lacks a field that has no default.
    #[error("the schema has no field {field}")]
    MissingField {
        /// Its name.
        field: &'static str,
    },
    /// The writer's schema gives a field a type that cannot stand for ours.
    #[error("the field {field} has a type that it cannot have")]
    WrongType {
        /// Its name.
        field: &'static str,
    },
    /// apache-avro refused what had passed the check of its bounds.
    #[error("the Avro reader refuses the record")]
    Avro(#[source] Box<apache_avro::Error>),
}

/// A place in a record.
pub(super) struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
    /// The longest run of valid UTF-8 that begins at `text_at`.
    text: &'a str,
    text_at: usize,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self {
            bytes,
            at: 0,
            text: "",
            text_at: 0,
        }
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
    ///
    /// Checking many short texts one by one is what costs. So a run of bytes is checked at once,
    /// as far as it is UTF-8, past the text's end; the texts that follow are mostly inside, for
    /// short lengths and small numbers between them are ASCII. What lies around a valid text
    /// cannot hide it: its first byte never continues a character begun before.
    #[inline]
    pub(super) fn text(&mut self) -> Result<&'a str, Flaw> {
        let length = self.length()?;
        if length == 0 {
            return Ok("");
        }
        if self.at >= self.text_at + self.text.len() {
            self.find_text();
        }
        let start = self.at - self.text_at;
        let text = self.text.get(start..start + length).ok_or(Flaw::NotUtf8)?;
        self.at += length;
        Ok(text)
    }

    /// Moves the run of valid UTF-8 to begin here.
    fn find_text(&mut self) {
        let rest = &self.bytes[self.at..];
        self.text_at = self.at;
        self.text = match std::str::from_utf8(rest) {
            Ok(text) => text,
            Err(error) => std::str::from_utf8(&rest[..error.valid_up_to()]).unwrap_or_default(),
        };
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
