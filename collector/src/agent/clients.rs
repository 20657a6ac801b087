//! What Jaeger's clients say that they have sent and dropped, against what has arrived.
//!
//! A client that numbers its batches counts from its start on. What is missing between two numbers
//! was lost on the way. A client is known by the tag `client-uuid` of its process.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use model::{SpanBatch, ValueRef};

use super::metrics;
use crate::decode::ClientCount;

/// The tag that tells clients apart.
const CLIENT: &str = "client-uuid";
/// Clients that are remembered. Of more, the one heard of the longest ago is forgotten.
const MAX_CLIENTS: usize = 1000;
/// Longest name that is remembered.
const MAX_NAME: usize = 64;

/// The clients there are.
#[derive(Debug, Default)]
pub(super) struct Clients {
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    last: HashMap<String, Last>,
    /// Grows with each batch.
    heard: u64,
}

#[derive(Debug)]
struct Last {
    count: ClientCount,
    /// The order of batches.
    heard: u64,
}

impl Clients {
    /// Counts what was lost and dropped since this client was heard of before.
    pub(super) fn hear(&self, batch: &SpanBatch<'_>, count: Option<ClientCount>) {
        let (Some(name), Some(count)) = (name(batch), count) else {
            return;
        };
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(since) = known.hear(name, count) {
            metrics::client_told(&since);
        }
    }
}

impl Known {
    /// What a client has dropped, and how many of its batches were lost, since it was heard of
    /// before. None for the first batch, and for one that was overtaken.
    fn hear(&mut self, name: &str, count: ClientCount) -> Option<ClientCount> {
        self.heard += 1;
        let heard = self.heard;
        let Some(last) = self.last.get_mut(name) else {
            self.make_room();
            self.last.insert(name.to_owned(), Last { count, heard });
            return None;
        };
        last.heard = heard;
        let sent = count.batches.checked_sub(last.count.batches)?;
        let before = std::mem::replace(&mut last.count, count);
        Some(ClientCount {
            batches: sent.saturating_sub(1),
            queue_full: count.queue_full.saturating_sub(before.queue_full),
            too_large: count.too_large.saturating_sub(before.too_large),
            unsent: count.unsent.saturating_sub(before.unsent),
        })
    }

    fn make_room(&mut self) {
        if self.last.len() < MAX_CLIENTS {
            return;
        }
        let oldest = self.last.iter().min_by_key(|(_, last)| last.heard);
        if let Some(name) = oldest.map(|(name, _)| name.clone()) {
            self.last.remove(&name);
        }
    }
}

/// The name of the client whose batch this is.
fn name<'a>(batch: &SpanBatch<'a>) -> Option<&'a str> {
    let resource = batch.resources.first()?;
    let attributes = batch.attributes(resource.attributes).iter();
    let mut names = attributes.filter(|attribute| attribute.key == CLIENT);
    match names.next()?.value {
        ValueRef::String(name) if name.len() <= MAX_NAME => Some(name),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(batches: u64) -> ClientCount {
        ClientCount {
            batches,
            ..ClientCount::default()
        }
    }

    #[test]
    fn what_is_missing_between_two_numbers_was_lost() {
        let mut known = Known::default();
        let lost = [7, 8, 11, 12].map(|number| known.hear("a", sent(number)));
        assert_eq!(lost, [None, Some(sent(0)), Some(sent(2)), Some(sent(0))]);
        assert_eq!(known.hear("b", sent(40)), None);
    }

    #[test]
    fn what_a_client_has_dropped_counts_once() {
        let mut known = Known::default();
        let count = |batches, queue_full| ClientCount {
            queue_full,
            ..sent(batches)
        };
        known.hear("a", count(1, 10));
        assert_eq!(known.hear("a", count(2, 15)), Some(count(0, 5)));
        assert_eq!(known.hear("a", count(3, 15)), Some(count(0, 0)));
    }

    #[test]
    fn a_batch_that_was_overtaken_changes_nothing() {
        let mut known = Known::default();
        known.hear("a", sent(5));
        assert_eq!(known.hear("a", sent(4)), None);
        assert_eq!(known.hear("a", sent(6)), Some(sent(0)));
    }

    #[test]
    fn of_too_many_clients_the_one_heard_of_the_longest_ago_is_forgotten() {
        let mut known = Known::default();
        for number in 0..MAX_CLIENTS {
            known.hear(&number.to_string(), sent(1));
        }
        known.hear("0", sent(2));
        known.hear("another", sent(1));
        assert_eq!(known.last.len(), MAX_CLIENTS);
        assert!(known.last.contains_key("0") && !known.last.contains_key("1"));
    }
}
