//! Numbers as bits, in index pages and payloads: Rice codes, Elias gamma codes and fixed widths.
//!
//! Bits fill each byte from its lowest one. A Rice code of parameter `k` is the number's higher
//! bits in unary (ones, then a zero), then its `k` lowest bits. Where the unary part would reach
//! [`ESCAPE`] ones, these ones are followed by the number itself in 64 bits. An Elias gamma code
//! of a number of `n + 1` bits is `n` ones, a zero, and its `n` lowest bits.

/// Longest unary part: what it stands for is written out instead.
const ESCAPE: u32 = 24;

/// The bits end before the number does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct OutOfBits;

/// Appends numbers to bytes.
#[derive(Debug, Default)]
pub(crate) struct BitWriter {
    bytes: Vec<u8>,
    /// Bits that do not make a byte yet, the first one lowest.
    rest: u64,
    rest_len: u32,
}

impl BitWriter {
    /// A writer behind these bytes.
    pub(crate) fn after(bytes: Vec<u8>) -> Self {
        Self {
            bytes,
            rest: 0,
            rest_len: 0,
        }
    }

    /// Bytes so far, a last one that is not full included.
    pub(crate) fn len(&self) -> usize {
        self.bytes.len() + usize::from(self.rest_len > 0)
    }

    /// The `width` lowest bits of a number; `width` is at most 64.
    pub(crate) fn fixed(&mut self, number: u64, width: u32) {
        if width > 32 {
            self.short(number & u64::from(u32::MAX), 32);
            self.short(number >> 32, width - 32);
        } else {
            self.short(number, width);
        }
    }

    fn short(&mut self, number: u64, width: u32) {
        debug_assert!(width <= 32);
        let number = number & ((1 << width) - 1);
        self.rest |= number << self.rest_len;
        self.rest_len += width;
        while self.rest_len >= 8 {
            self.bytes.push(self.rest as u8);
            self.rest >>= 8;
            self.rest_len -= 8;
        }
    }

    fn unary(&mut self, ones: u32) {
        self.short((1 << ones) - 1, ones + 1);
    }

    /// A Rice code.
    pub(crate) fn rice(&mut self, number: u64, k: u32) {
        let high = number >> k;
        if high < u64::from(ESCAPE) {
            self.unary(high as u32);
            self.fixed(number, k);
        } else {
            self.short((1 << ESCAPE) - 1, ESCAPE);
            self.fixed(number, 64);
        }
    }

    /// An Elias gamma code of a number from 1 to 2^24 − 1.
    pub(crate) fn gamma(&mut self, number: u32) {
        let len = number.ilog2();
        self.unary(len);
        self.short(u64::from(number), len);
    }

    /// The bytes; unused bits of the last one are zero.
    pub(crate) fn finish(mut self) -> Vec<u8> {
        if self.rest_len > 0 {
            self.bytes.push(self.rest as u8);
        }
        self.bytes
    }
}

/// Bits that a Rice code takes.
pub(crate) fn rice_len(number: u64, k: u32) -> u32 {
    let high = number >> k;
    if high < u64::from(ESCAPE) {
        high as u32 + 1 + k
    } else {
        ESCAPE + 64
    }
}

/// The Rice parameter for numbers with this mean: nearly the best for a geometric distribution.
pub(crate) fn rice_parameter(mean: u64) -> u32 {
    (mean - mean / 4).checked_ilog2().unwrap_or(0)
}

/// Reads numbers from bytes.
#[derive(Debug, Clone)]
pub(crate) struct BitReader<'a> {
    bytes: &'a [u8],
    rest: u64,
    rest_len: u32,
}

