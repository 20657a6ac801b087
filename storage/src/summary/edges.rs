//! Calls between services, from spans and their parents, in whatever order they arrive.
//!
//! An edge belongs to the child, in the minute that the child starts in. A server span that
//! shares its id with a client span (Zipkin) is called by that client; any other span by the span
//! with its parent id. A late span may give a stored child a parent, or a nearer one: then the
//! old edge is taken back by a negative count, so that the sum is that of all spans at once.

use std::collections::BTreeSet;

use foldhash::HashMap;
use model::{NANOS_PER_MINUTE, SpanKind, UnixNanos};

use super::node::{Candidates, better, number};
use super::{KnownTrace, Node};
use crate::payload::HashedMap;

/// Who called whom, when.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct EdgeKey<'a> {
    pub(crate) tenant: &'a str,
    /// Start of the minute.
    pub(crate) minute: UnixNanos,
    pub(crate) parent: &'a str,
    pub(crate) child: &'a str,
}

/// By how much an edge changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct EdgeDelta {
    pub(crate) calls: i64,
    pub(crate) errors: i64,
    pub(crate) duration_sum: i64,
}

/// Changes of edges, summed.
#[derive(Debug, Default)]
pub(crate) struct Edges<'a>(HashMap<EdgeKey<'a>, EdgeDelta>);

impl<'a> Edges<'a> {
    /// Adds what new spans of a trace change, given those that are stored.
    pub(crate) fn add_trace(
        &mut self,
        tenant: &'a str,
        known: Option<&'a KnownTrace>,
        new: &[Node<'a>],
    ) {
        let mut by_id: HashedMap<Candidates<u32>> = HashedMap::default();
        by_id.reserve(new.len());
        for (at, node) in new.iter().enumerate() {
            let candidates = by_id.entry(number(node.id)).or_default();
            candidates.add(at as u32, |at| new[at as usize]);
        }
        let trace = TraceNodes { known, new, by_id };
        for node in new {
            self.count(tenant, node, trace.caller(node, true), 1);
        }
        let Some(known) = known else { return };
        let affected = new.iter().flat_map(|node| known.affected_by(node.id));
        for at in affected.collect::<BTreeSet<u32>>() {
            let child = known.node(at);
            let (before, after) = (trace.caller(&child, false), trace.caller(&child, true));
            if before != after {
                self.count(tenant, &child, before, -1);
                self.count(tenant, &child, after, 1);
            }
        }
    }

    fn count(&mut self, tenant: &'a str, child: &Node<'a>, caller: Option<Node<'a>>, by: i64) {
        let Some(caller) = caller else { return };
        let key = EdgeKey {
            tenant,
            minute: child.start - child.start % NANOS_PER_MINUTE,
            parent: caller.service,
            child: child.service,
        };
        let duration = i64::try_from(child.duration).unwrap_or(i64::MAX);
        let delta = self.0.entry(key).or_default();
        delta.calls += by;
        delta.errors += by * i64::from(child.error);
        delta.duration_sum = delta.duration_sum.saturating_add(by * duration);
    }

    /// The edges that change, sorted.
    pub(crate) fn sorted(&self) -> Vec<(EdgeKey<'a>, EdgeDelta)> {
        let changed = self
            .0
            .iter()
            .filter(|(_, delta)| **delta != EdgeDelta::default());
        let mut changed: Vec<_> = changed.map(|(key, delta)| (*key, *delta)).collect();
        changed.sort_unstable_by_key(|(key, _)| *key);
        changed
    }
}

struct TraceNodes<'a, 'n> {
    known: Option<&'a KnownTrace>,
    new: &'n [Node<'a>],
    by_id: HashedMap<Candidates<u32>>,
}

impl<'a> TraceNodes<'a, '_> {
    /// The span that called this one, among the stored ones and, if told, the new ones.
    fn caller(&self, child: &Node<'_>, with_new: bool) -> Option<Node<'a>> {
        let old = |id| Some((self.known?, self.known?.with_id(id)?));
        let new = |id| self.by_id.get(&number(id)).filter(|_| with_new);
        let at_new = |at: u32| self.new[at as usize];
        if child.kind == SpanKind::Server {
            let stored = old(child.id).and_then(|(k, c)| c.client(child, |at| k.node(at)));
            let arrived = new(child.id).and_then(|c| c.client(child, at_new));
            let shared = better(stored, arrived, false);
            if shared.is_some() {
                return shared;
            }
        }
        let id = child.parent?;
        let stored = old(id).and_then(|(k, c)| c.parent(child, |at| k.node(at)));
        let arrived = new(id).and_then(|c| c.parent(child, at_new));
        better(stored, arrived, true)
    }
}
