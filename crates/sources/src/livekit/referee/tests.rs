//! Rooms, the telephones in them, and the tokens to ask with.

use live_users_core::Direction;

use super::*;

fn first() -> Ask {
    (REFEREE.round)(&[]).remove(0)
}

fn answer(ask: &Ask, answer: &Value) -> Result<Answer, Failure> {
    read(ask, 200, answer.to_string().as_bytes())
}

fn room() -> Ask {
    let rooms = json!({ "rooms": [{
        "sid": "RM_1", "name": "call-+15005550100", "num_participants": 2,
        "creation_time": "1795951810", "tomorrow": {},
    }] });
    answer(&first(), &rooms).expect("rooms").more.remove(0)
}

fn telephone(status: &str) -> Value {
    json!({
        "sid": "PA_1", "identity": "sip_+15005550100", "state": "ACTIVE", "kind": "SIP",
        "tracks": [], "joined_at": "1795951810", "permission": { "can_publish": true },
        "attributes": {
            "sip.callID": "SCL_1", "sip.callStatus": status, "sip.ruleID": "SDR_1",
            "sip.phoneNumber": "+15005550100", "sip.trunkPhoneNumber": "+15005550006",
        },
    })
}

#[test]
fn it_asks_for_rooms_and_for_the_participants_of_each() {
    assert_eq!(first().path, "/twirp/livekit.RoomService/ListRooms");
    assert_eq!(first().body.as_deref(), Some("{}"));
    let ask = room();
    assert_eq!(ask.path, "/twirp/livekit.RoomService/ListParticipants");
    assert_eq!(ask.body.as_deref(), Some(r#"{"room":"call-+15005550100"}"#));
    assert!(!format!("{ask:?}").contains("+1500"), "the name of a room may be a number");
    for none in [json!({}), json!({ "rooms": [] })] {
        assert!(answer(&first(), &none).expect("no rooms").more.is_empty());
    }
}

/// The package `livekit-api` 1.2.2 has taken both tokens (`TokenVerifier`), with their grants.
#[test]
fn a_token_grants_what_is_asked_and_no_more() {
    let key = "APItest:a-secret-of-32-characters-or-more";
    let access = Access { key, ids: &[], now_s: 1_795_951_810 };
    let [(name, rooms)] = &headers(&access, &first())[..] else { panic!("one header") };
    assert_eq!((*name, rooms.as_str()), ("Authorization", ROOMS_TOKEN));
    let [(_, one)] = &headers(&access, &room())[..] else { panic!("one header") };
    assert_eq!(one, ROOM_TOKEN);
    for (text, is_key) in [(key, true), ("APItest", false), (":x", false), ("a:", false)] {
        assert_eq!((REFEREE.is_key)(text), is_key, "{text}");
    }
}

const ROOMS_TOKEN: &str = "Bearer eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJleHAiOjE3OTU5NTI0MTAsImlzcyI6IkFQSXRl\
    c3QiLCJuYmYiOjE3OTU5NTE4MTAsInZpZGVvIjp7InJvb21MaXN0Ijp0cnVlfX0.OBqrekmnHFhvE7ZyeUQL\
    4w6yPrIWzul4Pufasm7aPY4";
const ROOM_TOKEN: &str = "Bearer eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJleHAiOjE3OTU5NTI0MTAsImlzcyI6IkFQSXRl\
    c3QiLCJuYmYiOjE3OTU5NTE4MTAsInZpZGVvIjp7InJvb20iOiJjYWxsLSsxNTAwNTU1MDEwMCIsInJvb21B\
    ZG1pbiI6dHJ1ZX19.hgFBacLENWR5-ciRgPHnMUq9uj2osTzHP0tczEySxzM";

#[test]
fn telephones_are_listed_with_their_status() {
    let agent = json!({ "sid": "PA_2", "kind": "AGENT", "identity": "agent" });
    let person = json!({ "sid": "PA_3", "kind": "STANDARD", "attributes": {} });
    for (status, what) in [
        ("active", What::Answered),
        ("automation", What::Answered),
        ("ringing", What::Dialing),
        ("dialing", What::Dialing),
        ("hangup", What::Dialing),
        ("", What::Answered),
    ] {
        let all = json!({ "participants": [agent, telephone(status), person] });
        let found = answer(&room(), &all).expect("participants").calls;
        let event = &found[0].event;
        assert!(found.len() == 1 && event.what == what, "{status}");
        assert_eq!((event.call.as_str(), event.room.as_deref()), ("PA_1", Some("RM_1")));
        assert_eq!(event.also, ["SCL_1"]);
        assert_eq!(event.direction, Some(Direction::Inbound));
        assert_eq!(event.to.as_deref(), Some("+15005550006"));
    }
    let mut outbound = telephone("");
    outbound["attributes"] = json!({ "sip.trunkID": "ST_1" });
    outbound["kind"] = json!(3);
    let found = answer(&room(), &json!({ "participants": [outbound] })).expect("participants");
    assert!(found.calls[0].event.what == What::Dialing, "it may ring");
}

#[test]
fn half_a_list_is_none() {
    for body in [
        json!({ "rooms": [{ "sid": "RM_1" }] }),
        json!({ "rooms": {} }),
        json!({ "rooms": [null] }),
        json!({ "error": "no" }),
        json!({ "participants": [] }),
        json!([]),
    ] {
        assert!(matches!(answer(&first(), &body), Err(Failure::Odd(_))), "{body}");
    }
    let mut nameless = telephone("active");
    nameless["sid"] = json!("");
    for body in [
        json!({ "participants": [nameless] }),
        json!({ "participants": [7] }),
        json!({ "participants": "none" }),
        json!({ "rooms": [] }),
    ] {
        assert!(matches!(answer(&room(), &body), Err(Failure::Odd(_))), "{body}");
    }
    let gone = read(&room(), 404, br#"{"code":"not_found","msg":"no room"}"#);
    assert!(gone.expect("the room is over").calls.is_empty());
    assert!(read(&room(), 404, b"<html>").is_err() && read(&room(), 200, b"").is_err());
    assert!(read(&first(), 404, br#"{"code":"not_found"}"#).is_err(), "rooms are always there");
    let refused = read(&first(), 401, br#"{"code":"unauthenticated"}"#);
    assert_eq!(refused.expect_err("refused"), Failure::Refused(401));
}
