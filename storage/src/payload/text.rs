//! Texts that are not as long as they look: numbers in a template, UUIDs, hexadecimal digits.

use bumpalo::Bump;
use bumpalo::collections::Vec as ArenaVec;

use super::DecodeError;

/// Stands for a number in a template.
pub(super) const HOLE: u8 = 0;
/// Longest text that is looked at for numbers.
const MAX_CUT: usize = 1_024;
/// Most numbers of a template.
const MAX_NUMBERS: usize = 32;
/// Any number of so many digits fits into 64 bits.
const MAX_DIGITS: usize = 19;
/// Fewest and most digits that are taken for hexadecimal bytes.
const HEX_DIGITS: std::ops::RangeInclusive<usize> = 8..=128;
/// Length of a UUID as text.
const UUID_LEN: usize = 36;
/// Where its dashes are.
const DASHES: [usize; 4] = [8, 13, 18, 23];

/// Cuts the numbers out of a text: false if there are none, or too many. Digits that would not
/// come back as they were, such as those that begin with a zero, stay in the template.
pub(super) fn cut(text: &str, template: &mut Vec<u8>, numbers: &mut Vec<u64>) -> bool {
    template.clear();
    numbers.clear();
    if text.len() > MAX_CUT {
        return false;
    }
    let mut rest = text.as_bytes();
    while let Some(first) = rest.first() {
        let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        match (*first, digits) {
            (HOLE, _) => return false,
            (byte, 0) => template.push(byte),
            (b'0', 2..) => template.extend_from_slice(&rest[..digits]),
            (_, ..=MAX_DIGITS) => {
                if numbers.len() == MAX_NUMBERS {
                    return false;
                }
                let digit = |n: u64, byte: &u8| n * 10 + u64::from(byte - b'0');
                numbers.push(rest[..digits].iter().fold(0, digit));
                template.push(HOLE);
            }
            _ => template.extend_from_slice(&rest[..digits]),
        }
        rest = &rest[digits.max(1)..];
    }
    !numbers.is_empty()
}

/// How many numbers a template takes.
pub(super) fn holes(template: &str) -> usize {
    let bytes = template.as_bytes().iter();
    bytes.filter(|byte| **byte == HOLE).count()
}

/// The text of a template with its numbers filled in.
pub(super) fn fill<'a>(
    template: &str,
    arena: &'a Bump,
    mut next: impl FnMut() -> Result<u64, DecodeError>,
) -> Result<&'a str, DecodeError> {
    let mut text = ArenaVec::with_capacity_in(template.len() + 16, arena);
    for (place, part) in template.as_bytes().split(|byte| *byte == HOLE).enumerate() {
        if place > 0 {
            push_decimal(next()?, &mut text);
        }
        text.extend_from_slice_copy(part);
    }
    plain(text.into_bump_slice())
}

/// Bytes that are a text as they are.
pub(super) fn plain(bytes: &[u8]) -> Result<&str, DecodeError> {
    std::str::from_utf8(bytes).map_err(|_| DecodeError::Impossible("text"))
}

fn push_decimal(mut number: u64, text: &mut ArenaVec<'_, u8>) {
    let mut digits = [0u8; MAX_DIGITS + 1];
    let mut start = digits.len();
    loop {
        start -= 1;
        digits[start] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            break;
        }
    }
    text.extend_from_slice_copy(&digits[start..]);
}

fn nibble(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    }
}

/// Appends the bytes that an even number of lower-case hexadecimal digits stand for.
fn push_bytes(digits: &[u8], out: &mut Vec<u8>) -> bool {
    let kept = out.len();
    for pair in digits.chunks_exact(2) {
        let (Some(high), Some(low)) = (nibble(pair[0]), nibble(pair[1])) else {
            out.truncate(kept);
            return false;
        };
        out.push(high << 4 | low);
    }
    true
}

