//! What does not add up, and where.

use std::fmt;

use storage::{Day, Recount, Recounted, Source};

use super::Missing;

/// Something that does not add up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Residue {
    /// A partition's position counts other offsets as done than became something.
    Offsets {
        /// Which partition.
        source: Source,
        /// The offset where counting began.
        base: i64,
        /// The position.
        watermark: i64,
        /// Offsets that count as done and became nothing; negative: the other way round.
        offsets: i64,
    },
    /// The log has lost records before they were read.
    Gone {
        /// Which partition.
        source: Source,
        /// The first offset that is not done.
        from: i64,
        /// The first that the log still has.
        to: i64,
        /// How many of them are not done.
        offsets: u64,
    },
    /// The log ends before the position: it is another one, or its end was lost.
    Shorter {
        /// Which partition.
        source: Source,
        /// The position.
        watermark: i64,
        /// The end of the log.
        high: i64,
    },
    /// The counts of a consumer's partitions are not those of its tenants.
    Tallies {
        /// Which consumer.
        consumer: String,
        /// Spans by partition.
        by_partition: i64,
        /// Spans by tenant.
        by_tenant: i64,
    },
    /// A tenant has other spans than were stored and not removed.
    Stored {
        /// Whose.
        tenant: String,
        /// Spans that were stored.
        tallied: i64,
        /// Spans that are there.
        there: i64,
        /// Spans that were removed.
        removed: i64,
    },
    /// Tail sampling has dropped other spans of a tenant than are remembered.
    Dropped {
        /// Whose.
        tenant: String,
        /// Spans that were dropped.
        tallied: i64,
        /// Spans that are remembered as dropped.
        remembered: i64,
        /// Spans that were forgotten with their day, or stored by a replay.
        forgotten: i64,
    },
    /// The spans of a day are not those that its RED series count: one of them was changed.
    Day {
        /// Whose.
        tenant: String,
        /// Which day.
        day: Day,
        /// Spans that are there.
        there: i64,
        /// Spans that were dropped by a policy.
        dropped: i64,
        /// Spans that the series count.
        counted: i64,
    },
    /// Spans of a record that is done are not stored.
    Missing(Missing),
    /// Spans like the former, beyond those that are named.
    MoreMissing {
        /// How many.
        spans: u64,
    },
    /// What the whole log holds of a tenant is not what became of its spans.
    Accepted {
        /// Whose.
        tenant: String,
        /// Spans in records that are done.
        log: u64,
        /// Spans that were stored, duplicates, dead-lettered or dropped.
        accounted: u64,
    },
    /// A figure is not what the stored spans add up to.
    Figure(Recounted),
    /// Figures like the former, beyond those that are named.
    MoreFigures {
        /// How many.
        figures: u64,
    },
    /// Collectors that run have accepted more of a tenant's spans than ever became something.
    Counters {
        /// Whose; `_other` for those without a label of their own.
        tenant: String,
        /// Spans accepted since those collectors started.
        accepted: u64,
        /// Spans accounted for since ever.
        accounted: u64,
    },
}

impl Residue {
    /// The label in what programs read.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Offsets { .. } => "offsets",
            Self::Gone { .. } => "gone",
            Self::Shorter { .. } => "shorter",
            Self::Tallies { .. } => "tallies",
            Self::Stored { .. } => "stored",
            Self::Dropped { .. } => "dropped",
            Self::Day { .. } => "day",
            Self::Missing(_) | Self::MoreMissing { .. } => "missing",
            Self::Accepted { .. } => "accepted",
            Self::Figure(_) | Self::MoreFigures { .. } => "figure",
            Self::Counters { .. } => "counters",
        }
    }

    /// What a recount has found.
    pub(super) fn of_recount(recount: &Recount) -> Vec<Self> {
        let named = recount.examples.iter().cloned().map(Self::Figure);
        let figures =
            (recount.differences + recount.doubled).saturating_sub(recount.examples.len() as u64);
        let more = (figures > 0).then_some(Self::MoreFigures { figures });
        named.chain(more).collect()
    }
}

impl fmt::Display for Residue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Offsets { .. }
            | Self::Gone { .. }
            | Self::Shorter { .. }
            | Self::Tallies { .. } => self.of_positions(f),
            Self::Stored { .. } | Self::Dropped { .. } | Self::Day { .. } => self.of_spans(f),
            Self::Missing(missing) => missing.fmt(f),
            Self::MoreMissing { spans } => write!(f, "{spans} more spans like that"),
            Self::Accepted {
                tenant,
                log,
                accounted,
            } => write!(
                f,
                "tenant {tenant}: records that are done hold {log} spans, {accounted} are \
                 accounted for"
            ),
            Self::Figure(figure) => write!(
                f,
                "{} of tenant {} at {}: {}: the store says {}, its spans add up to {}",
                figure.what, figure.tenant, figure.at, figure.of, figure.stored, figure.counted
            ),
            Self::MoreFigures { figures } => write!(f, "{figures} more figures like that"),
            Self::Counters {
                tenant,
                accepted,
                accounted,
            } => write!(
                f,
                "tenant {tenant}: running collectors have accepted {accepted} spans, {accounted} \
                 are accounted for"
            ),
        }
    }
}

impl Residue {
    /// Which spans of a tenant are too few or too many, in words.
    fn of_spans(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stored {
                tenant,
                tallied,
                there,
                removed,
            } => write!(
                f,
                "tenant {tenant}: {tallied} spans were stored, {there} are there and {removed} \
                 were removed: {} too few",
                tallied - there - removed
            ),
            Self::Dropped {
                tenant,
                tallied,
                remembered,
                forgotten,
            } => write!(
                f,
                "tenant {tenant}: {tallied} spans were dropped by policies, {remembered} are \
                 remembered and {forgotten} were forgotten with their day or stored by replays"
            ),
            Self::Day {
                tenant,
                day,
                there,
                dropped,
                counted,
            } => write!(
                f,
                "tenant {tenant}, {day}: {there} spans are there and {dropped} were dropped, \
                 {counted} are counted by RED series"
            ),
            _ => Ok(()),
        }
    }

    /// What is wrong with the position of a partition, in words.
    fn of_positions(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Offsets {
                source,
                base,
                watermark,
                offsets,
            } => write!(
                f,
                "{}: of the offsets from {base} to {watermark}, {offsets} count as done and were \
                 neither read nor passed over",
                Place(source)
            ),
            Self::Gone {
                source,
                from,
                to,
                offsets,
            } => write!(
                f,
                "{}: offsets {from} to {to} left the log, {offsets} of them unread",
                Place(source)
            ),
            Self::Shorter {
                source,
                watermark,
                high,
            } => write!(
                f,
                "{}: the log ends at {high}, before the position {watermark}",
                Place(source)
            ),
            Self::Tallies {
                consumer,
                by_partition,
                by_tenant,
            } => write!(
                f,
                "consumer {consumer}: {by_partition} spans by partition, {by_tenant} by tenant"
            ),
            _ => Ok(()),
        }
    }
}

/// A source in words.
struct Place<'s>(&'s Source);

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Source {
            consumer,
            topic,
            partition,
        } = self.0;
        write!(f, "{topic}/{partition} ({consumer})")
    }
}
