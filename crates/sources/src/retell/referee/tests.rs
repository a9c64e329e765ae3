//! Ongoing calls, and their number.

use live_users_core::Direction;

use super::*;

fn asks() -> [Ask; 2] {
    (REFEREE.round)(&[]).try_into().expect("two questions")
}

fn answer(ask: &Ask, answer: &Value) -> Result<Answer, Failure> {
    read(ask, 200, answer.to_string().as_bytes())
}

fn call(id: &str) -> Value {
    json!({
        "call_type": "phone_call", "call_id": id, "call_status": "ongoing",
        "agent_id": "agent_1", "agent_version": 0, "direction": "inbound",
        "from_number": "+15005550100", "to_number": "+15005550006",
        "start_timestamp": 1_795_951_222_122_u64, "metadata": { "any": [1] },
        "telephony_identifier": { "twilio_call_sid": "CA00000000000000000000000000000001" },
    })
}

#[test]
fn it_asks_as_the_package_does() {
    let [list, number] = asks();
    assert_eq!((list.path.as_str(), number.path.as_str()), ("/v3/list-calls", "/get-concurrency"));
    let body: Value = serde_json::from_str(&list.body.expect("a body")).expect("JSON");
    let ongoing = json!({ "type": "enum", "op": "in", "value": ["ongoing"] });
    assert_eq!(body, json!({ "filter_criteria": { "call_status": ongoing }, "limit": 1000 }));
    let access = crate::Access { key: "rk", ids: &[], now_s: 0 };
    let headers = (REFEREE.headers)(&access, &number);
    assert!(number.body.is_none() && headers == [("Authorization", "Bearer rk".to_owned())]);
}

#[test]
fn a_list_has_calls_with_their_agent_and_pages() {
    let [list, _] = asks();
    let mut ended = call("call_3");
    ended["call_status"] = json!("ended");
    let browser = json!({ "call_type": "web_call", "call_id": "call_2", "agent_id": "agent_1" });
    let page = json!({ "items": [call("call_1"), browser, ended], "has_more": true,
                       "pagination_key": "k/1" });
    let found = answer(&list, &page).expect("a page");
    assert_eq!(found.calls.len(), 2);
    let event = &found.calls[0].event;
    assert!(event.call == "call_1" && event.what == What::Answered);
    assert_eq!(event.also, ["CA00000000000000000000000000000001"]);
    assert_eq!(event.agent.as_deref(), Some("agent_1"));
    assert_eq!(found.calls[1].event.direction, Some(Direction::Inbound));
    let next = found.more[0].body.as_deref().expect("a body");
    assert!(next.contains(r#""pagination_key":"k/1""#), "{next}");
    let last = json!({ "items": [], "has_more": false, "pagination_key": null });
    assert!(answer(&found.more[0], &last).expect("the last page").more.is_empty());
}

#[test]
fn a_number_is_one_and_half_a_list_is_none() {
    let [list, number] = asks();
    let concurrency = json!({ "current_concurrency": 4, "concurrency_limit": 20 });
    let found = answer(&number, &concurrency).expect("a number");
    assert!(found.number == Some(4) && found.calls.is_empty());
    for body in
        [json!({}), json!({ "current_concurrency": null }), json!({ "current_concurrency": -1 })]
    {
        assert!(matches!(answer(&number, &body), Err(Failure::Odd(_))), "{body}");
    }
    for body in [
        json!({}),
        json!([]),
        json!({ "items": [] }),
        json!({ "items": null, "has_more": false }),
        json!({ "items": [call("call_1")], "has_more": true }),
        json!({ "items": [], "has_more": true, "pagination_key": "k" }),
        json!({ "items": [call("")], "has_more": false }),
        json!({ "items": [{ "call_status": "ongoing" }], "has_more": false }),
        json!({ "items": [7], "has_more": false }),
    ] {
        assert!(matches!(answer(&list, &body), Err(Failure::Odd(_))), "{body}");
    }
    assert_eq!(read(&list, 402, b"").expect_err("no"), Failure::Odd("status 402".to_owned()));
}
