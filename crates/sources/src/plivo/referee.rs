//! The live calls of an account, and how a call has ended.
//!
//! Source: the package `plivo` 4.63.0 (PyPI), run for paths, parameters and authentication; the test
//! data of Plivo's own packages for what the answers have in them. A page has at most 20 calls and no
//! cursor, so a call may slip from one page to another that is read already: it is not over before
//! Plivo says so when it is asked for by name.

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use live_users_core::{Direction, EndReason};
use live_users_twilio::rest::Failure;
use serde::Deserialize;

use crate::bounds::Text;
use crate::referee::{Access, Answer, Ask, ByName, Gives, Listed, Referee, Scope};
use crate::referee::{body, encoded, is_token};
use crate::{CallEvent, What};

pub(super) const REFEREE: Referee = Referee {
    api_url: Some("https://api.plivo.com"),
    key_is: "the Auth Token of the account that auth_id names",
    is_key: is_token,
    takes_secret: false,
    scope: Scope::Account,
    gives: Gives::Calls,
    round: |ids| ids.iter().map(|id| page(id, 0)).collect(),
    headers,
    read,
    by_name: Some(ByName {
        live: |ids, call| by_name(ids, call, "?status=live"),
        over: |ids, call| by_name(ids, call, ""),
    }),
    room: None,
};

/// The most that a page has.
const PAGE_SIZE: usize = 20;

#[derive(Deserialize)]
struct Page {
    calls: Vec<Text>,
}

/// One call: of one that is up `call_status`, `direction`, `from` and `to`; of one that is over
/// `answer_time`, `end_time` and `call_duration`.
#[derive(Deserialize)]
struct Call {
    call_uuid: Text,
    #[serde(default)]
    call_status: Text,
    #[serde(default)]
    direction: Text,
    #[serde(default)]
    from: Text,
    #[serde(default)]
    to: Text,
    #[serde(default)]
    answer_time: Text,
    #[serde(default)]
    end_time: Text,
    #[serde(default)]
    call_duration: Text,
}

/// What Plivo says of what it does not know. Anybody's else 404 says nothing.
#[derive(Deserialize)]
struct Unknown {
    error: String,
}

fn page(account: &str, read: usize) -> Ask {
    let path = format!(
        "/v1/Account/{}/Call/?limit={PAGE_SIZE}&offset={read}&status=live",
        encoded(account)
    );
    Ask { path, about: account.to_owned(), read, ..Ask::default() }
}

fn by_name(ids: &[String], call: &str, query: &str) -> Ask {
    let account = ids.first().map(String::as_str).unwrap_or_default();
    let path = format!("/v1/Account/{}/Call/{}/{query}", encoded(account), encoded(call));
    Ask { path, about: account.to_owned(), id: call.to_owned(), ..Ask::default() }
}

fn headers(access: &Access<'_>, ask: &Ask) -> Vec<(&'static str, String)> {
    let credentials = BASE64.encode(format!("{}:{}", ask.about, access.key));
    vec![("Authorization", format!("Basic {credentials}"))]
}

fn read(ask: &Ask, status: u16, bytes: &[u8]) -> Result<Answer, Failure> {
    if !ask.id.is_empty() {
        return one(status, bytes);
    }
    let Page { calls } = body(status, bytes)?;
    let count = calls.len();
    let listed = calls.into_iter().map(|call| {
        let call = call.call("calls").map_err(|error| Failure::Odd(error.to_string()))?;
        Ok(Listed::new(CallEvent::new(call, What::Up)))
    });
    let more = (count == PAGE_SIZE).then(|| page(&ask.about, ask.read + count));
    let calls: Result<_, Failure> = listed.collect();
    Ok(Answer { more: more.into_iter().collect(), ..Answer::of(calls?) })
}

fn one(status: u16, bytes: &[u8]) -> Result<Answer, Failure> {
    let is_unknown = status == 404
        && serde_json::from_slice(bytes).is_ok_and(|it: Unknown| !it.error.is_empty());
    if is_unknown {
        return Ok(Answer::default());
    }
    let call: Call = body(status, bytes)?;
    let has = |text: &Text| text.as_str().is_some_and(|it| !it.is_empty());
    let what = match (has(&call.end_time), call.call_status.as_str()) {
        (true, _) if has(&call.answer_time) => What::Ended(EndReason::Completed),
        (true, _) => What::Ended(EndReason::NoAnswer),
        (false, Some("in-progress")) => What::Answered,
        // It rings, or nothing is said of it.
        (false, _) => return Ok(Answer::default()),
    };
    let direction = match call.direction.as_str() {
        Some("inbound") => Some(Direction::Inbound),
        Some("outbound") => Some(Direction::Outbound),
        _ => None,
    };
    let id = call.call_uuid.call("call_uuid").map_err(|error| Failure::Odd(error.to_string()))?;
    let event = CallEvent {
        direction,
        from: call.from.party(),
        to: call.to.party(),
        duration_s: call.call_duration.whole().filter(|_| matches!(what, What::Ended(_))),
        ..CallEvent::new(id, what)
    };
    Ok(Answer::of(vec![Listed::new(event)]))
}

#[cfg(test)]
mod tests;
