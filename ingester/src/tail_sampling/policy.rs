//! What a policy is, once it is read.

use super::chance::Lot;
use super::content::Content;

/// A rule with its name.
#[derive(Debug, Clone)]
pub(super) struct Policy {
    pub(super) name: String,
    pub(super) rule: Rule,
}

/// When a trace is kept; of [`Rule::Drop`], when it is not.
#[derive(Debug, Clone)]
pub(super) enum Rule {
    /// A function of the spans alone.
    Content {
        /// Which of the conditions.
        number: usize,
        content: Content,
    },
    /// By a hash of the trace's id.
    Probabilistic(Lot),
    /// As long as there are few spans.
    RateLimiting {
        /// Which of the budgets.
        budget: usize,
        per_second: u64,
    },
    /// If all of them would.
    And(Vec<Policy>),
    /// If it would not.
    Not(Box<Policy>),
    /// If all of them would, the trace is dropped, whatever else is said.
    Drop(Vec<Policy>),
    /// The first that would, within its part of a rate.
    Composite(Composite),
}

/// Policies in an order, each with a part of a rate.
#[derive(Debug, Clone)]
pub(super) struct Composite {
    pub(super) budget: usize,
    pub(super) per_second: u64,
    pub(super) parts: Vec<CompositePart>,
}

/// One of them.
#[derive(Debug, Clone)]
pub(super) struct CompositePart {
    pub(super) policy: Policy,
    pub(super) budget: usize,
    pub(super) per_second: u64,
}

/// What policies need of whoever follows them.
#[derive(Debug, Default)]
pub(super) struct Numbered {
    pub(super) conditions: usize,
    pub(super) lots: Vec<Lot>,
    pub(super) counts_spans: bool,
    budgets: usize,
    salts: Vec<String>,
}

/// Numbers the conditions, budgets and salts of policies.
pub(super) fn number(policies: &mut [Policy]) -> Numbered {
    let mut numbered = Numbered::default();
    policies.iter_mut().for_each(|one| numbered.policy(one));
    numbered
}

impl Numbered {
    fn policy(&mut self, policy: &mut Policy) {
        match &mut policy.rule {
            Rule::Content { number, content } => {
                *number = self.conditions;
                self.conditions += 1;
                self.counts_spans |= matches!(content, Content::SpanCount { .. });
            }
            Rule::Probabilistic(lot) => {
                lot.axis = self.axis(&lot.salt);
                self.lots.push(lot.clone());
            }
            Rule::RateLimiting { budget, .. } => *budget = self.budget(),
            Rule::And(all) | Rule::Drop(all) => all.iter_mut().for_each(|one| self.policy(one)),
            Rule::Not(one) => self.policy(one),
            Rule::Composite(of) => {
                of.budget = self.budget();
                for part in &mut of.parts {
                    part.budget = self.budget();
                    self.policy(&mut part.policy);
                }
            }
        }
    }

    fn budget(&mut self) -> usize {
        self.counts_spans = true;
        self.budgets += 1;
        self.budgets - 1
    }

    fn axis(&mut self, salt: &str) -> usize {
        let known = self.salts.iter().position(|known| known == salt);
        known.unwrap_or_else(|| {
            self.salts.push(salt.to_owned());
            self.salts.len() - 1
        })
    }
}
