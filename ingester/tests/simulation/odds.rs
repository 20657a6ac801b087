//! How likely what is, which the seed decides as well: where each schedule had a little of every
//! misfortune, hardly one would have much of any.

use rand::{Rng, seq::IndexedRandom};
use rand_chacha::ChaCha8Rng;

use super::sampling::Sampling;
use super::writing::Trouble;

/// What clients send.
#[derive(Debug, Clone, Copy)]
pub struct Habits {
    pub garbage: f64,
    pub poison: f64,
    /// The same spans once more.
    pub again: f64,
    /// Of these, by any partition.
    pub elsewhere: f64,
    /// Which traces the ingesters are to keep.
    pub sampling: Sampling,
}

/// What may happen next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Happening {
    Produce,
    PassTime,
    /// All that a partition does when nothing disturbs it.
    Turn,
    Fetch,
    Admit,
    Act,
    Write,
    Assign,
    Order,
    Crash,
    Freeze,
    Redeliver,
    EndSession,
    CopyToStandby,
    FailOver,
}

/// Work, by its weight.
const WORK: [(Happening, u32); 7] = [
    (Happening::Produce, 20),
    (Happening::PassTime, 15),
    (Happening::Turn, 110),
    (Happening::Fetch, 10),
    (Happening::Admit, 10),
    (Happening::Act, 15),
    (Happening::Write, 40),
];

/// Misfortunes, by their usual weight.
const MISFORTUNES: [(Happening, u32); 8] = [
    (Happening::Assign, 4),
    (Happening::Order, 2),
    (Happening::Crash, 1),
    (Happening::Freeze, 3),
    (Happening::Redeliver, 3),
    (Happening::EndSession, 1),
    (Happening::CopyToStandby, 8),
    (Happening::FailOver, 2),
];

/// Of so many steps of a write, one goes wrong in each way, usually.
const STEPS_TO_TROUBLE: u32 = 30;

const TROUBLES: [Trouble; 4] = [
    Trouble::Away,
    Trouble::Operator,
    Trouble::AnswerLost,
    Trouble::CommitLost,
];

/// The odds of one schedule.
#[derive(Debug)]
pub struct Odds {
    happenings: Vec<(Happening, u32)>,
    troubles: Vec<(Trouble, u32)>,
}

impl Odds {
    /// Some misfortunes not at all, some as usual, some often.
    pub fn draw(rng: &mut ChaCha8Rng) -> Self {
        let mut often = |usual: u32| usual * [0, 1, 1, 5].choose(rng).copied().unwrap_or(1);
        let misfortunes = MISFORTUNES.map(|(what, usual)| match what {
            // Without these there is nothing to simulate.
            Happening::Assign => (what, usual),
            _ => (what, often(usual)),
        });
        Self {
            troubles: TROUBLES.map(|trouble| (trouble, often(1))).to_vec(),
            happenings: WORK.into_iter().chain(misfortunes).collect(),
        }
    }

    /// What happens next.
    pub fn next(&self, rng: &mut ChaCha8Rng) -> Happening {
        let sum: u32 = self.happenings.iter().map(|(_, weight)| weight).sum();
        pick(&self.happenings, rng.random_range(0..sum)).unwrap_or(Happening::PassTime)
    }

    /// What goes wrong with the next step of a write, if anything does.
    pub fn trouble(&self, rng: &mut ChaCha8Rng) -> Option<Trouble> {
        pick(&self.troubles, rng.random_range(0..STEPS_TO_TROUBLE))
    }
}

fn pick<T: Copy>(weights: &[(T, u32)], mut at: u32) -> Option<T> {
    for (what, weight) in weights {
        if at < *weight {
            return Some(*what);
        }
        at -= weight;
    }
    None
}

impl Habits {
    /// What the clients of one schedule send.
    pub fn draw(rng: &mut ChaCha8Rng) -> Self {
        let mut one_of = |rates: [f64; 3]| rates.choose(rng).copied().unwrap_or(0.0);
        Self {
            garbage: one_of([0.0, 0.04, 0.15]),
            poison: one_of([0.0, 0.02, 0.08]),
            again: one_of([0.02, 0.12, 0.3]),
            elsewhere: one_of([0.0, 0.1, 0.5]),
            sampling: Sampling::draw(rng),
        }
    }
}
