//! Which parts of the process are ready to do their work, and why the others are not.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The readiness of all parts of a process. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct Readiness {
    parts: Arc<Mutex<Vec<Part>>>,
}

#[derive(Debug)]
struct Part {
    name: String,
    not_ready: Option<String>,
    /// Whether the process is unready with it.
    counts: bool,
}

impl Readiness {
    /// Nothing registered yet: ready.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a part, not ready until its flag says so.
    pub fn register(&self, name: impl Into<String>) -> ReadinessFlag {
        self.add(name.into(), true)
    }

    /// Adds a part that is told of and counts for nothing: the process does the rest of its work
    /// without it.
    pub fn register_aside(&self, name: impl Into<String>) -> ReadinessFlag {
        self.add(name.into(), false)
    }

    fn add(&self, name: String, counts: bool) -> ReadinessFlag {
        let mut parts = self.lock();
        parts.push(Part {
            name,
            not_ready: Some("starting".to_owned()),
            counts,
        });
        ReadinessFlag {
            readiness: self.clone(),
            index: parts.len() - 1,
        }
    }

    /// Whether every part is ready, apart from those that are only told of.
    pub fn is_ready(&self) -> bool {
        self.lock()
            .iter()
            .all(|part| part.not_ready.is_none() || !part.counts)
    }

    /// Every part with the reason why it is not ready, in order of registration.
    pub fn parts(&self) -> Vec<(String, Option<String>)> {
        let parts = self.lock();
        parts
            .iter()
            .map(|part| (part.name.clone(), part.not_ready.clone()))
            .collect()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Part>> {
        self.parts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Says whether one part is ready. Clones speak for the same part.
#[derive(Clone)]
pub struct ReadinessFlag {
    readiness: Readiness,
    index: usize,
}

impl ReadinessFlag {
    /// The part does its work.
    pub fn ready(&self) {
        self.readiness.lock()[self.index].not_ready = None;
    }

    /// The part does not do its work, for a reason that an operator understands.
    pub fn not_ready(&self, reason: impl Into<String>) {
        self.readiness.lock()[self.index].not_ready = Some(reason.into());
    }
}

impl fmt::Debug for ReadinessFlag {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let part = &self.readiness.lock()[self.index];
        write!(out, "{}: {:?}", part.name, part.not_ready)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_ready_when_every_part_is() {
        let readiness = Readiness::new();
        let (kafka, store) = (readiness.register("kafka"), readiness.register("store"));
        kafka.ready();
        assert!(!readiness.is_ready());
        store.ready();
        assert!(readiness.is_ready());
    }

    #[test]
    fn a_part_aside_is_told_of_and_makes_nothing_unready() {
        let readiness = Readiness::new();
        let aside = readiness.register_aside("kafka receiver");
        aside.not_ready("no broker answers");
        assert!(readiness.is_ready());
        assert_eq!(readiness.parts()[0].1.as_deref(), Some("no broker answers"));
    }

    #[test]
    fn a_part_that_fails_later_says_why() {
        let readiness = Readiness::new();
        let kafka = readiness.register("kafka");
        kafka.ready();
        kafka.not_ready("draining");
        let expected = vec![("kafka".to_owned(), Some("draining".to_owned()))];
        assert_eq!(readiness.parts(), expected);
    }
}
