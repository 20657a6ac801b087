//! How far a redrive came that was not ended: what it meant to give back is looked for in the log.

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use kafka::{LogEnds, RangeReader, dead_letter};
use model::RedriveReport;
use storage::{Redriver, Unresolved};

use super::Inner;
use super::scan::{Stretch, begin, more};
use crate::letters::LettersError;

/// Finds out what an earlier redrive did. Its records are in the log, or will be by the time that
/// its producer must have given up; what is not there then never comes, and is withdrawn.
pub(super) async fn settle(
    inner: &Inner,
    reader: &RangeReader,
    redriver: &mut Redriver,
    report: &mut RedriveReport,
) -> Result<(), LettersError> {
    let mut open = redriver.unresolved(&inner.settings.topic).await?;
    if open.is_empty() {
        return Ok(());
    }
    let noted = open.len() as u64;
    let mut found = find(reader, &open).await?;
    open.retain(|one| !found.contains(&one.letter));
    if let Some(wait) = quiet_in(&open, inner.quiet_after()) {
        tracing::info!(
            letters = open.len(),
            "Waiting until records of a redrive that died can no longer arrive"
        );
        tokio::time::sleep(wait).await;
        let late = find(reader, &open).await?;
        open.retain(|one| !late.contains(&one.letter));
        found.extend(late);
    }
    let found: Vec<String> = found.into_iter().collect();
    redriver.done(&found).await?;
    let missing: Vec<String> = open.into_iter().map(|one| one.letter).collect();
    redriver.withdraw(&missing).await?;
    report.found = noted - missing.len() as u64;
    report.withdrawn = missing.len() as u64;
    Ok(())
}

/// How long until the youngest is old enough, if it is not.
fn quiet_in(open: &[Unresolved], quiet_after: Duration) -> Option<Duration> {
    let youngest = open.iter().map(|one| one.age).min()?;
    let wait = quiet_after.saturating_sub(youngest);
    (!wait.is_zero()).then_some(wait)
}

/// Which of these letters have been given back.
async fn find(reader: &RangeReader, open: &[Unresolved]) -> Result<HashSet<String>, LettersError> {
    let mut by_origin: BTreeMap<&str, Vec<&Unresolved>> = BTreeMap::new();
    for one in open {
        by_origin.entry(&one.origin_topic).or_default().push(one);
    }
    let mut found = HashSet::new();
    for (origin, open) in by_origin {
        let letters: HashSet<&str> = open.iter().map(|one| one.letter.as_str()).collect();
        for end in reader.ends(origin).await? {
            let stretch = since_then(&end, &open);
            look_through(reader, &stretch, &letters, &mut found).await?;
        }
    }
    Ok(found)
}

/// What a partition has got since the first of the letters was about to be given back. One that
/// was added, or made anew, since then is read from its start.
fn since_then(end: &LogEnds, open: &[&Unresolved]) -> Stretch {
    let noted = open.iter().map(|one| {
        let index = usize::try_from(end.at.partition).ok();
        index.and_then(|index| one.origin_ends.get(index)).copied()
    });
    let earliest = noted.map(Option::unwrap_or_default).min();
    let from = earliest.filter(|from| *from <= end.high).unwrap_or(end.low);
    Stretch {
        at: end.at.clone(),
        from: from.max(end.low),
        to: end.high,
    }
}

async fn look_through(
    reader: &RangeReader,
    stretch: &Stretch,
    letters: &HashSet<&str>,
    found: &mut HashSet<String>,
) -> Result<(), LettersError> {
    if stretch.from >= stretch.to {
        return Ok(());
    }
    let mut range = begin(reader, stretch).await?;
    while let Some(records) = more(&mut range, stretch).await? {
        for record in records {
            let header = record.header(dead_letter::REDRIVEN);
            let named = header.and_then(|name| std::str::from_utf8(name).ok());
            if let Some(letter) = named.filter(|letter| letters.contains(letter)) {
                found.insert(letter.to_owned());
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use kafka::TopicPartition;

    use super::*;

    fn unresolved(ends: &[i64], age: u64) -> Unresolved {
        Unresolved {
            letter: "spoor.spans/0/1/2/1".to_owned(),
            origin_topic: "spoor.spans".to_owned(),
            origin_ends: ends.to_vec(),
            age: Duration::from_secs(age),
        }
    }

    fn from(partition: i32, (low, high): (i64, i64), open: &[Unresolved]) -> i64 {
        let at = TopicPartition::new("spoor.spans", partition);
        let open: Vec<&Unresolved> = open.iter().collect();
        since_then(&LogEnds { at, low, high }, &open).from
    }

    #[test]
    fn a_log_is_read_from_the_earliest_end_that_was_noted() {
        let open = [unresolved(&[7, 5], 0), unresolved(&[9, 2], 0)];
        assert_eq!(from(0, (0, 20), &open), 7);
        assert_eq!(from(1, (0, 20), &open), 2);
        assert_eq!(from(0, (8, 20), &open), 8, "retention has cut it off");
        assert_eq!(from(2, (0, 20), &open), 0, "a partition that is new");
        assert_eq!(from(0, (0, 3), &open), 0, "a topic that was made anew");
    }

    #[test]
    fn what_is_missing_is_waited_for_until_the_youngest_is_old_enough() {
        let quiet = Duration::from_secs(10);
        let open = [unresolved(&[], 30), unresolved(&[], 4)];
        assert_eq!(quiet_in(&open, quiet), Some(Duration::from_secs(6)));
        assert_eq!(quiet_in(&open[..1], quiet), None);
        assert_eq!(quiet_in(&[], quiet), None);
    }
}
