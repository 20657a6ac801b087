//! Lists keys and values of attributes, by the number of spans that have them.
//!
//! Nothing is kept for it: the newest spans that are asked for are looked at, as many as one call
//! may, and counted.

use std::cmp::Reverse;
use std::collections::HashMap;

use model::filter::{Filter, Level, Subject};
use model::{Extent, SpanBatch, SpanPredicate, SpanRef, Tenant, TraceQuery, UnixNanos};
use sqlx::{PgConnection, Row, postgres::PgRow};

use super::candidates::{Reading, SEGMENTS_OF_DAY, by_day, trace_of};
use super::frontier::Segment;
use super::limits::SearchLimits;
use super::walk::{Visitor, Walk};
use crate::payload::Reader;
use crate::tokens::TokenQuery;
use crate::traces::inconsistent;
use crate::vocabulary::Vocabulary;
use crate::{AttributeCount, AttributeCounts, AttributeQuery, ReadError};

/// Most different keys or values that are counted; those that come later are left out.
const MAX_DISTINCT: usize = 20_000;
/// Longest key or value that is listed, in bytes. Nobody completes a longer one.
const MAX_TEXT: usize = 256;
/// About so many segments are in the first batch.
const FIRST_BATCH: usize = 64;

/// Counts keys or values.
#[tracing::instrument(name = "db.attributes", skip_all)]
pub(crate) async fn count_attributes(
    conn: &mut PgConnection,
    tenant: &Tenant,
    query: &AttributeQuery,
    limits: &SearchLimits,
    vocabulary: &Vocabulary,
) -> Result<AttributeCounts, ReadError> {
    let all = AttributeCounts {
        all: true,
        ..AttributeCounts::default()
    };
    let asked = spans_asked(query);
    let Some(tokens) = TokenQuery::of(tenant.as_str(), &asked) else {
        return Ok(all);
    };
    if query.start.start > query.start.end {
        return Ok(all);
    }
    let mut counting = Counting {
        reading: Reading::new(tenant, limits, vocabulary),
        asked,
        counts: Counts::new(query),
        cut: false,
    };
    let range = query.start;
    Walk::new(conn, tokens)
        .run(range, FIRST_BATCH, &mut counting)
        .await?;
    Ok(counting.into_counts(query.limit))
}

/// The spans whose attributes count.
fn spans_asked(query: &AttributeQuery) -> TraceQuery {
    let mut predicates = query.predicates.clone();
    if let Some(key) = &query.key {
        let subject = Subject::attribute(key, Level::Any);
        predicates.push(SpanPredicate::Filter(Filter::Exists(subject)));
    }
    TraceQuery {
        predicates,
        start: query.start,
        ..TraceQuery::any(1)
    }
}

struct Counting<'s> {
    reading: Reading<'s>,
    asked: TraceQuery,
    counts: Counts,
    /// Whether there may be more that was not looked at.
    cut: bool,
}

impl Counting<'_> {
    fn look_at(&mut self, row: &PgRow, reader: &mut Reader<'_>) -> Result<(), ReadError> {
        let limits = self.reading.limits;
        if self.cut || self.reading.cost.segments >= limits.counted_segments {
            self.cut = true;
            return Ok(());
        }
        match self.reading.spend(row) {
            Err(ReadError::TooBroad { .. }) => {
                self.cut = true;
                return Ok(());
            }
            spent => spent?,
        }
        let trace = trace_of(row)?;
        let payload: &[u8] = row.try_get("payload")?;
        {
            let decoded = reader.decode(trace, payload, &self.reading.arena);
            let batch = decoded.map_err(|e| inconsistent("payload", &e))?;
            let spans = batch.spans.iter();
            spans
                .filter(|span| self.asked.matches(&batch, span))
                .for_each(|span| self.counts.add(&batch, span));
        }
        self.reading.arena.reset();
        Ok(())
    }

    fn into_counts(self, limit: usize) -> AttributeCounts {
        let Counts { found, spans, .. } = self.counts;
        let all = !self.cut && found.len() < MAX_DISTINCT;
        let count =
            |((text, level), Tallied { spans, .. }): ((String, Place), Tallied)| AttributeCount {
                text,
                level: level.level(),
                spans,
            };
        let mut counts: Vec<AttributeCount> = found.into_iter().map(count).collect();
        let place = |of: &AttributeCount| of.level.as_str();
        counts.sort_unstable_by(|a, b| {
            let key = |of: &AttributeCount| Reverse(of.spans);
            key(a)
                .cmp(&key(b))
                .then_with(|| a.text.cmp(&b.text))
                .then_with(|| place(a).cmp(place(b)))
        });
        counts.truncate(limit);
        AttributeCounts { counts, spans, all }
    }
}

