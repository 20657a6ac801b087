//! Makes traffic and hands its requests to those who send them, at the rate that was asked for, or all of it
//! before the first one is sent.

use std::time::{Duration, Instant};

use bytes::Bytes;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use tokio::sync::mpsc;

use super::{Probe, Shared, TraceId};
use crate::load::encode::encode;
use crate::load::ledger::Entry;
use crate::load::yardstick::Measuring;
use crate::load::{RunArgs, span_count};

/// A request on its way, with its place in the traffic.
pub(super) struct Outbound {
    pub(super) entry: Entry,
    pub(super) body: Bytes,
    /// Whether it carries spans of its window's probe.
    pub(super) of_probe: bool,
}

/// Makes windows of traffic and queues their requests, at the rate that was asked for.
pub(super) fn generate(
    args: &RunArgs,
    shared: &Shared,
    queue: &mpsc::Sender<Outbound>,
) -> anyhow::Result<()> {
    let mut pace = Pace::new(args.rate);
    if args.ahead {
        let windows = make_ahead(args, shared)?;
        pace = Pace::new(args.rate);
        shared.begin();
        windows
            .into_iter()
            .flatten()
            .all(|outbound| !shared.is_stopped() && pace.send(queue, outbound));
        return Ok(());
    }
    shared.begin();
    for number in 0.. {
        let wanted = args.spans.is_none_or(|most| pace.made < most)
            && args.duration.is_none_or(|longest| pace.elapsed() < longest)
            && !shared.is_stopped();
        if !wanted {
            break;
        }
        let mut requests = make_window(args, shared, number)?.into_iter();
        if !requests.all(|outbound| pace.send(queue, outbound)) {
            break;
        }
    }
    Ok(())
}

/// All traffic, before the first request is sent.
fn make_ahead(args: &RunArgs, shared: &Shared) -> anyhow::Result<Vec<Vec<Outbound>>> {
    let (mut windows, mut made, mut measuring) = (Vec::new(), 0, Measuring::new()?);
    for number in 0.. {
        if args.spans.is_none_or(|most| made >= most) || shared.is_stopped() {
            break;
        }
        let requests = make_window(args, shared, number)?;
        for request in &requests {
            made += request.entry.spans as u64;
            measuring.add(&request.body)?;
        }
        windows.push(requests);
    }
    shared.yardstick.get_or_init({
        let measured = measuring.finish()?;
        move || measured
    });
    Ok(windows)
}

/// Requests of one window, encoded.
fn make_window(args: &RunArgs, shared: &Shared, number: u64) -> anyhow::Result<Vec<Outbound>> {
    let base = args.base.unwrap_or_else(bootstrap::clock::now);
    let recipe = &shared.recipe;
    let window = recipe.window(number, base);
    if recipe.ids.is_some() {
        let ids = (0..recipe.traces_per_window()).map(|index| hex(&recipe.trace_id(number, index)));
        shared.trace_ids.blocking_lock().extend(ids);
    }
    let id = recipe.trace_id(number, number % recipe.traces_per_window());
    let counts = window.requests.iter().map(|message| spans_of(message, &id));
    let of_probe: Vec<usize> = counts.collect();
    let probe = Probe {
        id,
        spans: of_probe.iter().sum(),
        missing: of_probe.iter().filter(|spans| **spans > 0).count(),
    };
    shared.probes.blocking_lock().insert(number, probe);
    let requests = window.requests.iter().enumerate();
    requests
        .map(|(request, message)| {
            let entry = Entry {
                window: number,
                base,
                request,
                spans: span_count(message),
            };
            Ok(Outbound {
                entry,
                body: encode(args.protocol, message)?,
                of_probe: of_probe[request] > 0,
            })
        })
        .collect()
}

fn hex(id: &TraceId) -> String {
    id.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Hands requests over at a rate.
struct Pace {
    started: Instant,
    /// Spans per second; 0 is as fast as they are taken.
    rate: u64,
    made: u64,
}

impl Pace {
    fn new(rate: u64) -> Self {
        Self {
            started: Instant::now(),
            rate,
            made: 0,
        }
    }

    fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    /// Hands a request over and waits until the next one is due. `false` when nobody takes any.
    fn send(&mut self, queue: &mpsc::Sender<Outbound>, outbound: Outbound) -> bool {
        self.made += outbound.entry.spans as u64;
        if queue.blocking_send(outbound).is_err() {
            return false;
        }
        if let Some(due) = (self.made * 1_000_000_000).checked_div(self.rate) {
            std::thread::park_timeout(Duration::from_nanos(due).saturating_sub(self.elapsed()));
        }
        true
    }
}

/// How many spans of a trace a request carries.
fn spans_of(request: &ExportTraceServiceRequest, trace: &TraceId) -> usize {
    let of_resources = request.resource_spans.iter();
    let scopes = of_resources.flat_map(|of_resource| &of_resource.scope_spans);
    let spans = scopes.flat_map(|of_scope| &of_scope.spans);
    spans.filter(|span| span.trace_id == trace).count()
}
