//! What a batch holds: its traces by day, each span once, the locks and days it needs. Pure.

mod parts;

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use foldhash::{HashMap, HashSet};
use model::{IdentityHasher, NANOS_PER_MINUTE, SpanHash, TraceId, UnixNanos};

use parts::OpenParts;
pub(super) use parts::Part;

use crate::replay::is_replay;
use crate::summary::KnownTrace;
use crate::tally::{TallyRows, TenantSpans};
use crate::{Day, Decided, ProgressStep, TraceSpans, Verdict, WriteBatch, Written, slot};

/// A span this near to midnight may have its twin or its parent on the other side.
const NEAR_MIDNIGHT: u64 = 60 * NANOS_PER_MINUTE;

/// What holds for a trace.
#[derive(Debug, Clone)]
pub(super) struct Decision<'b> {
    pub(super) kept: bool,
    pub(super) policy: Cow<'b, str>,
    pub(super) weight: Option<f64>,
    /// Whether nothing was decided before.
    is_new: bool,
    /// Whether a replay stores what was dropped.
    pub(super) is_reversed: bool,
}

/// A batch, looked through.
#[derive(Debug)]
pub(super) struct Plan<'b, 'a> {
    batch: WriteBatch<'b, 'a>,
    /// What is to be stored; before it is known what was decided, everything.
    parts: Vec<Part>,
    /// What is to be counted and remembered alone.
    dropped: Vec<Part>,
    traces: Vec<(&'b str, TraceId)>,
    /// What is said of each trace where it occurs first, by its number.
    verdicts: Vec<Option<Verdict<'b>>>,
    /// By number of the trace.
    decisions: Vec<Option<Decision<'b>>>,
    steps: Vec<(usize, &'b ProgressStep)>,
    slots: Vec<i32>,
    days: BTreeSet<Day>,
    searched: BTreeSet<Day>,
    /// By index of the source, the last one being of spans without a source, and by tenant.
    counts: Vec<HashMap<&'b str, TenantSpans>>,
}

impl<'b, 'a> Plan<'b, 'a> {
    pub(super) fn new(batch: WriteBatch<'b, 'a>) -> Self {
        let mut plan = Self {
            batch,
            parts: Vec::with_capacity(batch.traces.len()),
            dropped: Vec::new(),
            traces: Vec::with_capacity(batch.traces.len()),
            verdicts: Vec::with_capacity(batch.traces.len()),
            decisions: Vec::new(),
            steps: batch.progress.iter().enumerate().collect(),
            slots: Vec::new(),
            days: BTreeSet::new(),
            searched: BTreeSet::new(),
            counts: vec![HashMap::default(); batch.progress.len() + 1],
        };
        plan.steps.sort_by(|a, b| a.1.source.cmp(&b.1.source));
        plan.split();
        plan.slots = plan.traces.iter().map(|(_, id)| slot::slot(*id)).collect();
        plan.slots.sort_unstable();
        plan.slots.dedup();
        plan
    }

    fn split(&mut self) {
        let mut numbers: HashMap<(&'b str, TraceId), usize> = HashMap::default();
        let mut seen: HashSet<SpanHash> = HashSet::default();
        // Many traces may lie in one span batch: what its spans share is hashed once.
        let mut hashers: HashMap<(usize, &'b str), IdentityHasher<'b, 'a>> = HashMap::default();
        for (of, spans) in self.batch.traces.iter().enumerate() {
            let tenant = spans.tenant.as_str();
            let place = std::ptr::from_ref(spans.batch).addr();
            let hasher = hashers
                .entry((place, tenant))
                .or_insert_with(|| IdentityHasher::new(tenant, spans.batch));
            let trace = *numbers.entry((tenant, spans.trace_id)).or_insert_with(|| {
                self.traces.push((tenant, spans.trace_id));
                self.verdicts.push(spans.verdict);
                self.traces.len() - 1
            });
            let mut open = OpenParts::new(of, trace, spans.spans.len());
            let mut duplicate = 0;
            for &index in spans.spans {
                let span = &spans.batch.spans[index as usize];
                let hash = hasher.span(span);
                if seen.insert(hash) {
                    self.note_days(span.start);
                    open.add(spans.batch, index, hash, &mut self.parts);
                } else {
                    duplicate += 1;
                }
            }
            self.parts.append(&mut open.parts);
            self.count(spans).duplicate += duplicate;
        }
    }

    fn count(&mut self, spans: &TraceSpans<'b, 'a>) -> &mut TenantSpans {
        let source = self.source(spans);
        self.counts[source]
            .entry(spans.tenant.as_str())
            .or_default()
    }

    fn note_days(&mut self, start: UnixNanos) {
        let day = Day::of(start);
        self.days.insert(day);
        self.searched.insert(day);
        self.searched
            .insert(Day::of(start.saturating_sub(NEAR_MIDNIGHT)));
        self.searched
            .insert(Day::of(start.saturating_add(NEAR_MIDNIGHT)));
    }

    fn source(&self, spans: &TraceSpans<'_, '_>) -> usize {
        let last = self.counts.len() - 1;
        spans.source.map_or(last, |source| source.min(last))
    }

    /// Whether anything is said of any trace.
    pub(super) fn has_verdicts(&self) -> bool {
        self.verdicts.iter().any(Option::is_some)
    }

    /// Looks on the days around as well: what was decided of a trace holds for spans that start on
    /// the next day too.
    pub(super) fn look_around(&mut self) {
        let days: Vec<Day> = self.days.iter().copied().collect();
        let around = days.iter().flat_map(|day| [day.plus(-1), day.plus(1)]);
        self.searched.extend(around);
    }

    /// Takes out the spans that are stored or were dropped already, and counts what is left as
    /// what it becomes.
    pub(super) fn settle(&mut self, known: &Known) {
        self.decide(known);
        let (mut parts, traces) = (std::mem::take(&mut self.parts), self.batch.traces);
        for part in &mut parts {
            let before = part.spans.len();
            let of = &traces[part.of];
            match &known[part.trace] {
                Some(known) if self.is_reversed(part.trace) => {
                    part.retain(of.batch, |_, hash| !known.stores(hash));
                    part.put_first(of.batch, |id, hash| known.has_dropped(id, hash));
                }
                Some(known) => part.retain(of.batch, |id, hash| !known.holds(id, hash)),
                None => {}
            }
            let left = part.spans.len() as u64;
            let is_dropped = self.is_dropped(part.trace);
            let counts = self.count(of);
            counts.duplicate += before as u64 - left;
            match is_dropped {
                true => counts.dropped += left,
                false => counts.stored += left,
            }
        }
        parts.retain(|part| !part.spans.is_empty());
        // Segments of one day are neighbours, in numbers and in the table.
        parts.sort_by_key(|part| part.day);
        (self.dropped, self.parts) = parts
            .into_iter()
            .partition(|part| self.is_dropped(part.trace));
    }

    /// What was decided first holds, but that a replay may keep what was dropped. What was stored
    /// without a decision is gone on with.
    fn decide(&mut self, known: &Known) {
        let replayed = self.steps.iter().any(|(_, step)| is_replay(&step.source));
        let decide = |(known, verdict): (&Option<KnownTrace>, &Option<Verdict<'b>>)| {
            let known = known.as_ref();
            let dropped = known.is_some_and(|known| !known.dropping().is_empty());
            let is_kept = verdict.is_some_and(|verdict| verdict.kept);
            let may_be_reversed = replayed && dropped;
            let stored = known.and_then(KnownTrace::decision);
            match stored {
                Some(stored) if stored.kept || !(may_be_reversed && is_kept) => Some(Decision {
                    kept: stored.kept,
                    policy: Cow::Owned(stored.policy.clone()),
                    weight: stored.weight,
                    is_new: false,
                    is_reversed: may_be_reversed && stored.kept,
                }),
                None if known.is_some_and(KnownTrace::is_stored) => None,
                _ => verdict.map(|verdict| Decision {
                    kept: verdict.kept,
                    policy: Cow::Borrowed(verdict.policy),
                    weight: verdict.weight,
                    is_new: true,
                    is_reversed: stored.is_some(),
                }),
            }
        };
        self.decisions = known.iter().zip(&self.verdicts).map(decide).collect();
    }

    fn is_reversed(&self, trace: usize) -> bool {
        self.decision(trace)
            .is_some_and(|decision| decision.is_reversed)
    }

    fn is_dropped(&self, trace: usize) -> bool {
        self.decision(trace).is_some_and(|decision| !decision.kept)
    }

    /// What holds for the trace with this number, if anything was decided.
    pub(super) fn decision(&self, trace: usize) -> Option<&Decision<'b>> {
        self.decisions.get(trace)?.as_ref()
    }

    /// What is to be counted and remembered, and not to be stored.
    pub(super) fn dropped(&self) -> &[Part] {
        &self.dropped
    }

    /// All that is counted: what is stored and what is dropped.
    pub(super) fn counted(&self) -> impl Iterator<Item = &Part> {
        self.parts.iter().chain(&self.dropped)
    }

    /// What the decisions do, by policy.
    fn decided(&self) -> Vec<Decided> {
        let mut by_policy: BTreeMap<(&str, bool), (u64, u64)> = BTreeMap::new();
        for decision in self.decisions.iter().flatten() {
            let key = (&*decision.policy, decision.kept);
            by_policy.entry(key).or_default().0 += u64::from(decision.is_new);
        }
        for part in self.counted() {
            if let Some(decision) = self.decision(part.trace) {
                let key = (&*decision.policy, decision.kept);
                by_policy.entry(key).or_default().1 += part.spans.len() as u64;
            }
        }
        let decided = by_policy.into_iter();
        decided
            .map(|((policy, kept), (traces, spans))| Decided {
                policy: policy.to_owned(),
                kept,
                traces,
                spans,
            })
            .collect()
    }

    /// Whether these are spans that are read once more, or were made long ago.
    pub(super) fn is_replayed(&self) -> bool {
        self.steps.iter().any(|(_, step)| !step.source.is_live())
    }

    /// Days that spans start on.
    pub(super) fn days(&self) -> &BTreeSet<Day> {
        &self.days
    }

    /// Days on which stored spans of the traces are looked for.
    pub(super) fn searched(&self) -> &BTreeSet<Day> {
        &self.searched
    }

    /// Slots of the traces, ascending.
    pub(super) fn slots(&self) -> &[i32] {
        &self.slots
    }

    /// The traces, each once, by number.
    pub(super) fn traces(&self) -> &[(&'b str, TraceId)] {
        &self.traces
    }

    /// What is to be written, by day.
    pub(super) fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// What a part is of.
    pub(super) fn of(&self, part: &Part) -> &'b TraceSpans<'b, 'a> {
        &self.batch.traces[part.of]
    }

    /// Progress by source.
    pub(super) fn steps(&self) -> impl Iterator<Item = &'b ProgressStep> {
        self.steps.iter().map(|(_, step)| *step)
    }

    /// Progress by source, with what became of its records and spans.
    pub(super) fn steps_with_tallies(
        &self,
    ) -> impl Iterator<Item = (&'b ProgressStep, TallyRows<'b>)> {
        let tallies = |source: usize, step: &'b ProgressStep| {
            let spans = self.counts[source].iter().map(|(tenant, n)| (*tenant, *n));
            TallyRows::new(&step.tenants, spans)
        };
        self.steps
            .iter()
            .map(move |(source, step)| (*step, tallies(*source, step)))
    }

    /// What became of spans that came without a source.
    pub(super) fn sourceless_tallies(&self) -> TallyRows<'b> {
        let last = self.counts.last().into_iter().flatten();
        TallyRows::new(&[], last.map(|(tenant, spans)| (*tenant, *spans)))
    }

    /// What the transaction does.
    pub(super) fn written(&self, segments: u64) -> Written {
        let mut written = Written {
            segments,
            decided: self.decided(),
            ..Written::default()
        };
        for counts in self.counts.iter().flat_map(HashMap::values) {
            written.spans_stored += counts.stored;
            written.spans_duplicate += counts.duplicate;
            written.spans_dropped += counts.dropped;
        }
        written
    }
}

/// Stored spans by number of the trace.
pub(super) type Known = Vec<Option<KnownTrace>>;
