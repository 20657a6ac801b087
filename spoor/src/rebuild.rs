//! `spoor rebuild`: a closed day written afresh, with today's code and dictionary.

use std::sync::Mutex;

use anyhow::{Context, bail};
use clap::Args;
use storage::{Day, Rebuilt};

use crate::config::Config;
use crate::console::say;
use crate::roles::connect;

/// Segments after which it is told how far it is.
const TELL_EVERY: u64 = 50_000;

/// `spoor rebuild`
#[derive(Debug, Args)]
pub(crate) struct RebuildArgs {
    /// The day, in UTC: 2026-11-24. Several are done one after the other.
    #[arg(required = true, value_parser = day)]
    days: Vec<Day>,
    /// Rebuilds today as well, which is still being filled.
    #[arg(long)]
    open: bool,
}

fn day(text: &str) -> Result<Day, String> {
    let found = Day::from_suffix(&text.replace('-', ""));
    found.ok_or_else(|| "a day looks like 2026-11-24".to_owned())
}

/// Rebuilds the days in the store that the configuration names.
pub(crate) async fn run(config: &Config, args: RebuildArgs) -> anyhow::Result<()> {
    let today = Day::of(bootstrap::clock::now());
    if let Some(open) = args.days.iter().find(|day| **day >= today && !args.open) {
        bail!("{open} is not over yet: say --open to rebuild it all the same");
    }
    let stores = connect(config).await?;
    let all = stores.all().iter();
    for (day, store) in args
        .days
        .iter()
        .flat_map(|day| all.clone().map(|store| (*day, store)))
    {
        let told = Mutex::new(TELL_EVERY);
        let tell = |so_far: &Rebuilt| {
            let mut next = told.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
            if so_far.segments >= *next {
                *next = so_far.segments + TELL_EVERY;
                say(format!("{day}: {} segments so far", so_far.segments));
            }
        };
        let rebuilt = store.rebuild(day, tell).await;
        let rebuilt = rebuilt.with_context(|| format!("{day} is as it was"))?;
        let place = store.placement();
        match place.has_others() {
            true => say(format!("{place}, {}", line(day, &rebuilt))),
            false => say(line(day, &rebuilt)),
        }
    }
    stores.close().await;
    Ok(())
}

fn line(day: Day, rebuilt: &Rebuilt) -> String {
    let per_span = |bytes: u64| bytes as f64 / rebuilt.spans.max(1) as f64;
    format!(
        "{day}: {} spans in {} segments, payloads of {:.1} bytes a span instead of {:.1}",
        rebuilt.spans,
        rebuilt.segments,
        per_span(rebuilt.bytes_after),
        per_span(rebuilt.bytes_before),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_a_date() {
        assert_eq!(day("2025-11-24"), Ok(Day(20_416)));
        assert!(day("yesterday").is_err() && day("2025-02-30").is_err());
    }

    #[test]
    fn what_it_brought_is_told_per_span() {
        let rebuilt = Rebuilt {
            segments: 2,
            spans: 10,
            bytes_before: 600,
            bytes_after: 333,
        };
        let told =
            "2025-11-24: 10 spans in 2 segments, payloads of 33.3 bytes a span instead of 60.0";
        assert_eq!(line(Day(20_416), &rebuilt), told);
    }
}
