//! The time in the field `Timestamp`: RFC 2822 from Twilio, ISO 8601 from compatible providers.

/// The names of the months in RFC 2822, in lower case.
const MONTHS: [&str; 12] =
    ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];

/// Milliseconds since 1970 of a time in one of these forms; `None` for any other text, and for
/// times before 1970.
///
/// - `Sun, 25 Mar 2018 09:53:19 +0000` (RFC 2822, section 3.3; the day of the week may be missing)
/// - `2024-01-15T10:30:00Z`, `2021-04-28 21:51:18.731479Z`, `2024-01-15T10:30:00+02:00` (ISO 8601;
///   without a zone it is UTC)
pub(crate) fn unix_ms(text: &str) -> Option<u64> {
    let text = text.trim().to_ascii_lowercase();
    let is_iso = text.len() > 4 && text.as_bytes()[..4].iter().all(u8::is_ascii_digit);
    if is_iso { iso(&text) } else { rfc_2822(&text) }
}

fn rfc_2822(text: &str) -> Option<u64> {
    let text = match text.split_once(',') {
        Some((_, rest)) => rest,
        None => text,
    };
    let mut words = text.split_ascii_whitespace();
    let day = number(words.next()?, 1..=2)?;
    let month = words.next()?;
    let month = MONTHS.iter().position(|name| *name == month)? as u64 + 1;
    let year = number(words.next()?, 4..=4)?;
    let time = words.next()?;
    let offset_s = zone(words.next().unwrap_or("z"))?;
    of_parts((year, month, day), time, offset_s)
}

fn iso(text: &str) -> Option<u64> {
    let (date, rest) = text.split_once(['t', ' '])?;
    let mut parts = date.split('-');
    let year = number(parts.next()?, 4..=4)?;
    let month = number(parts.next()?, 2..=2)?;
    let day = number(parts.next()?, 2..=2)?;
    if parts.next().is_some() {
        return None;
    }
    let rest = rest.trim();
    let (time, offset_s) = match rest.find(['z', '+', '-', ' ']) {
        Some(at) => (&rest[..at], zone(rest[at..].trim())?),
        None => (rest, 0),
    };
    of_parts((year, month, day), time, offset_s)
}

fn of_parts((year, month, day): (u64, u64, u64), time: &str, offset_s: i64) -> Option<u64> {
    let (time, fraction) = time.split_once(['.', ',']).unwrap_or((time, ""));
    let mut parts = time.split(':');
    let hour = number(parts.next()?, 1..=2)?;
    let minute = number(parts.next()?, 2..=2)?;
    let second = parts.next().map_or(Some(0), |text| number(text, 2..=2))?;
    let is_time = hour < 24 && minute < 60 && second <= 60 && parts.next().is_none();
    if !is_time || !(1..=12).contains(&month) || !(1..=days_in(year, month)).contains(&day) {
        return None;
    }
    let seconds = days_since_1970(year, month, day)? * 86_400 + hour * 3_600 + minute * 60 + second;
    let seconds = u64::try_from(i64::try_from(seconds).ok()? - offset_s).ok()?;
    Some(seconds * 1_000 + milliseconds(fraction)?)
}

/// The first three digits behind the seconds.
fn milliseconds(fraction: &str) -> Option<u64> {
    if !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let digits = fraction.bytes().chain(std::iter::repeat(b'0')).take(3);
    Some(digits.fold(0, |sum, digit| sum * 10 + u64::from(digit - b'0')))
}

/// The offset of a zone from UTC, in seconds.
fn zone(text: &str) -> Option<i64> {
    let (sign, digits) = match text.split_at_checked(1)? {
        ("+", digits) => (1, digits),
        ("-", digits) => (-1, digits),
        _ if matches!(text, "z" | "gmt" | "ut" | "utc") => return Some(0),
        _ => return None,
    };
    let digits: String = digits.chars().filter(|&c| c != ':').collect();
    let (hours, minutes) = match digits.len() {
        2 => (number(&digits, 2..=2)?, 0),
        4 => (number(&digits[..2], 2..=2)?, number(&digits[2..], 2..=2)?),
        _ => return None,
    };
    let seconds = i64::try_from(hours * 3_600 + minutes * 60).ok()?;
    (hours < 24 && minutes < 60).then_some(sign * seconds)
}

fn number(text: &str, digits: std::ops::RangeInclusive<usize>) -> Option<u64> {
    let is_number = digits.contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| text.parse().ok()).flatten()
}

fn is_leap(year: u64) -> bool {
    year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
}

fn days_in(year: u64, month: u64) -> u64 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

fn days_since_1970(year: u64, month: u64, day: u64) -> Option<u64> {
    let years = (1970..year).map(|year| if is_leap(year) { 366 } else { 365 });
    let months = (1..month).map(|month| days_in(year, month));
    (year >= 1970).then(|| years.sum::<u64>() + months.sum::<u64>() + day - 1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_forms_that_providers_send_are_read() {
        for (text, expected) in [
            ("Thu, 01 Jan 1970 00:00:00 +0000", 0),
            ("Sun, 25 Mar 2018 09:53:19 +0000", 1_521_971_599_000),
            ("25 Mar 2018 11:53:19 +0200", 1_521_971_599_000),
            ("Sun, 5 Mar 2018 09:53:19 GMT", 1_520_243_599_000),
            ("2018-03-25T09:53:19Z", 1_521_971_599_000),
            ("2018-03-25T09:53:19", 1_521_971_599_000),
            ("2018-03-25T04:53:19-05:00", 1_521_971_599_000),
            ("2018-03-25 09:53:19.731479Z", 1_521_971_599_731),
            ("2018-03-25 09:53:19.7 +0000", 1_521_971_599_700),
            ("2024-02-29T23:59:60Z", 1_709_251_200_000),
        ] {
            assert_eq!(unix_ms(text), Some(expected), "{text}");
        }
    }

    #[test]
    fn anything_else_is_no_time() {
        for text in [
            "",
            "yesterday",
            "1521971599",
            "2018-03-25",
            "2018-13-25T09:53:19Z",
            "2018-02-29T09:53:19Z",
            "2018-03-25T24:53:19Z",
            "2018-03-25T09:53:19 PST",
            "2018-03-25T09:53:19.1x",
            "Sun, 25 Mrz 2018 09:53:19 +0000",
            "Sun, 25 Mar 18 09:53:19 +0000",
            "Wed, 31 Dec 1969 23:59:59 +0000",
            "1970-01-01T00:00:00+01:00",
        ] {
            assert_eq!(unix_ms(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_not(text in any::<String>(), near in "[0-9TZ:+ .,a-zA-Z-]{0,40}") {
            unix_ms(&text);
            unix_ms(&near);
        }

        #[test]
        fn each_day_is_one_day_after_the_one_before(year in 1970_u64..2400, month in 1_u64..=12) {
            let first = days_since_1970(year, month, 1);
            let next = match month {
                12 => days_since_1970(year + 1, 1, 1),
                _ => days_since_1970(year, month + 1, 1),
            };
            prop_assert_eq!(first.map(|day| day + days_in(year, month)), next);
        }
    }
}
