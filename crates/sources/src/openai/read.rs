//! The announcements of calls.
//!
//! A call by telephone may be announced twice, for the Realtime API (`rtc_...`) and for the Live
//! API (`live_...`): two ids that only the `Call-ID` of the SIP INVITE joins.

use live_users_core::Direction;
use live_users_twilio::PARTY_BYTES_MAX;
use serde::Deserialize;

use crate::bounds::{Text, list, object};
use crate::json::parse;
use crate::{CallEvent, Reading, Request, Unreadable, What};

#[derive(Default, Deserialize)]
#[serde(default)]
struct Event {
    #[serde(rename = "type")]
    kind: Text,
    created_at: Text,
    #[serde(deserialize_with = "object")]
    data: Data,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Data {
    call_id: Text,
    session_id: Text,
    #[serde(deserialize_with = "list")]
    sip_headers: Vec<Header>,
}

/// A header of the SIP INVITE. The caller's side has written it.
#[derive(Deserialize)]
struct Header {
    name: String,
    value: String,
}

impl Data {
    /// The value of the first header of this name, which SIP writes in any case; some have a short
    /// name, too.
    fn header(&self, name: &str, short: &str) -> Option<&str> {
        let is_it = |it: &&Header| {
            it.name.eq_ignore_ascii_case(name)
                || !short.is_empty() && it.name.eq_ignore_ascii_case(short)
        };
        let value = self.sip_headers.iter().find(is_it).map(|it| it.value.trim());
        value.filter(|it| !it.is_empty())
    }
}

pub(super) fn read(request: &Request<'_>) -> Result<Reading, Unreadable> {
    let event: Event = parse(request.body)?;
    let mut data = event.data;
    let call = match event.kind.required("type")? {
        "realtime.call.incoming" => std::mem::take(&mut data.call_id).call("data.call_id")?,
        // The second is what the first was called before; the third is a browser.
        "live.transport.incoming" | "live.call.incoming" | "live.transport.connected" => {
            std::mem::take(&mut data.session_id).call("data.session_id")?
        }
        _ => return Ok(Reading::ignoring(event.kind.kind("type"))),
    };
    let header = data.header("Call-ID", "i").map(|it| format!("sip-call-id/{it}"));
    let twilio = data.header("X-Twilio-CallSid", "").map(str::to_owned);
    let to = data.header("To", "t").and_then(user);
    // A trunk calls `sip:PROJECT@sip.api.openai.com`: then the project says whose call it is.
    let (agent, to) = match to {
        Some(project) if project.starts_with("proj_") => (Some(project), None),
        to => (None, to),
    };
    Ok(Reading::of(CallEvent {
        also: header.into_iter().chain(twilio).collect(),
        direction: Some(Direction::Inbound),
        from: data.header("From", "f").and_then(user).map(str::to_owned),
        to: to.map(str::to_owned),
        agent: agent.map(str::to_owned),
        at_ms: event.created_at.number().map(|it| it.saturating_mul(1_000)),
        // Nothing else follows, and so this has to count: an application accepts at once.
        ..CallEvent::new(call, What::Answered)
    }))
}

/// The user of the address in a header such as `"Name" <sip:+15005550100@example.com>;tag=1`.
/// The rest of it changes from call to call.
fn user(header: &str) -> Option<&str> {
    let address = header.rsplit_once('<').map_or(header, |(_, it)| it);
    let (scheme, rest) = address.split_once(':')?;
    let scheme = scheme.trim();
    let is_known = ["sip", "sips", "tel"].iter().any(|it| scheme.eq_ignore_ascii_case(it));
    let user = rest.split(['@', ';', '>']).next()?;
    Some(user).filter(|user| is_known && (1..=PARTY_BYTES_MAX).contains(&user.len()))
}
