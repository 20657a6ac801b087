//! What a dead letter says is read back, and the original is untouched.

use proptest::prelude::*;

use super::*;

fn original() -> Record {
    Record {
        offset: 7,
        timestamp_ms: 1_700_000_000_000,
        key: Some(Bytes::from_static(b"key")),
        payload: Some(Bytes::from_static(&[0, 255])),
        headers: [("tenant", "a")].into_iter().collect(),
    }
}

fn letter(record: &Record) -> DeadLetter {
    let origin = TopicPartition::new("spoor.spans", 3);
    DeadLetter::of(record, &origin, "undecodable", "no such schema").decided(42, "ingester-0")
}

/// The dead letter as it will be consumed.
fn consumed(letter: &DeadLetter, record: &Record) -> Record {
    let DeadLetterRecord {
        key,
        payload,
        headers,
    } = letter.record(record);
    Record {
        offset: 0,
        timestamp_ms: 0,
        key,
        payload,
        headers,
    }
}

/// The record as it would be consumed again after a redrive of this letter.
fn driven_again(dead: &Record, offset: i64) -> Record {
    let again = DeadLetter::parse(dead).unwrap().again(dead);
    Record {
        offset,
        timestamp_ms: 99,
        key: again.key,
        payload: again.payload,
        headers: again.headers,
    }
}

#[test]
fn a_record_that_is_driven_again_is_as_it_was_and_says_which_letter_it_was() {
    let dead = consumed(&letter(&original()), &original());
    let again = driven_again(&dead, 20);
    assert_eq!(
        (&again.key, &again.payload),
        (&original().key, &original().payload)
    );
    let names: Vec<&str> = again.headers.iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["tenant", ATTEMPT, REDRIVEN]);
    let identity = DeadLetter::parse(&dead).unwrap().identity();
    assert_eq!(again.header(REDRIVEN), Some(identity.as_bytes()));
}

#[test]
fn copies_of_a_letter_have_one_identity_through_every_attempt() {
    let mut seen = Vec::new();
    let mut record = original();
    for attempt in 1..4 {
        let dead = consumed(&letter(&record), &record);
        let parsed = DeadLetter::parse(&dead).unwrap();
        assert_eq!(parsed.attempt, attempt);
        // Whichever copy in the topic comes back, it fails as the same letter.
        let copies = [30, 40].map(|offset| driven_again(&dead, offset));
        let next = copies.each_ref().map(|copy| letter(copy).identity());
        assert_eq!(next[0], next[1]);
        seen.push(parsed.identity());
        [_, record] = copies;
    }
    let root = "spoor.spans/3/7/1700000000000";
    assert_eq!(seen, [1, 2, 3].map(|attempt| format!("{root}/{attempt}")));
}

#[test]
fn an_identity_that_cannot_be_one_is_not_believed() {
    for nonsense in ["", "x", "x/y", &format!("{}/1", "x".repeat(400))] {
        let mut record = original();
        record.headers = [(REDRIVEN, nonsense)].into_iter().collect();
        assert_eq!(letter(&record).redriven, None, "{nonsense}");
    }
}

#[test]
fn key_payload_and_headers_of_the_original_are_kept() {
    let (record, original) = (consumed(&letter(&original()), &original()), original());
    assert_eq!(
        (record.key, record.payload),
        (original.key, original.payload)
    );
    assert_eq!(record.headers.iter().next(), original.headers.iter().next());
}

#[test]
fn the_facts_are_headers_with_stable_names() {
    let record = letter(&original()).schema(Some(12)).record(&original());
    let headers: Vec<_> = record.headers.iter().skip(1).collect();
    let expected: [(&str, &[u8]); 10] = [
        ("dlq-reason", b"undecodable"),
        ("dlq-error", b"no such schema"),
        ("dlq-topic", b"spoor.spans"),
        ("dlq-partition", b"3"),
        ("dlq-offset", b"7"),
        ("dlq-timestamp-ms", b"1700000000000"),
        ("dlq-schema-id", b"12"),
        ("dlq-attempt", b"1"),
        ("dlq-at", b"42"),
        ("dlq-by", b"ingester-0"),
    ];
    assert_eq!(headers, expected);
}

#[test]
fn each_further_attempt_replaces_the_facts_and_counts_up() {
    let first = consumed(&letter(&original()), &original());
    let second = consumed(&letter(&first), &first);
    assert_eq!(DeadLetter::parse(&second).unwrap().attempt, 2);
    assert_eq!(second.headers.len(), first.headers.len());
}

#[test]
fn a_record_without_the_headers_is_no_dead_letter() {
    assert_eq!(
        DeadLetter::parse(&original()),
        Err(DeadLetterError::Missing { header: TOPIC })
    );
}

#[test]
fn a_header_that_is_no_number_is_named() {
    let mut record = consumed(&letter(&original()), &original());
    let changed = record.headers.iter().map(|(name, value)| match name {
        OFFSET => (name, &b"seven"[..]),
        _ => (name, value),
    });
    record.headers = changed.collect();
    assert_eq!(
        DeadLetter::parse(&record),
        Err(DeadLetterError::Malformed { header: OFFSET })
    );
}

#[test]
fn a_long_error_is_cut_off_between_characters() {
    let mut letter = letter(&original());
    letter.error = "é".repeat(MAX_ERROR);
    let parsed = DeadLetter::parse(&consumed(&letter, &original())).unwrap();
    assert_eq!(parsed.error, "é".repeat(MAX_ERROR / 2));
}

proptest! {
    #[test]
    fn whatever_a_dead_letter_says_is_read_back(
        (reason, error, by, topic) in ("\\PC{0,20}", "\\PC{0,200}", "\\PC{0,20}", "[a-z.]{1,20}"),
        (partition, offset, timestamp_ms) in (0..i32::MAX, 0..i64::MAX, -1..i64::MAX),
        (schema_id, attempt, at) in (any::<Option<u32>>(), any::<u32>(), any::<u64>()),
    ) {
        let origin = TopicPartition::new(topic, partition);
        let redriven = attempt.is_multiple_of(2).then(|| "spoor.spans/1/2/3/1".to_owned());
        let letter = DeadLetter {
            reason, error, origin, offset, timestamp_ms, schema_id, attempt, at, by, redriven,
        };
        prop_assert_eq!(DeadLetter::parse(&consumed(&letter, &original())), Ok(letter));
    }
}
