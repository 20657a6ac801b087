//! Pages read back as they were written, and arbitrary bytes do no harm.

use std::collections::{BTreeMap, BTreeSet};

use proptest::collection::{btree_map, btree_set, vec};
use proptest::prelude::*;

use super::*;

type Postings = BTreeMap<u32, BTreeSet<u32>>;

fn write(segments: u32, postings: &Postings) -> Vec<Page> {
    let mut writer = PageWriter::new(segments, postings.len() as u64);
    for (token, ordinals) in postings {
        let ordinals: Vec<u32> = ordinals.iter().copied().collect();
        writer.push(*token, &ordinals);
    }
    writer.finish()
}

fn read(pages: &[Page]) -> Postings {
    let mut postings = Postings::new();
    for page in pages {
        let mut reader = PageReader::new(&page.body).expect("a page");
        let mut ordinals = Vec::new();
        while let Some(token) = reader.next(&mut ordinals).expect("an entry") {
            postings
                .entry(token)
                .or_default()
                .extend(ordinals.drain(..));
        }
    }
    postings
}

/// Few tokens with many ordinals, many with few, and neighbours.
fn postings() -> impl Strategy<Value = (u32, Postings)> {
    let segments = prop_oneof![Just(1u32), 2u32..300, Just(70_000u32)];
    let token = prop_oneof![any::<u32>(), 0u32..40];
    segments.prop_flat_map(move |segments| {
        let ordinals = prop_oneof![
            9 => btree_set(0..segments, 1..4),
            1 => btree_set(0..segments.min(700), 1..400),
        ];
        (Just(segments), btree_map(token.clone(), ordinals, 1..80))
    })
}

proptest! {
    #[test]
    fn postings_read_back_as_they_were_written((segments, postings) in postings()) {
        let pages = write(segments, &postings);
        prop_assert!(pages.iter().all(|page| page.body.len() <= MAX_BODY));
        prop_assert_eq!(read(&pages), postings);
    }

    #[test]
    fn arbitrary_bytes_are_read_or_refused_within_their_size(bytes in vec(any::<u8>(), 0..900)) {
        let mut body = vec![VERSION];
        body.extend(bytes);
        let mut ordinals = Vec::new();
        if let Ok(mut page) = PageReader::new(&body) {
            while let Ok(Some(_)) = page.next(&mut ordinals) {}
        }
        prop_assert!(ordinals.len() <= body.len() * 8);
    }
}

#[test]
fn a_token_with_many_ordinals_goes_on_over_pages() {
    let postings = Postings::from([
        (7, (0..60_000).step_by(3).collect()),
        (8, (0..200_000).collect()),
        (9, [5].into()),
    ]);
    let pages = write(200_000, &postings);
    assert!(pages.len() > 3, "{} pages", pages.len());
    assert_eq!(read(&pages), postings);
    let mut found = Vec::new();
    for page in &pages {
        find(&page.body, 7, &mut found).expect("a page");
    }
    assert_eq!(found, (0..60_000).step_by(3).collect::<Vec<_>>());
}

#[test]
fn a_page_is_what_it_was_when_its_format_was_settled() {
    let postings = Postings::from([
        (0x0000_0001, [0, 2, 3].into()),
        (0x8000_0000, (0..130).collect()),
        (0xffff_ffff, [999].into()),
    ]);
    let hex: String = write(1_000, &postings)
        .iter()
        .flat_map(|page| &page.body)
        .map(|byte| format!("{byte:02x}"))
        .collect();
    assert_eq!(hex, include_str!("../page_v1.hex").trim());
}

#[test]
fn a_newer_version_is_told() {
    assert_eq!(
        PageReader::new(&[2; HEADER]).err(),
        Some(PageError::Version(2))
    );
}
