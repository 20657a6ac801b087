//! Text that Postgres and UIs can hold: UTF-8 without U+0000.

use bumpalo::Bump;
use model::{Repair, Repairs};

/// The text of some bytes; borrowed as long as nothing had to be replaced.
pub(super) fn from_bytes<'a>(bytes: &'a [u8], arena: &'a Bump, repairs: &mut Repairs) -> &'a str {
    match std::str::from_utf8(bytes) {
        Ok(text) => without_nul(text, arena, repairs),
        Err(_) => {
            repairs.insert(Repair::Utf8Replaced);
            let text = arena.alloc_str(&String::from_utf8_lossy(bytes));
            without_nul(text, arena, repairs)
        }
    }
}

/// The text with every U+0000 replaced by U+FFFD.
pub(super) fn without_nul<'a>(text: &'a str, arena: &'a Bump, repairs: &mut Repairs) -> &'a str {
    if !has_nul(text.as_bytes()) {
        return text;
    }
    repairs.insert(Repair::NulReplaced);
    arena.alloc_str(&text.replace('\0', "\u{fffd}"))
}

/// Looks at every byte: the compiler makes that several at a time, and most texts are too short for
/// a search that may end early.
fn has_nul(bytes: &[u8]) -> bool {
    bytes.iter().fold(false, |found, byte| found | (*byte == 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sanitised(bytes: &[u8]) -> (String, Vec<Repair>) {
        let (arena, mut repairs) = (Bump::new(), Repairs::NONE);
        let text = from_bytes(bytes, &arena, &mut repairs).to_owned();
        (text, repairs.iter().collect())
    }

    #[test]
    fn valid_text_is_left_alone() {
        assert_eq!(sanitised("grüße".as_bytes()), ("grüße".into(), vec![]));
    }

    #[test]
    fn bytes_that_are_not_utf8_become_the_replacement_character() {
        let (text, repairs) = sanitised(b"a\xc3\x28b");
        assert_eq!(
            (text.as_str(), repairs),
            ("a\u{fffd}(b", vec![Repair::Utf8Replaced])
        );
    }

    #[test]
    fn nul_becomes_the_replacement_character_also_beside_bad_utf8() {
        let (text, repairs) = sanitised(b"a\0\xff");
        assert_eq!(text, "a\u{fffd}\u{fffd}");
        assert_eq!(repairs, [Repair::NulReplaced, Repair::Utf8Replaced]);
    }
}