/// Appends the 16 bytes of a UUID in its canonical form.
pub(super) fn push_uuid(text: &str, out: &mut Vec<u8>) -> bool {
    let text = text.as_bytes();
    if text.len() != UUID_LEN || DASHES.iter().any(|at| text[*at] != b'-') {
        return false;
    }
    let kept = out.len();
    let mut parts = [0..8, 9..13, 14..18, 19..23, 24..36].into_iter();
    let all = parts.all(|part| push_bytes(&text[part], out));
    if !all {
        out.truncate(kept);
    }
    all
}

/// Appends the bytes of a text of hexadecimal digits.
pub(super) fn push_hex(text: &str, out: &mut Vec<u8>) -> bool {
    let len = text.len();
    HEX_DIGITS.contains(&len) && len.is_multiple_of(2) && push_bytes(text.as_bytes(), out)
}

const DIGITS: &[u8; 16] = b"0123456789abcdef";

/// The digits of some bytes.
pub(super) fn hex<'a>(bytes: &[u8], arena: &'a Bump) -> Result<&'a str, DecodeError> {
    let digit = |place: usize| DIGITS[nibble_at(bytes, place)];
    plain(arena.alloc_slice_fill_with(2 * bytes.len(), digit))
}

/// A UUID in its canonical form.
pub(super) fn uuid<'a>(bytes: &[u8; 16], arena: &'a Bump) -> Result<&'a str, DecodeError> {
    let mut place = 0;
    let digit = |at: usize| {
        if DASHES.contains(&at) {
            return b'-';
        }
        place += 1;
        DIGITS[nibble_at(bytes, place - 1)]
    };
    plain(arena.alloc_slice_fill_with(UUID_LEN, digit))
}

/// One of the halves of some bytes, the higher one of each first.
fn nibble_at(bytes: &[u8], place: usize) -> usize {
    let byte = bytes[place / 2];
    usize::from(if place.is_multiple_of(2) {
        byte >> 4
    } else {
        byte & 15
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn refilled(text: &str) -> Option<String> {
        let (mut template, mut numbers) = (Vec::new(), Vec::new());
        let arena = Bump::new();
        cut(text, &mut template, &mut numbers).then(|| {
            let mut numbers = numbers.into_iter();
            let template = String::from_utf8(template).expect("digits are ASCII");
            let next = || numbers.next().ok_or(DecodeError::Truncated);
            let filled = fill(&template, &arena, next);
            filled.expect("as many numbers as holes").to_owned()
        })
    }

    proptest! {
        #[test]
        fn a_text_that_was_cut_fills_up_again(text in "[a-z0-9./ é\u{0}]{0,40}") {
            let filled = refilled(&text);
            prop_assert!(filled.is_none_or(|filled| filled == text));
        }

        #[test]
        fn bytes_come_back_as_the_digits_they_were(text in "[0-9a-f]{0,40}|[0-9a-fA-F-]{0,40}") {
            let (arena, mut bytes) = (Bump::new(), Vec::new());
            if push_hex(&text, &mut bytes) {
                prop_assert_eq!(hex(&bytes, &arena).expect("ASCII"), text);
            } else {
                prop_assert!(bytes.is_empty());
            }
        }

        #[test]
        fn a_uuid_comes_back_as_it_was(bytes in any::<[u8; 16]>()) {
            let (arena, mut back) = (Bump::new(), Vec::new());
            let text = uuid(&bytes, &arena).expect("ASCII");
            prop_assert!(push_uuid(text, &mut back));
            prop_assert_eq!(back, bytes);
        }
    }

    #[test]
    fn numbers_are_cut_out_where_they_can_be_put_back() {
        let (mut template, mut numbers) = (Vec::new(), Vec::new());
        assert!(cut("GET /a/12/007/0", &mut template, &mut numbers));
        assert_eq!(template, b"GET /a/\0/007/\0");
        assert_eq!(numbers, [12, 0]);
        assert!(!cut("99999999999999999999", &mut template, &mut numbers));
    }
}
