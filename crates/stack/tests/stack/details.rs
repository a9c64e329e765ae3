//! An admin's requests through both servers.

use live_users_testkit::{Answer, Server, get, send};
use serde_json::{Value, json};

use crate::{ADMIN_TOKEN, API_TOKEN, start_both};

fn ask(proxy: &Server, method: &str, path: &str) -> (u16, Value) {
    let authorization = format!("Bearer {ADMIN_TOKEN}");
    let url = format!("{}/api/live-users{path}", proxy.url);
    let Answer { status, body, .. } = send(method, &url, &[("Authorization", &authorization)], b"");
    (status, serde_json::from_str(&body).expect("JSON"))
}

#[test]
fn an_admin_sees_the_calls_and_takes_one_out_of_the_count() {
    let (backend, proxy, twilio) = start_both();
    twilio.start(1);
    twilio.start(2);
    let (status, summary) = ask(&proxy, "GET", "/summary");
    assert_eq!(status, 200, "{summary}");
    assert_eq!((&summary["success"], &summary["liveUsers"]), (&json!(true), &json!(2)));

    let (status, page) = ask(&proxy, "GET", "/calls?limit=1");
    assert_eq!((status, page["calls"].as_array().map(Vec::len)), (200, Some(1)), "{page}");
    let sid = page["calls"][0]["callSid"].as_str().expect("a CallSid").to_owned();
    let (_, rest) = ask(&proxy, "GET", &format!("/calls?after={}", page["next"].as_str().unwrap()));
    assert_ne!(rest["calls"][0]["callSid"].as_str(), Some(sid.as_str()), "{rest}");

    let (status, why) = ask(&proxy, "GET", &format!("/calls/{sid}"));
    assert_eq!((status, &why["success"]), (200, &json!(true)), "{why}");
    let (status, evicted) = ask(&proxy, "POST", &format!("/calls/{sid}/evict"));
    assert_eq!((status, &evicted["success"]), (200, &json!(true)), "{evicted}");
    let total = get(&format!("{}/api/live-users", proxy.url)).body;
    assert_eq!(total, r#"{"success":true,"liveUsers":1}"#);

    let (status, history) = ask(&proxy, "GET", "/history?from=-1h&step=1m");
    assert_eq!((status, &history["success"]), (200, &json!(true)), "{history}");
    assert_eq!(history["peaks"]["hour"]["liveUsers"], 2, "{history}");
    let authorization = format!("Bearer {ADMIN_TOKEN}");
    let url = format!("{}/api/live-users/history.svg?theme=light", proxy.url);
    let picture = send("GET", &url, &[("Authorization", &authorization)], b"");
    assert_eq!((picture.status, picture.header("content-type")), (200, "image/svg+xml"));
    assert!(picture.body.contains(">peak 2<"), "{}", picture.body);

    for (method, path, expected) in [
        ("GET", "/history?step=1s".to_owned(), 400),
        ("GET", "/history?agent=nobody".to_owned(), 404),
        ("POST", format!("/calls/{sid}/evict"), 409),
        ("POST", "/calls/CA404/evict".to_owned(), 404),
        ("GET", "/calls/a%2F..%2Fb".to_owned(), 400),
        ("GET", "/calls?limit=many".to_owned(), 400),
    ] {
        let (status, told) = ask(&proxy, method, &path);
        assert_eq!((status, &told["success"]), (expected, &json!(false)), "{path}: {told}");
        assert!(!told["error"].as_str().unwrap_or_default().is_empty(), "{told}");
    }
    for server in [backend, proxy] {
        let (_, log) = server.terminate();
        assert!(!log.contains(ADMIN_TOKEN) && !log.contains(API_TOKEN), "{log}");
    }
}
