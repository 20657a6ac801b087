//! Patterns of texts: regular expressions in linear time, and wildcards.

use std::fmt;

use regex::{Regex, RegexBuilder};

/// Most bytes of a pattern.
const MAX_BYTES: usize = 1_024;
/// Most bytes of memory that a compiled pattern, and its cache, may take each.
const MAX_MEMORY: usize = 1 << 20;
/// Deepest nesting of groups.
const MAX_NESTING: u32 = 32;

/// Something that texts match.
#[derive(Clone)]
pub struct Pattern {
    text: String,
    wildcard: bool,
    compiled: Regex,
}

/// Why a text is no pattern.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    /// It is too long.
    #[error("a pattern of {0} bytes is too long, at most {MAX_BYTES}")]
    Long(usize),
    /// It would take too much memory.
    #[error("the pattern is too large once it is compiled")]
    Large,
    /// It is no regular expression.
    #[error("{0}")]
    Syntax(String),
}

impl Pattern {
    /// A regular expression in the syntax of RE2, that may match anywhere in a text. `\d`, `\s` and
    /// `\w` know all of Unicode.
    pub fn regex(text: &str) -> Result<Self, PatternError> {
        Self::compile(text, text, false)
    }

    /// A text in which `*` stands for any characters and `?` for one, that must match a whole
    /// text; `\` takes the meaning from the next character.
    pub fn wildcard(text: &str) -> Result<Self, PatternError> {
        let mut regex = String::from("(?s)^");
        let mut chars = text.chars();
        while let Some(c) = chars.next() {
            match c {
                '*' => regex.push_str(".*"),
                '?' => regex.push('.'),
                '\\' => push_plain(&mut regex, chars.next().unwrap_or('\\')),
                c => push_plain(&mut regex, c),
            }
        }
        regex.push('$');
        Self::compile(text, &regex, true)
    }

    fn compile(text: &str, regex: &str, wildcard: bool) -> Result<Self, PatternError> {
        if text.len() > MAX_BYTES {
            return Err(PatternError::Long(text.len()));
        }
        let built = RegexBuilder::new(regex)
            .size_limit(MAX_MEMORY)
            .dfa_size_limit(MAX_MEMORY)
            .nest_limit(MAX_NESTING)
            .build();
        let compiled = built.map_err(|error| match error {
            regex::Error::CompiledTooBig(_) => PatternError::Large,
            error => PatternError::Syntax(last_line(&error.to_string())),
        })?;
        Ok(Self {
            text: text.to_owned(),
            wildcard,
            compiled,
        })
    }

    /// Whether a text matches.
    pub fn matches(&self, text: &str) -> bool {
        self.compiled.is_match(text)
    }
}

fn push_plain(regex: &mut String, c: char) {
    regex.push_str(&regex::escape(c.encode_utf8(&mut [0; 4])));
}

/// The crate's words span lines, to point into the pattern; the last one says what is wrong.
fn last_line(words: &str) -> String {
    let last = words.lines().last().unwrap_or_default();
    last.strip_prefix("error: ").unwrap_or(last).to_owned()
}

impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = if self.wildcard { "Wildcard" } else { "Regex" };
        f.debug_tuple(name).field(&self.text).finish()
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text && self.wildcard == other.wildcard
    }
}

impl Eq for Pattern {}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_regular_expression_matches_anywhere() {
        let pattern = Pattern::regex("^GET /[a-z]+").expect("a pattern");
        assert!(pattern.matches("GET /cart/7"));
        assert!(!pattern.matches("POST GET /cart"));
        assert!(Pattern::regex("art").expect("a pattern").matches("cart"));
    }

    #[test]
    fn a_wildcard_matches_whole_texts() {
        for (wildcard, text, matches) in [
            ("GET /*", "GET /cart\nand more", true),
            ("GET /*", "A GET /cart", false),
            ("c?rt", "cart", true),
            ("c?rt", "crt", false),
            (r"a\*b", "a*b", true),
            (r"a\*b", "axb", false),
            ("a.b+", "a.b+", true),
            ("", "", true),
        ] {
            let pattern = Pattern::wildcard(wildcard).expect("a pattern");
            assert_eq!(pattern.matches(text), matches, "{wildcard} {text:?}");
        }
    }

    #[test]
    fn what_is_no_pattern_or_too_large_is_refused() {
        assert!(matches!(Pattern::regex("a("), Err(PatternError::Syntax(_))));
        assert!(matches!(
            Pattern::regex(r"(a)\1"),
            Err(PatternError::Syntax(_))
        ));
        let long = "a".repeat(MAX_BYTES + 1);
        assert_eq!(
            Pattern::regex(&long),
            Err(PatternError::Long(MAX_BYTES + 1))
        );
        assert_eq!(
            Pattern::wildcard(&long),
            Err(PatternError::Long(MAX_BYTES + 1))
        );
        assert_eq!(
            Pattern::regex(r"(\pL{1,99}){1,999}"),
            Err(PatternError::Large)
        );
        let deep = format!("{}a{}", "(".repeat(99), ")".repeat(99));
        assert!(matches!(
            Pattern::regex(&deep),
            Err(PatternError::Syntax(_))
        ));
    }

    proptest! {
        #[test]
        fn any_text_is_a_pattern_or_none(text in "\\PC{0,30}", of in "\\PC{0,30}") {
            if let Ok(pattern) = Pattern::regex(&text) {
                pattern.matches(&of);
            }
            Pattern::wildcard(&text).expect("every text is one").matches(&of);
        }

        #[test]
        fn a_wildcard_of_plain_text_matches_it_alone(text in "[^*?\\\\]{0,20}", of in "\\PC{0,20}") {
            let pattern = Pattern::wildcard(&text).expect("every text is one");
            prop_assert!(pattern.matches(&text));
            prop_assert_eq!(pattern.matches(&of), of == text);
        }
    }
}
