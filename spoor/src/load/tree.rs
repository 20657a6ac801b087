//! Which spans a trace has and how they hang together, before they get names and times.

use rand::{Rng, seq::IndexedRandom};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, LogNormal};

use super::shop::{self, SERVICES, Store};

/// What a span does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Serves an HTTP request.
    Server,
    /// Makes one.
    Client,
    /// Asks a database.
    Query,
    /// Works inside the service.
    Internal,
    /// Sends a message.
    Producer,
    /// Handles a message.
    Consumer,
}

/// A span to be.
#[derive(Debug, Clone, Copy)]
pub struct Node {
    /// Index in [`SERVICES`].
    pub service: usize,
    /// Which of the service's processes.
    pub instance: usize,
    /// Index of the parent in the tree; always lower than its own.
    pub parent: Option<usize>,
    /// What it does.
    pub role: Role,
    /// Picks the operation among those of the service.
    pub operation: usize,
}

/// Most spans of a trace.
const MAX_SPANS: usize = 3_000;

/// Draws a size with a long tail: median 12, mean about 30, one in a hundred above 250.
fn size(rng: &mut ChaCha8Rng) -> usize {
    // The parameters are constants that the distribution accepts.
    let sizes = LogNormal::new(12f64.ln(), 1.32)
        .map(|sizes| sizes.sample(rng))
        .unwrap_or(12.0);
    (sizes as usize).clamp(1, MAX_SPANS)
}

/// Grows the tree of one trace, of so many spans if they are told.
pub fn grow(rng: &mut ChaCha8Rng, spans: Option<usize>) -> Vec<Node> {
    let target = spans.unwrap_or_else(|| size(rng));
    let by_message = rng.random_bool(0.1);
    let starts = shop::indices(|one| if by_message { one.worker } else { one.edge });
    let role = if by_message {
        Role::Consumer
    } else {
        Role::Server
    };
    let start = *starts.choose(rng).unwrap_or(&0);
    let mut tree = vec![node(rng, start, None, role)];
    let mut next = 0;
    while tree.len() < target {
        let places = tree.len();
        let at = if next < places {
            next
        } else {
            rng.random_range(0..places)
        };
        next += 1;
        if matches!(
            tree[at].role,
            Role::Server | Role::Consumer | Role::Internal
        ) {
            for _ in 0..rng.random_range(1..=4) {
                branch(rng, &mut tree, at);
            }
        } else if next > places && tree.len() == places && places == 1 {
            break;
        }
    }
    tree.truncate(target.max(1));
    tree
}

fn node(rng: &mut ChaCha8Rng, service: usize, parent: Option<usize>, role: Role) -> Node {
    let instance = rng.random_range(0..shop::instances(service));
    Node {
        service,
        instance,
        parent,
        role,
        operation: rng.random_range(0..1 << 16),
    }
}

/// Adds a child, with the remote half where there is one.
fn branch(rng: &mut ChaCha8Rng, tree: &mut Vec<Node>, at: usize) {
    let here = Node {
        parent: Some(at),
        ..tree[at]
    };
    let service = &SERVICES[here.service];
    let operation = rng.random_range(0..1 << 16);
    match rng.random_range(0..100) {
        0..=34 if service.store != Store::None => {
            tree.push(Node {
                role: Role::Query,
                operation,
                ..here
            });
        }
        0..=79 if !service.calls.is_empty() => {
            tree.push(Node {
                role: Role::Client,
                operation,
                ..here
            });
            let callee = *service.calls.choose(rng).unwrap_or(&here.service);
            let caller = tree.len() - 1;
            let mut server = node(rng, callee, Some(caller), Role::Server);
            server.operation = operation;
            tree.push(server);
        }
        80..=85 => {
            tree.push(Node {
                role: Role::Producer,
                operation,
                ..here
            });
            let workers = shop::indices(|one| one.worker);
            let producer = tree.len() - 1;
            let handler = *workers.choose(rng).unwrap_or(&here.service);
            tree.push(node(rng, handler, Some(producer), Role::Consumer));
        }
        _ => tree.push(Node {
            role: Role::Internal,
            operation,
            ..here
        }),
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;

    #[test]
    fn sizes_have_a_long_tail() {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let mut sizes: Vec<usize> = (0..2_000).map(|_| grow(&mut rng, None).len()).collect();
        sizes.sort_unstable();
        let (median, most) = (sizes[1_000], sizes[1_999]);
        assert!(
            (9..=15).contains(&median) && most > 500,
            "median {median}, most {most}"
        );
    }

    #[test]
    fn parents_come_before_their_children() {
        let tree = grow(&mut ChaCha8Rng::seed_from_u64(2), None);
        assert!(
            tree.iter()
                .enumerate()
                .all(|(i, node)| node.parent.is_none_or(|p| p < i))
        );
    }
}