impl Visitor for Counting<'_> {
    fn threshold(&self) -> Option<UnixNanos> {
        None
    }

    fn is_satisfied(&self) -> bool {
        self.cut
    }

    async fn visit(
        &mut self,
        conn: &mut PgConnection,
        segments: &[Segment],
    ) -> Result<(), ReadError> {
        let (tenant, vocabulary) = (self.reading.tenant, self.reading.vocabulary);
        for (day, ids) in by_day(segments).into_iter().rev() {
            let query = sqlx::query(SEGMENTS_OF_DAY)
                .bind(day.start_ns())
                .bind(day.end_ns())
                .bind(ids)
                .bind(tenant.as_str())
                .bind(0i64);
            let look = |row: &PgRow, reader: &mut Reader<'_>| self.look_at(row, reader);
            vocabulary.each_payload(conn, query, look).await?;
        }
        Ok(())
    }
}

/// A level that an attribute is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Place {
    Span,
    Resource,
    Scope,
    Event,
    Link,
}

impl Place {
    fn level(self) -> Level {
        match self {
            Self::Span => Level::Span,
            Self::Resource => Level::Resource,
            Self::Scope => Level::Scope,
            Self::Event => Level::Event,
            Self::Link => Level::Link,
        }
    }
}

#[derive(Debug, Default)]
struct Tallied {
    spans: u64,
    /// The number of the last span that was counted: each counts once.
    last: u64,
}

/// What was counted so far.
struct Counts {
    key: Option<String>,
    prefix: String,
    found: HashMap<(String, Place), Tallied>,
    spans: u64,
}

impl Counts {
    fn new(query: &AttributeQuery) -> Self {
        Self {
            key: query.key.clone(),
            prefix: query.prefix.clone(),
            found: HashMap::new(),
            spans: 0,
        }
    }

    fn add(&mut self, batch: &SpanBatch<'_>, span: &SpanRef<'_>) {
        self.spans += 1;
        self.extent(batch, span.attributes, Place::Span);
        self.extent(batch, batch.resource(span).attributes, Place::Resource);
        self.extent(batch, batch.scope(span).attributes, Place::Scope);
        for event in batch.events(span) {
            self.extent(batch, event.attributes, Place::Event);
        }
        for link in batch.links(span) {
            self.extent(batch, link.attributes, Place::Link);
        }
    }

    fn extent(&mut self, batch: &SpanBatch<'_>, extent: Extent, place: Place) {
        for attribute in batch.attributes(extent) {
            match &self.key {
                None => self.count(attribute.key, place),
                Some(key) if key == attribute.key => {
                    self.count(&batch.canonical(&attribute.value), place);
                }
                Some(_) => {}
            }
        }
    }

    fn count(&mut self, text: &str, place: Place) {
        if text.len() > MAX_TEXT || !text.starts_with(&self.prefix) {
            return;
        }
        let number = self.spans;
        let key = (text.to_owned(), place);
        if self.found.len() >= MAX_DISTINCT && !self.found.contains_key(&key) {
            return;
        }
        let tallied = self.found.entry(key).or_default();
        if tallied.last != number {
            tallied.last = number;
            tallied.spans += 1;
        }
    }
}
