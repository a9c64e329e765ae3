//! What is told to Prometheus, and that it moves as it should.

use live_users_testkit::{Events, Metrics, Nats, Server, Socket, get, send};
use live_users_twilio::CallStatus;

use crate::honest::{API_TOKEN, WITH_TOKEN, sid};
use crate::referee::{A, ACCOUNT, note, stand_in};
use crate::replicas::team::{Replica, await_that};
use crate::{AGENTS, TOKEN, agents_file, start};

pub(crate) fn scrape(server: &Server) -> Metrics {
    let authorization = format!("Bearer {API_TOKEN}");
    let url = format!("{}/metrics", server.url);
    let answer = send("GET", &url, &[("Authorization", &authorization)], b"");
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert_eq!(answer.header("content-type"), "text/plain; version=0.0.4; charset=utf-8");
    assert_eq!(answer.header("cache-control"), "no-store");
    assert!(!answer.body.contains("+1"), "a number is told: {}", answer.body);
    Metrics::parse(&answer.body)
}

fn webhooks(metrics: &Metrics, path: &str) -> [Option<f64>; 4] {
    ["accepted", "unsigned", "bad", "not_recorded"].map(|outcome| {
        metrics.get(&format!("live_users_webhooks_total{{path=\"{path}\",outcome=\"{outcome}\"}}"))
    })
}

#[test]
fn metrics_are_for_whoever_shows_the_token() {
    let (server, _) = start(&[WITH_TOKEN]);
    let url = format!("{}/metrics", server.url);
    let refused = get(&url);
    assert_eq!(refused.status, 401);
    assert_eq!(refused.header("www-authenticate"), "Bearer realm=\"live-users\"");
    let wrong = [("Authorization", "Bearer 0123456789abcdef")];
    assert_eq!(send("GET", &url, &wrong, b"").status, 403);
    assert_eq!(send("POST", &url, &[], b"").header("allow"), "GET, HEAD");
    let (server, _) = start(&[]);
    let refused = get(&format!("{}/metrics", server.url));
    assert_eq!(refused.status, 403);
    assert!(refused.body.contains("API_TOKEN is not set"), "{}", refused.body);
}

#[test]
fn the_count_and_the_webhooks_move_with_what_is_told() {
    let (_folder, file) = agents_file(AGENTS);
    let (server, twilio) = start(&[WITH_TOKEN, ("AGENTS_FILE", &file)]);
    let before = scrape(&server);
    for name in ["users", "calls", "confirmed_users", "suspect_users", "queue_depth"] {
        assert_eq!(before.get(&format!("live_users_{name}")), Some(0.0), "{name}");
    }
    let build = format!("live_users_build_info{{version=\"{}\"}}", env!("CARGO_PKG_VERSION"));
    assert_eq!(before.get(&build), Some(1.0));
    assert!(before.get("process_start_time_seconds").unwrap() > 1.7e9);
    assert_eq!(before.get("live_users_referee_requests_total"), None, "there is none");
    twilio.start(1);
    twilio.start(2);
    twilio.end(2);
    twilio.post("/speech-result", &[("CallSid", &sid(1)), ("CallStatus", "in-progress")]);
    twilio.post("/voice", &[("CallStatus", "ringing")]);
    twilio.post("/call-status", &[("CallSid", ""), ("CallStatus", "completed")]);
    send("POST", &format!("{}/voice", server.url), &[], b"");
    let form = [("Content-Type", "application/x-www-form-urlencoded")];
    send("POST", &format!("{}/call-status", server.url), &form, b"CallSid=CA1");
    let url = format!("{}/api/live-users/calls/{}/evict", server.url, sid(1));
    twilio.start(4);
    let authorization = format!("Bearer {API_TOKEN}");
    assert_eq!(send("POST", &url, &[("Authorization", &authorization)], b"").status, 200);

    let after = scrape(&server);
    for name in ["count_known", "users", "calls", "confirmed_users", "leads"] {
        if name == "leads" {
            await_that("it leads", || scrape(&server).get("live_users_leads") == Some(1.0));
        } else {
            assert_eq!(after.get(&format!("live_users_{name}")), Some(1.0), "{name}");
        }
    }
    assert_eq!(webhooks(&after, "/voice"), [3.0, 0.0, 2.0, 0.0].map(Some));
    assert_eq!(webhooks(&after, "/speech-result"), [1.0, 0.0, 0.0, 0.0].map(Some));
    assert_eq!(webhooks(&after, "/call-status"), [1.0, 1.0, 1.0, 0.0].map(Some));
    // A refused one is none: it is not known whether a person is on the line.
    assert_eq!(after.get("live_users_twiml_answers_total"), Some(5.0));
    // An evict waits like a webhook.
    assert_eq!(after.get("live_users_acknowledgement_seconds_count"), Some(6.0));
    assert_eq!(after.get("live_users_journal_position"), Some(6.0));
    assert_eq!(after.get("live_users_healed_calls_total{cause=\"evicted\"}"), Some(1.0));
    assert_eq!(after.get("live_users_healed_calls_total{cause=\"missed-end\"}"), Some(0.0));
    assert_eq!(after.get("live_users_journal_trouble"), Some(0.0));
    assert_eq!(after.names("live_users_journal_info{epoch=\"").count(), 1);
    assert_eq!(after.get("live_users_agent_users{agent=\"booking\"}"), Some(1.0));
    assert_eq!(after.get("live_users_agent_calls{agent=\"support\"}"), Some(0.0));
    // Anybody may name agents in a URL, and whatever is called: neither is a label.
    twilio.post("/voice?agent=made-up", &[("CallSid", "CA9"), ("CallStatus", "ringing")]);
    twilio.post("/voice", &[("CallSid", "CA8"), ("CallStatus", "ringing"), ("To", "client:x")]);
    let again = scrape(&server);
    assert_eq!(again.get("live_users_calls"), Some(3.0));
    assert_eq!(again.names("live_users_agent_calls{").count(), 2);
}

