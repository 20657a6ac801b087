//! `make faults` and `make soak`: runs faults on real servers and prints a table.

use std::io::Write;
use std::process::ExitCode;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::bail;
use integration_tests::faults::{HEAD, Outcome, catalogue, row, soak};

fn main() -> anyhow::Result<ExitCode> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let mut told = Told::default();
    match words.as_slice() {
        ["list"] => {
            for fault in catalogue::all() {
                say(&format!("{:<26} {}", fault.name, fault.what));
            }
        }
        ["soak", minutes, rest @ ..] => {
            let since = SystemTime::now().duration_since(UNIX_EPOCH)?;
            let seed = rest
                .first()
                .map_or(Ok(since.as_secs()), |seed| seed.parse())?;
            say(&format!("seed {seed}"));
            let duration = Duration::from_secs(60 * minutes.parse::<u64>()?);
            soak(duration, seed, &mut |outcome| told.take(outcome))?;
        }
        names => {
            for fault in chosen(names)? {
                told.take(&fault.run());
            }
        }
    }
    told.table();
    Ok(if told.failed > 0 {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}

/// Faults by their names or the beginnings of them; all without any.
fn chosen(names: &[&str]) -> anyhow::Result<Vec<&'static integration_tests::faults::Fault>> {
    let mut faults = catalogue::all();
    if let Some(unknown) = names
        .iter()
        .find(|name| !faults.iter().any(|fault| fault.name.starts_with(**name)))
    {
        bail!("there is no fault {unknown}; `faults list` lists them");
    }
    faults
        .retain(|fault| names.is_empty() || names.iter().any(|name| fault.name.starts_with(name)));
    Ok(faults)
}

#[derive(Default)]
struct Told {
    rows: Vec<String>,
    failed: usize,
}

impl Told {
    fn take(&mut self, outcome: &Outcome) {
        let row = row(outcome);
        say(&row);
        if let Some(failure) = &outcome.failure {
            self.failed += 1;
            say(failure);
        }
        self.rows.push(row);
    }

    fn table(&self) {
        if !self.rows.is_empty() {
            let (rows, failed) = (self.rows.len(), self.failed);
            say(&format!(
                "\n{HEAD}\n{}\n\n{rows} faults, {failed} failed",
                self.rows.join("\n")
            ));
        }
    }
}

fn say(line: &str) {
    // Whoever closed the output does not want to hear more.
    writeln!(std::io::stdout(), "{line}").unwrap_or_default();
}
