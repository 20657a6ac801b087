//! Names as numbers, since the same few occur in millions of figures.

use std::collections::HashMap;

use model::{NANOS_PER_DAY, SpanKind, UnixNanos};

use super::trace::{CountedEdge, CountedSpan};
use super::{Balance, Recounted};

/// An operation in a minute.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct RedSeries {
    pub(super) tenant: u32,
    pub(super) minute: UnixNanos,
    pub(super) service: u32,
    pub(super) operation: u32,
    pub(super) kind: u8,
}

/// A caller and a callee in a minute.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct EdgeSeries {
    pub(super) tenant: u32,
    pub(super) minute: UnixNanos,
    pub(super) parent: u32,
    pub(super) child: u32,
}

impl EdgeSeries {
    /// Who was called, by whomever.
    pub(super) fn callee(&self) -> (u32, UnixNanos, u32) {
        (self.tenant, self.minute, self.child)
    }
}

/// An operation in the catalogue of a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct OperationDay {
    pub(super) tenant: u32,
    pub(super) day: i32,
    pub(super) service: u32,
    pub(super) operation: u32,
    pub(super) kind: u8,
}

/// Every name once. Number 0 is the empty one.
#[derive(Debug)]
pub(super) struct Names {
    numbers: HashMap<String, u32>,
    names: Vec<String>,
}

impl Default for Names {
    fn default() -> Self {
        Self {
            numbers: HashMap::from([(String::new(), 0)]),
            names: vec![String::new()],
        }
    }
}

impl Names {
    /// The number of a name.
    pub(super) fn of(&mut self, name: &str) -> u32 {
        if let Some(number) = self.numbers.get(name) {
            return *number;
        }
        let number = self.names.len() as u32;
        self.names.push(name.to_owned());
        self.numbers.insert(name.to_owned(), number);
        number
    }

    fn name(&self, number: u32) -> &str {
        &self.names[number as usize]
    }

    pub(super) fn of_span(
        &mut self,
        tenant: u32,
        span: &CountedSpan<'_>,
    ) -> (RedSeries, OperationDay) {
        let (service, operation) = (self.of(span.service), self.of(span.operation));
        let kind = span.kind.number();
        let red = RedSeries {
            tenant,
            minute: span.minute(),
            service,
            operation,
            kind,
        };
        let seen = OperationDay {
            tenant,
            day: (span.start / NANOS_PER_DAY) as i32,
            service,
            operation,
            kind,
        };
        (red, seen)
    }

    pub(super) fn of_edge(&mut self, tenant: u32, edge: &CountedEdge<'_>) -> EdgeSeries {
        EdgeSeries {
            tenant,
            minute: edge.minute,
            parent: self.of(edge.parent),
            child: self.of(edge.child),
        }
    }

    pub(super) fn red(&self, series: &RedSeries, balance: &Balance) -> Recounted {
        let (service, operation) = (self.name(series.service), self.name(series.operation));
        let kind = kind_name(series.kind);
        self.recounted(
            "red",
            series.tenant,
            series.minute,
            format!("{service} {operation} ({kind})"),
            balance,
        )
    }

    pub(super) fn edge(&self, series: &EdgeSeries, balance: &Balance) -> Recounted {
        let (parent, child) = (self.name(series.parent), self.name(series.child));
        let of = format!("{parent} -> {child}");
        self.recounted("edges", series.tenant, series.minute, of, balance)
    }

    pub(super) fn operation(&self, seen: &OperationDay, balance: &Balance) -> Recounted {
        let (service, operation) = (self.name(seen.service), self.name(seen.operation));
        let kind = kind_name(seen.kind);
        let day = seen.day as u64 * NANOS_PER_DAY;
        self.recounted(
            "operations",
            seen.tenant,
            day,
            format!("{service} {operation} ({kind})"),
            balance,
        )
    }

    fn recounted(
        &self,
        what: &'static str,
        tenant: u32,
        at: UnixNanos,
        of: String,
        balance: &Balance,
    ) -> Recounted {
        Recounted {
            what,
            tenant: self.name(tenant).to_owned(),
            at,
            of,
            stored: balance.stored.calls,
            counted: balance.counted.calls,
        }
    }
}

fn kind_name(number: u8) -> String {
    SpanKind::from_number(number.into()).map_or_else(
        || number.to_string(),
        |kind| format!("{kind:?}").to_lowercase(),
    )
}
