//! The active calls of a connection.
//!
//! Source: the package `telnyx` 4.189.0 (`connections.list_active_calls`), run for the path, the
//! header and the first page. Its types have pages by number, and the documentation of the list has
//! cursors: an answer decides which it is.

use live_users_twilio::rest::Failure;
use serde::Deserialize;
use serde_json::Value;

use super::read::connection;
use crate::bounds::Text;
use crate::referee::{Answer, Ask, Gives, Listed, Referee, Scope};
use crate::referee::{bearer, body, encoded, incomplete, is_token};
use crate::{CallEvent, What};

pub(super) const REFEREE: Referee = Referee {
    api_url: Some("https://api.telnyx.com"),
    key_is: "an API key of the account, from Keys & Credentials of the portal",
    is_key: is_token,
    takes_secret: false,
    scope: Scope::Connections,
    gives: Gives::Calls,
    round: |connections| connections.iter().map(|id| page(id, "", 0)).collect(),
    headers: bearer,
    read,
    by_name: None,
    room: Some(connection),
};

/// The most that a page of Telnyx's lists has.
const PAGE_SIZE: usize = 250;

#[derive(Deserialize)]
struct Page {
    data: Vec<Call>,
    meta: Option<Meta>,
}

/// What is known of a call: neither its direction, nor its ends, nor whether it was answered.
#[derive(Deserialize)]
#[serde(default)]
#[derive(Default)]
struct Call {
    call_control_id: Text,
    call_leg_id: Text,
    call_session_id: Text,
    call_duration: Text,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Meta {
    page_number: Text,
    total_pages: Text,
    total_items: Text,
    total_results: Text,
    cursors: Option<Cursors>,
    next: Value,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Cursors {
    after: Text,
}

fn page(id: &str, which: &str, read: usize) -> Ask {
    let path =
        format!("/v2/connections/{}/active_calls?page%5Bsize%5D={PAGE_SIZE}{which}", encoded(id));
    Ask { path, about: id.to_owned(), read, ..Ask::default() }
}

fn read(ask: &Ask, status: u16, bytes: &[u8]) -> Result<Answer, Failure> {
    let Page { data, meta } = body(status, bytes)?;
    let read = ask.read + data.len();
    let more = next(ask, meta.unwrap_or_default(), (data.len(), read))?;
    let calls: Result<_, Failure> = data.into_iter().map(|call| listed(ask, call)).collect();
    Ok(Answer { more: more.into_iter().collect(), ..Answer::of(calls?) })
}

/// The question for the next page; `None` after the last one.
fn next(ask: &Ask, meta: Meta, (here, read): (usize, usize)) -> Result<Option<Ask>, Failure> {
    let total = meta.total_items.whole().or(meta.total_results.whole());
    let lacks = total.is_some_and(|total| read < usize::try_from(total).unwrap_or(usize::MAX));
    let pages = meta.page_number.whole().zip(meta.total_pages.whole());
    let has_next = match pages {
        Some((number, pages)) => number < pages,
        None => meta.next.as_str().is_some_and(|next| !next.is_empty()),
    };
    // Of several pages none is empty but one behind the last.
    let announces = match pages {
        Some((number, pages)) => number < pages,
        None => meta.total_pages.whole().is_some_and(|pages| pages > 1),
    };
    let names_next = meta.cursors.as_ref().is_some_and(|it| it.after.as_str().is_some());
    if here == 0 && ask.read == 0 && (announces || has_next && names_next) {
        return Err(incomplete("its first page is empty, and there are more"));
    }
    if here == 0 || !has_next {
        // An empty page is the last one, and then nothing may be missing.
        return if lacks { Err(incomplete("it has fewer calls than it says")) } else { Ok(None) };
    }
    let which = match pages {
        Some((number, _)) => format!("&page%5Bnumber%5D={}", number.saturating_add(1)),
        None => {
            let after = meta.cursors.unwrap_or_default().after;
            let after = after.as_str().filter(|it| (1..=4096).contains(&it.len()));
            let after = after.ok_or_else(|| incomplete("it does not name its next page"))?;
            format!("&page%5Bafter%5D={}", encoded(after))
        }
    };
    Ok(Some(page(&ask.about, &which, read)))
}

fn listed(ask: &Ask, call: Call) -> Result<Listed, Failure> {
    let id = call.call_control_id.call("data.call_control_id");
    let id = id.map_err(|unreadable| Failure::Odd(unreadable.to_string()))?;
    let event = CallEvent {
        also: call.call_leg_id.id().into_iter().collect(),
        agent: Some(ask.about.clone()),
        room: Some(connection(&ask.about)),
        ..CallEvent::new(id, What::Up)
    };
    let up_s = call.call_duration.whole().unwrap_or_default();
    Ok(Listed { session: call.call_session_id.id(), up_s, ..Listed::new(event) })
}

#[cfg(test)]
mod tests;
