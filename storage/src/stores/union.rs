//! What several stores answer, put together as one of them would have answered. Pure.

use std::cmp::Reverse;
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use crate::{AttributeCount, AttributeCounts, Dependency, RedPoint};

/// Each of several sorted lists' elements once, sorted.
pub(super) fn sorted<T: Ord>(mut answers: Vec<Vec<T>>) -> Vec<T> {
    if answers.len() == 1 {
        return answers.remove(0);
    }
    let all: BTreeSet<T> = answers.into_iter().flatten().collect();
    all.into_iter().collect()
}

/// Counts of all stores, those of the most spans first.
pub(super) fn attributes(answers: Vec<AttributeCounts>, limit: usize) -> AttributeCounts {
    let mut sum = AttributeCounts {
        all: true,
        ..AttributeCounts::default()
    };
    let mut counts: BTreeMap<(String, &'static str), AttributeCount> = BTreeMap::new();
    for answer in answers {
        sum.spans += answer.spans;
        sum.all &= answer.all;
        for one in answer.counts {
            match counts.entry((one.text.clone(), one.level.as_str())) {
                Entry::Vacant(entry) => {
                    entry.insert(one);
                }
                Entry::Occupied(mut entry) => entry.get_mut().spans += one.spans,
            }
        }
    }
    sum.counts = counts.into_values().collect();
    // A stable sort: they are in the order of texts already.
    sum.counts.sort_by_key(|one| Reverse(one.spans));
    sum.counts.truncate(limit);
    sum
}

/// Sums by parent and child.
pub(super) fn dependencies(answers: Vec<Vec<Dependency>>) -> Vec<Dependency> {
    let key = |edge: &Dependency| (edge.parent.clone(), edge.child.clone());
    summed(answers, key, |sum, edge| {
        sum.calls += edge.calls;
        sum.errors += edge.errors;
        sum.duration_sum = sum.duration_sum.saturating_add(edge.duration_sum);
    })
}

/// Sums by service, operation and minute.
pub(super) fn red(answers: Vec<Vec<RedPoint>>) -> Vec<RedPoint> {
    let key = |point: &RedPoint| (point.service.clone(), point.operation.clone(), point.minute);
    summed(answers, key, |sum, point| {
        sum.calls += point.calls;
        sum.errors += point.errors;
        sum.duration_sum = sum.duration_sum.saturating_add(point.duration_sum);
        sum.histogram.merge(&point.histogram);
    })
}

/// What has the same key added up, in the order of keys.
fn summed<K: Ord, T>(
    mut answers: Vec<Vec<T>>,
    key: impl Fn(&T) -> K,
    add: impl Fn(&mut T, &T),
) -> Vec<T> {
    if answers.len() == 1 {
        return answers.remove(0);
    }
    let mut sums: BTreeMap<K, T> = BTreeMap::new();
    for one in answers.into_iter().flatten() {
        match sums.entry(key(&one)) {
            Entry::Vacant(entry) => {
                entry.insert(one);
            }
            Entry::Occupied(mut entry) => add(entry.get_mut(), &one),
        }
    }
    sums.into_values().collect()
}

#[cfg(test)]
mod tests {
    use model::filter::Level;

    use super::*;

    fn count(text: &str, spans: u64) -> AttributeCount {
        AttributeCount {
            text: text.to_owned(),
            level: Level::Span,
            spans,
        }
    }

    #[test]
    fn what_is_second_in_each_store_may_be_first_in_all() {
        let answer = |counts| AttributeCounts {
            counts,
            spans: 10,
            all: true,
        };
        let sum = attributes(
            vec![
                answer(vec![count("a", 5), count("b", 4)]),
                answer(vec![count("c", 5), count("b", 4)]),
            ],
            2,
        );
        assert_eq!(sum.counts, [count("b", 8), count("a", 5)]);
        assert_eq!((sum.spans, sum.all), (20, true));
    }

    #[test]
    fn one_store_that_has_not_counted_all_is_told() {
        let part = |all| AttributeCounts {
            all,
            ..AttributeCounts::default()
        };
        assert!(!attributes(vec![part(true), part(false)], 9).all);
    }
}
