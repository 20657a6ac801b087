//! Classes of the advisory locks that the store takes. A lock is a class and a number.

/// Slots of traces, held by the transactions that write them.
pub(crate) const TRACE_SLOT: i32 = 0x5350_0001;
/// Changes of partitions: the number is a day.
pub(crate) const PARTITION_CHANGE: i32 = 0x5350_0002;
/// The one maintenance worker of a store.
pub(crate) const MAINTENANCE: i32 = 0x5350_0003;
/// A day's generation of index runs: shared by those who write to it. The number is a day.
pub(crate) const INDEX_GENERATION: i32 = 0x5350_0004;
/// The one worker that merges index runs.
pub(crate) const INDEX_MERGE: i32 = 0x5350_0005;
/// The one who calculates the probabilities of adaptive sampling.
pub(crate) const SAMPLING: i32 = 0x5350_0011;
/// The one who drives dead letters again.
pub(crate) const REDRIVE: i32 = 0x5350_0010;
/// Who writes a day afresh. The number is a day.
pub(crate) const REBUILD: i32 = 0x5350_0012;
