//! The calls that go on, and how many Retell says there are.
//!
//! Source: the package `retell-sdk` 6.2.13 (PyPI), run for paths, bodies and the header: `call.list`
//! gives the ids of calls by their status, `concurrency.retrieve` a number. That number has calls
//! that ring in it, so it is compared and ends nothing.

use live_users_twilio::rest::Failure;
use serde::Deserialize;
use serde_json::{Value, json};

use super::read::{Call, call_event};
use crate::What;
use crate::bounds::Text;
use crate::referee::{Answer, Ask, Gives, Listed, Referee, Scope};
use crate::referee::{bearer, body, incomplete, is_token};

pub(super) const REFEREE: Referee = Referee {
    api_url: Some("https://api.retellai.com"),
    key_is: "an API key of the workspace, from the dashboard of Retell",
    is_key: is_token,
    takes_secret: false,
    scope: Scope::Key,
    gives: Gives::Calls,
    round: |_| vec![page(None), Ask { path: CONCURRENCY.to_owned(), ..Ask::default() }],
    headers: bearer,
    read,
    by_name: None,
    room: None,
};

const CALLS: &str = "/v3/list-calls";
const CONCURRENCY: &str = "/get-concurrency";

/// The most that a page has.
const PAGE_SIZE: usize = 1_000;

#[derive(Deserialize)]
struct Page {
    items: Vec<Call>,
    has_more: bool,
    #[serde(default)]
    pagination_key: Text,
}

#[derive(Deserialize)]
struct Concurrency {
    current_concurrency: u32,
}

fn page(after: Option<&str>) -> Ask {
    let ongoing = json!({ "type": "enum", "op": "in", "value": ["ongoing"] });
    let mut body = json!({ "filter_criteria": { "call_status": ongoing }, "limit": PAGE_SIZE });
    if let Some(after) = after {
        body["pagination_key"] = Value::from(after);
    }
    Ask { path: CALLS.to_owned(), body: Some(body.to_string()), ..Ask::default() }
}

fn read(ask: &Ask, status: u16, bytes: &[u8]) -> Result<Answer, Failure> {
    if ask.path == CONCURRENCY {
        let Concurrency { current_concurrency } = body(status, bytes)?;
        return Ok(Answer { number: Some(current_concurrency.into()), ..Answer::default() });
    }
    let Page { items, has_more, pagination_key } = body(status, bytes)?;
    let more = match (has_more, pagination_key.as_str()) {
        (false, _) => None,
        (true, Some(after)) if !items.is_empty() => Some(page(Some(after))),
        (true, _) => return Err(incomplete("it does not name its next page")),
    };
    // One that has ended meanwhile says so.
    let ongoing = items.into_iter().filter(Call::is_ongoing);
    let calls: Result<_, Failure> = ongoing
        .map(|call| call_event(call, What::Answered).map(Listed::new))
        .map(|listed| listed.map_err(|unreadable| Failure::Odd(unreadable.to_string())))
        .collect();
    Ok(Answer { more: more.into_iter().collect(), ..Answer::of(calls?) })
}

#[cfg(test)]
mod tests;
