//! Seeded traffic: the same seed, window and base time make the same spans, byte for byte.
//!
//! A window is some dozens of traces that run at the same time. Its spans reach the collector as
//! they would from real SDKs: each process exports its own, so a trace is spread over several
//! requests, and a request carries spans of many traces.

use std::collections::BTreeMap;

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::trace::v1::Span;
use rand::{Rng, SeedableRng, seq::SliceRandom};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use super::pack::{self, Process};
use super::shape::Shape;
use super::tree::Node;
use super::{Protocol, carry, trace};

/// What traffic is made from, but for its times.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Recipe {
    /// Seed of everything, but for ids of traces if they have their own.
    pub seed: u64,
    /// Seed of the ids of traces.
    #[serde(default)]
    pub ids: Option<u64>,
    /// How it is sent.
    #[serde(default)]
    pub protocol: Protocol,
    /// What it is brought down to, if not to what `protocol` can carry.
    #[serde(default)]
    pub within: Option<Protocol>,
    /// What else it is like.
    #[serde(default)]
    pub shape: Shape,
}

impl Recipe {
    /// The id of a trace, known before the trace is made, so that others can link to it.
    pub fn trace_id(&self, window: u64, index: u64) -> [u8; 16] {
        trace_id(self.ids.unwrap_or(self.seed), window, index)
    }

    /// Traces of one window.
    pub fn traces_per_window(&self) -> u64 {
        self.shape.traces_per_window()
    }

    /// Makes a window whose traces end at about `base` (nanoseconds since 1970).
    pub fn window(&self, number: u64, base: u64) -> Window {
        let made = window(self, number, base);
        let within = self.within.unwrap_or(self.protocol);
        let requests = made.requests.into_iter();
        let requests = requests.flat_map(|request| self.split(request));
        Window {
            requests: requests
                .map(|request| carry::carried(within, request))
                .collect(),
        }
    }

    /// Requests that the protocol has a form for: Jaeger's Thrift takes one process at a time.
    fn split(&self, request: ExportTraceServiceRequest) -> Vec<ExportTraceServiceRequest> {
        if self.protocol != Protocol::JaegerThrift {
            return vec![request];
        }
        let of_resources = request.resource_spans.into_iter();
        let each = |of_resource| ExportTraceServiceRequest {
            resource_spans: vec![of_resource],
        };
        of_resources.map(each).collect()
    }
}

/// One window of traffic.
pub struct Window {
    /// What is exported, in the order of sending.
    pub requests: Vec<ExportTraceServiceRequest>,
}

fn trace_id(seed: u64, window: u64, index: u64) -> [u8; 16] {
    // Words of one key stream, four for each id: no two places, and no two seeds, share any.
    let mut stream = ChaCha8Rng::seed_from_u64(seed);
    stream.set_stream(window);
    stream.set_word_pos(4 * u128::from(index));
    stream.random()
}

fn window(recipe: &Recipe, number: u64, base: u64) -> Window {
    let mut rng = ChaCha8Rng::seed_from_u64(recipe.seed.rotate_left(32) ^ number);
    let mut by_process: BTreeMap<Process, Vec<(Node, Span)>> = BTreeMap::new();
    for index in 0..recipe.traces_per_window() {
        let shop = (number * recipe.traces_per_window() + index) % recipe.shape.shops.max(1);
        for (node, span) in trace::spans(recipe, number, index, base, &mut rng) {
            let process = Process {
                shop,
                service: node.service,
                instance: node.instance,
            };
            by_process.entry(process).or_default().push((node, span));
        }
    }
    let mut requests = pack::requests(by_process);
    requests.shuffle(&mut rng);
    Window { requests }
}

#[cfg(test)]
mod tests {
    use prost::Message;

    use super::*;

    const BASE: u64 = 1_700_000_000_000_000_000;

    fn of_seed(seed: u64, number: u64) -> Window {
        let recipe = Recipe {
            seed,
            ..Recipe::default()
        };
        recipe.window(number, BASE)
    }

    fn encoded(window: &Window) -> Vec<Vec<u8>> {
        window.requests.iter().map(Message::encode_to_vec).collect()
    }

    #[test]
    fn the_same_seed_makes_the_same_bytes() {
        assert_eq!(encoded(&of_seed(7, 3)), encoded(&of_seed(7, 3)));
        assert_ne!(encoded(&of_seed(7, 3)), encoded(&of_seed(8, 3)));
    }

    #[test]
    fn a_seed_of_ids_changes_the_ids_of_traces_and_nothing_else() {
        let recipe = Recipe {
            seed: 7,
            ids: Some(9),
            ..Recipe::default()
        };
        let spans = |window: Window| {
            let of_resources = window.requests.into_iter().flat_map(|of| of.resource_spans);
            let scopes = of_resources.flat_map(|of| of.scope_spans);
            scopes.flat_map(|of| of.spans).collect::<Vec<_>>()
        };
        let (mut one, mut other) = (spans(recipe.window(3, BASE)), spans(of_seed(7, 3)));
        for (a, b) in one.iter().zip(&other) {
            assert_ne!(a.trace_id, b.trace_id);
        }
        for span in one.iter_mut().chain(&mut other) {
            span.trace_id.clear();
            span.links.iter_mut().for_each(|link| link.trace_id.clear());
        }
        assert_eq!(one, other);
    }

    #[test]
    fn no_two_traces_of_any_seeds_share_an_id() {
        let places = (0..8).flat_map(|seed| (0..200).map(move |window| (seed, window)));
        let ids = places
            .flat_map(|(seed, window)| (0..40).map(move |index| trace_id(seed, window, index)));
        let different: std::collections::HashSet<[u8; 16]> = ids.collect();
        assert_eq!(different.len() as u64, 8 * 200 * 40);
    }

    #[test]
    fn traffic_has_the_shape_that_was_asked_for() {
        let shape = Shape {
            shops: 3,
            trace_spans: Some(500),
            unique_attributes: 2,
        };
        let recipe = Recipe {
            shape,
            ..Recipe::default()
        };
        let (mut spans, mut traces, mut services) = (0, BTreeMap::new(), Vec::new());
        for of in recipe
            .window(1, BASE)
            .requests
            .iter()
            .flat_map(|of| &of.resource_spans)
        {
            let name = format!(
                "{:?}",
                of.resource.as_ref().map(|one| &one.attributes[0].value)
            );
            services.push(name);
            for span in of.scope_spans.iter().flat_map(|of| &of.spans) {
                let unique = span
                    .attributes
                    .iter()
                    .filter(|one| one.key.starts_with("app.unique."));
                assert_eq!(unique.count(), 2);
                *traces.entry(span.trace_id.clone()).or_insert(0) += 1;
                spans += 1;
            }
        }
        assert_eq!((spans, traces.len()), (10_000, 20));
        assert!(traces.values().all(|spans| *spans == 500));
        for shop in ["-1\"", "-2\""] {
            assert!(
                services.iter().any(|name| name.contains(shop)),
                "{services:?}"
            );
        }
    }

    #[test]
    fn spans_are_about_as_large_as_real_ones() {
        let requests = (0..20).flat_map(|number| of_seed(1, number).requests);
        let (mut spans, mut bytes) = (0, 0);
        for request in requests {
            bytes += request.encoded_len();
            spans += super::super::span_count(&request);
        }
        assert!(
            (350..700).contains(&(bytes / spans)),
            "{} bytes a span",
            bytes / spans
        );
    }
}
