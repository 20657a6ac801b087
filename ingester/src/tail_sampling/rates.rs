//! Budgets of spans per second, by the second in which a collector received a trace: an ingester that
//! catches up allows what it would have allowed in time.

use std::collections::BTreeMap;

/// Seconds that are remembered. Traces of an earlier one find its budget whole.
const REMEMBERED: usize = 600;

/// What was taken of each budget.
#[derive(Debug, Default)]
pub(super) struct Rates(BTreeMap<u64, BTreeMap<usize, u64>>);

impl Rates {
    /// Takes spans out of all of these budgets, each a number and its size, or out of none.
    pub(super) fn take(&mut self, second: u64, spans: u64, budgets: &[(usize, u64)]) -> bool {
        let taken = self.0.entry(second).or_default();
        let fits = |(budget, size): &(usize, u64)| {
            let before = taken.get(budget).copied().unwrap_or(0);
            before.saturating_add(spans) <= *size
        };
        let all = budgets.iter().all(fits);
        if all {
            for (budget, _) in budgets {
                *taken.entry(*budget).or_default() += spans;
            }
        }
        while self.0.len() > REMEMBERED {
            self.0.pop_first();
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_than_the_budget_of_a_second_is_taken() {
        let mut rates = Rates::default();
        let taken: Vec<bool> = [4, 4, 2, 1].map(|n| rates.take(7, n, &[(0, 10)])).to_vec();
        assert_eq!(taken, [true, true, true, false]);
        assert!(rates.take(8, 10, &[(0, 10)]), "another second");
        assert!(rates.take(7, 10, &[(1, 10)]), "another budget");
    }

    #[test]
    fn what_one_budget_refuses_costs_the_other_nothing() {
        let mut rates = Rates::default();
        assert!(!rates.take(1, 5, &[(0, 10), (1, 4)]));
        assert!(rates.take(1, 10, &[(0, 10)]));
    }

    #[test]
    fn old_seconds_are_forgotten() {
        let mut rates = Rates::default();
        (0..2_000).for_each(|second| assert!(rates.take(second, 1, &[(0, 1)])));
        assert_eq!(rates.0.len(), REMEMBERED);
    }
}
