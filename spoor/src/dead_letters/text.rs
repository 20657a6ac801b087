//! Dead letters for people.

use std::fmt::Write;

use model::{
    Letter, LetterContent, LetterGroup, PurgeReport, RedriveOutcome, RedriveReport, RedriveState,
    UnixNanos,
};
use serde_json::Value;

/// Most bytes of a record that are shown in hex.
const MAX_DUMP: usize = 4 << 10;

/// What stands where nothing is known.
const UNKNOWN: &str = "-";

/// Above the lines of [`record`].
pub(super) const RECORDS_HEAD: &str = "ID           BECAME                TRY  REDRIVEN  REASON            SCHEMA  SPANS  TENANT        ORIGIN                    SERVICES";

/// A table of groups and their sum.
pub(super) fn groups(groups: &[LetterGroup]) -> String {
    if groups.is_empty() {
        return "There are no such dead letters.".to_owned();
    }
    let mut text = format!(
        "{:>9} {:>10} {:>9}  {:<17} {:>6}  {:<5} {:<20} {:<20}  SERVICES\n",
        "RECORDS", "SPANS", "REDRIVEN", "REASON", "SCHEMA", "TRIES", "FIRST", "LAST"
    );
    for group in groups {
        let tries = match group.min_attempt == group.max_attempt {
            true => group.max_attempt.to_string(),
            false => format!("{}-{}", group.min_attempt, group.max_attempt),
        };
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "{:>9} {:>10} {:>9}  {:<17} {:>6}  {:<5} {:<20} {:<20}  {}",
            group.records,
            group.spans,
            group.redriven,
            group.reason.map_or(UNKNOWN, |reason| reason.as_str()),
            number(group.schema_id),
            tries,
            time(group.first_seen),
            time(group.last_seen),
            services(&group.services),
        );
    }
    let sum = |of: fn(&LetterGroup) -> u64| groups.iter().map(of).sum::<u64>();
    let _ = writeln!(
        text,
        "{:>9} {:>10} {:>9}  in all",
        sum(|group| group.records),
        sum(|group| group.spans),
        sum(|group| group.redriven),
    );
    text
}

/// One letter on one line.
pub(super) fn record(letter: &Letter) -> String {
    let origin = letter.origin.as_ref();
    let origin = origin.map_or_else(
        || UNKNOWN.to_owned(),
        |origin| format!("{}/{}/{}", origin.topic, origin.partition, origin.offset),
    );
    format!(
        "{:<12} {:<20} {:>4}  {:<8}  {:<17} {:>6} {:>6}  {:<12}  {:<25} {}",
        letter.id.to_string(),
        time(letter.at),
        letter.attempt,
        state(letter.redrive),
        letter.reason.map_or(UNKNOWN, |reason| reason.as_str()),
        number(letter.schema_id),
        letter.spans,
        letter
            .tenant
            .as_ref()
            .map_or(UNKNOWN, |tenant| tenant.as_str()),
        origin,
        services(&letter.services),
    )
}

/// One letter with all that is in it; `json` is the same as the admin API answers it.
pub(super) fn letter(content: &LetterContent, json: &[u8]) -> anyhow::Result<String> {
    let letter = &content.letter;
    let mut text = format!(
        "Dead letter {}\n\n  reason    {}\n  error     {}\n  became    {} (attempt {}, by {})\n  redriven  {}\n",
        letter.id,
        letter.reason.map_or(UNKNOWN, |reason| reason.as_str()),
        printable(&letter.error),
        time(letter.at),
        letter.attempt,
        printable(&letter.by),
        state(letter.redrive),
    );
    let answer: Value = serde_json::from_slice(json)?;
    text.push_str("\nHeaders\n\n");
    for header in answer["headers"].as_array().into_iter().flatten() {
        let (name, value) = (&header["name"], &header["value"]);
        writeln!(
            text,
            "  {}: {}",
            printable(name.as_str().unwrap_or_default()),
            value.as_str().unwrap_or_default()
        )?;
    }
    if let Some(key) = answer["key"].as_str() {
        writeln!(text, "\nKey\n\n  {key}")?;
    }
    if !answer["decoded"].is_null() {
        let spans = serde_json::to_string_pretty(&answer["decoded"])?;
        writeln!(text, "\nSpans\n\n{spans}")?;
    }
    if let Some((at, error)) = &content.undecoded {
        let rest = content.payload.get(*at..).unwrap_or_default();
        writeln!(
            text,
            "\nNot decoded: {} of {} bytes, from byte {at} on: {}\n",
            rest.len(),
            content.payload.len(),
            printable(error)
        )?;
        text.push_str(&dump(rest, *at));
    }
    Ok(text)
}

