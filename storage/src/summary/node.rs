//! What edges need to know of a span, and of the spans of a trace that are stored already.

use foldhash::{HashMap, HashSet};
use model::{
    IdentityHasher, ServiceNames, SpanBatch, SpanHash, SpanId, SpanKind, SpanRef, StatusCode,
    UnixNanos,
};

use super::dropped::{self, DroppedSpan, dropped_span};
use crate::payload::{DecodeError, HashedMap};

/// A span as a node of its trace's tree.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Node<'a> {
    pub(crate) hash: SpanHash,
    pub(crate) id: SpanId,
    pub(crate) parent: Option<SpanId>,
    pub(crate) service: &'a str,
    pub(crate) kind: SpanKind,
    pub(crate) start: UnixNanos,
    pub(crate) duration: u64,
    pub(crate) error: bool,
}

impl<'a> Node<'a> {
    /// A span with its hash and its service.
    pub(crate) fn new(hash: SpanHash, service: &'a str, span: &SpanRef<'a>) -> Self {
        Self {
            hash,
            id: span.span_id,
            parent: span.parent_span_id,
            service,
            kind: span.kind,
            start: span.start,
            duration: span.duration(),
            error: span.status == StatusCode::Error,
        }
    }

    /// Of two spans with one id, the one that children belong to: the server of a shared id.
    /// The hash decides between equals, so that the order of arrival does not.
    fn rank_as_parent(&self) -> (bool, SpanHash) {
        (self.kind != SpanKind::Server, self.hash)
    }
}

/// An id as the key of a map.
pub(super) fn number(id: SpanId) -> u64 {
    u64::from_be_bytes(*id.as_bytes())
}

/// The best two spans of one id in each role; the second one stands in where the first one asks.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Candidates<N> {
    parents: [Option<N>; 2],
    clients: [Option<N>; 2],
}

impl<N: Copy> Candidates<N> {
    pub(super) fn add<'a>(&mut self, new: N, node: impl Fn(N) -> Node<'a>) {
        insert(&mut self.parents, new, |a| node(a).rank_as_parent());
        if node(new).kind == SpanKind::Client {
            insert(&mut self.clients, new, |a| node(a).hash);
        }
    }

    /// The best one for the children of the id that is not `child` itself.
    pub(super) fn parent<'a>(
        &self,
        child: &Node<'_>,
        node: impl Fn(N) -> Node<'a>,
    ) -> Option<Node<'a>> {
        let nodes = self.parents.iter().flatten().map(|n| node(*n));
        nodes.into_iter().find(|found| found.hash != child.hash)
    }

    /// The client that the id is shared with.
    pub(super) fn client<'a>(
        &self,
        child: &Node<'_>,
        node: impl Fn(N) -> Node<'a>,
    ) -> Option<Node<'a>> {
        let nodes = self.clients.iter().flatten().map(|n| node(*n));
        nodes.into_iter().find(|found| found.hash != child.hash)
    }
}

fn insert<N: Copy, K: Ord>(best: &mut [Option<N>; 2], new: N, rank: impl Fn(N) -> K) {
    let before = |held: Option<N>| held.is_none_or(|held| rank(new) < rank(held));
    if before(best[0]) {
        best[1] = best[0];
        best[0] = Some(new);
    } else if before(best[1]) {
        best[1] = Some(new);
    }
}

/// The better one of two parents, or of two clients.
pub(super) fn better<'a>(
    a: Option<Node<'a>>,
    b: Option<Node<'a>>,
    as_parent: bool,
) -> Option<Node<'a>> {
    let rank = |node: &Node<'_>| (as_parent && node.kind != SpanKind::Server, node.hash);
    a.into_iter().chain(b).min_by_key(|node| rank(node))
}

/// What was decided of a trace.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct StoredDecision {
    pub(crate) kept: bool,
    pub(crate) policy: String,
    pub(crate) weight: Option<f64>,
}

/// The spans of a trace that are stored or were dropped, as far as the days that were looked at hold
/// them.
#[derive(Debug, Default)]
pub(crate) struct KnownTrace {
    segments: HashSet<i64>,
    hashes: HashSet<SpanHash>,
    /// Numbers of the decisions that were read.
    decisions: HashSet<i64>,
    /// Of these, the ones that dropped spans.
    dropping: Vec<i64>,
    decision: Option<StoredDecision>,
    /// Places of dropped spans among the nodes.
    dropped: HashMap<DroppedSpan, u32>,
    nodes: Vec<StoredNode>,
    services: Vec<Box<str>>,
    by_id: HashedMap<Candidates<u32>>,
    servers: HashedMap<Vec<u32>>,
    children: HashedMap<Vec<u32>>,
}

#[derive(Debug, Clone, Copy)]
struct StoredNode {
    hash: SpanHash,
    id: SpanId,
    parent: Option<SpanId>,
    service: u32,
    kind: SpanKind,
    start: UnixNanos,
    duration: u64,
    error: bool,
}

