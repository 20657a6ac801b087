//! Tail sampling: whether a trace that is due is kept. Pure but for the budgets of policies that
//! limit rates; those go by the second in which a collector received the trace, not by a clock.
//!
//! What is said here is a verdict. The store decides: it follows what was decided of the trace before.

mod together;
mod policy;
mod document;
mod content;
mod chance;
mod rates;

use std::sync::{Arc, Mutex, PoisonError};

use model::{IdentityHasher, SpanHash, TraceId};
use storage::{TraceSpans, Verdict};

pub use document::PolicyConfig;

use self::chance::Chances;
use self::content::Content;
use self::policy::{Composite, Policy, Rule};
use self::rates::Rates;
use crate::TailSamplingConfig;

/// Nanoseconds of a second.
const SECOND: u64 = 1_000_000_000;

/// Why policies cannot be followed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PoliciesError {
    /// There is none.
    #[error("tail sampling is on and has no policies: nothing would be kept")]
    None,
    /// Two have one name.
    #[error("two policies are called `{name}`")]
    Twice {
        /// The name.
        name: String,
    },
    /// They draw lots in too many ways for weights to be worked out.
    #[error("policies of type `probabilistic` have too many different percentages and salts")]
    Chances,
}

/// What the policies say of a trace.
#[derive(Debug, Clone, PartialEq)]
pub struct TraceVerdict {
    /// Whether it is kept.
    pub kept: bool,
    /// The policy that says so; empty where none of them keeps it.
    pub policy: Arc<str>,
    /// How many traces it stands for; none if that is not known.
    pub weight: Option<f64>,
}

impl TraceVerdict {
    /// As the store is told.
    pub fn borrow(&self) -> Verdict<'_> {
        Verdict {
            kept: self.kept,
            policy: &self.policy,
            weight: self.weight,
        }
    }
}

/// Decides by policies. Shared by the partitions of a process: rates are limited over all of them.
#[derive(Debug)]
pub struct TailSampler {
    policies: Vec<Policy>,
    names: Vec<Arc<str>>,
    chances: Chances,
    /// Conditions on the content of a trace.
    conditions: usize,
    /// Whether any policy counts spans.
    counts_spans: bool,
    rates: Mutex<Rates>,
}

impl TailSampler {
    /// By the policies of a configuration; nothing where tail sampling is off.
    ///
    /// # Errors
    /// If the policies contradict each other.
    pub fn new(config: &TailSamplingConfig) -> Result<Option<Self>, PoliciesError> {
        if !config.enabled {
            return Ok(None);
        }
        let mut policies: Vec<Policy> = config.policies.iter().map(PolicyConfig::policy).collect();
        if policies.is_empty() {
            return Err(PoliciesError::None);
        }
        let mut names: Vec<Arc<str>> = Vec::with_capacity(policies.len());
        for policy in &policies {
            if names.iter().any(|name| **name == *policy.name) {
                let name = policy.name.clone();
                return Err(PoliciesError::Twice { name });
            }
            names.push(policy.name.as_str().into());
        }
        let numbered = policy::number(&mut policies);
        Ok(Some(Self {
            chances: Chances::new(&numbered.lots).ok_or(PoliciesError::Chances)?,
            conditions: numbered.conditions,
            counts_spans: numbered.counts_spans,
            rates: Mutex::default(),
            policies,
            names,
        }))
    }

    /// What the policies make of one trace.
    pub fn decide(&self, spans: &TraceSpans<'_, '_>) -> TraceVerdict {
        let mut hasher = IdentityHasher::new(spans.tenant.as_str(), spans.batch);
        self.verdict(spans, || distinct(spans, &mut hasher))
    }

    fn verdict(&self, spans: &TraceSpans<'_, '_>, count: impl FnOnce() -> u64) -> TraceVerdict {
        let count = if self.counts_spans { count() } else { 0 };
        let mut trace = Evaluation {
            spans,
            count,
            conditions: vec![None; self.conditions],
        };
        let (mut kept_by, mut dropped_by) = (None, None);
        for (policy, name) in self.policies.iter().zip(&self.names) {
            let place = match &policy.rule {
                Rule::Drop(_) => &mut dropped_by,
                _ => &mut kept_by,
            };
            // Each is asked, also when it is decided already: budgets are those of all traces.
            if self.holds(policy, &mut trace) {
                place.get_or_insert(name);
            }
        }
        match (dropped_by, kept_by) {
            (Some(name), _) => TraceVerdict {
                kept: false,
                policy: name.clone(),
                weight: None,
            },
            (None, Some(name)) => TraceVerdict {
                kept: true,
                policy: name.clone(),
                weight: self.weight(&mut trace),
            },
            (None, None) => TraceVerdict {
                kept: false,
                policy: "".into(),
                weight: None,
            },
        }
    }