/// What a redrive did, or would do.
pub(super) fn redriven(report: &RedriveReport) -> String {
    let mut text = String::new();
    if report.found + report.withdrawn > 0 {
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "A redrive had died: of {} letters that it had begun, {} had been given back.",
            report.found + report.withdrawn,
            report.found,
        );
    }
    let _ = match report.dry_run {
        true => writeln!(text, "Of {} letters, nothing done yet:", report.selected),
        false => writeln!(text, "Of {} letters:", report.selected),
    };
    for (outcome, count) in report.outcomes() {
        let _ = writeln!(text, "{count:>9}  {}", words(outcome, report.dry_run));
    }
    text
}

fn words(outcome: RedriveOutcome, dry_run: bool) -> &'static str {
    match outcome {
        RedriveOutcome::Redriven if dry_run => "would be driven again",
        RedriveOutcome::Redriven => "driven again",
        RedriveOutcome::DeadAgain => "refused again: dead letters with one attempt more",
        RedriveOutcome::AlreadyRedriven => "left: driven again before",
        RedriveOutcome::AttemptsExhausted => {
            "left: dead letters as often as they may be (--max-attempts)"
        }
        RedriveOutcome::ForeignOrigin => {
            "left: they come from a topic of another collector, which has them still, or from one without spans"
        }
        RedriveOutcome::Unreadable => "left: their headers do not say what they are",
        RedriveOutcome::Empty => "left: there is nothing in them",
        RedriveOutcome::TooLarge => "left: larger than their topic takes",
    }
}

/// What a purge did, or would do.
pub(super) fn purged(report: &PurgeReport) -> String {
    let mut text = match report.dry_run {
        true => format!(
            "{} dead letters would be deleted for good. Say --yes to do it.\n",
            report.records
        ),
        false => format!("{} dead letters are deleted.\n", report.records),
    };
    for id in &report.up_to {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "  everything up to {id}");
    }
    text
}

fn state(state: RedriveState) -> &'static str {
    match state {
        RedriveState::Untouched => "no",
        RedriveState::Begun => "begun",
        RedriveState::Redriven => "yes",
    }
}

fn number(number: Option<u32>) -> String {
    number.map_or_else(|| UNKNOWN.to_owned(), |number| number.to_string())
}

fn services(services: &[String]) -> String {
    match services.is_empty() {
        true => UNKNOWN.to_owned(),
        false => printable(&services.join(", ")),
    }
}

/// To the second, in UTC.
fn time(at: UnixNanos) -> String {
    let whole = std::time::Duration::from_secs(at / 1_000_000_000);
    let moment = std::time::SystemTime::UNIX_EPOCH.checked_add(whole);
    // The year 9999 is the last one that can be written.
    let writable = moment.filter(|_| whole.as_secs() < 253_402_300_800);
    writable.map_or_else(
        || UNKNOWN.to_owned(),
        |moment| humantime::format_rfc3339_seconds(moment).to_string(),
    )
}

/// Without what would move a terminal's cursor or colours: the text came from anywhere.
fn printable(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { '\u{fffd}' } else { c })
        .collect()
}

/// Sixteen bytes a line, each with its place.
fn dump(bytes: &[u8], at: usize) -> String {
    let mut text = String::new();
    for (index, line) in bytes[..bytes.len().min(MAX_DUMP)].chunks(16).enumerate() {
        let hex: Vec<String> = line.iter().map(|byte| format!("{byte:02x}")).collect();
        let plain = |byte: &u8| match byte {
            0x20..0x7f => char::from(*byte),
            _ => '.',
        };
        let letters: String = line.iter().map(plain).collect();
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "  {:08x}  {:<47}  |{letters}|",
            at + index * 16,
            hex.join(" ")
        );
    }
    if bytes.len() > MAX_DUMP {
        let _ = writeln!(text, "  … and {} bytes more", bytes.len() - MAX_DUMP);
    }
    text
}

#[cfg(test)]
mod tests;
