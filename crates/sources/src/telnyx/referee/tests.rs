//! The list of active calls: what is in it, its pages, and what is no list.

use serde_json::{Value, json};

use super::*;

const IDS: [&str; 2] =
    ["v3:MdI91X4lWFEs7IgbBEOT9M4AigoY08M0WWZFISt1Yw2axZ_IiE4pqg", "v3:other-call"];

fn call(id: &str) -> Value {
    json!({
        "call_control_id": id,
        "call_leg_id": "2dc6fc34-f9e0-11ea-b68e-02420a0f7768",
        "call_session_id": "2dc1b3c8-f9e0-11ea-bc5a-02420a0f7768",
        "client_state": "aGF2ZSBhIG5pY2UgZGF5ID1d",
        "call_duration": 50,
        "record_type": "call",
        "one_day_more": { "is": [1] },
    })
}

fn first() -> Ask {
    (REFEREE.round)(&["1293384261075731461".to_owned()]).remove(0)
}

fn answer(ask: &Ask, answer: &Value) -> Result<Answer, Failure> {
    read(ask, 200, answer.to_string().as_bytes())
}

#[test]
fn it_asks_as_the_package_does() {
    let asks = (REFEREE.round)(&["1293384261075731461".to_owned(), "a b".to_owned()]);
    let paths: Vec<_> = asks.iter().map(|ask| ask.path.as_str()).collect();
    assert_eq!(
        paths,
        [
            "/v2/connections/1293384261075731461/active_calls?page%5Bsize%5D=250",
            "/v2/connections/a%20b/active_calls?page%5Bsize%5D=250",
        ]
    );
    let access = crate::Access { key: "KEY1", ids: &[], now_s: 0 };
    let headers = (REFEREE.headers)(&access, &asks[0]);
    assert_eq!(headers, [("Authorization", "Bearer KEY1".to_owned())]);
}

#[test]
fn a_list_names_its_calls_and_their_connection() {
    let body = json!({ "data": [call(IDS[0]), call(IDS[1])], "meta": { "total_items": 2 } });
    let found = answer(&first(), &body).expect("a list");
    assert!(found.more.is_empty() && found.number.is_none());
    let Listed { event, session, up_s } = &found.calls[0];
    assert_eq!(event.call, IDS[0]);
    assert_eq!(event.also, ["2dc6fc34-f9e0-11ea-b68e-02420a0f7768"]);
    assert_eq!(event.agent.as_deref(), Some("1293384261075731461"));
    assert_eq!(event.room.as_deref(), Some("connection/1293384261075731461"));
    assert!(matches!(event.what, What::Up), "whether it is answered is not said");
    assert_eq!(session.as_deref(), Some("2dc1b3c8-f9e0-11ea-bc5a-02420a0f7768"));
    assert_eq!(*up_s, 50);
    for empty in [json!({ "data": [] }), json!({ "data": [], "meta": null })] {
        let found = answer(&first(), &empty).expect("no calls are up");
        assert!(found.calls.is_empty() && found.more.is_empty());
    }
}

#[test]
fn pages_are_followed_by_cursor_and_by_number() {
    let next = "/v2/connections/1/active_calls?page[after]=v1:g3Q/=";
    let meta = json!({ "cursors": { "after": "v1:g3Q/=" }, "next": next, "total_items": 2 });
    let found = answer(&first(), &json!({ "data": [call(IDS[0])], "meta": meta })).expect("a page");
    let more = &found.more[0];
    assert!(more.path.ends_with("page%5Bsize%5D=250&page%5Bafter%5D=v1%3Ag3Q%2F%3D"), "{more:?}");
    // Cursors are told on the last page, too.
    let meta = json!({ "cursors": { "after": "v1:h" }, "next": "", "total_items": 2 });
    let last = json!({ "data": [call(IDS[1])], "meta": meta });
    assert!(answer(more, &last).expect("the last page").more.is_empty());
    let numbered = |number| {
        json!({ "data": [call(IDS[0])],
                "meta": { "page_number": number, "total_pages": 2, "total_results": 2 } })
    };
    let found = answer(&first(), &numbered(1)).expect("a page");
    assert!(found.more[0].path.ends_with("&page%5Bnumber%5D=2"), "{:?}", found.more);
    assert!(answer(&found.more[0], &numbered(2)).expect("the last page").more.is_empty());
}

#[test]
fn half_a_list_is_none() {
    let meta = |meta: Value| json!({ "data": [call(IDS[0])], "meta": meta });
    for body in [
        meta(json!({ "total_items": 2 })),
        meta(json!({ "page_number": 1, "total_pages": 1, "total_results": 5 })),
        meta(json!({ "next": "/v2/more", "total_items": 2 })),
        json!({ "data": [], "meta": { "total_items": 1 } }),
        json!({ "data": [], "meta": { "next": "/v2/more", "total_items": 1 } }),
        json!({ "data": [], "meta": { "page_number": 1, "total_pages": 5 } }),
        json!({ "data": [], "meta": { "total_pages": 4 } }),
        json!({ "data": [], "meta": { "next": "/v2/more", "cursors": { "after": "abc" } } }),
        json!({ "data": [call(IDS[0]), { "call_control_id": 7.5 }] }),
        json!({ "data": [call(IDS[0]), {}] }),
        json!({ "data": [call(""), call(IDS[0])] }),
        json!({ "data": [null] }),
        json!({ "data": "none" }),
        json!({ "data": {} }),
        json!({ "meta": { "total_items": 0 } }),
        json!({ "errors": [{ "code": "10009", "title": "Authentication failed" }] }),
        json!([]),
    ] {
        assert!(matches!(answer(&first(), &body), Err(Failure::Odd(_))), "{body}");
    }
    assert!(read(&first(), 200, b"").is_err() && read(&first(), 200, b"{\"data\":[{").is_err());
    let failure = |status| read(&first(), status, b"{\"data\":[]}").expect_err("no answer");
    assert_eq!(failure(429), Failure::TooMany);
    assert_eq!(failure(401), Failure::Refused(401));
    assert_eq!(failure(503), Failure::Server(503));
    assert!(matches!(failure(404), Failure::Odd(_)) && matches!(failure(204), Failure::Odd(_)));
}
