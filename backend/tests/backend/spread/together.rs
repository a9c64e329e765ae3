//! What many webhooks have for another backend goes there together, and each is recorded and answered for itself.

use live_users_testkit::{Twilio, send};
use serde_json::{Value, json};

use super::{Team, any, number};
use crate::TOKEN;
use crate::honest::{API_TOKEN, sid};
use crate::metrics::scrape;

/// Who posts at once.
const SENDERS: u8 = 16;
/// What each of them posts.
const CALLS_EACH: u8 = 6;

/// Posts by many at once, each about calls of its own, and has each answer checked.
fn at_once(post: impl Fn(u8) + Sync) {
    std::thread::scope(|scope| {
        for sender in 0..SENDERS {
            let post = &post;
            scope.spawn(move || (0..CALLS_EACH).for_each(|n| post(sender * CALLS_EACH + n)));
        }
    });
}

/// What a backend was sent, by what has become of it.
fn recorded(team: &Team, at: usize) -> f64 {
    let figures = scrape(&team.servers[at].0);
    figures.get(r#"live_users_evidence_sent_total{reason="recorded"}"#).unwrap_or_default()
}

#[test]
fn each_of_many_webhooks_at_once_counts_once_where_it_belongs() {
    let team = Team::start("agent");
    let calls = u64::from(SENDERS * CALLS_EACH);
    let urls: Vec<_> = team.servers.iter().map(|(server, _)| server.url.clone()).collect();
    let twilio = |to: usize| Twilio::new(&urls[to], TOKEN);
    let begin = |to: usize, n: u8| {
        let (to_number, from) = (number(u32::from(n) % 12), format!("+1415555{n:04}"));
        let call = sid(n);
        let fields = [
            ("CallSid", call.as_str()),
            ("CallStatus", "in-progress"),
            ("Direction", "inbound"),
            ("From", from.as_str()),
            ("To", to_number.as_str()),
        ];
        let answer = twilio(to).post("/voice", &fields);
        assert!(answer.status == 200 && answer.body.contains("<Gather "), "{}", answer.body);
    };
    at_once(|n| begin(any(n, 0), n));
    let each = team.of_each();
    assert_eq!(each.iter().sum::<u64>(), calls);
    assert!(each.iter().all(|n| n % 8 == 0), "each agent is in one shard: {each:?}");
    // The same again, by others.
    at_once(|n| begin(any(n, 1), n));
    assert_eq!(team.of_each(), each);
    assert!((0..3).all(|at| recorded(&team, at) > 0.0));
    at_once(|n| {
        let call = sid(n);
        let fields = [("CallSid", call.as_str()), ("CallStatus", "completed")];
        assert_eq!(twilio(any(n, 2)).post("/call-status", &fields).status, 204);
    });
    assert_eq!(team.total(), 0);
}

#[test]
fn a_piece_that_cannot_be_recorded_takes_no_other_along() {
    let team = Team::start("agent");
    let from = json!({"shards": 6, "by": "agent", "here": [0, 1]});
    // The second backend has shards 2 and 3.
    let shards = [2, 5, 3, 0];
    let evidence: Vec<_> = shards.iter().map(|shard| json!({ "shard": shard })).collect();
    let mut body = json!({"from": from, "evidence": evidence}).to_string();
    for n in [1, 2, 3, 4] {
        let evidence =
            json!({"call": sid(n), "source": "voice", "said": "in-progress", "about": {}});
        body = format!("{body}\n{}", json!({"v": 2, "at": 0, "evidence": evidence}));
    }
    let url = format!("{}/shards/record", team.servers[1].0.url);
    let bearer = format!("Bearer {API_TOKEN}");
    let answer = send("POST", &url, &[("Authorization", &bearer)], body.as_bytes());
    assert_eq!(answer.status, 200, "{}", answer.body);
    let told: Value = serde_json::from_str(&answer.body).expect("JSON");
    let places: Vec<_> = told["notRecorded"].as_array().expect("a list").iter().collect();
    assert_eq!(places.iter().map(|it| &it[0]).collect::<Vec<_>>(), [1, 3], "{told}");
    assert!(places[0][1].as_str().is_some_and(|it| it.contains("shard 5")), "{told}");
    assert_eq!(team.of_each(), [0, 0, 1, 1, 0, 0]);
}
