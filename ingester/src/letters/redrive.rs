//! Drives letters again, those that may be, some at a time.

use model::{RedriveOutcome, RedriveReport, RedriveRequest};

use super::{LetterScan, Letters, LettersError, OpenLetter, verdict};
use crate::metrics;

/// Drives the letters again that a request means and that were there when it began. `progress` is
/// told now and then how far it is.
///
/// It may be killed at any moment and begun again: a letter that was given back is not given back
/// again. A record that fails again is a letter of its own, and not of this run.
///
/// # Errors
/// If not all of it was done. What was done is noted, or will be found out by the next one.
pub async fn redrive<L: Letters>(
    letters: &L,
    request: &RedriveRequest,
    mut progress: impl FnMut(&RedriveReport) + Send,
) -> Result<RedriveReport, LettersError> {
    let mut report = RedriveReport::new(request.dry_run);
    if request.dry_run {
        let mut scan = letters.scan(None, &request.filter).await?;
        while let Some(some) = scan.next().await? {
            choose(letters, request, some, &mut report)
                .iter()
                .for_each(|_| report.add(RedriveOutcome::Redriven));
        }
        return Ok(report);
    }
    let mut turn = letters.begin(&mut report).await?;
    let mut scan = letters.scan(None, &request.filter).await?;
    while let Some(some) = scan.next().await? {
        let chosen = choose(letters, request, some, &mut report);
        if !chosen.is_empty() {
            let outcomes = letters.drive(&mut turn, chosen).await?;
            outcomes
                .into_iter()
                .for_each(|outcome| count(&mut report, outcome));
        }
        progress(&report);
    }
    letters.end(turn).await?;
    Ok(report)
}

/// Those that may be driven again; the others are counted.
fn choose<L: Letters>(
    letters: &L,
    request: &RedriveRequest,
    some: Vec<OpenLetter>,
    report: &mut RedriveReport,
) -> Vec<OpenLetter> {
    let meant = some
        .into_iter()
        .filter(|open| request.filter.matches(&open.letter));
    let may = |open: &OpenLetter| match verdict(open, request.max_attempts, letters.origins()) {
        None => true,
        Some(outcome) if request.dry_run => {
            report.add(outcome);
            false
        }
        Some(outcome) => {
            count(report, outcome);
            false
        }
    };
    meant.filter(may).collect()
}

fn count(report: &mut RedriveReport, outcome: RedriveOutcome) {
    report.add(outcome);
    metrics::redriven(outcome);
}
