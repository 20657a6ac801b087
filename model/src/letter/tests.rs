//! What filters let through, and what groups count.

use proptest::prelude::*;

use super::*;

fn letter(offset: i64) -> Letter {
    Letter {
        id: LetterId {
            partition: 0,
            offset,
        },
        reason: Some(RejectReason::Unframed),
        error: String::new(),
        origin: None,
        schema_id: None,
        attempt: 1,
        at: 100,
        by: String::new(),
        tenant: None,
        trace_id: None,
        services: Vec::new(),
        spans: 0,
        bytes: 1,
        redrive: RedriveState::Untouched,
    }
}

#[test]
fn an_id_is_two_numbers_and_nothing_else() {
    let id = LetterId::parse("2/1417").unwrap();
    assert_eq!((id.partition, id.offset), (2, 1417));
    assert_eq!(id.to_string(), "2/1417");
    for garbage in [
        "",
        "/",
        "2",
        "2/",
        "/3",
        "-1/3",
        "2/-3",
        "+2/3",
        "2/3/4",
        "a/b",
        "2/9223372036854775808",
        "2147483648/0",
        " 2/3",
        "2/3 ",
        "2/٣",
    ] {
        assert!(LetterId::parse(garbage).is_err(), "{garbage:?}");
    }
}

#[test]
fn a_range_includes_both_of_its_ends() {
    let range = LetterRange::parse("1/5-7").unwrap();
    let inside: Vec<i64> = (4..9)
        .filter(|offset| {
            range.contains(LetterId {
                partition: 1,
                offset: *offset,
            })
        })
        .collect();
    assert_eq!(inside, [5, 6, 7]);
    assert_eq!(LetterRange::parse("1/5").unwrap().last, 5);
    for garbage in ["1/5-", "1/7-5", "1/-5", "5-7", "1/5-6-7", ""] {
        assert!(LetterRange::parse(garbage).is_err(), "{garbage:?}");
    }
}

#[test]
fn each_condition_alone_tells_letters_apart() {
    let mut other = letter(7);
    other.reason = Some(RejectReason::UnknownSchema);
    other.schema_id = Some(9);
    other.services = vec!["cart".to_owned(), "shop".to_owned()];
    other.tenant = Some(Tenant::default());
    other.at = 200;
    other.attempt = 2;
    let every = LetterFilter::default();
    let filters = [
        LetterFilter {
            reason: other.reason,
            ..every.clone()
        },
        LetterFilter {
            schema_id: Some(9),
            ..every.clone()
        },
        LetterFilter {
            service: Some("shop".to_owned()),
            ..every.clone()
        },
        LetterFilter {
            tenant: Some(Tenant::default()),
            ..every.clone()
        },
        LetterFilter {
            since: Some(200),
            ..every.clone()
        },
        LetterFilter {
            ranges: vec![LetterRange::parse("0/7").unwrap()],
            ..every.clone()
        },
    ];
    for filter in filters {
        assert!(
            filter.matches(&other) && !filter.matches(&letter(1)),
            "{filter:?}"
        );
    }
    let early = LetterFilter {
        until: Some(200),
        max_attempt: Some(1),
        ..every.clone()
    };
    assert!(early.matches(&letter(1)) && !early.matches(&other));
    assert!(every.matches(&other) && every.is_empty());
}

#[test]
fn services_beyond_the_limit_are_counted_without_their_name() {
    let mut groups = LetterGroups::default();
    for n in 0..6_000 {
        groups.add(&Letter {
            services: vec![format!("s{n}")],
            ..letter(n)
        });
    }
    let groups = groups.into_groups();
    assert_eq!(groups.iter().map(|group| group.records).sum::<u64>(), 6_000);
    assert!(groups.len() <= 5_001, "{}", groups.len());
}

prop_compose! {
    fn any_letter()(
        reason in proptest::sample::select(RejectReason::ALL),
        schema in proptest::option::of(0u32..3),
        services in proptest::collection::btree_set("[ab]", 0..3),
        at in 0u64..1_000,
        attempt in 0u32..5,
        spans in 0u32..9,
        bytes in 0u64..99,
        redriven in any::<bool>(),
    ) -> Letter {
        Letter {
            reason: Some(reason),
            schema_id: schema,
            services: services.into_iter().collect(),
            redrive: if redriven { RedriveState::Redriven } else { RedriveState::Untouched },
            at, attempt, spans, bytes,
            ..letter(0)
        }
    }
}

proptest! {
    #[test]
    fn groups_sum_up_to_the_letters(letters in proptest::collection::vec(any_letter(), 0..60)) {
        let mut groups = LetterGroups::default();
        letters.iter().for_each(|letter| groups.add(letter));
        let groups = groups.into_groups();
        let sum = |of: fn(&LetterGroup) -> u64| groups.iter().map(of).sum::<u64>();
        prop_assert_eq!(sum(|group| group.records), letters.len() as u64);
        prop_assert_eq!(
            sum(|group| group.spans),
            letters.iter().map(|letter| u64::from(letter.spans)).sum::<u64>()
        );
        prop_assert_eq!(
            sum(|group| group.bytes),
            letters.iter().map(|letter| letter.bytes).sum::<u64>()
        );
        let redriven = |letter: &&Letter| letter.redrive == RedriveState::Redriven;
        prop_assert_eq!(
            sum(|group| group.redriven),
            letters.iter().filter(redriven).count() as u64
        );
        prop_assert_eq!(
            groups.iter().map(|group| group.first_seen).min(),
            letters.iter().map(|letter| letter.at).min()
        );
        prop_assert_eq!(
            groups.iter().map(|group| group.max_attempt).max(),
            letters.iter().map(|letter| letter.attempt).max()
        );
    }

    #[test]
    fn any_text_is_an_id_or_refused(text in "\\PC{0,20}") {
        if let Ok(id) = LetterId::parse(&text) {
            prop_assert_eq!(LetterId::parse(&id.to_string()), Ok(id));
        }
    }
}
