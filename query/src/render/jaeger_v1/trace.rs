//! One trace: its spans, then the processes that they name.

use std::collections::{BTreeMap, HashMap};

use model::Resource;

use super::{span, tags, trace_id};
use crate::adjust::Adjusted;
use crate::go::json;
use crate::render::jaeger_model::process_tags;
use crate::render::{Gone, Output};

/// Writes a trace. Its own `warnings` are always null: every warning is on a span.
pub(super) fn trace(out: &mut Output, adjusted: &Adjusted) -> Result<(), Gone> {
    let id = &adjusted.trace.id;
    out.buffer().extend_from_slice(b"{\"traceID\":");
    trace_id(out.buffer(), id);
    out.buffer().extend_from_slice(b",\"spans\":[");
    let mut processes = Processes::default();
    let mut position = 0;
    for of_resource in &adjusted.trace.resources {
        let process = processes.key(&of_resource.resource);
        for of_scope in &of_resource.scopes {
            for one in &of_scope.spans {
                if position > 0 {
                    out.buffer().push(b',');
                }
                let warnings = adjusted.warnings.of(position);
                span::span(out.buffer(), one, &of_scope.scope, &process, warnings);
                out.pass_on()?;
                position += 1;
            }
        }
    }
    out.buffer().extend_from_slice(b"],\"processes\":");
    processes.write(out.buffer());
    out.buffer().extend_from_slice(b",\"warnings\":null}");
    out.pass_on()
}

/// Processes by what they look like; numbered in order of first appearance.
#[derive(Default)]
struct Processes {
    keys: HashMap<Vec<u8>, String>,
}

impl Processes {
    fn key(&mut self, resource: &Resource) -> String {
        let mut rendered = Vec::new();
        process(&mut rendered, resource);
        let next = self.keys.len() + 1;
        let key = self.keys.entry(rendered);
        key.or_insert_with(|| format!("p{next}")).clone()
    }

    /// Go writes maps in the order of their keys as text: `p1`, `p10`, `p2`.
    fn write(&self, out: &mut Vec<u8>) {
        let by_key: BTreeMap<&String, &Vec<u8>> = self
            .keys
            .iter()
            .map(|(rendered, key)| (key, rendered))
            .collect();
        out.push(b'{');
        for (index, (key, rendered)) in by_key.into_iter().enumerate() {
            if index > 0 {
                out.push(b',');
            }
            json::name(out, key);
            out.extend_from_slice(rendered);
        }
        out.push(b'}');
    }
}

fn process(out: &mut Vec<u8>, resource: &Resource) {
    out.extend_from_slice(b"{\"serviceName\":");
    json::string(out, resource.service_name());
    out.extend_from_slice(b",\"tags\":");
    json::list(out, process_tags(resource), tags::tag);
    out.push(b'}');
}
