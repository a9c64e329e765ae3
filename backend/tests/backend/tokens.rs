//! `API_TOKEN`, and who guesses it.

use live_users_testkit::{Answer, Server, get, send};

use crate::honest::API_TOKEN;
use crate::start;

fn read(server: &Server, token: &str) -> Answer {
    let authorization = format!("Bearer {token}");
    let url = format!("{}/api/live-users/summary", server.url);
    send("GET", &url, &[("Authorization", &authorization)], b"")
}

#[test]
fn who_guesses_the_token_has_to_wait_and_is_seen() {
    let (mut server, _) = start(&[("API_TOKEN", API_TOKEN)]);
    assert_eq!(read(&server, API_TOKEN).status, 200);
    for n in 0..10 {
        assert_eq!(read(&server, &format!("0123456789abcdef{n}")).status, 403);
    }
    // Waits add up to minutes, so at most one of these is looked at after a wait.
    let refused = (10..30).map(|n| read(&server, &format!("0123456789abcdef{n}")));
    let waits: Vec<_> = refused.filter(|answer| answer.status == 429).collect();
    assert!(waits.len() >= 10, "{}", waits.len());
    assert!(!waits[0].header("retry-after").is_empty(), "{:?}", waits[0]);
    assert!(waits[0].body.contains("Authorization: too many wrong tokens"), "{:?}", waits[0]);
    assert!(!waits[0].body.contains("0123456789abcdef"));
    let line = server.await_log("somebody showed a token that is not API_TOKEN, from 127.0.0.1");
    assert!(!line.contains("0123456789abcdef"));
    // Nor does it lock out who has shown the right one from there before.
    assert_eq!(read(&server, API_TOKEN).status, 200);
    // What needs no token is as it was.
    assert_eq!(get(&format!("{}/api/live-users", server.url)).status, 200);
    assert_eq!(get(&format!("{}/healthz", server.url)).status, 200);
}

#[test]
fn sessions_that_have_ended_are_remembered_also_where_the_clock_of_their_proxy_is_behind() {
    let (server, _) = start(&[("API_TOKEN", API_TOKEN)]);
    let authorization = format!("Bearer {API_TOKEN}");
    let authorization = [("Authorization", authorization.as_str())];
    let ids = ["a".repeat(32), "b".repeat(32)];
    for id in &ids {
        let url = format!("{}/api/sessions/{id}/end?until_ms=1000", server.url);
        assert_eq!(send("POST", &url, &authorization, b"").status, 204);
    }
    let url = format!("{}/api/sessions/ended", server.url);
    let told = send("GET", &url, &authorization, b"").body;
    assert!(ids.iter().all(|id| told.contains(id)), "{told}");
}
