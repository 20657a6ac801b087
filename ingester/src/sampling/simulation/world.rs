//! What the simulation is made of.

use std::collections::{BTreeMap, VecDeque};

use model::Tenant;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use storage::{OperationProbabilities, RootCount, RootSampler, SampledOperation, ThroughputBucket};

use crate::config::AdaptiveSamplingConfig;
use crate::sampling::calculate;

const MINUTE: u64 = 60 * 1_000_000_000;
/// Processes of each service.
const PROCESSES: usize = 3;

/// How the clients of an operation sample.
#[derive(Debug, Clone, Copy)]
pub(super) enum Sampler {
    /// As they are told, and tell so.
    Told,
    /// As they are told, and do not tell so.
    Untold,
    /// With a probability of their own.
    Stubborn(f64),
}

struct Operation {
    name: SampledOperation,
    sampler: Sampler,
    /// Traces a second before sampling, of all processes.
    traffic: f64,
    /// What each process samples with since it asked last.
    processes: [f64; PROCESSES],
}

pub(super) struct World {
    pub(super) config: AdaptiveSamplingConfig,
    /// Minutes that have passed.
    pub(super) minute: usize,
    random: ChaCha8Rng,
    operations: Vec<Operation>,
    /// What each collector tells, by operation.
    collectors: Vec<Vec<f64>>,
    stored: OperationProbabilities,
    /// Newest first, not yet seen ones included.
    buckets: VecDeque<ThroughputBucket>,
    changes: BTreeMap<SampledOperation, usize>,
}

impl World {
    pub(super) fn new(seed: u64, collectors: usize) -> Self {
        Self {
            config: AdaptiveSamplingConfig::default(),
            // Not 1970: nothing was ever calculated at moment zero.
            minute: 1_000,
            random: ChaCha8Rng::seed_from_u64(seed),
            operations: Vec::new(),
            collectors: vec![Vec::new(); collectors],
            stored: OperationProbabilities::new(),
            buckets: VecDeque::new(),
            changes: BTreeMap::new(),
        }
    }

    /// Between 2 and 5,000 traces a second.
    pub(super) fn add_operation(&mut self, number: usize, sampler: Sampler) {
        let traffic = 2.0 * 2500f64.powf(self.random.random::<f64>());
        let initial = match sampler {
            Sampler::Stubborn(probability) => probability,
            _ => self.config.initial_sampling_probability,
        };
        self.operations.push(Operation {
            name: SampledOperation {
                tenant: Tenant::default(),
                service: format!("service-{}", number / 10),
                operation: format!("operation-{number}"),
            },
            sampler,
            traffic,
            processes: [initial; PROCESSES],
        });
        for collector in &mut self.collectors {
            collector.push(initial);
        }
    }

    pub(super) fn change_traffic(&mut self, factor: f64) {
        for operation in &mut self.operations {
            operation.traffic = (operation.traffic * factor).max(1.5);
        }
    }

    pub(super) fn operations(&self) -> usize {
        self.operations.len()
    }

    pub(super) fn sampler(&self, operation: usize) -> Sampler {
        self.operations[operation].sampler
    }

    /// The probability that leads to the target.
    pub(super) fn needed(&self, operation: usize) -> f64 {
        let needed = self.config.target_samples_per_second / self.operations[operation].traffic;
        needed.min(1.0)
    }

    /// The probability that clients are told.
    pub(super) fn told(&self, operation: usize) -> f64 {
        let initial = self.config.initial_sampling_probability;
        let state = self.stored.get(&self.operations[operation].name);
        state.map_or(initial, |state| state.handed_out[0])
    }

    /// How far the rate that clients are led to is off the target, relative to it.
    pub(super) fn off_target(&self, operation: usize) -> f64 {
        (self.told(operation) / self.needed(operation) - 1.0).abs()
    }

    /// How often what clients are told has changed.
    pub(super) fn changes(&self, operation: usize) -> usize {
        let changes = self.changes.get(&self.operations[operation].name);
        changes.copied().unwrap_or_default()
    }

