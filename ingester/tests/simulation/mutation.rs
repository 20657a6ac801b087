//! Deliberate bugs, to show that the simulation finds what it is there to find.

/// A rule that is broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mutation {
    /// The position is committed before the spans are.
    CommitBeforeWrite,
    /// A write is accepted from anybody at the right revision.
    OwnerNotCompared,
    /// A write of the owner is accepted at any revision.
    RevisionNotCompared,
    /// A write is accepted from anybody.
    ZombieAccepted,
    /// A claim forgets which records above the watermark are done.
    BitmapNotRestored,
    /// The stored watermark passes one record too many.
    WatermarkTooHigh,
    /// Spans that are stored already are stored again.
    DuplicatesStored,
    /// A late segment counts the edges of its whole trace again.
    EdgesCountedTwice,
    /// Rates count spans that were stored already.
    DuplicatesCounted,
    /// A dead letter that was not acknowledged counts as kept.
    DeadLetterNotAwaited,
    /// A record that is no Avro is passed over.
    GarbagePassedOver,
    /// A claim goes on reading where its member was, not at the watermark.
    PositionKeptAfterClaim,
    /// Records that were fetched for an earlier assignment reach the next one.
    EpochNotCompared,
    /// A step without records is not taken to the store.
    NothingNotWritten,
    /// What was about to be stored is remembered, also when the store has failed.
    MemoryKeptAfterFailure,
    /// Of a batch that was refused and halved, a half is finished without its spans.
    HalfForgotten,
    /// A batch that the store refuses for its content is tried again as it is, for ever.
    PoisonTakenForTransient,
    /// A partition that is let go keeps its share of the memory.
    MemoryNotGivenBack,
    /// Writers of the same trace do not wait for each other.
    SlotsNotLocked,
    /// What a writer remembers of one server is believed of the next one. It takes two partitions of
    /// one trace, of which a failover takes back only one: it is written out in `regressions`.
    MemoryKeptAcrossServers,
    /// What was fetched is mirrored, not what is committed.
    FetchedMirrored,
    /// What was decided of a trace is not looked up: late spans are decided for themselves.
    DecidedAnew,
    /// Spans that a policy dropped are not known when they come again.
    DroppedForgotten,
    /// Rates do not count what a policy drops.
    DroppedNotCounted,
}

impl Mutation {
    /// Every one that random schedules find soon.
    pub const ALL: [Self; 23] = [
        Self::CommitBeforeWrite,
        Self::OwnerNotCompared,
        Self::RevisionNotCompared,
        Self::ZombieAccepted,
        Self::BitmapNotRestored,
        Self::WatermarkTooHigh,
        Self::DuplicatesStored,
        Self::EdgesCountedTwice,
        Self::DuplicatesCounted,
        Self::DeadLetterNotAwaited,
        Self::GarbagePassedOver,
        Self::PositionKeptAfterClaim,
        Self::EpochNotCompared,
        Self::NothingNotWritten,
        Self::MemoryKeptAfterFailure,
        Self::HalfForgotten,
        Self::PoisonTakenForTransient,
        Self::MemoryNotGivenBack,
        Self::SlotsNotLocked,
        Self::FetchedMirrored,
        Self::DecidedAnew,
        Self::DroppedForgotten,
        Self::DroppedNotCounted,
    ];
}
