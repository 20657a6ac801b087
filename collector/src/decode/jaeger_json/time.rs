//! Times as protobuf's JSON writes them.

const NANOS_PER_SECOND: i128 = 1_000_000_000;

/// Nanoseconds since 1970 of `2017-01-26T21:46:31.639875Z`; none of what is not written so.
pub(super) fn timestamp(text: &str) -> Option<i128> {
    if text.is_empty() {
        return Some(0);
    }
    let (date, time) = text.strip_suffix('Z')?.split_once('T')?;
    let [year, month, day] = numbers(date, '-')?;
    let (time, fraction) = time.split_once('.').unwrap_or((time, ""));
    let [hour, minute, second] = numbers(time, ':')?;
    let in_range = (1..=9999).contains(&year)
        && (1..=12).contains(&month)
        && (1..=31).contains(&day)
        && hour < 24
        && minute < 60
        && second < 61;
    if !in_range {
        return None;
    }
    let seconds = ((days(year, month, day) * 24 + hour) * 60 + minute) * 60 + second;
    Some(i128::from(seconds) * NANOS_PER_SECOND + fraction_nanos(fraction)?)
}

/// Nanoseconds of `-1.000340012s`; none of what is not written so.
pub(super) fn duration(text: &str) -> Option<i128> {
    if text.is_empty() {
        return Some(0);
    }
    let number = text.strip_suffix('s')?;
    let (sign, number) = number
        .strip_prefix('-')
        .map_or((1, number), |number| (-1, number));
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let seconds = i128::from(digits(whole)?);
    Some(sign * (seconds * NANOS_PER_SECOND + fraction_nanos(fraction)?))
}

fn numbers(text: &str, between: char) -> Option<[i64; 3]> {
    let mut parts = text.split(between).map(digits);
    let three = [parts.next()??, parts.next()??, parts.next()??];
    parts.next().is_none().then_some(three)
}

/// Digits and nothing else; at most twelve, so that sums stay far from overflow.
fn digits(text: &str) -> Option<i64> {
    let plain = (1..=12).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    plain.then(|| text.parse().ok()).flatten()
}

fn fraction_nanos(fraction: &str) -> Option<i128> {
    if fraction.is_empty() {
        return Some(0);
    }
    let zeros = 9u32.checked_sub(u32::try_from(fraction.len()).ok()?)?;
    Some(i128::from(digits(fraction)?) * 10i128.pow(zeros))
}

/// Days since 1970 of a date of the Gregorian calendar.
fn days(year: i64, month: i64, day: i64) -> i64 {
    // Years begin in March, so that the leap day is the last one.
    let (year, month) = if month > 2 {
        (year, month - 3)
    } else {
        (year - 1, month + 9)
    };
    let leap_days = year / 4 - year / 100 + year / 400;
    let day_of_year = (153 * month + 2) / 5 + day - 1;
    year * 365 + leap_days + day_of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timestamps_are_nanoseconds_since_1970() {
        assert_eq!(timestamp("1970-01-01T00:00:00Z"), Some(0));
        let leap_day = timestamp("2024-02-29T12:00:00.5Z");
        assert_eq!(leap_day, Some(1_709_208_000_500_000_000));
        let nanos = timestamp("2023-11-14T22:13:20.000000001Z");
        assert_eq!(nanos, Some(1_700_000_000_000_000_001));
    }

    #[test]
    fn what_is_no_time_is_none() {
        for text in [
            "2024-02-29",
            "2024-13-01T00:00:00Z",
            "2024-01-01T00:00:00.1234567890Z",
            "+1-01-01T00:00:00Z",
            "Z",
        ] {
            assert_eq!(timestamp(text), None, "{text}");
        }
        for text in ["1", "s", ".s", "1e3s", "--1s"] {
            assert_eq!(duration(text), None, "{text}");
        }
    }

    #[test]
    fn durations_are_nanoseconds_with_their_sign() {
        assert_eq!(duration("0.001500s"), Some(1_500_000));
        assert_eq!(duration("-1.5s"), Some(-1_500_000_000));
        assert_eq!(duration("3s"), Some(3_000_000_000));
    }
}
