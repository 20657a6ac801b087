//! What is remembered of spans that tail sampling drops: as much as tells that one comes again, and
//! as edges and series need of it. Some 20 bytes a span.
//!
//! Exactness: a span that comes again is known by its id and the first 32 bits of its identity.
//! Another span of the same trace and tenant is taken for it only if it has the same id, as
//! Zipkin's client and server have, and by a chance of one in 2^32. Starts are kept to the minute.

use std::collections::HashMap;

use model::{NANOS_PER_MINUTE, SpanHash, SpanId, SpanKind};

use super::Node;
use super::node::number;
use crate::payload::{Cursor, DecodeError, put, put_signed};

const VERSION: u8 = 1;

/// Bits of a span's head byte.
mod head {
    pub(super) const KIND: u8 = 0b111;
    pub(super) const ERROR: u8 = 1 << 3;
    /// The parent is named by its place in the row.
    pub(super) const PARENT_HERE: u8 = 1 << 4;
    /// The parent is named by its id.
    pub(super) const PARENT_ELSEWHERE: u8 = 1 << 5;
}

/// What tells a dropped span from others of its trace.
pub(crate) type DroppedSpan = (u64, u32);

/// By which a dropped span is known.
pub(crate) fn dropped_span(id: SpanId, hash: SpanHash) -> DroppedSpan {
    (number(id), (hash.0 >> 96) as u32)
}

/// Appends what is remembered of these spans.
pub(crate) fn encode(nodes: &[Node<'_>], out: &mut Vec<u8>) {
    let minute = |node: &Node<'_>| (node.start / NANOS_PER_MINUTE) as i64;
    let base = nodes.first().map_or(0, minute);
    let mut services: Vec<&str> = nodes.iter().map(|node| node.service).collect();
    services.sort_unstable();
    services.dedup();
    let places: HashMap<SpanId, usize> = nodes.iter().zip(0..).map(|(n, at)| (n.id, at)).collect();
    out.push(VERSION);
    put(base as u64, out);
    put(services.len() as u64, out);
    for service in &services {
        put(service.len() as u64, out);
        out.extend_from_slice(service.as_bytes());
    }
    put(nodes.len() as u64, out);
    for node in nodes {
        let here = node.parent.and_then(|parent| places.get(&parent));
        let parent = match (here, node.parent) {
            (Some(_), _) => head::PARENT_HERE,
            (None, Some(_)) => head::PARENT_ELSEWHERE,
            (None, None) => 0,
        };
        let error = if node.error { head::ERROR } else { 0 };
        out.push(node.kind.number() | error | parent);
        out.extend_from_slice(node.id.as_bytes());
        out.extend_from_slice(&dropped_span(node.id, node.hash).1.to_be_bytes());
        match (here, node.parent) {
            (Some(place), _) => put(*place as u64, out),
            (None, Some(id)) => out.extend_from_slice(id.as_bytes()),
            (None, None) => {}
        }
        let service = services.binary_search(&node.service);
        put(service.unwrap_or_default() as u64, out);
        put_signed(minute(node) - base, out);
        put(node.duration, out);
    }
}

/// A span as it was written, its parent still as it is named there.
enum Parent {
    None,
    Here(usize),
    Elsewhere(SpanId),
}

/// The spans of a row. Their identities have the remembered bits alone.
pub(crate) fn decode(bytes: &[u8]) -> Result<Vec<Node<'_>>, DecodeError> {
    let mut cursor = Cursor(bytes);
    let version = cursor.byte()?;
    if version != VERSION {
        return Err(DecodeError::Version(version));
    }
    let base = cursor.number()? as i64;
    let services = cursor.count()?;
    let mut names = Vec::with_capacity(services);
    for _ in 0..services {
        let len = cursor.count()?;
        let name = std::str::from_utf8(cursor.bytes(len)?);
        names.push(name.map_err(|_| DecodeError::Impossible("service"))?);
    }
    let count = cursor.count()?;
    let mut nodes: Vec<Node<'_>> = Vec::with_capacity(count);
    let mut parents = Vec::with_capacity(count);
    for _ in 0..count {
        let (node, parent) = node(&mut cursor, base, &names)?;
        nodes.push(node);
        parents.push(parent);
    }
    for (at, parent) in parents.into_iter().enumerate() {
        nodes[at].parent = match parent {
            Parent::None => None,
            Parent::Elsewhere(id) => Some(id),
            Parent::Here(place) => {
                let parent = nodes.get(place).ok_or(DecodeError::Impossible("parent"))?;
                Some(parent.id)
            }
        };
    }
    Ok(nodes)
}

