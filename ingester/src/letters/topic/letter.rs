//! A record of the dead-letter topic → a letter, whatever it says or does not say.

use kafka::{DeadLetter, Record};
use model::{Letter, LetterId, LetterOrigin, RedriveState, RejectReason};
use schemas::SchemaSet;

use crate::letters::OpenLetter;
use crate::letters::look::{Skimmed, skim};
use crate::{DeadRecord, TENANT_HEADER};

/// Opens a record of a partition of the topic. Whether it was driven again is not known here.
pub(super) fn open(partition: i32, record: Record, schemas: &SchemaSet) -> OpenLetter {
    let payload = record.payload.as_deref().unwrap_or_default();
    let mut skimmed = skim(schemas, payload);
    let named = record
        .header(TENANT_HEADER)
        .and_then(|name| model::Tenant::parse(std::str::from_utf8(name).ok()?).ok());
    skimmed.tenant = skimmed.tenant.or(named);
    let id = LetterId {
        partition,
        offset: record.offset,
    };
    let said = DeadLetter::parse(&record);
    let identity = said.as_ref().ok().map(DeadLetter::identity);
    let mut letter = unreadable(id, &record, skimmed);
    match said {
        Ok(said) => tell(&mut letter, said),
        Err(error) => letter.error = format!("no dead letter: {error}"),
    }
    OpenLetter {
        letter,
        identity,
        record,
    }
}

/// What is known of any record.
fn unreadable(id: LetterId, record: &Record, skimmed: Skimmed) -> Letter {
    let payload = record.payload.as_deref().unwrap_or_default();
    Letter {
        id,
        reason: None,
        error: String::new(),
        origin: None,
        schema_id: DeadRecord::schema_of(payload),
        attempt: 0,
        at: record.timestamp_ms.max(0).cast_unsigned() * 1_000_000,
        by: String::new(),
        tenant: skimmed.tenant,
        trace_id: skimmed.trace_id,
        services: skimmed.services,
        spans: skimmed.spans,
        bytes: payload.len() as u64,
        redrive: RedriveState::Untouched,
    }
}

fn tell(letter: &mut Letter, said: DeadLetter) {
    letter.reason = RejectReason::from_label(&said.reason);
    letter.error = said.error;
    letter.origin = Some(LetterOrigin {
        topic: said.origin.topic.to_string(),
        partition: said.origin.partition,
        offset: said.offset,
        timestamp_ms: said.timestamp_ms,
    });
    letter.schema_id = said.schema_id.or(letter.schema_id);
    letter.attempt = said.attempt;
    letter.at = said.at;
    letter.by = said.by;
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    #[test]
    fn a_record_that_is_no_dead_letter_is_shown_and_has_no_identity() {
        let record = Record {
            offset: 3,
            timestamp_ms: 5,
            key: None,
            payload: Some(Bytes::from_static(&[0, 0, 0, 0, 9, 1])),
            headers: [(TENANT_HEADER, b"\xff")].into_iter().collect(),
        };
        let open = open(2, record, &SchemaSet::new());
        assert_eq!((open.identity, open.letter.reason), (None, None));
        assert_eq!(open.letter.id.to_string(), "2/3");
        assert_eq!((open.letter.schema_id, open.letter.tenant), (Some(9), None));
        assert_eq!(
            open.letter.error,
            "no dead letter: the record has no header dlq-topic"
        );
    }
}
