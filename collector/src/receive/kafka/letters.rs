//! Records that can never be stored → the dead-letter topic, bytes untouched, reason attached.

use std::error::Error;

use bootstrap::chain;
use bytes::Bytes;
use kafka::{
    DeadLetter, DeadLetterRecord, Headers, ProduceError, Producer, Record, TopicPartition,
};
use model::{Refusal, RejectReason, Tally};

use crate::enrich::UnknownTenant;
use crate::metrics;
use crate::receive::Refused;

/// Why a record, or some of its spans, can never be stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Flaw {
    pub(super) reason: RejectReason,
    /// In words, with the causes.
    pub(super) error: String,
}

impl Flaw {
    /// What a refusal says that no further try can change.
    pub(super) fn of_refusal(refused: &Refused) -> Self {
        let reason = match refused.refusal() {
            Refusal::TooLarge => RejectReason::RecordTooLarge,
            Refusal::InvalidTenant => RejectReason::InvalidTenant,
            _ => RejectReason::Undecodable,
        };
        Self {
            reason,
            error: chain(refused).to_string(),
        }
    }

    /// Some of the record's spans were left out, the others are durable.
    pub(super) fn of_spans(rejected: &Tally) -> Option<Self> {
        let (reason, _) = rejected.iter().next()?;
        let counts: Vec<String> = rejected
            .iter()
            .map(|(reason, count)| format!("{count} {reason}"))
            .collect();
        Some(Self {
            reason,
            error: format!("spans were left out: {}", counts.join(", ")),
        })
    }

    pub(super) fn of_tenant(unknown: &UnknownTenant) -> Self {
        Self {
            reason: RejectReason::InvalidTenant,
            error: chain(unknown as &dyn Error).to_string(),
        }
    }
}

/// The dead-letter topic of the own cluster.
#[derive(Debug)]
pub struct DeadLetterTopic {
    producer: Producer,
    topic: String,
    by: String,
}

impl DeadLetterTopic {
    /// Dead letters go to `topic`, decided by the process that is called `by`.
    pub fn new(producer: Producer, topic: String, by: String) -> Self {
        Self {
            producer,
            topic,
            by,
        }
    }

    /// Keeps a record. `Ok` means that it is durable. A record that is larger than the topic takes
    /// is kept without its bytes, which its origin has.
    pub(super) async fn keep(
        &self,
        origin: &TopicPartition,
        record: &Record,
        flaw: &Flaw,
    ) -> Result<(), ProduceError> {
        let kept = self.send(origin, record, &flaw.error, flaw).await;
        let Err(ProduceError::TooLarge { bytes, .. }) = kept else {
            return kept.inspect(|()| metrics::kafka_dead_letter(flaw.reason));
        };
        let error = format!(
            "{}; its {bytes} bytes are more than a letter may have, only {origin} has them",
            flaw.error
        );
        let hollow = Record {
            payload: None,
            key: record.key.as_ref().map(first),
            headers: Headers::default(),
            ..record.clone()
        };
        let kept = self.send(origin, &hollow, &error, flaw).await;
        kept.inspect(|()| metrics::kafka_dead_letter(flaw.reason))
    }

    async fn send(
        &self,
        origin: &TopicPartition,
        record: &Record,
        error: &str,
        flaw: &Flaw,
    ) -> Result<(), ProduceError> {
        let letter = DeadLetter::of(record, origin, flaw.reason.as_str(), error)
            .decided(bootstrap::clock::now(), &self.by)
            .record(record);
        let headers = DeadLetterRecord::header_refs(&letter);
        let outbound = letter.outbound(&self.topic, &headers);
        self.producer.send_all(&[outbound]).await
    }
}

/// As much of a key as fits beside anything.
fn first(key: &Bytes) -> Bytes {
    key.slice(..key.len().min(1024))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::DecodeError;

    #[test]
    fn a_refusal_has_the_reason_of_the_letter() {
        let of = |refused: Refused| Flaw::of_refusal(&refused).reason;
        assert_eq!(of(DecodeError::Truncated.into()), RejectReason::Undecodable);
        let many = DecodeError::TooManySpans { limit: 1 };
        assert_eq!(of(many.into()), RejectReason::RecordTooLarge);
        let tenant = Refused::Tenant(UnknownTenant::NotListed);
        assert_eq!(of(tenant), RejectReason::InvalidTenant);
    }

    #[test]
    fn spans_that_were_left_out_are_named_by_reason() {
        let mut rejected = Tally::default();
        assert_eq!(Flaw::of_spans(&rejected), None);
        rejected.add(RejectReason::InvalidSpanId);
        rejected.add_many(RejectReason::InvalidTraceId, 2);
        let flaw = Flaw::of_spans(&rejected).expect("some were left out");
        assert_eq!(flaw.reason, RejectReason::InvalidTraceId);
        assert_eq!(
            flaw.error,
            "spans were left out: 2 invalid_trace_id, 1 invalid_span_id"
        );
    }
}
