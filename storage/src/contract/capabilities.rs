//! What a store can do, and what it refuses.

/// What a store can be asked for beyond what every store answers: traces by their ids, services,
/// operations, and searches by service, operation, attributes, times and durations of spans.
/// What it cannot do is refused with [`crate::ReadError::Unsupported`], never answered otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capabilities {
    /// A search need not name a service.
    pub without_service: bool,
    /// All conditions of a search hold for one single span.
    pub same_span: bool,
    /// Filters: comparison, negation, alternatives, existence, patterns.
    pub filters: bool,
    /// Orders other than the newest first, pages, durations of whole traces.
    pub orders_and_pages: bool,
    /// Keys and values of attributes, counted.
    pub attributes: bool,
    /// Calls between services; where there are none, the list of them is empty.
    pub dependencies: bool,
    /// RED series.
    pub red: bool,
    /// Traces that are kept beyond retention.
    pub archive: bool,
}

impl Capabilities {
    /// Everything.
    pub const ALL: Self = Self {
        without_service: true,
        same_span: true,
        filters: true,
        orders_and_pages: true,
        attributes: true,
        dependencies: true,
        red: true,
        archive: true,
    };
}