impl KnownTrace {
    /// Adds the spans of a stored segment, once.
    pub(crate) fn add_segment(&mut self, segment: i64, tenant: &str, batch: &SpanBatch<'_>) {
        if !self.segments.insert(segment) {
            return;
        }
        let mut hasher = IdentityHasher::new(tenant, batch);
        let mut services = ServiceNames::new(batch);
        for span in &batch.spans {
            let node = Node::new(hasher.span(span), services.of(span), span);
            if self.hashes.insert(node.hash) {
                self.push(&node);
            }
        }
    }

    /// Adds what a stored decision says, once, with what it remembers of dropped spans.
    pub(crate) fn add_decision(
        &mut self,
        number: i64,
        decision: StoredDecision,
        dropped: Option<&[u8]>,
    ) -> Result<(), DecodeError> {
        if !self.decisions.insert(number) {
            return Ok(());
        }
        self.dropping.extend(dropped.map(|_| number));
        let nodes = dropped.map(dropped::decode).transpose()?;
        for node in nodes.unwrap_or_default() {
            let span = dropped_span(node.id, node.hash);
            if !self.dropped.contains_key(&span) {
                self.dropped.insert(span, self.nodes.len() as u32);
                self.push(&node);
            }
        }
        self.decision.get_or_insert(decision);
        Ok(())
    }

    fn push(&mut self, node: &Node<'_>) {
        let place = self.nodes.len() as u32;
        let service = self.service(node.service);
        self.nodes.push(StoredNode {
            hash: node.hash,
            id: node.id,
            parent: node.parent,
            service,
            kind: node.kind,
            start: node.start,
            duration: node.duration,
            error: node.error,
        });
        let (nodes, services) = (&self.nodes, &self.services);
        let candidates = self.by_id.entry(number(node.id)).or_default();
        candidates.add(place, |at| resolve(nodes, services, at));
        if node.kind == SpanKind::Server {
            self.servers.entry(number(node.id)).or_default().push(place);
        }
        if let Some(parent) = node.parent {
            self.children.entry(number(parent)).or_default().push(place);
        }
    }

    /// A trace has few services: looking through them beats a map.
    fn service(&mut self, name: &str) -> u32 {
        let known = self.services.iter().position(|known| **known == *name);
        known.unwrap_or_else(|| {
            self.services.push(name.into());
            self.services.len() - 1
        }) as u32
    }

    /// Whether the span is stored, or was dropped.
    pub(crate) fn holds(&self, id: SpanId, hash: SpanHash) -> bool {
        self.stores(hash) || self.has_dropped(id, hash)
    }

    /// Whether the span is stored.
    pub(crate) fn stores(&self, hash: SpanHash) -> bool {
        self.hashes.contains(&hash)
    }

    /// Whether the span was dropped.
    pub(crate) fn has_dropped(&self, id: SpanId, hash: SpanHash) -> bool {
        self.dropped.contains_key(&dropped_span(id, hash))
    }

    /// The decisions that dropped spans.
    pub(crate) fn dropping(&self) -> &[i64] {
        &self.dropping
    }

    /// The dropped spans that are not among these.
    pub(crate) fn dropped_but(&self, others: &HashSet<DroppedSpan>) -> Vec<Node<'_>> {
        let left = self
            .dropped
            .iter()
            .filter(|(span, _)| !others.contains(span));
        let mut places: Vec<u32> = left.map(|(_, place)| *place).collect();
        places.sort_unstable();
        places.into_iter().map(|place| self.node(place)).collect()
    }

    /// Whether spans of it are stored.
    pub(crate) fn is_stored(&self) -> bool {
        !self.hashes.is_empty()
    }

    /// What was decided of it first.
    pub(crate) fn decision(&self) -> Option<&StoredDecision> {
        self.decision.as_ref()
    }

    /// The decisions that it comes from.
    pub(crate) fn decisions(&self) -> impl Iterator<Item = i64> {
        self.decisions.iter().copied()
    }

    /// How many spans are known.
    pub(crate) fn len(&self) -> usize {
        self.nodes.len()
    }

    /// The segments that they come from.
    pub(crate) fn segments(&self) -> impl Iterator<Item = i64> {
        self.segments.iter().copied()
    }

    pub(super) fn node(&self, at: u32) -> Node<'_> {
        resolve(&self.nodes, &self.services, at)
    }

    pub(super) fn with_id(&self, id: SpanId) -> Option<&Candidates<u32>> {
        self.by_id.get(&number(id))
    }

    /// Spans whose edge may change once a span of this id arrives.
    pub(super) fn affected_by(&self, id: SpanId) -> impl Iterator<Item = u32> {
        let children = self.children.get(&number(id)).into_iter().flatten();
        let shared = self.servers.get(&number(id)).into_iter().flatten();
        children.chain(shared).copied()
    }
}

fn resolve<'k>(nodes: &[StoredNode], services: &'k [Box<str>], at: u32) -> Node<'k> {
    let stored = &nodes[at as usize];
    Node {
        hash: stored.hash,
        id: stored.id,
        parent: stored.parent,
        service: &services[stored.service as usize],
        kind: stored.kind,
        start: stored.start,
        duration: stored.duration,
        error: stored.error,
    }
}
