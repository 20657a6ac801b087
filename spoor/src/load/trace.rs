//! The spans of one trace: names, times, failures and links on the tree that it has grown.

use opentelemetry_proto::tonic::trace::v1::span::{Link, SpanKind};
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;
use opentelemetry_proto::tonic::trace::v1::{Span, Status};
use rand::Rng;
use rand_chacha::ChaCha8Rng;

use super::attributes;
use super::traffic::Recipe;
use super::tree::{self, Node, Role};

/// The spans of one trace, each with its place in the tree; a parent before its children.
pub fn spans(
    recipe: &Recipe,
    window: u64,
    index: u64,
    base: u64,
    rng: &mut ChaCha8Rng,
) -> Vec<(Node, Span)> {
    let id = recipe.trace_id(window, index);
    let nodes = tree::grow(rng, recipe.shape.trace_spans);
    let failed = failures(&nodes, rng);
    let mut spans: Vec<(Node, Span)> = Vec::with_capacity(nodes.len());
    for (at, node) in nodes.iter().enumerate() {
        let parent = node.parent.map(|parent| &spans[parent].1);
        let (start, end) = times(parent, base, rng);
        let (name, mut attributes) = attributes::describe(node, failed[at], rng);
        let unique = 0..recipe.shape.unique_attributes;
        attributes.extend(unique.map(|number| attributes::unique(number, rng)));
        let parent_span_id = parent.map_or_else(Vec::new, |parent| parent.span_id.clone());
        let links = links(node, parent, recipe, window, index, rng);
        let mut span = Span {
            trace_id: id.to_vec(),
            span_id: rng.random_range(1..=u64::MAX).to_be_bytes().to_vec(),
            parent_span_id,
            flags: 0x101,
            name,
            kind: kind(node.role) as i32,
            start_time_unix_nano: start,
            end_time_unix_nano: end,
            attributes,
            links,
            ..Default::default()
        };
        if failed[at] {
            span.events
                .push(attributes::exception(node.service, end, rng));
            span.status = Some(Status {
                message: "upstream failed".to_owned(),
                code: StatusCode::Error as i32,
            });
        }
        spans.push((*node, span));
    }
    spans
}

/// Which spans fail: one leaf in fifty, and half of the time the span that waited for it.
fn failures(nodes: &[Node], rng: &mut ChaCha8Rng) -> Vec<bool> {
    let mut failed: Vec<bool> = nodes.iter().map(|_| rng.random_bool(0.01)).collect();
    for at in (0..nodes.len()).rev() {
        if let Some(parent) = nodes[at].parent
            && failed[at]
        {
            failed[parent] |= rng.random_bool(0.5);
        }
    }
    failed
}

/// Start and end within the parent; a root takes 5 ms to 2 s and ends at about `base`.
fn times(parent: Option<&Span>, base: u64, rng: &mut ChaCha8Rng) -> (u64, u64) {
    match parent {
        None => {
            let duration = 5_000_000 * (1 + rng.random_range(0u64..20).pow(2));
            (base - duration - rng.random_range(0..50_000_000), base)
        }
        Some(parent) => {
            let room = parent.end_time_unix_nano - parent.start_time_unix_nano;
            let start = parent.start_time_unix_nano + rng.random_range(0..=room / 2);
            let longest = parent.end_time_unix_nano - start;
            (start, start + rng.random_range(longest / 4..=longest))
        }
    }
}

/// A handler links to the message it handles, and now and then to one of the trace before.
fn links(
    node: &Node,
    parent: Option<&Span>,
    recipe: &Recipe,
    window: u64,
    index: u64,
    rng: &mut ChaCha8Rng,
) -> Vec<Link> {
    if node.role != Role::Consumer {
        return Vec::new();
    }
    let of_parent = parent.map(|parent| (parent.trace_id.clone(), parent.span_id.clone()));
    let earlier = index
        .checked_sub(1)
        .filter(|_| rng.random_bool(0.3))
        .map(|index| {
            (
                recipe.trace_id(window, index).to_vec(),
                (index + 1).to_be_bytes().to_vec(),
            )
        });
    let link = |(trace_id, span_id)| Link {
        trace_id,
        span_id,
        flags: 1,
        ..Default::default()
    };
    of_parent.into_iter().chain(earlier).map(link).collect()
}

fn kind(role: Role) -> SpanKind {
    match role {
        Role::Server => SpanKind::Server,
        Role::Client | Role::Query => SpanKind::Client,
        Role::Internal => SpanKind::Internal,
        Role::Producer => SpanKind::Producer,
        Role::Consumer => SpanKind::Consumer,
    }
}
