//! The Alerts resource of the debugger: what went wrong with requests to our URLs.
//!
//! It is on another host (`monitor.twilio.com`), and its pages are linked by whole URLs
//! (`meta.next_page_url`), unlike those of the Calls resource.

use serde_json::Value;

use super::parse::{self, Unreadable};

/// How many alerts are asked for: one page is enough to say what is wrong.
const ALERTS_MAX: usize = 100;

/// Something that the debugger has noted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alert {
    /// Twilio's number for it, such as 11200.
    pub code: u32,
    /// The URL that was requested; `None` if it was not about a request. It may have private data
    /// in its query.
    pub request_url: Option<String>,
    /// When, as ISO 8601.
    pub at: String,
}

/// The path and query of the newest alerts from this moment on (`YYYY-MM-DDThh:mm:ssZ`).
pub fn alerts_path(since: &str) -> String {
    format!("/v1/Alerts?PageSize={ALERTS_MAX}&StartDate={}", since.replace(':', "%3A"))
}

/// Reads the body of a page of alerts. Entries without a code are left out.
///
/// # Errors
/// If it is no JSON object with an array `alerts`.
pub fn parse_alerts(body: &[u8]) -> Result<Vec<Alert>, Unreadable> {
    let fields = parse::object(body)?;
    let Some(Value::Array(entries)) = fields.get("alerts") else { return Err(Unreadable::Alerts) };
    let alert = |entry: &Value| {
        let fields = entry.as_object()?;
        let at = ["date_generated", "date_created"];
        Some(Alert {
            code: parse::whole_number(fields.get("error_code"))?,
            request_url: parse::text(fields.get("request_url")).map(str::to_owned),
            at: at
                .iter()
                .find_map(|it| parse::text(fields.get(*it)))
                .unwrap_or_default()
                .to_owned(),
        })
    };
    Ok(entries.iter().filter_map(alert).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alerts_are_read_with_their_code_and_url() {
        let body = br#"{"alerts": [
            {"error_code": "11200", "request_url": "https://calls.example.com/voice?x=1",
             "date_generated": "2026-11-28T09:00:00Z", "log_level": "error"},
            {"error_code": "15003", "request_url": null, "date_created": "2026-11-28T08:00:00Z"},
            {"error_code": null}
        ], "meta": {"key": "alerts", "next_page_url": null}}"#;
        let alerts = parse_alerts(body).unwrap();
        let found: Vec<_> = alerts.iter().map(|it| (it.code, it.at.as_str())).collect();
        assert_eq!(found, [(11200, "2026-11-28T09:00:00Z"), (15003, "2026-11-28T08:00:00Z")]);
        assert_eq!(alerts[0].request_url.as_deref(), Some("https://calls.example.com/voice?x=1"));
        assert_eq!(parse_alerts(b"[]"), Err(Unreadable::NotAnObject));
        assert_eq!(parse_alerts(b"{}"), Err(Unreadable::Alerts));
    }

    #[test]
    fn the_moment_is_part_of_the_query() {
        assert_eq!(
            alerts_path("2026-11-28T09:00:00Z"),
            "/v1/Alerts?PageSize=100&StartDate=2026-11-28T09%3A00%3A00Z"
        );
    }
}
