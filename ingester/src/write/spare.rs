//! Batches that writes have done with: the next ones use their memory again. The vectors of a
//! transaction are so large that the allocator would give them back to the system each time.

use std::sync::{Mutex, MutexGuard, PoisonError};

use model::SpanBatch;

/// Empty batches with room, as many as writes were under way at the same time.
#[derive(Debug, Default)]
pub struct SpareBatches(Mutex<Vec<SpanBatch<'static>>>);

impl SpareBatches {
    /// An empty batch.
    pub(crate) fn take<'a>(&self) -> SpanBatch<'a> {
        self.batches().pop().unwrap_or_default().emptied()
    }

    /// Keeps the room of a batch that nobody needs any more.
    pub(crate) fn put(&self, batch: SpanBatch<'_>) {
        self.batches().push(batch.emptied());
    }

    fn batches(&self) -> MutexGuard<'_, Vec<SpanBatch<'static>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_put_is_taken_empty_with_its_room() {
        let (spare, text) = (SpareBatches::default(), String::from("borrowed"));
        let mut batch = spare.take();
        batch.values.reserve(1_000);
        batch.values.push(model::ValueRef::String(&text));
        let room = (batch.values.as_ptr() as usize, batch.values.capacity());
        spare.put(batch);
        let again = spare.take();
        assert!(again.values.is_empty());
        assert_eq!(
            (again.values.as_ptr() as usize, again.values.capacity()),
            room
        );
    }
}
