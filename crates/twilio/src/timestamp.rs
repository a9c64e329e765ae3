//! When a callback was sent, from its field `Timestamp`: RFC 2822 from Twilio, ISO 8601 from
//! others.

const MONTHS: [&str; 12] =
    ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];

/// Reads a moment, in milliseconds since the Unix epoch. `None` if it is no moment, is before the
/// epoch, or has no zone.
///
/// ```
/// use live_users_twilio::timestamp::parse;
///
/// assert_eq!(parse("Wed, 04 Nov 2026 09:16:07 +0000"), Some(1_793_783_767_000));
/// assert_eq!(parse("2026-11-04T10:16:07.5+01:00"), Some(1_793_783_767_500));
/// assert_eq!(parse("yesterday"), None);
/// ```
pub fn parse(text: &str) -> Option<u64> {
    let text = text.trim();
    let (date, time, zone) = rfc_2822(text).or_else(|| iso_8601(text))?;
    let days = days_since_epoch(date)?;
    let ms = days * 86_400_000 + time_of_day_ms(time)? - zone_min(zone)? * 60_000;
    u64::try_from(ms).ok()
}

/// Year, month from 1, day.
type Date = (i64, i64, i64);

/// `Wed, 04 Nov 2026 09:16:07 +0000`, in which the day of the week is left alone.
fn rfc_2822(text: &str) -> Option<(Date, &str, &str)> {
    let text = text.split_once(',').map_or(text, |(_, rest)| rest);
    let mut words = text.split_ascii_whitespace();
    let [day, month, year, time, zone] = std::array::from_fn(|_| words.next());
    let month = MONTHS.iter().position(|it| month.is_some_and(|m| m.eq_ignore_ascii_case(it)))?;
    let date = (digits(year?, 4)?, i64::try_from(month).ok()? + 1, digits(day?, 2)?);
    words.next().is_none().then_some((date, time?, zone?))
}

/// `2026-11-04T09:16:07.5Z`, with a space in place of the `T` too.
fn iso_8601(text: &str) -> Option<(Date, &str, &str)> {
    let (date, rest) = text.split_once(['T', 't', ' '])?;
    let mut parts = date.split('-');
    let [year, month, day] = std::array::from_fn(|_| parts.next());
    let date = (digits(year?, 4)?, digits(month?, 2)?, digits(day?, 2)?);
    let (time, zone) = rest.split_at(rest.find(['Z', 'z', '+', '-', ' '])?);
    parts.next().is_none().then_some((date, time, zone.trim_start()))
}

