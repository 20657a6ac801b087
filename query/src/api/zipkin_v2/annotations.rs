//! `annotationQuery`: `http.method=GET and error`.

use model::SpanPredicate;

use crate::parse::Malformed;

/// What stands between two conditions.
const AND: &str = " and ";

/// The conditions of a query, unless there are more than `most`. `key=value` is an attribute, a
/// name alone an attribute or an event.
pub(super) fn predicates(query: &str, most: usize) -> Result<Vec<SpanPredicate>, Malformed> {
    let terms = query.split(AND).map(str::trim);
    let terms: Vec<&str> = terms.filter(|term| !term.is_empty()).collect();
    if terms.len() > most {
        let count = terms.len();
        return Err(Malformed(format!(
            "{count} conditions are too many, at most {most}"
        )));
    }
    Ok(terms.into_iter().map(predicate).collect())
}

fn predicate(term: &str) -> SpanPredicate {
    match term.split_once('=') {
        Some((key, value)) if !key.is_empty() => SpanPredicate::from_tag(key, value),
        _ if term == "error" => SpanPredicate::IsError(true),
        _ => SpanPredicate::Mentions(term.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn conditions_are_joined_by_and() {
        let found = predicates("http.method=GET and error and  cache.miss ", 9);
        let expected = vec![
            SpanPredicate::from_tag("http.method", "GET"),
            SpanPredicate::IsError(true),
            SpanPredicate::Mentions("cache.miss".to_owned()),
        ];
        assert_eq!(found, Ok(expected));
        assert_eq!(predicates("", 9), Ok(vec![]));
    }

    #[test]
    fn a_value_may_hold_an_equals_sign() {
        let found = predicates("q=a=b", 9);
        assert_eq!(found, Ok(vec![SpanPredicate::from_tag("q", "a=b")]));
    }

    #[test]
    fn too_many_conditions_are_refused() {
        assert!(predicates("a and b and c", 2).is_err());
    }

    proptest! {
        #[test]
        fn any_text_is_a_query(text in "\\PC{0,40}") {
            prop_assert!(predicates(&text, 40).is_ok());
        }
    }
}
