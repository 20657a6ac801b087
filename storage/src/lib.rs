//! The only SQL: migrations, writer, reader, search, catalogues, retention.

mod contract;
mod error;
mod histogram;

pub use contract::{
    Completeness, Counts, DeadLetter, Dependency, Operation, Owner, Progress, ProgressStep,
    RedPoint, RedQuery, Source, StoredTrace, TraceReader, TraceSpans, TraceWriter, WriteBatch,
    Written,
};
pub use error::{ReadError, WriteError};
pub use histogram::DurationHistogram;
