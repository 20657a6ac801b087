//! What people read.

use model::{LetterGroups, LetterId, LetterOrigin, RejectReason, Tenant};

use super::*;

fn sample(offset: i64, service: &str) -> Letter {
    Letter {
        id: LetterId {
            partition: 2,
            offset,
        },
        reason: Some(RejectReason::UnknownSchema),
        error: "schema 9 is not known".to_owned(),
        origin: Some(LetterOrigin {
            topic: "spoor.spans".to_owned(),
            partition: 5,
            offset: 1_417,
            timestamp_ms: 0,
        }),
        schema_id: Some(9),
        attempt: u32::from(offset > 1) + 1,
        at: 1_790_000_000_000_000_000,
        by: "spoor".to_owned(),
        tenant: Some(Tenant::default()),
        trace_id: None,
        services: vec![service.to_owned()],
        spans: 3,
        bytes: 300,
        redrive: RedriveState::Untouched,
    }
}

#[test]
fn groups_are_a_table_with_their_sum() {
    let mut all = LetterGroups::default();
    for letter in [
        sample(1, "shop"),
        sample(2, "shop"),
        sample(1, "cart\x1b[2J"),
    ] {
        all.add(&letter);
    }
    insta::assert_snapshot!(groups(&all.into_groups()));
    insta::assert_snapshot!(groups(&[]), @"There are no such dead letters.");
}

#[test]
fn a_record_is_a_line_below_its_head() {
    insta::assert_snapshot!(format!("{RECORDS_HEAD}\n{}", record(&sample(7, "shop"))));
}

#[test]
fn what_could_not_be_read_is_shown_in_hex() {
    let content = LetterContent {
        letter: sample(7, "shop"),
        key: Some(vec![0xab; 4]),
        headers: vec![("tenant".to_owned(), b"a\x1bb".to_vec())],
        payload: (0..40).collect(),
        decoded: None,
        undecoded: Some((5, "schema 9 is not known".to_owned())),
    };
    let json = query::api::admin::render_letter(&content);
    insta::assert_snapshot!(letter(&content, &json).unwrap());
}

#[test]
fn a_report_tells_every_outcome_that_occurred() {
    let mut report = RedriveReport::new(false);
    report.found = 2;
    report.withdrawn = 1;
    report.add(RedriveOutcome::Redriven);
    report.add(RedriveOutcome::AttemptsExhausted);
    insta::assert_snapshot!(redriven(&report));
    let mut dry = RedriveReport::new(true);
    dry.add(RedriveOutcome::Redriven);
    insta::assert_snapshot!(redriven(&dry), @r"
    Of 1 letters, nothing done yet:
            1  would be driven again
    ");
}
