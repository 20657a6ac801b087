//! What was read, against what was sent. Pure.

use std::collections::BTreeSet;

use serde::Serialize;

use super::seeded::SeededSpan;

/// How a reading came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Outcome {
    /// Everything that was sent, as it was sent, and nothing else.
    Ok,
    /// Nothing was found.
    Missing,
    /// Some spans were found.
    Incomplete,
    /// A span differs, is doubled, or was never sent.
    Wrong,
    /// There was no answer, or one that cannot be read.
    Failed,
}

impl Outcome {
    /// Every outcome, in order of declaration.
    pub(crate) const ALL: [Self; 5] = [
        Self::Ok,
        Self::Missing,
        Self::Incomplete,
        Self::Wrong,
        Self::Failed,
    ];

    /// The label in metrics and logs.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Missing => "missing",
            Self::Incomplete => "incomplete",
            Self::Wrong => "wrong",
            Self::Failed => "failed",
        }
    }
}

/// Compares the spans of a trace.
pub(crate) fn compare(sent: &[SeededSpan], found: &[SeededSpan]) -> Outcome {
    let expected: BTreeSet<&SeededSpan> = sent.iter().collect();
    let there: BTreeSet<&SeededSpan> = found.iter().collect();
    let foreign = !there.is_subset(&expected) || there.len() < found.len();
    match found.len() {
        0 => Outcome::Missing,
        _ if foreign => Outcome::Wrong,
        n if n < sent.len() => Outcome::Incomplete,
        _ => Outcome::Ok,
    }
}

#[cfg(test)]
mod tests {
    use super::super::seeded::trace;
    use super::*;

    #[test]
    fn only_what_was_sent_and_all_of_it_is_right() {
        let sent = trace(1, 1_700_000_000_000_000_000).spans;
        let mut turned = sent.clone();
        turned.reverse();
        assert_eq!(compare(&sent, &turned), Outcome::Ok);
        assert_eq!(compare(&sent, &[]), Outcome::Missing);
        assert_eq!(compare(&sent, &sent[1..]), Outcome::Incomplete);
        let doubled = [&sent[..], &sent[..1]].concat();
        assert_eq!(compare(&sent, &doubled), Outcome::Wrong);
        turned[0].duration_us += 1;
        assert_eq!(compare(&sent, &turned), Outcome::Wrong);
    }
}
