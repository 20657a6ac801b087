//! Times as `time.RFC3339Nano` reads and prints them.

use model::UnixNanos;

use super::quote;

/// Why a text is no RFC 3339 time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("parsing time {} as \"2006-01-02T15:04:05.999999999Z07:00\": cannot parse", quote(.0))]
pub struct TimeError(String);

const NANOS: i128 = 1_000_000_000;
const SECONDS_PER_DAY: i64 = 86_400;

/// Parses an RFC 3339 time of up to nine decimal places (more are cut).
///
/// A space stands for `+` before the offset: clients that do not escape their URLs send one.
/// Times before 1970 become 0, those after 2262 the last nanosecond that is stored.
pub fn parse_rfc3339(text: &str) -> Result<UnixNanos, TimeError> {
    let nanos = read(text).ok_or_else(|| TimeError(text.to_owned()))?;
    Ok(nanos.clamp(0, i128::from(i64::MAX)) as u64)
}

fn read(text: &str) -> Option<i128> {
    if !text.is_ascii() || text.len() < 20 {
        return None;
    }
    let (date_time, rest) = text.split_at(19);
    let separators = [(4, b'-'), (7, b'-'), (10, b'T'), (13, b':'), (16, b':')];
    if !separators
        .iter()
        .all(|(at, c)| date_time.as_bytes()[*at] == *c)
    {
        return None;
    }
    let year = number(&date_time[0..4])?;
    let month = within(number(&date_time[5..7])?, 1, 12)?;
    let day = within(number(&date_time[8..10])?, 1, days_in(year, month))?;
    let hour = within(number(&date_time[11..13])?, 0, 23)?;
    let minute = within(number(&date_time[14..16])?, 0, 59)?;
    let second = within(number(&date_time[17..19])?, 0, 59)?;
    let (fraction, zone) = fraction(rest)?;
    let local =
        days_since_epoch(year, month, day) * SECONDS_PER_DAY + hour * 3_600 + minute * 60 + second;
    Some(i128::from(local - offset(zone)?) * NANOS + i128::from(fraction))
}

fn number(digits: &str) -> Option<i64> {
    let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    plain.then(|| digits.parse().ok()).flatten()
}

fn within(number: i64, least: i64, most: i64) -> Option<i64> {
    (least..=most).contains(&number).then_some(number)
}

/// The decimal places after the seconds in nanoseconds, and what follows them.
fn fraction(rest: &str) -> Option<(i64, &str)> {
    let Some(tail) = rest.strip_prefix('.') else {
        return Some((0, rest));
    };
    let len = tail.bytes().take_while(u8::is_ascii_digit).count();
    let (digits, zone) = tail.split_at(len);
    let nanos = number(&digits[..len.min(9)])? * 10i64.pow(9 - len.min(9) as u32);
    Some((nanos, zone))
}

/// Seconds east of Greenwich.
fn offset(zone: &str) -> Option<i64> {
    if zone == "Z" {
        return Some(0);
    }
    let sign = match zone.as_bytes().first()? {
        b'+' | b' ' => 1,
        b'-' => -1,
        _ => return None,
    };
    if zone.len() != 6 || zone.as_bytes()[3] != b':' {
        return None;
    }
    let hours = within(number(&zone[1..3])?, 0, 24)?;
    let minutes = within(number(&zone[4..6])?, 0, 60)?;
    Some(sign * (hours * 3_600 + minutes * 60))
}

fn days_in(year: i64, month: i64) -> i64 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        _ => 31,
    }
}

/// Days from 1970-01-01 to a date of the Gregorian calendar, years counted from March.
fn days_since_epoch(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

/// The inverse of [`days_since_epoch`]: year, month, day.
fn date(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = (month_from_march + 2) % 12 + 1;
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day)
}

/// Prints a time in UTC with 0, 3, 6 or 9 decimal places, as protobuf's JSON does.
pub fn format_rfc3339(at: UnixNanos) -> String {
    let seconds = (at / NANOS as u64) as i64;
    let nanos = at % NANOS as u64;
    let (year, month, day) = date(seconds.div_euclid(SECONDS_PER_DAY));
    let of_day = seconds.rem_euclid(SECONDS_PER_DAY);
    let (hour, minute, second) = (of_day / 3_600, of_day / 60 % 60, of_day % 60);
    let fraction = match nanos {
        0 => String::new(),
        n if n % 1_000_000 == 0 => format!(".{:03}", n / 1_000_000),
        n if n % 1_000 == 0 => format!(".{:06}", n / 1_000),
        n => format!(".{n:09}"),
    };
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}{fraction}Z")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_space_stands_for_a_plus_before_the_offset() {
        let expected = parse_rfc3339("2026-11-22T05:13:44+02:00");
        assert_eq!(parse_rfc3339("2026-11-22T05:13:44 02:00"), expected);
        assert_eq!(expected, parse_rfc3339("2026-11-22T03:13:44Z"));
    }

    #[test]
    fn times_beyond_what_is_stored_are_moved_to_its_edges() {
        assert_eq!(parse_rfc3339("1969-12-31T23:59:59Z"), Ok(0));
        assert_eq!(parse_rfc3339("9999-12-31T23:59:59Z"), Ok(i64::MAX as u64));
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for text in [
            "",
            "now",
            "2026-02-29T00:00:00Z",
            "2026-13-01T00:00:00Z",
            "2026-01-01T24:00:00Z",
            "2026-01-01T00:00:00",
            "2026-01-01T00:00:00.Z",
            "2026-01-01T00:00:00+0200",
            "2026-01-01 00:00:00Z",
            "1700000000",
            "２026-01-01T00:00:00Z",
        ] {
            assert!(parse_rfc3339(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_printed_reads_back_equal(at in 0..=i64::MAX as u64) {
            prop_assert_eq!(parse_rfc3339(&format_rfc3339(at)), Ok(at));
        }

        #[test]
        fn times_read_as_the_calendar_of_jiff_reads_them(at in 0..=i64::MAX, hours in -11i8..12) {
            let zone = jiff::tz::TimeZone::fixed(jiff::tz::offset(hours));
            let instant = jiff::Timestamp::from_nanosecond(i128::from(at)).expect("in range");
            let text = instant.to_zoned(zone).strftime("%Y-%m-%dT%H:%M:%S%.9f%:z").to_string();
            prop_assert_eq!(parse_rfc3339(&text), Ok(at as u64));
        }

        #[test]
        fn any_text_is_parsed_or_refused(text in "[-+0-9TZ:. ]{0,40}") {
            let _ = parse_rfc3339(&text);
        }
    }
}
