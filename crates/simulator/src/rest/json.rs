//! The bodies of the Calls resource, with every field that Twilio's have.

use std::time::{Duration, SystemTime};

use actix_web::http::header::HttpDate;
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::ledger::View;
use super::model::Listing;

/// The end of the year 9999, in milliseconds since 1970: no date is written behind it.
const DATE_MS_MAX: u64 = 253_402_300_799_000;

const SUBRESOURCES: [(&str, &str); 9] = [
    ("notifications", "Notifications"),
    ("recordings", "Recordings"),
    ("payments", "Payments"),
    ("events", "Events"),
    ("siprec", "Siprec"),
    ("streams", "Streams"),
    ("transcriptions", "Transcriptions"),
    ("user_defined_message_subscriptions", "UserDefinedMessageSubscriptions"),
    ("user_defined_messages", "UserDefinedMessages"),
];

/// A page. There is no way back in it: `previous_page_uri` is always null.
pub(super) fn page(listing: &Listing<'_>, account_sid: &str) -> Value {
    let Listing { query, calls, next_page_uri } = listing;
    let start = query.number.saturating_mul(query.size);
    json!({
        "first_page_uri": query.first().uri(account_sid),
        "end": start.saturating_add(calls.len()).saturating_sub(1),
        "previous_page_uri": null,
        "calls": calls.iter().map(|view| call(view, account_sid)).collect::<Vec<_>>(),
        "uri": query.uri(account_sid),
        "page_size": query.size,
        "start": start,
        "next_page_uri": next_page_uri,
        "page": query.number,
    })
}

/// A single call.
pub(super) fn call(view: &View<'_>, account_sid: &str) -> Value {
    let resource = view.resource();
    let (from, to) = (resource.from.unwrap_or_default(), resource.to.unwrap_or_default());
    let base = format!("/2010-04-01/Accounts/{account_sid}/Calls/{}", view.sid);
    let subresources: Map<String, Value> = SUBRESOURCES
        .iter()
        .map(|(name, path)| ((*name).to_owned(), format!("{base}/{path}.json").into()))
        .collect();
    json!({
        "sid": view.sid,
        "date_created": date(view.created_ms()),
        "date_updated": date(view.updated_ms()),
        "parent_call_sid": resource.parent_call_sid,
        "account_sid": account_sid,
        "to": to,
        "to_formatted": formatted(&to),
        "from": from,
        "from_formatted": formatted(&from),
        "phone_number_sid": null,
        "status": view.status().as_str(),
        "start_time": view.started_ms().map(date),
        "end_time": view.ended_ms().map(date),
        "duration": view.duration_s().map(|s| s.to_string()),
        "price": null,
        "price_unit": "USD",
        "direction": resource.direction.map(|direction| direction.as_str()),
        "answered_by": view.answered_by(),
        "api_version": "2010-04-01",
        "forwarded_from": null,
        "group_sid": null,
        "caller_name": null,
        "queue_time": "0",
        "trunk_sid": null,
        "uri": format!("{base}.json"),
        "subresource_uris": subresources,
    })
}

/// The body of an error.
pub(super) fn error(code: u32, message: &str, status: u16) -> Value {
    json!({
        "code": code,
        "message": message,
        "more_info": format!("https://www.twilio.com/docs/errors/{code}"),
        "status": status,
    })
}

/// RFC 2822, in UTC: `Wed, 04 Nov 2026 09:44:58 +0000`. An HTTP date but for its end.
fn date(ms: u64) -> String {
    let time = SystemTime::UNIX_EPOCH + Duration::from_millis(ms.min(DATE_MS_MAX));
    HttpDate::from(time).to_string().replace("GMT", "+0000")
}

/// ISO 8601, in UTC: `2026-11-04T09:44:58Z`.
pub(super) fn iso_date(ms: u64) -> String {
    let ms = i64::try_from(ms.min(DATE_MS_MAX)).unwrap_or_default();
    Timestamp::from_second(ms / 1000).unwrap_or_default().to_string()
}

/// An American number as Americans write it; anything else as it is.
fn formatted(party: &str) -> String {
    let digits = party
        .strip_prefix("+1")
        .filter(|digits| digits.len() == 10 && digits.bytes().all(|byte| byte.is_ascii_digit()));
    match digits {
        Some(digits) => format!("({}) {}-{}", &digits[..3], &digits[3..6], &digits[6..]),
        None => party.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_and_numbers_are_written_as_in_the_example() {
        assert_eq!(date(1_793_785_498_999), "Wed, 04 Nov 2026 09:44:58 +0000");
        assert_eq!(date(u64::MAX), date(DATE_MS_MAX));
        assert_eq!(iso_date(1_793_785_498_999), "2026-11-04T09:44:58Z");
        assert_eq!(formatted("+15005550006"), "(500) 555-0006");
        assert_eq!(formatted("+442079460900"), "+442079460900");
        assert_eq!(formatted("client:anna"), "client:anna");
    }
}
