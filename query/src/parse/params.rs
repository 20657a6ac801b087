//! Query strings, decoded as `net/url` does.

/// A parameter that is not text, or holds U+0000, which no stored text does.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a parameter is not valid text")]
pub struct NotText;

/// The parameters of a query string, in order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Params(Vec<(String, String)>);

impl Params {
    /// Decodes a query string. Pairs with a malformed escape or a semicolon are left out.
    pub fn parse(query: &str) -> Result<Self, NotText> {
        let mut pairs = Vec::new();
        for pair in query.split('&') {
            if pair.is_empty() || pair.contains(';') {
                continue;
            }
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            if let (Some(name), Some(value)) = (decode(name, true), decode(value, true)) {
                pairs.push((text(name)?, text(value)?));
            }
        }
        Ok(Self(pairs))
    }

    /// Parameters that came otherwise than in a query string.
    pub fn from_pairs(pairs: Vec<(String, String)>) -> Result<Self, NotText> {
        let is_text =
            |(name, value): &(String, String)| !name.contains('\0') && !value.contains('\0');
        if pairs.iter().all(is_text) {
            Ok(Self(pairs))
        } else {
            Err(NotText)
        }
    }

    /// The names that occur, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(name, _)| name.as_str())
    }

    /// The first value of this name; empty without one.
    pub fn first(&self, name: &str) -> &str {
        self.all(name).next().unwrap_or_default()
    }

    /// Every value of this name.
    pub fn all<'p>(&'p self, name: &str) -> impl Iterator<Item = &'p str> {
        let of_name =
            move |(of, value): &'p (String, String)| (of == name).then_some(value.as_str());
        self.0.iter().filter_map(of_name)
    }

    /// Whether the name occurs, with or without a value.
    pub fn has(&self, name: &str) -> bool {
        self.all(name).next().is_some()
    }
}

fn text(bytes: Vec<u8>) -> Result<String, NotText> {
    let text = String::from_utf8(bytes).map_err(|_| NotText)?;
    if text.contains('\0') {
        return Err(NotText);
    }
    Ok(text)
}

/// A path segment as text; a plus is a plus.
pub fn decode_segment(segment: &str) -> Option<String> {
    decode(segment, false).and_then(|bytes| text(bytes).ok())
}

/// A path segment that names a service: a plus is a space, and clients may have escaped it twice.
pub fn decode_name(segment: &str) -> Option<String> {
    let once = decode(segment, true).and_then(|bytes| text(bytes).ok())?;
    if !once.contains('%') {
        return Some(once);
    }
    let twice = decode(&once, false).and_then(|bytes| text(bytes).ok());
    Some(twice.unwrap_or(once))
}

/// Undoes percent-encoding; `None` for a malformed escape.
fn decode(encoded: &str, plus_is_space: bool) -> Option<Vec<u8>> {
    let mut decoded = Vec::with_capacity(encoded.len());
    let mut bytes = encoded.bytes();
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'%' => hex(bytes.next()?)? << 4 | hex(bytes.next()?)?,
            b'+' if plus_is_space => b' ',
            byte => byte,
        });
    }
    Some(decoded)
}

fn hex(digit: u8) -> Option<u8> {
    (digit as char).to_digit(16).map(|value| value as u8)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn pairs_are_decoded_in_order() {
        let params = Params::parse("a=1&b=x+y%26z&a=2&flag&=v&bad=%zz&c=1;d=2").expect("text");
        assert_eq!(params.all("a").collect::<Vec<_>>(), ["1", "2"]);
        assert_eq!(params.first("b"), "x y&z");
        assert!(params.has("flag") && !params.has("bad") && !params.has("c"));
        assert_eq!(params.first("missing"), "");
    }

    #[test]
    fn what_no_stored_text_holds_is_refused() {
        assert_eq!(Params::parse("a=%00"), Err(NotText));
        assert_eq!(Params::parse("a=%ff"), Err(NotText));
    }

    #[test]
    fn a_service_may_be_escaped_twice() {
        for (segment, name) in [
            ("web", "web"),
            ("a%2Fb", "a/b"),
            ("a%252Fb", "a/b"),
            ("a+b", "a b"),
            ("a%2Bb", "a+b"),
            ("100%25", "100%"),
        ] {
            assert_eq!(decode_name(segment).as_deref(), Some(name), "{segment}");
        }
    }

    proptest! {
        #[test]
        fn any_query_string_is_parsed_or_refused(query in "\\PC{0,60}") {
            let _ = Params::parse(&query);
        }

        #[test]
        fn every_text_survives_encoding(text in "[^\0]{0,20}") {
            let encoded: String = text.bytes().map(|byte| format!("%{byte:02x}")).collect();
            let params = Params::parse(&format!("k={encoded}")).expect("text");
            prop_assert_eq!(params.first("k"), text);
        }
    }
}