fn node<'a>(
    cursor: &mut Cursor<'a>,
    base: i64,
    services: &[&'a str],
) -> Result<(Node<'a>, Parent), DecodeError> {
    let head = cursor.byte()?;
    let kind = SpanKind::from_number(i64::from(head & head::KIND));
    let id = span_id(cursor)?;
    let hash = u32::from_be_bytes(cursor.array()?);
    let parent = if head & head::PARENT_HERE != 0 {
        Parent::Here(cursor.small()? as usize)
    } else if head & head::PARENT_ELSEWHERE != 0 {
        Parent::Elsewhere(span_id(cursor)?)
    } else {
        Parent::None
    };
    let service = services.get(cursor.small()? as usize);
    let minute = base.saturating_add(cursor.signed()?).max(0) as u64;
    let node = Node {
        hash: SpanHash(u128::from(hash) << 96),
        id,
        parent: None,
        service: service.ok_or(DecodeError::Impossible("service"))?,
        kind: kind.ok_or(DecodeError::Impossible("kind"))?,
        start: minute.saturating_mul(NANOS_PER_MINUTE),
        duration: cursor.number()?,
        error: head & head::ERROR != 0,
    };
    Ok((node, parent))
}

fn span_id(cursor: &mut Cursor<'_>) -> Result<SpanId, DecodeError> {
    SpanId::new(cursor.array()?).ok_or(DecodeError::Impossible("span id"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn any_node() -> impl Strategy<Value = Node<'static>> {
        let services = prop::sample::select(vec!["shop", "cart", "a service with a longer name"]);
        let parent = prop::option::of(1u64..20);
        let numbers = (1u64..20, any::<u128>(), 0u64..1 << 62, any::<u64>());
        (numbers, parent, services, 0i64..6, any::<bool>()).prop_map(
            |((id, hash, start, duration), parent, service, kind, error)| Node {
                hash: SpanHash(hash),
                id: SpanId::new(id.to_be_bytes()).expect("not zero"),
                parent: parent.and_then(|id| SpanId::new(id.to_be_bytes())),
                service,
                kind: SpanKind::from_number(kind).expect("a kind"),
                start,
                duration,
                error,
            },
        )
    }

    /// What is kept of a span.
    fn kept(node: &Node<'static>) -> Node<'static> {
        Node {
            hash: SpanHash(node.hash.0 >> 96 << 96),
            start: node.start - node.start % NANOS_PER_MINUTE,
            ..*node
        }
    }

    proptest! {
        #[test]
        fn what_is_remembered_reads_back(nodes in prop::collection::vec(any_node(), 0..30)) {
            let mut bytes = Vec::new();
            encode(&nodes, &mut bytes);
            let expected: Vec<Node<'_>> = nodes.iter().map(kept).collect();
            prop_assert_eq!(decode(&bytes).expect("its own bytes"), expected);
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = decode(&bytes);
        }
    }

    #[test]
    fn a_span_takes_some_twenty_bytes() {
        let node = |at: u64| Node {
            hash: SpanHash(u128::from(at) << 90),
            id: SpanId::new((at + 1).to_be_bytes()).expect("not zero"),
            parent: SpanId::new(at.to_be_bytes()),
            service: "checkout",
            kind: SpanKind::Server,
            start: 1_790_000_000_000_000_000 + at,
            duration: 3_000_000 + at,
            error: false,
        };
        let nodes: Vec<Node<'_>> = (0..100).map(node).collect();
        let mut bytes = Vec::new();
        encode(&nodes, &mut bytes);
        assert!(bytes.len() < 2_200, "{} bytes for 100 spans", bytes.len());
    }
}
