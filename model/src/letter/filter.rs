//! Which letters are meant.

use crate::{Letter, LetterRange, RejectReason, Tenant, UnixNanos};

/// Which letters are meant: those that meet every condition that is set.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LetterFilter {
    /// Those that lie in one of these; empty for wherever.
    pub ranges: Vec<LetterRange>,
    /// Those of this reason.
    pub reason: Option<RejectReason>,
    /// Those that name this schema.
    pub schema_id: Option<u32>,
    /// Those with a span of this service.
    pub service: Option<String>,
    /// Those of this tenant.
    pub tenant: Option<Tenant>,
    /// Those that came from this topic.
    pub topic: Option<String>,
    /// Those that became letters at this moment or later.
    pub since: Option<UnixNanos>,
    /// Those that became letters before this moment.
    pub until: Option<UnixNanos>,
    /// Those that were dead letters at most this often.
    pub max_attempt: Option<u32>,
}

impl LetterFilter {
    /// Whether nothing is asked: every letter is meant.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Whether a letter is meant.
    pub fn matches(&self, letter: &Letter) -> bool {
        let origin = letter.origin.as_ref().map(|origin| &origin.topic);
        let ranges = &self.ranges;
        (ranges.is_empty() || ranges.iter().any(|range| range.contains(letter.id)))
            && is(&self.reason, letter.reason.as_ref())
            && is(&self.schema_id, letter.schema_id.as_ref())
            && is(&self.tenant, letter.tenant.as_ref())
            && is(&self.topic, origin)
            && self
                .service
                .as_ref()
                .is_none_or(|service| letter.services.contains(service))
            && self.since.is_none_or(|since| letter.at >= since)
            && self.until.is_none_or(|until| letter.at < until)
            && self.max_attempt.is_none_or(|most| letter.attempt <= most)
    }
}

fn is<T: PartialEq>(wanted: &Option<T>, found: Option<&T>) -> bool {
    wanted.as_ref().is_none_or(|wanted| found == Some(wanted))
}