#[tokio::test]
async fn streams_are_counted_while_they_are_open() {
    let (server, twilio) = start(&[WITH_TOKEN]);
    let url = format!("{}/api/live-users", server.url);
    let mut events = Events::open(&format!("{url}/stream"), &[]).await.unwrap();
    let mut socket = Socket::open(&format!("{url}/ws"), &[]).await.unwrap();
    events.next_event().await.unwrap();
    socket.text().await;
    twilio.start(1);
    events.next_event().await.unwrap();
    socket.text().await;
    let metrics = scrape(&server);
    for transport in ["sse", "websocket"] {
        let open = format!("live_users_open_streams{{transport=\"{transport}\"}}");
        let told = format!("live_users_frames_total{{transport=\"{transport}\"}}");
        assert_eq!((metrics.get(&open), metrics.get(&told)), (Some(1.0), Some(2.0)), "{transport}");
    }
    drop((events, socket));
    await_that("both are gone", || {
        let metrics = scrape(&server);
        let open = |by| metrics.get(&format!("live_users_open_streams{{transport=\"{by}\"}}"));
        (open("sse"), open("websocket")) == (Some(0.0), Some(0.0))
    });
}

#[test]
fn the_referee_is_told_with_its_failures() {
    let twilio = stand_in("another token than ours");
    note(&twilio, A, CallStatus::InProgress);
    let url = twilio.url();
    let env = [("TWILIO_ACCOUNT_SID", ACCOUNT), ("TWILIO_API_URL", &*url), WITH_TOKEN];
    let (mut server, _) = start(&env);
    server.await_log("the referee has no answer: ");
    await_that("both are counted", || {
        let metrics = scrape(&server);
        let total = |name| metrics.get(&format!("live_users_referee_{name}_total"));
        total("failures") >= Some(1.0) && total("requests") >= total("failures")
    });
    assert!(!server.log().contains(TOKEN));
}

#[test]
fn a_chat_that_cannot_be_reached_is_a_failure() {
    let agents = "[[agent]]\nid = \"a\"\nname = \"A\"\nchat_url = \"http://127.0.0.1:1/\"\n";
    let (_folder, file) = agents_file(agents);
    let (server, twilio) = start(&[WITH_TOKEN, ("AGENTS_FILE", &file)]);
    let said = [("CallSid", "CA1"), ("CallStatus", "in-progress"), ("SpeechResult", "a table")];
    twilio.post("/speech-result?agent=a", &said);
    let metrics = scrape(&server);
    assert_eq!(metrics.get("live_users_chat_requests_total"), Some(1.0));
    assert_eq!(metrics.get("live_users_chat_failures_total"), Some(1.0));
}

#[test]
fn what_is_not_known_is_absent_and_never_0() {
    let mut nats = Nats::alone();
    let replica = Replica::start(&nats.journal_url("live"));
    replica.voice(1);
    assert_eq!(scrape(&replica.server).get("live_users_users"), Some(1.0));
    nats.freeze(0, true);
    await_that("it says that it does not know", || {
        scrape(&replica.server).get("live_users_count_known") == Some(0.0)
    });
    replica.voice(2);
    let metrics = scrape(&replica.server);
    for absent in ["users", "calls", "confirmed_users", "healed_calls_total", "agent_users"] {
        assert_eq!(metrics.names(&format!("live_users_{absent}")).count(), 0, "{absent}");
    }
    assert!(metrics.get("live_users_journal_contact_age_seconds") >= Some(2.5));
    assert_eq!(webhooks(&metrics, "/voice")[3], Some(1.0), "it was not recorded");
    nats.freeze(0, false);
    await_that("it knows again", || {
        let metrics = scrape(&replica.server);
        metrics.get("live_users_users") == Some(2.0)
            && metrics.get("live_users_journal_backlog") == Some(0.0)
            && metrics.get("live_users_journal_trouble") == Some(0.0)
    });
}
