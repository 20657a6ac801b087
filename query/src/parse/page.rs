//! Tokens that ask for the next page of an answer: opaque to clients, meaningless to the store of
//! any other query.
//!
//! ```text
//! token   = base64 (URL-safe, without padding) of: version 1, then fingerprint of the query, first
//!           and last nanosecond of its time range, score and newest span of the last trace (8 bytes
//!           each, big-endian), its id (16 bytes), the store's view (UTF-8)
//! ```

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use model::{Page, PageMark, Rank, TimeRange, TraceId, TraceQuery};

use super::Malformed;

const VERSION: u8 = 1;
/// Bytes before the view.
const HEAD: usize = 1 + 5 * 8 + TraceId::LEN;
/// Longest token in characters.
const MAX_LEN: usize = 16 * 1024;

/// The token that asks for what follows the mark.
pub fn token(query: &TraceQuery, mark: &PageMark) -> String {
    let mut bytes = vec![VERSION];
    let numbers = [
        query.fingerprint(),
        query.start.start,
        query.start.end,
        mark.rank.score(),
        mark.rank.newest(),
    ];
    for number in numbers {
        bytes.extend_from_slice(&number.to_be_bytes());
    }
    bytes.extend_from_slice(mark.rank.trace().as_bytes());
    bytes.extend_from_slice(mark.view.as_bytes());
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

/// Makes the query ask for the page that a token stands for: the first one if it is empty. The
/// time range of the first page holds for all.
pub fn ask_for(query: &mut TraceQuery, token: &str) -> Result<(), Malformed> {
    if token.is_empty() {
        query.page = Page::First;
        return Ok(());
    }
    let none = || Malformed::new("the page token is none, or of another version: search anew");
    if token.len() > MAX_LEN {
        return Err(none());
    }
    let bytes = BASE64_URL_SAFE_NO_PAD.decode(token).map_err(|_| none())?;
    let (head, view) = bytes.split_at_checked(HEAD).ok_or_else(none)?;
    let (numbers, trace) = head[1..].split_at(HEAD - 1 - TraceId::LEN);
    if head[0] != VERSION {
        return Err(none());
    }
    let mut numbers = numbers
        .chunks_exact(8)
        .map(|of| of.iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte)));
    let mut number = || numbers.next().ok_or_else(none);
    let fingerprint = number()?;
    let range = TimeRange {
        start: number()?,
        end: number()?,
    };
    let (score, newest) = (number()?, number()?);
    let trace = TraceId::from_slice(trace).map_err(|_| none())?;
    if fingerprint != query.fingerprint() {
        return Err(Malformed::new("the page token is of another query"));
    }
    let view = String::from_utf8(view.to_vec()).map_err(|_| none())?;
    query.start = range;
    query.page = Page::After(PageMark {
        rank: Rank::new(score, newest, trace),
        view,
    });
    Ok(())
}

#[cfg(test)]
mod tests {
    use model::SpanPredicate;
    use proptest::prelude::*;

    use super::*;

    fn query(service: &str, start: u64) -> TraceQuery {
        TraceQuery {
            predicates: vec![SpanPredicate::Service(service.to_owned())],
            start: TimeRange { start, end: 99 },
            ..TraceQuery::any(20)
        }
    }

    fn mark() -> PageMark {
        PageMark {
            rank: Rank::new(7, 5, TraceId::new([3; 16]).expect("not zero")),
            view: "1000:998".to_owned(),
        }
    }

    #[test]
    fn a_token_asks_for_what_follows_in_the_time_range_of_the_first_page() {
        let first = query("web", 10);
        let mut later = TraceQuery {
            limit: 5,
            ..query("web", 12)
        };
        let token = token(&first, &mark());
        assert_eq!(ask_for(&mut later, &token), Ok(()));
        assert_eq!(
            (later.start, later.page),
            (first.start, Page::After(mark()))
        );
    }

    #[test]
    fn a_token_of_another_query_is_refused() {
        let token = token(&query("web", 10), &mark());
        let refused = ask_for(&mut query("cart", 10), &token);
        assert_eq!(
            refused,
            Err(Malformed::new("the page token is of another query"))
        );
    }

    #[test]
    fn no_token_asks_for_the_first_page() {
        let mut first = query("web", 10);
        assert_eq!(ask_for(&mut first, ""), Ok(()));
        assert_eq!(first.page, Page::First);
    }

    proptest! {
        #[test]
        fn any_text_is_a_token_or_refused(text in "\\PC{0,80}", bytes in prop::collection::vec(any::<u8>(), 0..80)) {
            let _ = ask_for(&mut query("web", 1), &text);
            let _ = ask_for(&mut query("web", 1), &BASE64_URL_SAFE_NO_PAD.encode(bytes));
        }
    }
}
