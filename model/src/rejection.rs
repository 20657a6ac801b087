//! Why something was refused, dropped or mended: closed enums, one for every edge.

use std::fmt;

macro_rules! reasons {
    ($(#[$meta:meta])* $name:ident { $($(#[$doc:meta])* $variant:ident = $label:literal,)* }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[repr(u8)]
        pub enum $name { $($(#[$doc])* $variant,)* }

        impl $name {
            /// Every value, in order of declaration.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The label in metrics, logs, responses and headers: snake case, never changed.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $label,)* }
            }

            /// The value that has this label.
            pub fn from_label(label: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|reason| reason.as_str() == label)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

reasons! {
    /// Why one span, or one record of spans, is not stored. Its neighbours are.
    RejectReason {
        /// The trace id is missing, zero, or not 16 bytes long.
        InvalidTraceId = "invalid_trace_id",
        /// The span id is missing, zero, or not 8 bytes long.
        InvalidSpanId = "invalid_span_id",
        /// The span is too large for a Kafka record even after its values were cut.
        SpanTooLarge = "span_too_large",
        /// A record that has no Confluent frame: too short, or a wrong magic byte.
        Unframed = "unframed",
        /// A record whose schema id the registry does not know.
        UnknownSchema = "unknown_schema",
        /// A record whose bytes do not follow their schema.
        Undecodable = "undecodable",
        /// A record whose tenant is not a tenant's name, or differs from its header.
        InvalidTenant = "invalid_tenant",
        /// The store refused the values of the span, whatever else was written with it.
        RefusedByStore = "refused_by_store",
        /// The receiver that an agent passed the span on to left it out, and named no reason of ours.
        LeftOutBeyond = "left_out_beyond",
        /// A record of another collector's topic that holds more than a request may.
        RecordTooLarge = "record_too_large",
    }
}

reasons! {
    /// Why a whole request is turned away before any of its spans is looked at.
    Refusal {
        /// The body is not what its content type says.
        Malformed = "malformed",
        /// The body, as sent or decompressed, or its number of spans is beyond the limit.
        TooLarge = "too_large",
        /// The content type is none that the receiver speaks.
        UnsupportedMediaType = "unsupported_media_type",
        /// The content encoding is none that the receiver speaks.
        UnsupportedEncoding = "unsupported_encoding",
        /// The method is not POST.
        MethodNotAllowed = "method_not_allowed",
        /// The body did not arrive in time.
        Timeout = "timeout",
        /// The tenant header is no tenant's name.
        InvalidTenant = "invalid_tenant",
        /// The byte budget for requests under way is spent. Worth trying again.
        Overloaded = "overloaded",
        /// The log did not acknowledge the records. Worth trying again.
        Unavailable = "unavailable",
        /// The process is shutting down. Worth trying again elsewhere.
        Draining = "draining",
    }
}

reasons! {
    /// What became of a dead letter that was to be driven again.
    RedriveOutcome {
        /// Given back: to its topic, or to the store, which has its spans now.
        Redriven = "redriven",
        /// Refused again at once: it is a dead letter with one attempt more.
        DeadAgain = "dead_again",
        /// Driven again before: nothing was done.
        AlreadyRedriven = "already_redriven",
        /// A dead letter for as many times as it may be.
        AttemptsExhausted = "attempts_exhausted",
        /// It says that it comes from a topic that is none of spans.
        ForeignOrigin = "foreign_origin",
        /// Its headers do not say what it is.
        Unreadable = "unreadable",
        /// There is no content to store.
        Empty = "empty",
        /// With its headers it is larger than its topic takes.
        TooLarge = "too_large",
    }
}

reasons! {
    /// What ingest changed about a span so that it can be stored. Marked on the span.
    Repair {
        /// U+0000 was replaced by U+FFFD.
        NulReplaced = "nul_replaced",
        /// Bytes that are not UTF-8 were replaced by U+FFFD.
        Utf8Replaced = "utf8_replaced",
        /// There was no start time; the time of receipt stands in for it.
        StartMissing = "start_missing",
        /// A time beyond the year 2262 was replaced by the time of receipt.
        TimeOutOfRange = "time_out_of_range",
        /// The span lay too far from the time of receipt and was moved there.
        TimeSkewed = "time_skewed",
        /// The end lay before the start; the duration is zero.
        EndBeforeStart = "end_before_start",
        /// Attributes without a key were dropped.
        EmptyKeyDropped = "empty_key_dropped",
        /// A key, name or other text beyond the limit was cut.
        TextTruncated = "text_truncated",
        /// An attribute value beyond the limit was cut.
        ValueTruncated = "value_truncated",
        /// Of attributes with the same key, the last one was kept.
        DuplicateKeyDropped = "duplicate_key_dropped",
        /// Attributes beyond the limit were dropped.
        AttributesDropped = "attributes_dropped",
        /// Events beyond the limit were dropped.
        EventsDropped = "events_dropped",
        /// Links beyond the limit were dropped.
        LinksDropped = "links_dropped",
        /// Values nested too deeply were flattened to their text.
        NestingFlattened = "nesting_flattened",
        /// A parent id of a wrong length was dropped.
        InvalidParentDropped = "invalid_parent_dropped",
        /// A link without a valid trace or span id was dropped.
        InvalidLinkDropped = "invalid_link_dropped",
        /// A span kind or status code outside the specification was taken as unset.
        UnknownEnum = "unknown_enum",
    }
}

/// The set of repairs made to one span: bit `n` stands for the `n`-th [`Repair`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub struct Repairs(u32);

impl Repairs {
    /// No repair.
    pub const NONE: Self = Self(0);

    /// The set of these bits; bits without a meaning are kept, for newer writers.
    pub const fn from_bits(bits: u32) -> Self {
        Self(bits)
    }

    /// The bits.
    pub const fn bits(self) -> u32 {
        self.0
    }

    /// Adds a repair.
    pub fn insert(&mut self, repair: Repair) {
        self.0 |= 1 << repair as u32;
    }

    /// Whether the repair was made.
    pub const fn contains(self, repair: Repair) -> bool {
        self.0 & (1 << repair as u32) != 0
    }

    /// Whether the span is as it was sent.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Both sets together.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// The repairs, in order of declaration.
    pub fn iter(self) -> impl Iterator<Item = Repair> {
        Repair::ALL
            .iter()
            .copied()
            .filter(move |repair| self.contains(*repair))
    }
}

/// How many spans were refused, by reason.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Tally([u64; RejectReason::ALL.len()]);

impl Tally {
    /// Counts one span.
    pub fn add(&mut self, reason: RejectReason) {
        self.add_many(reason, 1);
    }

    /// Counts `count` spans.
    pub fn add_many(&mut self, reason: RejectReason, count: u64) {
        self.0[reason as usize] += count;
    }

    /// All spans counted.
    pub fn total(&self) -> u64 {
        self.0.iter().sum()
    }

    /// Whether nothing was counted.
    pub fn is_empty(&self) -> bool {
        self.total() == 0
    }

    /// The reasons that occurred, with their counts.
    pub fn iter(&self) -> impl Iterator<Item = (RejectReason, u64)> {
        RejectReason::ALL
            .iter()
            .copied()
            .zip(self.0.iter().copied())
            .filter(|(_, n)| *n > 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_label_names_its_reason_again() {
        for reason in RejectReason::ALL {
            assert_eq!(RejectReason::from_label(reason.as_str()), Some(*reason));
        }
        for refusal in Refusal::ALL {
            assert_eq!(Refusal::from_label(refusal.as_str()), Some(*refusal));
        }
    }

    #[test]
    fn a_set_holds_what_was_inserted() {
        let mut repairs = Repairs::NONE;
        repairs.insert(Repair::StartMissing);
        repairs.insert(Repair::NulReplaced);
        assert_eq!(
            repairs.iter().collect::<Vec<_>>(),
            [Repair::NulReplaced, Repair::StartMissing]
        );
    }
}
