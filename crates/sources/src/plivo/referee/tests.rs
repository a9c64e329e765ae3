//! The list of live calls, and a call by its name.

use serde_json::{Value, json};

use super::*;

const ACCOUNT: &str = "MAXXXXXXXXXXXXXXXXXX";
const CALL: &str = "d0a87a1a-b0e9-4ab2-ac07-c22ee87cd04a";

fn first() -> Ask {
    (REFEREE.round)(&[ACCOUNT.to_owned()]).remove(0)
}

/// A question about one call.
type Question = fn(&[String], &str) -> Ask;

fn by(question: fn(&ByName) -> Question) -> Ask {
    let by_name = REFEREE.by_name.as_ref().expect("it is asked by name");
    question(by_name)(&[ACCOUNT.to_owned()], CALL)
}

fn answer(ask: &Ask, answer: &Value) -> Result<Answer, Failure> {
    read(ask, 200, answer.to_string().as_bytes())
}

#[test]
fn it_asks_as_the_package_does() {
    assert_eq!(
        first().path,
        "/v1/Account/MAXXXXXXXXXXXXXXXXXX/Call/?limit=20&offset=0&status=live"
    );
    let call = format!("/v1/Account/{ACCOUNT}/Call/{CALL}/");
    assert_eq!(by(|it| it.live).path, format!("{call}?status=live"));
    assert_eq!(by(|it| it.over).path, call);
    let access = Access { key: "tok", ids: &[], now_s: 0 };
    let basic = "Basic TUFYWFhYWFhYWFhYWFhYWFhYWFg6dG9r".to_owned();
    assert_eq!(headers(&access, &first()), [("Authorization", basic)]);
}

#[test]
fn a_list_has_ids_and_goes_on_while_its_pages_are_full() {
    let body = json!({ "api_id": "b251cbd6-3ef0-11e7-a51d-0245fa790d9e", "calls": [CALL] });
    let found = answer(&first(), &body).expect("a list");
    assert!(found.calls[0].event.call == CALL && found.more.is_empty());
    let full: Vec<_> = (0..20).map(|n| format!("call-{n}")).collect();
    let found = answer(&first(), &json!({ "calls": full })).expect("a page");
    assert!(found.more[0].path.contains("&offset=20&"), "{:?}", found.more);
    let next = answer(&found.more[0], &json!({ "calls": full })).expect("a page");
    assert!(next.more[0].path.contains("&offset=40&"), "{:?}", next.more);
    let last = answer(&next.more[0], &json!({ "calls": [] })).expect("the last page");
    assert!(last.calls.is_empty() && last.more.is_empty());
    for body in [
        json!({}),
        json!({ "calls": {} }),
        json!({ "calls": [CALL, 7.5] }),
        json!({ "calls": [""] }),
        json!({ "calls": null }),
        json!({ "error": "not found" }),
        json!([CALL]),
    ] {
        assert!(matches!(answer(&first(), &body), Err(Failure::Odd(_))), "{body}");
    }
    assert_eq!(read(&first(), 401, b"").expect_err("refused"), Failure::Refused(401));
    assert!(read(&first(), 404, br#"{"error":"not found"}"#).is_err(), "a list is always there");
}

#[test]
fn a_call_that_is_up_says_who_is_on_the_line() {
    let live = json!({
        "api_id": "18f3bbb0-3ef1-11e7-a68e-02d2f90c026e",
        "call_status": "in-progress",
        "call_uuid": CALL,
        "caller_name": "",
        "direction": "inbound",
        "from": "+15005550100",
        "to": "15005550006",
        "session_start": "2017-05-22 13:17:49.050872",
        "stir_verification": "Not Applicable",
    });
    let found = answer(&by(|it| it.live), &live).expect("a call");
    let event = &found.calls[0].event;
    assert!(event.call == CALL && event.what == What::Answered);
    assert_eq!(event.direction, Some(Direction::Inbound));
    assert_eq!(event.to.as_deref(), Some("15005550006"));
    let mut rings = live;
    rings["call_status"] = json!("ringing");
    assert!(answer(&by(|it| it.live), &rings).expect("an answer").calls.is_empty());
}

#[test]
fn a_call_is_over_only_if_plivo_says_when_it_ended() {
    let record = |end: Value, answer: Value| {
        json!({
            "answer_time": answer,
            "call_direction": "outbound",
            "call_duration": 45,
            "call_state": "ANSWER",
            "call_uuid": CALL,
            "end_time": end,
            "from_number": "+15005550006",
            "hangup_cause_name": "Normal Hangup",
            "parent_call_uuid": null,
        })
    };
    let at = || json!("2018-10-29 10:15:43+00:00");
    let ask = by(|it| it.over);
    let what = |body: &Value| answer(&ask, body).expect("an answer").calls.pop();
    let over = what(&record(at(), at())).expect("it is over").event;
    assert!(over.what == What::Ended(EndReason::Completed) && over.duration_s == Some(45));
    let unanswered = what(&record(at(), Value::Null)).expect("it is over").event;
    assert!(unanswered.what == What::Ended(EndReason::NoAnswer));
    for end in [Value::Null, json!(""), json!({})] {
        assert!(what(&record(end, at())).is_none(), "it goes on");
    }
    let unknown = read(&ask, 404, br#"{"api_id":"1","error":"not found"}"#).expect("an answer");
    assert!(unknown.calls.is_empty());
    for (status, body) in [(404, "<html>"), (404, "{}"), (500, "{\"error\":\"no\"}"), (200, "{}")] {
        assert!(read(&ask, status, body.as_bytes()).is_err(), "{status} {body}");
    }
}
