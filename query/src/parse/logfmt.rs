//! logfmt: `key=value other="quoted \"text\""`, the form in which people type tags.

/// Why a text is not logfmt.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LogfmtError {
    /// A word without `=`, or nothing before it.
    #[error("expecting key=value, received: {0}")]
    NotAPair(String),
    /// A quote is not closed, or something follows it directly.
    #[error("a quoted value is not closed")]
    Unclosed,
}

/// The pairs in order. Quoted values know the escapes `\"`, `\\`, `\n`, `\t` and `\r`.
pub fn parse(text: &str) -> Result<Vec<(String, String)>, LogfmtError> {
    let mut pairs = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let end = rest.find(|c: char| c == '=' || c.is_whitespace());
        let (key, after) = rest.split_at(end.unwrap_or(rest.len()));
        let after = match after.strip_prefix('=') {
            Some(after) if !key.is_empty() && !key.contains('"') => after,
            _ => return Err(LogfmtError::NotAPair(key.to_owned())),
        };
        let (value, after) = match after.strip_prefix('"') {
            Some(quoted) => unquote(quoted)?,
            None => {
                let end = after.find(char::is_whitespace).unwrap_or(after.len());
                (after[..end].to_owned(), &after[end..])
            }
        };
        pairs.push((key.to_owned(), value));
        rest = after.trim_start();
    }
    Ok(pairs)
}

/// The value up to the closing quote, and what follows.
fn unquote(quoted: &str) -> Result<(String, &str), LogfmtError> {
    let mut value = String::new();
    let mut chars = quoted.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => {
                let after = &quoted[at + 1..];
                let ends = after.is_empty() || after.starts_with(char::is_whitespace);
                return if ends {
                    Ok((value, after))
                } else {
                    Err(LogfmtError::Unclosed)
                };
            }
            '\\' => value.push(match chars.next().map(|(_, escaped)| escaped) {
                Some('n') => '\n',
                Some('t') => '\t',
                Some('r') => '\r',
                Some(escaped) => escaped,
                None => return Err(LogfmtError::Unclosed),
            }),
            c => value.push(c),
        }
    }
    Err(LogfmtError::Unclosed)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn pairs_are_read_plain_and_quoted() {
        let found = parse(r#" http.status_code=200  error=true q="a \"b\" c=d" empty= "#);
        let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
        assert_eq!(
            found,
            Ok(vec![
                pair("http.status_code", "200"),
                pair("error", "true"),
                pair("q", r#"a "b" c=d"#),
                pair("empty", ""),
            ])
        );
    }

    #[test]
    fn what_is_no_list_of_pairs_is_refused() {
        for text in [
            "word",
            "=v",
            r#"a="open"#,
            r#"a="x"y"#,
            r#""a"=b"#,
            r#"a="\"#,
            "a=b c",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_quoted_reads_back_equal(
            pairs in prop::collection::vec(("[a-z.]{1,8}", "\\PC{0,12}"), 0..5)
        ) {
            let quote = |value: &str| value.replace('\\', r"\\").replace('"', r#"\""#);
            let words = pairs.iter().map(|(key, value)| format!("{key}=\"{}\"", quote(value)));
            let text = words.collect::<Vec<_>>().join(" ");
            prop_assert_eq!(parse(&text), Ok(pairs));
        }

        #[test]
        fn any_text_is_parsed_or_refused(text in "\\PC{0,40}") {
            let _ = parse(&text);
        }
    }
}
