//! validate: makes every span storable, within limits, and marks what it had to change.
//!
//! Pure: the time of receipt is an argument. Ids, UTF-8 and nesting were checked while decoding.

mod attributes;
mod size;
mod times;

use model::{Extent, Repair, Repairs, SpanBatch, UnixNanos};

use crate::config::{LimitsConfig, TimesConfig};
use crate::decode::Decoded;

pub(crate) use size::shrink_span;
pub use times::ORIGINAL_START;

/// Repairs everything in `decoded` that is beyond the limits. Afterwards each span carries its own
/// repairs and those of its scope and resource.
pub fn spans(
    decoded: &mut Decoded<'_>,
    limits: &LimitsConfig,
    times: &TimesConfig,
    received_at: UnixNanos,
) {
    for index in 0..decoded.batch.resources.len() {
        resource(
            &mut decoded.batch,
            index,
            limits,
            &mut decoded.resource_repairs[index],
        );
    }
    for index in 0..decoded.batch.scopes.len() {
        scope(
            &mut decoded.batch,
            index,
            limits,
            &mut decoded.scope_repairs[index],
        );
    }
    for index in 0..decoded.batch.spans.len() {
        let scope = decoded.batch.spans[index].scope as usize;
        let resource = decoded.batch.scopes[scope].resource as usize;
        let inherited = decoded.scope_repairs[scope].union(decoded.resource_repairs[resource]);
        span(&mut decoded.batch, index, limits);
        times::check(&mut decoded.batch, index, times, received_at);
        let repairs = &mut decoded.batch.spans[index].repairs;
        *repairs = repairs.union(inherited);
    }
}

fn resource(batch: &mut SpanBatch<'_>, index: usize, limits: &LimitsConfig, repairs: &mut Repairs) {
    let mut resource = batch.resources[index];
    resource.schema_url = cut_name(resource.schema_url, limits, repairs);
    let dropped = &mut resource.dropped_attributes;
    resource.attributes = tidy(batch, resource.attributes, limits, dropped, repairs);
    let most = limits.resource_bytes.as_usize();
    resource.attributes = size::shrink_attributes(batch, resource.attributes, most, repairs);
    batch.resources[index] = resource;
}

fn scope(batch: &mut SpanBatch<'_>, index: usize, limits: &LimitsConfig, repairs: &mut Repairs) {
    let mut scope = batch.scopes[index];
    scope.name = cut_name(scope.name, limits, repairs);
    scope.version = cut_name(scope.version, limits, repairs);
    scope.schema_url = cut_name(scope.schema_url, limits, repairs);
    let dropped = &mut scope.dropped_attributes;
    scope.attributes = tidy(batch, scope.attributes, limits, dropped, repairs);
    let most = limits.resource_bytes.as_usize();
    scope.attributes = size::shrink_attributes(batch, scope.attributes, most, repairs);
    batch.scopes[index] = scope;
}

fn span(batch: &mut SpanBatch<'_>, index: usize, limits: &LimitsConfig) {
    let mut span = batch.spans[index];
    let mut repairs = span.repairs;
    span.name = cut_name(span.name, limits, &mut repairs);
    span.trace_state = cut_name(span.trace_state, limits, &mut repairs);
    span.status_message = cut_message(span.status_message, limits, &mut repairs);
    let dropped = &mut span.dropped_attributes;
    span.attributes = tidy(batch, span.attributes, limits, dropped, &mut repairs);
    let most = limits.events;
    if keep_first(&mut span.events, most, &mut span.dropped_events) {
        repairs.insert(Repair::EventsDropped);
    }
    if keep_first(&mut span.links, limits.links, &mut span.dropped_links) {
        repairs.insert(Repair::LinksDropped);
    }
    for index in span.events.range() {
        event(batch, index, limits, &mut repairs);
    }
    for index in span.links.range() {
        link(batch, index, limits, &mut repairs);
    }
    span.repairs = repairs;
    batch.spans[index] = span;
}

fn event(batch: &mut SpanBatch<'_>, index: usize, limits: &LimitsConfig, repairs: &mut Repairs) {
    let mut event = batch.events[index];
    event.name = cut_name(event.name, limits, repairs);
    let dropped = &mut event.dropped_attributes;
    event.attributes = tidy(batch, event.attributes, limits, dropped, repairs);
    batch.events[index] = event;
}

fn link(batch: &mut SpanBatch<'_>, index: usize, limits: &LimitsConfig, repairs: &mut Repairs) {
    let mut link = batch.links[index];
    link.trace_state = cut_name(link.trace_state, limits, repairs);
    let dropped = &mut link.dropped_attributes;
    link.attributes = tidy(batch, link.attributes, limits, dropped, repairs);
    batch.links[index] = link;
}

/// The owner's attributes within limits; what is left out is added to its count.
fn tidy<'a>(
    batch: &mut SpanBatch<'a>,
    extent: Extent,
    limits: &LimitsConfig,
    dropped: &mut u32,
    repairs: &mut Repairs,
) -> Extent {
    let kept = attributes::tidy(batch, extent, limits, repairs);
    *dropped = dropped.saturating_add(extent.len - kept.len);
    kept
}

/// Shortens a run to its first `most`; says whether it had to.
fn keep_first(run: &mut Extent, most: usize, dropped: &mut u32) -> bool {
    let most = u32::try_from(most).unwrap_or(u32::MAX);
    let excess = run.len.saturating_sub(most);
    run.len -= excess;
    *dropped = dropped.saturating_add(excess);
    excess > 0
}

fn cut_name<'a>(name: &'a str, limits: &LimitsConfig, repairs: &mut Repairs) -> &'a str {
    cut_text(name, limits.name_bytes, Repair::TextTruncated, repairs)
}

fn cut_message<'a>(message: &'a str, limits: &LimitsConfig, repairs: &mut Repairs) -> &'a str {
    let most = limits.value_bytes.as_usize();
    cut_text(message, most, Repair::TextTruncated, repairs)
}

/// The first `most` bytes of a text, or fewer where a character would be split.
fn cut_text<'a>(text: &'a str, most: usize, repair: Repair, repairs: &mut Repairs) -> &'a str {
    if text.len() <= most {
        return text;
    }
    repairs.insert(repair);
    &text[..text.floor_char_boundary(most)]
}
