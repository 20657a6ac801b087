//! Corrects hosts whose clocks go wrong, judged by parents and children that do not fit.

use std::time::Duration;

use foldhash::{HashMap, HashMapExt};
use model::{Resource, SpanId, Trace, Value, canonical_string};

use super::Warnings;
use crate::go;

/// Shifts spans (with their events) whose host's clock disagrees with their parent's.
///
/// Where parent and child are of different or unknown hosts: a child longer than its parent is
/// moved only so far that it does not start before it; one that fits is left alone; any other is
/// put in the middle of the parent. The shift holds for its descendants on the same host. A shift
/// of more than `max_skew` is not made but told in a warning.
pub(super) fn adjust(trace: &mut Trace, max_skew: Duration, warnings: &mut Warnings) {
    let mut forest = Forest::of(trace, warnings);
    let max_skew = i64::try_from(max_skew.as_nanos()).unwrap_or(i64::MAX);
    forest.walk(|node, shift| {
        if shift == 0 {
            return false;
        }
        let (applied, words) = verdict(shift, max_skew);
        warnings.add(node, words);
        applied
    });
    let shifts = forest.nodes.iter().map(|node| node.applied);
    for (span, shift) in trace.spans_mut().zip(shifts) {
        if shift != 0 {
            span.start = shifted(span.start, shift);
            span.end = shifted(span.end, shift);
            for event in &mut span.events {
                event.time = shifted(event.time, shift);
            }
        }
    }
}

/// Whether a shift is made, and what is said about it.
fn verdict(shift: i64, max_skew: i64) -> (bool, String) {
    let delta = go::duration::format(shift);
    if shift.unsigned_abs() <= max_skew.unsigned_abs() {
        let words = format!("This span's timestamps were adjusted by {delta}");
        return (true, words);
    }
    let words = if max_skew == 0 {
        format!("clock skew adjustment disabled; not applying calculated delta of {delta}")
    } else {
        let most = go::duration::format(max_skew);
        format!(
            "max clock skew adjustment delta of {most} exceeded; not applying calculated delta of {delta}"
        )
    };
    (false, words)
}

fn shifted(at: u64, shift: i64) -> u64 {
    at.saturating_add_signed(shift).min(i64::MAX as u64)
}

/// The spans of a trace as trees.
struct Forest {
    nodes: Vec<Node>,
    roots: Vec<usize>,
}

/// One span, at its position in the trace.
struct Node {
    /// The number of its host, 0 for unknown.
    host: usize,
    start: i64,
    end: i64,
    /// What was added to start and end.
    applied: i64,
    children: Vec<usize>,
}

impl Forest {
    /// The trees of a trace. Spans that repeat an id are left out, spans without their parent are
    /// roots; both with a warning. Spans in a circle hang on no root and are never visited.
    fn of(trace: &Trace, warnings: &mut Warnings) -> Self {
        let mut hosts = Hosts::default();
        let mut nodes = Vec::with_capacity(trace.span_count());
        for of_resource in &trace.resources {
            let host = hosts.number(host_key(&of_resource.resource));
            for span in of_resource.scopes.iter().flat_map(|of| &of.spans) {
                nodes.push(Node {
                    host,
                    start: span.start as i64,
                    end: span.end as i64,
                    applied: 0,
                    children: Vec::new(),
                });
            }
        }
        let roots = link(trace, &mut nodes, warnings);
        Self { nodes, roots }
    }

    /// Visits each tree, parents before children, and asks whether to make the shift.
    fn walk(&mut self, mut decide: impl FnMut(usize, i64) -> bool) {
        // What is still to visit: node, parent, and the shift and host that its parent hands on.
        let mut pending: Vec<(usize, Option<usize>, i64, usize)> = Vec::new();
        for root in std::mem::take(&mut self.roots) {
            pending.push((root, None, 0, self.nodes[root].host));
            while let Some((index, parent, mut shift, mut host)) = pending.pop() {
                let own_host = self.nodes[index].host;
                if let Some(parent) = parent.filter(|_| own_host != host || own_host == 0) {
                    host = own_host;
                    shift = skew(&self.nodes[index], &self.nodes[parent]);
                }
                let node = &mut self.nodes[index];
                if decide(index, shift) {
                    node.applied = shift;
                    node.start = node.start.saturating_add(shift);
                    node.end = node.end.saturating_add(shift);
                }
                let children = std::mem::take(&mut node.children);
                pending.extend(
                    children
                        .into_iter()
                        .rev()
                        .map(|of| (of, Some(index), shift, host)),
                );
            }
        }
    }
}

/// Hangs each node on its parent. Returns the roots, in stored order.
fn link(trace: &Trace, nodes: &mut [Node], warnings: &mut Warnings) -> Vec<usize> {
    let mut by_id: HashMap<SpanId, usize> = HashMap::with_capacity(nodes.len());
    let mut first_of_id = vec![true; nodes.len()];
    for (position, (_, _, span)) in trace.spans().enumerate() {
        if *by_id.entry(span.span_id).or_insert(position) != position {
            first_of_id[position] = false;
            warnings.add(
                position,
                "duplicate span IDs; skipping clock skew adjustment",
            );
        }
    }
    let mut roots = Vec::new();
    for (position, (_, _, span)) in trace.spans().enumerate() {
        if !first_of_id[position] {
            continue;
        }
        match span
            .parent_span_id
            .map(|parent| (parent, by_id.get(&parent)))
        {
            Some((_, Some(parent))) => nodes[*parent].children.push(position),
            Some((parent, None)) => {
                let words = "is not in the trace; skipping clock skew adjustment";
                warnings.add(position, format!("parent span ID={parent} {words}"));
                roots.push(position);
            }
            None => roots.push(position),
        }
    }
    roots
}

/// What to add to a child's times so that it fits its parent's.
fn skew(child: &Node, parent: &Node) -> i64 {
    let parent_duration = parent.end.saturating_sub(parent.start);
    let child_duration = child.end.saturating_sub(child.start);
    let late = parent.start.saturating_sub(child.start);
    if child_duration > parent_duration {
        // It ran on after the parent gave up, or was never waited for.
        return late.max(0);
    }
    if child.start >= parent.start && child.end <= parent.end {
        return 0;
    }
    // The way there and the way back are taken to be equally long.
    late.saturating_add((parent_duration - child_duration) / 2)
}

/// Numbers for host keys; 0 is "unknown".
#[derive(Default)]
struct Hosts(HashMap<String, usize>);

impl Hosts {
    fn number(&mut self, key: String) -> usize {
        if key.is_empty() {
            return 0;
        }
        let next = self.0.len() + 1;
        *self.0.entry(key).or_insert(next)
    }
}

/// What tells hosts apart: `host.id`, else the first `host.ip`, else `host.name`.
fn host_key(resource: &Resource) -> String {
    let find = |key: &str| {
        resource
            .attributes
            .iter()
            .find(|attribute| attribute.key == key)
    };
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    if let Some(id) = find("host.id") {
        return text(&id.value);
    }
    match find("host.ip").map(|ip| &ip.value) {
        Some(Value::String(ip)) => return ip.clone(),
        Some(Value::Array(ips)) if !ips.is_empty() => {
            return canonical_string(&ips[0]).into_owned();
        }
        _ => {}
    }
    find("host.name")
        .map(|name| text(&name.value))
        .unwrap_or_default()
}

#[cfg(test)]
mod tests;