    pub(super) fn describe(&self, operation: usize) -> String {
        let of = &self.operations[operation];
        format!(
            "{:.1}/s need {:.6}, told {:.6}: {:?}",
            of.traffic,
            self.needed(operation),
            self.told(operation),
            self.stored.get(&of.name),
        )
    }

    /// Clients sample, counts are made, a round is calculated, collectors learn of it.
    pub(super) fn pass_a_minute(&mut self) {
        let mut bucket = ThroughputBucket {
            start: self.minute as u64 * MINUTE,
            ..ThroughputBucket::default()
        };
        for at in 0..self.operations.len() {
            let counts = self.sample(at);
            if !counts.is_empty() {
                bucket
                    .operations
                    .insert(self.operations[at].name.clone(), counts);
            }
        }
        self.buckets.push_front(bucket);
        self.minute += 1;
        let unseen = (self.config.calculation_delay.as_secs() / 60) as usize;
        let keep = unseen + self.config.aggregation_buckets;
        self.buckets.truncate(keep);
        let seen: Vec<_> = self.buckets.iter().skip(unseen).cloned().collect();
        if seen.is_empty() {
            return;
        }
        let before = std::mem::take(&mut self.stored);
        let now = self.minute as u64 * MINUTE;
        self.stored = calculate(&self.config, &seen, before.clone(), now);
        for (name, state) in &self.stored {
            let told = |state: &storage::OperationProbability| state.handed_out[0];
            if before.get(name).is_some_and(|old| told(old) != told(state)) {
                *self.changes.entry(name.clone()).or_default() += 1;
            }
        }
    }

    /// One operation's minute: each process asks once in it, at any moment, and whichever collector.
    /// The one that it asks knows the latest round, or the one before.
    fn sample(&mut self, at: usize) -> Vec<RootCount> {
        let mut counts: Vec<RootCount> = Vec::new();
        for process in 0..PROCESSES {
            let asked = self.random.random_range(0..self.collectors.len());
            if self.random.random_bool(0.8) {
                self.collectors[asked][at] = self.told(at);
            }
            let of = &self.operations[at];
            let before = of.processes[process];
            let after = match of.sampler {
                Sampler::Stubborn(probability) => probability,
                _ => self.collectors[asked][at],
            };
            let moment = self.random.random::<f64>();
            let traces = of.traffic * 60.0 / PROCESSES as f64;
            let sampler = of.sampler;
            let mut any = 0;
            for (probability, part) in [(before, moment), (after, 1.0 - moment)] {
                let roots = poisson(&mut self.random, traces * part * probability);
                any += roots;
                add(&mut counts, sampler, probability, roots);
            }
            if any == 0 && matches!(sampler, Sampler::Told) {
                let one = RootCount {
                    sampler: RootSampler::Other,
                    probability: after,
                    roots: 1,
                };
                counts.push(one);
            }
            self.operations[at].processes[process] = after;
        }
        counts
    }
}

fn add(counts: &mut Vec<RootCount>, sampler: Sampler, probability: f64, roots: u64) {
    if roots == 0 {
        return;
    }
    let (sampler, probability) = match sampler {
        Sampler::Untold => (RootSampler::Untold, 0.0),
        // As the store keeps it.
        _ => (
            RootSampler::Probabilistic,
            (probability * 1e9).round() / 1e9,
        ),
    };
    counts.push(RootCount {
        sampler,
        probability,
        roots,
    });
}

/// Few by Knuth's way, many by the normal distribution.
fn poisson(random: &mut ChaCha8Rng, mean: f64) -> u64 {
    if mean > 40.0 {
        let twelve: f64 = (0..12).map(|_| random.random::<f64>()).sum();
        return (mean + (twelve - 6.0) * mean.sqrt()).max(0.0).round() as u64;
    }
    let (limit, mut product, mut count) = ((-mean).exp(), 1.0, 0);
    loop {
        product *= random.random::<f64>();
        if product <= limit {
            return count;
        }
        count += 1;
    }
}
