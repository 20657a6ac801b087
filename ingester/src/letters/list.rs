//! Letters by group, and one by one.

use model::{LetterFilter, LetterGroups, LetterId, LetterPage};

use super::{LetterScan, Letters, LettersError};

/// Most letters that are read for one page of a list.
const MOST_READ: usize = 20_000;

/// Counts the letters that a filter means.
///
/// # Errors
/// If they cannot be read.
pub async fn groups<L: Letters>(
    letters: &L,
    filter: &LetterFilter,
) -> Result<LetterGroups, LettersError> {
    let mut groups = LetterGroups::default();
    let mut scan = letters.scan(None, filter).await?;
    while let Some(some) = scan.next().await? {
        let found = some.iter().map(|open| &open.letter);
        let meant = found.filter(|letter| filter.matches(letter));
        meant.for_each(|letter| groups.add(letter));
    }
    Ok(groups)
}

/// The letters that a filter means, at most so many, after one of them.
///
/// # Errors
/// If they cannot be read.
pub async fn page<L: Letters>(
    letters: &L,
    filter: &LetterFilter,
    after: Option<LetterId>,
    most: usize,
) -> Result<LetterPage, LettersError> {
    let mut page = LetterPage {
        letters: Vec::new(),
        next: None,
    };
    let mut read = 0;
    let mut scan = letters.scan(after, filter).await?;
    while let Some(some) = scan.next().await? {
        for open in some {
            read += 1;
            page.next = Some(open.letter.id);
            if filter.matches(&open.letter) {
                page.letters.push(open.letter);
            }
            if page.letters.len() >= most || read >= MOST_READ {
                return Ok(page);
            }
        }
    }
    page.next = None;
    Ok(page)
}