impl<'a> BitReader<'a> {
    /// A reader at the first bit.
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self {
            bytes,
            rest: 0,
            rest_len: 0,
        }
    }

    #[inline]
    fn refill(&mut self) {
        if self.rest_len <= 56
            && let Some(next) = self.bytes.first_chunk()
        {
            // Bits beyond the whole bytes that fit lie in `rest` already when they are due.
            self.rest |= u64::from_le_bytes(*next) << self.rest_len;
            let whole = (u64::BITS - 1 - self.rest_len) / 8;
            self.bytes = &self.bytes[whole as usize..];
            self.rest_len += whole * 8;
            return;
        }
        while self.rest_len <= 56 {
            let Some((first, others)) = self.bytes.split_first() else {
                return;
            };
            self.rest |= u64::from(*first) << self.rest_len;
            self.rest_len += 8;
            self.bytes = others;
        }
    }

    /// A number of `width` bits, at most 64.
    #[inline]
    pub(crate) fn fixed(&mut self, width: u32) -> Result<u64, OutOfBits> {
        if width > 32 {
            let low = self.short(32)?;
            Ok(low | self.short(width - 32)? << 32)
        } else {
            self.short(width)
        }
    }

    #[inline]
    fn short(&mut self, width: u32) -> Result<u64, OutOfBits> {
        if self.rest_len < width {
            self.refill();
            if self.rest_len < width {
                return Err(OutOfBits);
            }
        }
        let number = self.rest & ((1 << width) - 1);
        self.drop_bits(width);
        Ok(number)
    }

    fn drop_bits(&mut self, count: u32) {
        self.rest >>= count;
        self.rest_len -= count;
    }

    /// Ones before a zero, the zero read as well; or `most` ones, and nothing behind them.
    fn unary(&mut self, most: u32) -> Result<u32, OutOfBits> {
        self.refill();
        let ones = self.rest.trailing_ones();
        if ones >= most {
            self.drop_bits(most);
            return Ok(most);
        }
        if ones >= self.rest_len {
            return Err(OutOfBits);
        }
        self.drop_bits(ones + 1);
        Ok(ones)
    }

    /// A Rice code.
    #[inline]
    pub(crate) fn rice(&mut self, k: u32) -> Result<u64, OutOfBits> {
        self.refill();
        let ones = self.rest.trailing_ones();
        let width = ones + 1 + k;
        if ones < ESCAPE && width <= self.rest_len && width < u64::BITS {
            let low = self.rest >> (ones + 1) & ((1 << k) - 1);
            self.drop_bits(width);
            return Ok(u64::from(ones) << k | low);
        }
        let high = self.unary(ESCAPE)?;
        if high == ESCAPE {
            self.fixed(64)
        } else {
            Ok(u64::from(high) << k | self.fixed(k)?)
        }
    }

    /// An Elias gamma code.
    pub(crate) fn gamma(&mut self) -> Result<u32, OutOfBits> {
        let len = self.unary(ESCAPE)?;
        Ok(1 << len | self.short(len)? as u32)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[derive(Debug, Clone)]
    enum Code {
        Fixed(u64, u32),
        Rice(u64, u32),
        Gamma(u32),
    }

    fn code() -> impl Strategy<Value = Code> {
        let number = (any::<u64>(), 0u32..64).prop_map(|(bits, shift)| bits >> shift);
        prop_oneof![
            (number.clone(), 0u32..=64).prop_map(|(n, width)| match width {
                64 => Code::Fixed(n, 64),
                width => Code::Fixed(n & ((1 << width) - 1), width),
            }),
            (number, 0u32..48).prop_map(|(n, k)| Code::Rice(n, k)),
            (1u32..1 << 24).prop_map(Code::Gamma),
        ]
    }

    proptest! {
        #[test]
        fn numbers_read_back_as_they_were_written(codes in prop::collection::vec(code(), 0..60)) {
            let mut writer = BitWriter::after(vec![7]);
            for code in &codes {
                match *code {
                    Code::Fixed(n, width) => writer.fixed(n, width),
                    Code::Rice(n, k) => writer.rice(n, k),
                    Code::Gamma(n) => writer.gamma(n),
                }
            }
            let length = writer.len();
            let bytes = writer.finish();
            prop_assert_eq!(bytes.len(), length);
            let mut reader = BitReader::new(&bytes[1..]);
            for code in &codes {
                match *code {
                    Code::Fixed(n, width) => prop_assert_eq!(reader.fixed(width), Ok(n)),
                    Code::Rice(n, k) => prop_assert_eq!(reader.rice(k), Ok(n)),
                    Code::Gamma(n) => prop_assert_eq!(reader.gamma(), Ok(n)),
                }
            }
        }

        #[test]
        fn the_length_of_a_rice_code_is_told(n in any::<u64>(), shift in 0u32..64, k in 0u32..48) {
            let n = n >> shift;
            let mut writer = BitWriter::default();
            writer.rice(n, k);
            prop_assert_eq!(writer.finish().len(), rice_len(n, k).div_ceil(8) as usize);
        }
    }

    #[test]
    fn bits_that_end_too_early_are_an_error() {
        assert_eq!(BitReader::new(&[0xff, 0xff]).rice(3), Err(OutOfBits));
        assert_eq!(BitReader::new(&[0xff; 3]).rice(3), Err(OutOfBits));
        assert_eq!(BitReader::new(&[0xff]).gamma(), Err(OutOfBits));
        assert_eq!(BitReader::new(&[]).fixed(1), Err(OutOfBits));
    }
}
