//! Tests of the questions to the Calls resource and of reading its answers.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

const EXAMPLE: &[u8] = include_bytes!("../../tests/fixtures/calls-list-example.json");
const ACCOUNT: &str = "AC00000000000000000000000000000001";

fn list() -> Request {
    Request::List { status: CallStatus::InProgress, next_page_uri: None }
}

fn call(sid: &str) -> Request {
    Request::Call { sid: sid.to_owned() }
}

fn parsed(call: Value) -> CallResource {
    CallResource::parse(call.to_string().as_bytes()).unwrap()
}

fn page(body: Value) -> Result<CallPage, Unreadable> {
    CallPage::parse(body.to_string().as_bytes())
}

#[test]
fn the_example_of_a_page_is_read() {
    let page = CallPage::parse(EXAMPLE).unwrap();
    let sids: Vec<_> = page.calls.iter().map(|call| call.sid.as_str()).collect();
    assert_eq!(
        sids,
        [
            "CAfa4e0000000000000000000000000011",
            "CAfa4e0000000000000000000000000002",
            "CAfa4e0000000000000000000000000015",
        ]
    );
    assert_eq!(
        page.calls[2],
        CallResource {
            sid: "CAfa4e0000000000000000000000000015".to_owned(),
            parent_call_sid: Some("CAfa4e0000000000000000000000000001".to_owned()),
            status: Some(CallStatus::InProgress),
            direction: Some(Direction::OutboundDial),
            from: Some("+14155550123".to_owned()),
            to: Some("+12065550177".to_owned()),
            duration_s: None,
            answered_by: None,
        }
    );
    let directions: Vec<_> = page.calls.iter().map(|call| call.direction.unwrap()).collect();
    assert_eq!(directions, [Direction::Inbound, Direction::Outbound, Direction::OutboundDial]);
    assert_eq!(
        page.next_page_uri.unwrap(),
        format!(
            "/2010-04-01/Accounts/{ACCOUNT}/Calls.json?Status=in-progress&PageSize=3&Page=1\
             &PageToken=PACAfa4e0000000000000000000000000015"
        )
    );
}

#[test]
fn questions_stand_at_twilios_addresses() {
    assert_eq!(
        list().path_and_query(ACCOUNT),
        format!("/2010-04-01/Accounts/{ACCOUNT}/Calls.json?Status=in-progress&PageSize=1000")
    );
    let next_page_uri = Some("/any/where.json?PageToken=x%20y".to_owned());
    let next = Request::List { status: CallStatus::Queued, next_page_uri };
    assert_eq!(next.path_and_query(ACCOUNT), "/any/where.json?PageToken=x%20y");
    assert_eq!(
        call("CA1").path_and_query(ACCOUNT),
        format!("/2010-04-01/Accounts/{ACCOUNT}/Calls/CA1.json")
    );
}

#[test]
fn a_sid_cannot_leave_its_place_in_the_path() {
    let asked = call("../x?y#z%/v3:9X2-_~").path_and_query("AC/..");
    assert_eq!(asked, "/2010-04-01/Accounts/AC%2F../Calls/..%2Fx%3Fy%23z%25%2Fv3%3A9X2-_~.json");
}

#[test]
fn a_duration_comes_in_many_forms() {
    for (sent, read) in [
        (json!(null), None),
        (json!(""), None),
        (json!("0"), Some(0)),
        (json!("49"), Some(49)),
        (json!(49), Some(49)),
        (json!(-1), None),
        (json!("+49"), None),
        (json!(4.5), None),
        (json!("99999999999"), None),
        (json!({}), None),
    ] {
        assert_eq!(parsed(json!({"sid": "CA1", "duration": sent})).duration_s, read, "{sent}");
    }
    assert_eq!(parsed(json!({"sid": "CA1"})).duration_s, None);
}

#[test]
fn who_has_answered_is_read_as_in_webhooks() {
    for (sent, read) in [
        (json!("human"), Some(AnsweredBy::Human)),
        (json!("machine_start"), Some(AnsweredBy::Machine)),
        (json!("machine_end_other"), Some(AnsweredBy::Machine)),
        (json!("fax"), Some(AnsweredBy::Fax)),
        (json!("unknown"), Some(AnsweredBy::Human)),
        (json!(null), None),
        (json!(7), None),
    ] {
        let call = parsed(json!({"sid": "CA1", "answered_by": sent}));
        assert_eq!(call.answered_by, read, "{sent}");
    }
}

#[test]
fn what_is_null_blank_unknown_or_of_the_wrong_kind_is_absent() {
    let nothing = parsed(json!({"sid": "CA1"}));
    for sent in [json!(null), json!(""), json!(" "), json!(7), json!([]), json!("x".repeat(300))] {
        let call = parsed(json!({
            "sid": "CA1", "parent_call_sid": sent, "status": sent, "direction": sent,
            "from": sent, "to": sent, "duration": "", "answered_by": sent, "later": {"more": 1},
        }));
        assert_eq!(call, nothing, "{sent}");
    }
    let trunk =
        parsed(json!({"sid": "CA1", "status": "trying", "direction": "trunking-originating"}));
    assert_eq!((trunk.status, trunk.direction), (None, None));
}

#[test]
fn calls_of_compatible_providers_are_read() {
    let call = parsed(json!({
        "sid": "b3877c40-da60-4998-90ad-b792e98472af", "status": "completed", "duration": 12,
        "direction": "inbound", "from": "+14155550123", "formatted_from": "+1415-555-0123",
    }));
    assert_eq!(call.status, Some(CallStatus::Completed));
    assert_eq!((call.direction, call.duration_s), (Some(Direction::Inbound), Some(12)));
}

