//! The time in the field `Timestamp`: RFC 2822 from Twilio, ISO 8601 from compatible providers.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::fmt::rfc2822::DateTimeParser;
use jiff::tz::TimeZone;

/// Milliseconds since 1970 of a time in one of these forms; `None` for any other text, and for
/// times before 1970.
///
/// - `Sun, 25 Mar 2018 09:53:19 +0000` (RFC 2822, section 3.3; the day of the week may be missing,
///   or wrong)
/// - `2024-01-15T10:30:00Z`, `2021-04-28 21:51:18.731479Z`, `2024-01-15T10:30:00+02:00` (ISO 8601;
///   without a zone it is UTC)
pub fn unix_ms(text: &str) -> Option<u64> {
    let text = text.trim();
    let rfc_2822 = || DateTimeParser::new().relaxed_weekday(true).parse_timestamp(text).ok();
    let in_utc = || text.parse::<DateTime>().ok()?.to_zoned(TimeZone::UTC).ok();
    let moment = text.parse::<Timestamp>().ok().or_else(rfc_2822);
    let moment = moment.or_else(|| in_utc().map(|zoned| zoned.timestamp()))?;
    u64::try_from(moment.as_millisecond()).ok()
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
            "2018-13-25T09:53:19Z",
            "2018-02-29T09:53:19Z",
            "2018-03-25T24:53:19Z",
            "2018-03-25T09:53:19 PST",
            "2018-03-25T09:53:19.1x",
            "Sun, 25 Mrz 2018 09:53:19 +0000",
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
    }
}
