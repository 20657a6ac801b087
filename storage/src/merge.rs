//! Segments of one trace, put together: each span once, resources and scopes each once.

use foldhash::{HashSet, HashSetExt};
use model::{IdentityHasher, ResourceSpans, SpanBatch, SpanHash, Trace, TraceId};

/// Gathers segments into a trace.
#[derive(Debug)]
pub struct TraceMerger {
    known: HashSet<SpanHash>,
    trace: Trace,
}

impl TraceMerger {
    /// A trace without spans.
    pub fn new(id: TraceId) -> Self {
        Self {
            known: HashSet::new(),
            trace: Trace {
                id,
                resources: Vec::new(),
            },
        }
    }

    /// Adds the spans of a segment that are not there yet.
    pub fn add(&mut self, tenant: &str, batch: &SpanBatch<'_>) {
        let mut hasher = IdentityHasher::new(tenant, batch);
        let spans = (0u32..).zip(&batch.spans);
        let new: Vec<u32> = spans
            .filter(|(_, span)| self.known.insert(hasher.span(span)))
            .map(|(index, _)| index)
            .collect();
        self.put_together(batch.own_trace(self.trace.id, new).resources);
    }

    /// Adds the spans of a segment that are not there yet; `identities` are theirs, in order.
    pub(crate) fn add_trace(&mut self, mut added: Trace, identities: &[SpanHash]) {
        let mut identities = identities.iter();
        for of_resource in &mut added.resources {
            for of_scope in &mut of_resource.scopes {
                of_scope.spans.retain(|_| {
                    let identity = identities.next();
                    identity.is_some_and(|identity| self.known.insert(*identity))
                });
            }
            of_resource.scopes.retain(|of| !of.spans.is_empty());
        }
        added.resources.retain(|of| !of.scopes.is_empty());
        self.put_together(added.resources);
    }

    fn put_together(&mut self, resources: Vec<ResourceSpans>) {
        for added in resources {
            let same = |of: &&mut ResourceSpans| of.resource == added.resource;
            match self.trace.resources.iter_mut().find(same) {
                None => self.trace.resources.push(added),
                Some(known) => {
                    for scope in added.scopes {
                        match known.scopes.iter_mut().find(|of| of.scope == scope.scope) {
                            None => known.scopes.push(scope),
                            Some(known) => known.spans.extend(scope.spans),
                        }
                    }
                }
            }
        }
    }

    /// The trace; nothing if no span was added.
    pub fn finish(self) -> Option<Trace> {
        (!self.trace.resources.is_empty()).then_some(self.trace)
    }
}