/// `09:16:07.5`, with or without seconds and their fraction.
fn time_of_day_ms(text: &str) -> Option<i64> {
    let (text, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let mut parts = text.split(':');
    let [hour, minute, second] = std::array::from_fn(|_| parts.next());
    let (hour, minute, second) =
        (digits(hour?, 2)?, digits(minute?, 2)?, digits(second.unwrap_or("00"), 2)?);
    // A leap second is the next one.
    let is_time = hour < 24 && minute < 60 && second <= 60 && parts.next().is_none();
    let is_fraction = !fraction.is_empty() && fraction.bytes().all(|it| it.is_ascii_digit());
    let ms: i64 = format!("{fraction:0<3}").get(..3)?.parse().ok()?;
    (is_time && is_fraction).then_some((hour * 3_600 + minute * 60 + second) * 1_000 + ms)
}

/// Minutes to the east: `+0100`, `+01:00`, `Z`, `GMT`.
fn zone_min(text: &str) -> Option<i64> {
    if ["Z", "GMT", "UTC", "UT"].iter().any(|it| text.eq_ignore_ascii_case(it)) {
        return Some(0);
    }
    let sign = if text.starts_with('-') { -1 } else { 1 };
    let digits_of = text.strip_prefix(['+', '-'])?.replacen(':', "", 1);
    let (hours, minutes) = digits_of.split_at_checked(2)?;
    let (hours, minutes) = (digits(hours, 2)?, digits(minutes, 2)?);
    (digits_of.len() == 4 && hours < 24 && minutes < 60).then_some(sign * (hours * 60 + minutes))
}

/// A number of 1 to `most` digits and nothing else.
fn digits(text: &str, most: usize) -> Option<i64> {
    let is_one = (1..=most).contains(&text.len()) && text.bytes().all(|it| it.is_ascii_digit());
    is_one.then(|| text.parse().ok()).flatten()
}

/// Days since 1970-01-01, by the Gregorian calendar.
fn days_since_epoch((year, month, day): Date) -> Option<i64> {
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let lengths = [31, 28 + i64::from(is_leap), 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let before = usize::try_from(month).ok()?.checked_sub(1)?;
    let is_date = (1..=*lengths.get(before)?).contains(&day) && year >= 1970;
    let leap_days = |year: i64| year / 4 - year / 100 + year / 400;
    let of_years = (year - 1970) * 365 + leap_days(year - 1) - leap_days(1969);
    is_date.then(|| of_years + lengths[..before].iter().sum::<i64>() + day - 1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_forms_of_all_senders_are_read() {
        for (text, ms) in [
            ("Thu, 01 Jan 1970 00:00:00 +0000", 0),
            ("1 Jan 1970 00:00 GMT", 0),
            ("Thu, 29 Feb 2024 23:59:59 +0000", 1_709_251_199_000),
            ("Fri, 1 Mar 2024 01:59:59 +0200", 1_709_251_199_000),
            ("Thu, 29 Feb 2024 18:59:59 -0500", 1_709_251_199_000),
            (" 2024-02-29T23:59:59Z ", 1_709_251_199_000),
            ("2024-02-29 23:59:59.123456+00:00", 1_709_251_199_123),
            ("2024-02-29 23:59:59 UTC", 1_709_251_199_000),
            ("2024-02-29T18:29:59.1-0530", 1_709_251_199_100),
            ("2016-12-31T23:59:60Z", 1_483_228_800_000),
            ("2100-03-01T00:00:00Z", 4_107_542_400_000),
        ] {
            assert_eq!(parse(text), Some(ms), "{text}");
        }
    }

    #[test]
    fn what_is_no_moment_or_has_no_zone_is_none() {
        for text in [
            "",
            ",",
            "soon",
            "1795000000",
            "2024-02-29",
            "2024-02-29T23:59:59",
            "2023-02-29T23:59:59Z",
            "2024-13-01T00:00:00Z",
            "2024-00-01T00:00:00Z",
            "2024-01-00T00:00:00Z",
            "2024-01-01T24:00:00Z",
            "2024-01-01T00:00:00.Z",
            "2024-01-01T00:00:00+25:00",
            "2024-01-01T00:00:00+1",
            "1969-12-31T23:59:59Z",
            "Thu, 32 Jan 2026 00:00:00 +0000",
            "Thu, 01 Foo 2026 00:00:00 +0000",
            "Thu, 01 Jan 2026 00:00:00",
            "Thu, 01 Jan 2026 00:00:00 EST",
            "Thu, 01 Jan 2026 00:00:00 +0000 again",
            "Thu, 01 Jan 26 00:00:00 +00ä",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "\\PC{0,40}") {
            let _any = parse(&text);
        }

        #[test]
        fn each_second_follows_the_one_before(day in 0..60_000_i64, second in 0..86_400_i64) {
            let (mut date, mut left) = ((1970, 1, 1), day);
            // Day by day, the plain way.
            while left > 0 {
                let (year, month, of_month) = date;
                let next = [(year, month, of_month + 1), (year, month + 1, 1), (year + 1, 1, 1)];
                date = *next.iter().find(|it| days_since_epoch(**it).is_some()).unwrap();
                left -= 1;
            }
            let (year, month, of_month) = date;
            let (h, m, s) = (second / 3_600, second / 60 % 60, second % 60);
            let text = format!("{year:04}-{month:02}-{of_month:02}T{h:02}:{m:02}:{s:02}Z");
            let ms = u64::try_from((day * 86_400 + second) * 1_000).unwrap();
            prop_assert_eq!(parse(&text), Some(ms), "{}", text);
        }
    }
}
