//! The mark to which a batch returns when a record turns out bad.

use model::SpanBatch;

/// How long a batch's vectors were before a record was appended.
pub(super) struct Lengths {
    resources: usize,
    scopes: usize,
    pub(super) spans: usize,
    attributes: usize,
    values: usize,
    events: usize,
    links: usize,
}

impl Lengths {
    pub(super) fn of(batch: &SpanBatch<'_>) -> Self {
        Self {
            resources: batch.resources.len(),
            scopes: batch.scopes.len(),
            spans: batch.spans.len(),
            attributes: batch.attributes.len(),
            values: batch.values.len(),
            events: batch.events.len(),
            links: batch.links.len(),
        }
    }

    pub(super) fn restore(&self, batch: &mut SpanBatch<'_>) {
        batch.resources.truncate(self.resources);
        batch.scopes.truncate(self.scopes);
        batch.spans.truncate(self.spans);
        batch.attributes.truncate(self.attributes);
        batch.values.truncate(self.values);
        batch.events.truncate(self.events);
        batch.links.truncate(self.links);
    }
}
