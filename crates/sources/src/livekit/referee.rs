//! The telephones that are in the rooms of a server: its rooms, then the participants of each.
//!
//! Source: the package `livekit-api` 1.2.2 (PyPI), run for paths and for the claims of tokens. It asks
//! in protocol buffers, and this in their JSON, which the same addresses take.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::Mac;
use live_users_core::Direction;
use live_users_twilio::rest::Failure;
use serde::Deserialize;
use serde_json::{Value, json};

use super::read::{Participant, call_event, direction};
use crate::What;
use crate::referee::{Access, Answer, Ask, Gives, Listed, Referee, Scope};
use crate::referee::{body, is_token};
use crate::verify::hmac_sha256;

pub(super) const REFEREE: Referee = Referee {
    api_url: None,
    key_is: "an API key of LiveKit and its secret, as `KEY:SECRET`",
    is_key: |text| {
        text.split_once(':').is_some_and(|(key, secret)| is_token(key) && is_token(secret))
    },
    takes_secret: true,
    scope: Scope::Key,
    gives: Gives::Calls,
    round: |_| vec![ask(ROOMS, &json!({}))],
    headers,
    read,
    by_name: None,
    room: None,
};

const ROOMS: &str = "/twirp/livekit.RoomService/ListRooms";
const PARTICIPANTS: &str = "/twirp/livekit.RoomService/ListParticipants";

/// How long a token is good for, in seconds.
const LIFE_S: u64 = 600;

/// `livekit.Room`.
#[derive(Deserialize)]
struct Room {
    sid: String,
    name: String,
}

/// What Twirp says of what it does not know.
#[derive(Deserialize)]
struct Error {
    code: String,
}

fn ask(path: &str, body: &Value) -> Ask {
    Ask { path: path.to_owned(), body: Some(body.to_string()), ..Ask::default() }
}

fn headers(access: &Access<'_>, ask: &Ask) -> Vec<(&'static str, String)> {
    let (key, secret) = access.key.split_once(':').unwrap_or_default();
    let video = match ask.path.as_str() {
        PARTICIPANTS => json!({ "roomAdmin": true, "room": ask.about }),
        _ => json!({ "roomList": true }),
    };
    let end_s = access.now_s + LIFE_S;
    let claims = json!({ "video": video, "iss": key, "nbf": access.now_s, "exp": end_s });
    let part = |part: &Value| URL_SAFE_NO_PAD.encode(part.to_string());
    let signed = format!("{}.{}", part(&json!({ "alg": "HS256", "typ": "JWT" })), part(&claims));
    let signature = hmac_sha256(secret.as_bytes(), &[signed.as_bytes()]).finalize().into_bytes();
    let token = format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature));
    vec![("Authorization", format!("Bearer {token}"))]
}

fn read(ask: &Ask, status: u16, bytes: &[u8]) -> Result<Answer, Failure> {
    if ask.path != PARTICIPANTS {
        let rooms: Vec<Room> = list(status, bytes, "rooms")?;
        return Ok(Answer {
            more: rooms.into_iter().map(participants).collect(),
            ..Answer::default()
        });
    }
    let is_gone = status == 404
        && serde_json::from_slice(bytes).is_ok_and(|error: Error| error.code == "not_found");
    if is_gone {
        // The room is over since the list was read.
        return Ok(Answer::default());
    }
    let participants: Vec<Participant> = list(status, bytes, "participants")?;
    let telephones = participants.into_iter().filter(Participant::is_telephone);
    let calls: Result<_, Failure> = telephones.map(|it| listed(it, ask)).collect();
    Ok(Answer::of(calls?))
}

/// A list in JSON of protocol buffers, in which an empty one may be missing: then nothing else may
/// be there.
fn list<T: for<'a> Deserialize<'a>>(
    status: u16,
    bytes: &[u8],
    field: &'static str,
) -> Result<Vec<T>, Failure> {
    let mut all: serde_json::Map<String, Value> = body(status, bytes)?;
    let odd = || Failure::Odd(format!("{field}: expected a list"));
    match all.remove(field) {
        Some(list) => serde_json::from_value(list).map_err(|_| odd()),
        None if all.is_empty() => Ok(Vec::new()),
        None => Err(odd()),
    }
}

fn participants(room: Room) -> Ask {
    Ask {
        about: room.name.clone(),
        id: room.sid,
        ..ask(PARTICIPANTS, &json!({ "room": room.name }))
    }
}

fn listed(participant: Participant, ask: &Ask) -> Result<Listed, Failure> {
    let is_inbound = direction(&participant) == Some(Direction::Inbound);
    let what = match participant.attribute("sip.callStatus").as_deref() {
        Some("active" | "automation") => What::Answered,
        Some("dialing" | "ringing" | "hangup") => What::Dialing,
        // An SIP service from before there was a status.
        _ if is_inbound => What::Answered,
        _ => What::Dialing,
    };
    let room = Some(ask.id.clone()).filter(|room| !room.is_empty());
    let event = call_event(participant, room, what);
    Ok(Listed::new(event.map_err(|unreadable| Failure::Odd(unreadable.to_string()))?))
}

#[cfg(test)]
mod tests;
