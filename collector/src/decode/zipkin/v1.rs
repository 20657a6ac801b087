//! What spans of Zipkin's version 1 say by annotations: kind, times, and who took part.

use model::{SpanKind, ValueRef};

use super::{Endpoint, Request, Span};
use crate::decode::DecodeError;

/// What is known of a span from the annotations seen so far.
#[derive(Debug, Default)]
pub(super) struct Annotations<'a> {
    kind: SpanKind,
    /// Smallest and largest time of the annotations that mark the span's ends, in microseconds.
    ends: Option<(i64, i64)>,
    /// The endpoint of the first annotation that marks an end and names a service.
    at_end: Option<Endpoint<'a>>,
    /// The endpoint of the local component.
    component: Option<Endpoint<'a>>,
    /// Any other endpoint that names a service.
    any: Option<Endpoint<'a>>,
    remote: Option<Endpoint<'a>>,
}

impl<'a> Annotations<'a> {
    /// Takes an annotation: an end of the span, or an event.
    pub(super) fn annotation(
        &mut self,
        request: &mut Request<'a>,
        time: i64,
        value: &'a str,
        endpoint: Endpoint<'a>,
    ) -> Result<(), DecodeError> {
        let named = Some(endpoint).filter(|endpoint| !endpoint.service.is_empty());
        let kind = match value {
            "cs" | "cr" => SpanKind::Client,
            "sr" | "ss" => SpanKind::Server,
            "ms" => SpanKind::Producer,
            "mr" => SpanKind::Consumer,
            _ => {
                self.any = self.any.or(named);
                return request.push_event(time, value);
            }
        };
        if self.kind == SpanKind::Unspecified {
            self.kind = kind;
        }
        self.at_end = self.at_end.or(named);
        let (first, last) = self.ends.unwrap_or((time, time));
        self.ends = Some((first.min(time), last.max(time)));
        Ok(())
    }

    /// Takes a binary annotation: an address, the local component, or a tag.
    pub(super) fn binary(
        &mut self,
        request: &mut Request<'a>,
        key: &'a str,
        value: ValueRef<'a>,
        endpoint: Endpoint<'a>,
    ) -> Result<(), DecodeError> {
        let is_there = endpoint != Endpoint::default();
        let key = match key {
            "ca" | "sa" | "ma" if is_there => {
                self.remote = self.remote.or(Some(endpoint));
                return Ok(());
            }
            "lc" => {
                self.component = self.component.or(Some(endpoint).filter(|_| is_there));
                if value == ValueRef::String("") {
                    return Ok(());
                }
                "component"
            }
            key => {
                let named = Some(endpoint).filter(|endpoint| !endpoint.service.is_empty());
                self.any = self.any.or(named);
                key
            }
        };
        request.to.push_attribute(key, value)
    }

    /// Tells the span what is known.
    pub(super) fn complete(self, span: &mut Span<'a>) {
        span.kind = self.kind;
        let local = self.at_end.or(self.component).or(self.any);
        span.local = local.unwrap_or_default();
        span.remote = self.remote.unwrap_or_default();
        let Some((first, last)) = self.ends else {
            return;
        };
        if span.timestamp == 0 {
            span.timestamp = first;
        }
        if span.duration == 0 {
            span.duration = last.saturating_sub(first);
        }
    }
}
