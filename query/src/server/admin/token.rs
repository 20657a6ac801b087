//! The administrator's token.

use bootstrap::Secret;
use http::{HeaderMap, header};

const SCHEME: &str = "Bearer ";

/// What a request must carry as `Authorization: Bearer …`.
#[derive(Debug)]
pub(super) struct Token(Secret);

impl Token {
    /// This one, which must not be empty.
    pub(super) fn new(secret: Secret) -> Self {
        Self(secret)
    }

    /// Whether the headers carry it. How long it takes tells nothing about the token.
    pub(super) fn is_in(&self, headers: &HeaderMap) -> bool {
        let mut named = headers.get_all(header::AUTHORIZATION).iter();
        let (Some(value), None) = (named.next(), named.next()) else {
            return false;
        };
        match value.as_bytes().split_at_checked(SCHEME.len()) {
            Some((scheme, given)) => {
                scheme.eq_ignore_ascii_case(SCHEME.as_bytes())
                    && same(given, self.0.expose().as_bytes())
            }
            None => false,
        }
    }
}

/// Compares every byte that was given, whatever the ones before it were.
fn same(given: &[u8], secret: &[u8]) -> bool {
    if secret.is_empty() {
        return false;
    }
    let differing = given
        .iter()
        .zip(secret.iter().cycle())
        .fold(given.len() ^ secret.len(), |differing, (one, other)| {
            std::hint::black_box(differing | usize::from(one ^ other))
        });
    differing == 0
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn lets_in(values: &[&'static str]) -> bool {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(header::AUTHORIZATION, HeaderValue::from_static(value));
        }
        Token::new(Secret::new("hunter2")).is_in(&headers)
    }

    #[test]
    fn only_the_whole_token_is_let_in() {
        assert!(lets_in(&["Bearer hunter2"]) && lets_in(&["bearer hunter2"]));
        for wrong in [
            "",
            "Bearer",
            "Bearer ",
            "Bearer hunter",
            "Bearer hunter22",
            "Bearer hunter2hunter2",
            "Bearer  hunter2",
            "Basic hunter2",
            "hunter2",
        ] {
            assert!(!lets_in(&[wrong]), "{wrong:?}");
        }
        assert!(!lets_in(&[]));
        assert!(
            !lets_in(&["Bearer hunter2", "Bearer hunter2"]),
            "which one?"
        );
    }

    #[test]
    fn no_token_lets_nobody_in() {
        assert!(!same(b"", b"") && !same(b"x", b""));
    }
}