#[test]
fn a_bad_entry_does_not_lose_the_others() {
    let bad = [json!(null), json!(7), json!({}), json!({"sid": ""}), json!({"sid": 7})];
    let worse = [json!({"sid": "CA 1"}), json!({"sid": "x".repeat(129)}), json!(["CA1"])];
    let mut calls = vec![json!({"sid": "CA1"})];
    calls.extend(bad.into_iter().chain(worse));
    calls.push(json!({"sid": "CA2"}));
    let page = page(json!({"calls": calls})).unwrap();
    let sids: Vec<_> = page.calls.iter().map(|call| call.sid.as_str()).collect();
    assert_eq!(sids, ["CA1", "CA2"]);
}

#[test]
fn the_last_page_has_no_next_one() {
    assert_eq!(page(json!({"calls": []})).unwrap(), CallPage::default());
    for none in [json!(null), json!("")] {
        assert_eq!(page(json!({"calls": [], "next_page_uri": none})).unwrap().next_page_uri, None);
    }
}

#[test]
fn no_page_leads_to_another_host() {
    for foreign in [
        json!("https://evil.example.com/x"),
        json!("//evil.example.com/x"),
        json!("/\\evil.example.com/x"),
        json!("/\t/evil.example.com/x"),
        json!("\\\\evil.example.com"),
        json!("evil.json"),
        json!("@evil.example.com/x"),
        json!("/x y"),
        json!("/x#y"),
        json!(7),
        json!(format!("/{}", "x".repeat(NEXT_PAGE_URI_BYTES_MAX))),
    ] {
        let body = json!({"calls": [{"sid": "CA1"}], "next_page_uri": foreign}).to_string();
        assert_eq!(CallPage::parse(body.as_bytes()), Err(Unreadable::NextPage), "{foreign}");
        let refused = answer(&list(), 200, body.as_bytes()).unwrap_err();
        assert!(matches!(&refused, Failure::Odd(why) if !why.contains("evil")), "{refused}");
    }
}

#[test]
fn a_body_that_is_no_page_or_no_call_is_odd() {
    for body in ["", "<html>", "[]", "{}", r#"{"calls":{}}"#, r#"{"calls":[]"#, "\"x\""] {
        for request in [list(), call("CA1")] {
            let got = answer(&request, 200, body.as_bytes());
            assert!(matches!(got, Err(Failure::Odd(_))), "{body}: {got:?}");
        }
    }
    let got = answer(&call("CA1"), 200, br#"{"sid":"CA2","status":"completed"}"#);
    assert!(matches!(got, Err(Failure::Odd(_))), "another call: {got:?}");
}

#[test]
fn a_page_and_a_call_answer_their_own_questions() {
    assert!(
        matches!(answer(&list(), 200, EXAMPLE), Ok(Answer::Page(page)) if page.calls.len() == 3)
    );
    let body = br#"{"sid":"CA1","status":"completed","duration":"7"}"#;
    let Ok(Answer::Call(found)) = answer(&call("CA1"), 200, body) else { panic!("no call") };
    assert_eq!((found.status, found.duration_s), (Some(CallStatus::Completed), Some(7)));
}

#[test]
fn only_twilio_itself_can_say_that_a_call_does_not_exist() {
    let not_found = br#"{"code":20404,"message":"not found","more_info":"","status":404}"#;
    assert_eq!(answer(&call("CA1"), 404, not_found), Ok(Answer::NotFound));
    let odd = |got| matches!(got, Err(Failure::Odd(_)));
    assert!(odd(answer(&list(), 404, not_found)));
    for other in [&b""[..], b"<html>404", br#"{"status":404}"#, br#"{"code":1}"#] {
        assert!(odd(answer(&call("CA1"), 404, other)));
    }
    assert!(odd(answer(&call("CA1"), 400, not_found)));
}

#[test]
fn failures_are_told_apart() {
    let too_many = br#"{"code":20429,"message":"Too many requests","status":429}"#;
    for request in [list(), call("CA1")] {
        let of = |status, body: &[u8]| answer(&request, status, body).unwrap_err();
        assert_eq!(of(429, b""), Failure::TooMany);
        assert_eq!(of(429, too_many), Failure::TooMany);
        assert_eq!(of(503, too_many), Failure::TooMany);
        assert_eq!(of(503, b"<html>"), Failure::Server(503));
        assert_eq!(of(500, b""), Failure::Server(500));
        assert_eq!(of(401, br#"{"code":20003}"#), Failure::Refused(401));
        assert_eq!(of(403, b""), Failure::Refused(403));
        assert_eq!(of(302, b""), Failure::Odd("status 302, a redirect".to_owned()));
        let told = of(400, br#"{"code":21211,"message":"The number +14155550123 is wrong"}"#);
        assert_eq!(told, Failure::Odd("status 400, error code 21211".to_owned()));
    }
}

#[test]
fn neither_party_is_in_the_debug_output() {
    let page = CallPage::parse(EXAMPLE).unwrap();
    let shown = format!("{page:?} {:?}", Answer::Call(page.calls[0].clone()));
    for party in ["5550006", "5550135", "5550142", "5550123", "5550177"] {
        assert!(!shown.contains(party), "{party} in {shown}");
    }
    assert!(shown.contains("CAfa4e0000000000000000000000000011"));
}

proptest! {
    #[test]
    fn no_body_makes_it_panic(status: u16, body: Vec<u8>, text: String) {
        for request in [list(), call("CA1")] {
            let _ = answer(&request, status, &body);
            let _ = answer(&request, 200, text.as_bytes());
        }
    }
}
