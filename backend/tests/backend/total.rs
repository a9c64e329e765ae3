//! Who may read the total, how often, and in whose place.

use live_users_testkit::{Answer, Events, Server, send};

use crate::honest::API_TOKEN;
use crate::start;

const TOTAL: &str = "/api/live-users";

fn read(server: &Server, path: &str, headers: &[(&str, &str)]) -> Answer {
    send("GET", &format!("{}{path}", server.url), headers, b"")
}

fn authorization() -> String {
    format!("Bearer {API_TOKEN}")
}

#[test]
fn a_total_that_is_not_public_needs_the_token() {
    let env = [("API_TOKEN", API_TOKEN), ("PUBLIC_TOTAL", "false")];
    let (server, _) = start(&env);
    for path in [TOTAL, "/api/live-users/stream", "/api/live-users/ws"] {
        let answer = read(&server, path, &[]);
        assert_eq!(answer.status, 401, "{path}: {answer:?}");
        assert!(answer.body.contains("Authorization"), "{answer:?}");
        assert_eq!(read(&server, path, &[("Authorization", "Bearer wrong")]).status, 403, "{path}");
    }
    let authorization = authorization();
    let answer = read(&server, TOTAL, &[("Authorization", &authorization)]);
    assert_eq!((answer.status, answer.body.as_str()), (200, r#"{"liveUsers":0}"#));
    assert_eq!(read(&server, "/healthz", &[]).status, 200);
}

#[test]
fn who_reads_too_often_waits_and_others_and_the_token_do_not() {
    let env =
        [("API_TOKEN", API_TOKEN), ("READS_PER_SECOND", "1"), ("TRUSTED_PROXIES", "127.0.0.1")];
    let (server, _) = start(&env);
    let as_client = |client| read(&server, TOTAL, &[("X-Forwarded-For", client)]);
    // Five at once, and one more each second: of so many some have to wait, however slow we are.
    let answers: Vec<_> = (0..200).map(|_| as_client("192.0.2.1")).collect();
    let refused = answers.iter().find(|answer| answer.status == 429).expect("a refusal");
    assert_eq!(refused.header("retry-after"), "1");
    assert!(refused.body.contains("READS_PER_SECOND"), "{refused:?}");
    assert!(answers[..5].iter().all(|answer| answer.status == 200));
    assert_eq!(as_client("192.0.2.2").status, 200);
    assert_eq!(as_client("2001:db8::1").status, 200);
    let authorization = authorization();
    let shown = [("X-Forwarded-For", "192.0.2.1"), ("Authorization", authorization.as_str())];
    assert!((0..20).all(|_| read(&server, TOTAL, &shown).status == 200));
    let page = read(&server, "/metrics", &shown[1..]).body;
    let line = page.lines().find(|line| line.starts_with("live_users_refused_reads_total "));
    let n = answers.iter().filter(|answer| answer.status == 429).count();
    assert_eq!(line, Some(format!("live_users_refused_reads_total {n}").as_str()));
}

#[tokio::test]
async fn when_all_places_for_streams_are_taken_there_are_some_for_the_token() {
    let env = [("API_TOKEN", API_TOKEN), ("STREAMS_MAX", "2"), ("STREAMS_RESERVED", "1")];
    let (server, _) = start(&env);
    let url = |path: &str| format!("{}{path}", server.url);
    let stream = url("/api/live-users/stream");
    let _all =
        [Events::open(&stream, &[]).await.unwrap(), Events::open(&stream, &[]).await.unwrap()];
    let busy = read(&server, "/api/live-users/stream", &[]);
    assert_eq!((busy.status, busy.header("retry-after")), (503, "10"));
    let authorization = authorization();
    let shown = [("Authorization", authorization.as_str())];
    let mut reserved = Events::open(&url("/api/live-users/summary/stream"), &shown).await.unwrap();
    assert!(reserved.next().await.is_some());
    assert_eq!(read(&server, "/api/live-users/stream", &shown).status, 503, "that was the one");
}
