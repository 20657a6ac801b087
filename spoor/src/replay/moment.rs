//! Moments as operators write them.

use std::time::Duration;

use anyhow::{Context, bail};
use model::UnixNanos;

/// `now`, a time before now such as `-2h` or `-1d 12h`, or a time by RFC 3339.
pub(crate) fn parse(text: &str, now: UnixNanos) -> anyhow::Result<UnixNanos> {
    let text = text.trim();
    if text == "now" {
        return Ok(now);
    }
    if let Some(ago) = text.strip_prefix('-') {
        let ago: Duration = humantime::parse_duration(ago)
            .with_context(|| format!("{text:?} is no time before now, such as -2h"))?;
        let nanos = u64::try_from(ago.as_nanos()).unwrap_or(u64::MAX);
        return Ok(now.saturating_sub(nanos));
    }
    let moment: jiff::Timestamp = text
        .parse()
        .with_context(|| format!("{text:?} is neither a time by RFC 3339, nor -2h, nor now"))?;
    match u64::try_from(moment.as_nanosecond()) {
        Ok(nanos) if nanos <= i64::MAX as u64 => Ok(nanos),
        _ => bail!("{text:?} does not lie between 1970 and 2262"),
    }
}

/// A moment by RFC 3339, to the second.
pub(crate) fn show(at: UnixNanos) -> String {
    let shown = jiff::Timestamp::from_second((at / 1_000_000_000) as i64);
    shown.map_or_else(|_| at.to_string(), |shown| shown.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: UnixNanos = 1_700_000_000_000_000_000;
    const HOUR: UnixNanos = 3_600_000_000_000;

    #[test]
    fn times_are_relative_or_absolute() {
        for (text, moment) in [
            ("now", NOW),
            ("-2h", NOW - 2 * HOUR),
            ("-1d 12h", NOW - 36 * HOUR),
            ("2023-11-14T22:13:20Z", NOW),
            ("2023-11-14T23:13:20+01:00", NOW),
        ] {
            assert_eq!(parse(text, NOW).ok(), Some(moment), "{text}");
        }
        assert_eq!(show(NOW), "2023-11-14T22:13:20Z");
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for text in [
            "",
            "2h",
            "-",
            "yesterday",
            "2023-11-14",
            "1969-12-31T23:59:59Z",
            "2300-01-01T00:00:00Z",
        ] {
            assert!(parse(text, NOW).is_err(), "{text}");
        }
    }
}