    /// Whether a policy applies, its budget included.
    fn holds(&self, policy: &Policy, trace: &mut Evaluation<'_, '_, '_>) -> bool {
        match &policy.rule {
            Rule::Content { number, content } => trace.meets(*number, content),
            Rule::Probabilistic(lot) => lot.hits(trace.id()),
            Rule::RateLimiting { budget, per_second } => {
                self.rates()
                    .take(trace.second(), trace.count, &[(*budget, *per_second)])
            }
            Rule::And(all) | Rule::Drop(all) => all.iter().all(|one| self.holds(one, trace)),
            Rule::Not(one) => !self.holds(one, trace),
            Rule::Composite(of) => self.composite_holds(of, trace),
        }
    }

    /// The first part that applies is decisive, if its rate and that of all together allow it.
    fn composite_holds(&self, of: &Composite, trace: &mut Evaluation<'_, '_, '_>) -> bool {
        let Some(part) = of.parts.iter().find(|part| self.holds(&part.policy, trace)) else {
            return false;
        };
        let budgets = [(part.budget, part.per_second), (of.budget, of.per_second)];
        self.rates().take(trace.second(), trace.count, &budgets)
    }

    fn rates(&self) -> std::sync::MutexGuard<'_, Rates> {
        // Sums of a second: whole after a panic elsewhere.
        self.rates.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One over the probability with which a trace of this content is kept. Not known where it takes
    /// a limit of rates to keep it: what is kept without one stands for all that is alike.
    fn weight(&self, trace: &mut Evaluation<'_, '_, '_>) -> Option<f64> {
        let id = trace.id();
        if self.surely(trace, &|lot| lot.hits(id)) != Some(true) {
            return None;
        }
        let mut probability = 0.0;
        for cell in self.chances.cells() {
            if self.surely(trace, &|lot| cell.hits(lot)) == Some(true) {
                probability += cell.volume;
            }
        }
        (probability > 0.0).then(|| (1.0 / probability).max(1.0))
    }

    /// Whether the trace is kept if lots fall so; nothing if that depends on rates.
    fn surely(
        &self,
        trace: &mut Evaluation<'_, '_, '_>,
        hits: &dyn Fn(&chance::Lot) -> bool,
    ) -> Option<bool> {
        let (mut kept, mut dropped) = (Some(false), Some(false));
        for policy in &self.policies {
            let place = match &policy.rule {
                Rule::Drop(_) => &mut dropped,
                _ => &mut kept,
            };
            *place = either(*place, applies(policy, trace, hits));
        }
        both(kept, dropped.map(|dropped| !dropped))
    }
}

/// As [`TailSampler::holds`], where rates are not known.
fn applies(
    policy: &Policy,
    trace: &mut Evaluation<'_, '_, '_>,
    hits: &dyn Fn(&chance::Lot) -> bool,
) -> Option<bool> {
    match &policy.rule {
        Rule::Content { number, content } => Some(trace.meets(*number, content)),
        Rule::Probabilistic(lot) => Some(hits(lot)),
        Rule::RateLimiting { .. } => None,
        Rule::And(all) | Rule::Drop(all) => {
            // What is unknown does not end it: a later part may settle it.
            let mut every = Some(true);
            for one in all {
                every = both(every, applies(one, trace, hits));
            }
            every
        }
        Rule::Not(one) => applies(one, trace, hits).map(|applies| !applies),
        Rule::Composite(of) => {
            let mut any = Some(false);
            for part in &of.parts {
                any = either(any, applies(&part.policy, trace, hits));
            }
            // If one does, its rate decides.
            any.filter(|any| !any)
        }
    }
}

fn both(one: Option<bool>, other: Option<bool>) -> Option<bool> {
    match (one, other) {
        (Some(false), _) | (_, Some(false)) => Some(false),
        (Some(true), Some(true)) => Some(true),
        _ => None,
    }
}

fn either(one: Option<bool>, other: Option<bool>) -> Option<bool> {
    both(one.map(|one| !one), other.map(|other| !other)).map(|neither| !neither)
}

/// A trace while it is looked at, each condition once.
struct Evaluation<'t, 'b, 'a> {
    spans: &'t TraceSpans<'b, 'a>,
    /// Spans, each once.
    count: u64,
    conditions: Vec<Option<bool>>,
}

impl Evaluation<'_, '_, '_> {
    fn id(&self) -> TraceId {
        self.spans.trace_id
    }

    /// When a collector received the first of it, in seconds.
    fn second(&self) -> u64 {
        self.spans.received.start / SECOND
    }

    fn meets(&mut self, number: usize, content: &Content) -> bool {
        let (spans, count) = (self.spans, self.count);
        *self.conditions[number].get_or_insert_with(|| content.is_met(spans, count))
    }
}

/// How many spans there are, whatever was sent twice.
fn distinct<'b, 'a>(spans: &TraceSpans<'b, 'a>, hasher: &mut IdentityHasher<'_, 'a>) -> u64 {
    let indices = spans.spans.iter();
    let mut hashes: Vec<SpanHash> = indices
        .map(|at| hasher.span(&spans.batch.spans[*at as usize]))
        .collect();
    hashes.sort_unstable();
    hashes.dedup();
    hashes.len() as u64
}

#[cfg(test)]
mod tests;
