//! Our own webhooks out: signed, in order, at least once, and in nobody's way.

use std::fs;
use std::time::{SystemTime, UNIX_EPOCH};

use live_users_sources::{Request as Signed, standard_webhooks_secret};
use live_users_testkit::{Metrics, Server, Twilio, exit_of, send};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::honest::{API_TOKEN, WITH_TOKEN, sid};
use crate::receiver::{OK, Receiver, Request, TROUBLE, answer};
use crate::replicas::team::await_that;
use crate::{BINARY, TOKEN, agents_file, start};

pub(crate) const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

const CALLS: &str = r#"events = ["live_users.changed", "call.started", "call.ended"]"#;

/// A hook as it stands in the file.
pub(crate) fn hook(id: &str, receiver: &Receiver, lines: &str) -> String {
    let url = format!("{}/{id}?key=s3cr3t", receiver.base);
    format!("[[hook]]\nid = \"{id}\"\nurl = \"{url}\"\nsecret_env = \"HOOK_SECRET\"\n{lines}\n")
}

const AGENT: &str = "[[agent]]\nid = \"booking\"\nname = \"Bookings\"\n\
                     numbers = [\"+15005550006\"]\n";

/// A backend with these hooks, and with the journal in the folder.
fn start_in(folder: &TempDir, file: &str) -> (Server, Twilio) {
    let journal = format!("file:{}", folder.path().join("journal").display());
    let env = [("AGENTS_FILE", file), ("HOOK_SECRET", SECRET), ("JOURNAL_URL", &journal)];
    start(&[&[WITH_TOKEN][..], &env].concat())
}

fn start_with(hooks: &str) -> (TempDir, String, Server, Twilio) {
    let (folder, file) = agents_file(&format!("{AGENT}{hooks}"));
    let (server, twilio) = start_in(&folder, &file);
    (folder, file, server, twilio)
}

/// The message in a request, whose signature is that of the secret.
pub(crate) fn verified(request: &Request) -> Value {
    let now_ms = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_millis();
    let header = |name: &str| Some(request.header(name)).filter(|it| !it.is_empty());
    let signed = Signed { method: "POST", url: "", header: &header, body: request.body.as_bytes() };
    let secret = standard_webhooks_secret(SECRET).expect("a secret");
    let verified = secret.verify(&signed, u64::try_from(now_ms).expect("in our time"));
    assert!(verified.is_ok(), "{}: {}", request.head, request.body);
    assert_eq!(request.header("content-type"), "application/json");
    serde_json::from_str(&request.body).expect("JSON")
}

/// Takes the next message about a call.
fn next_of_call(receiver: &Receiver) -> (Request, Value) {
    loop {
        let request = receiver.take();
        let message = verified(&request);
        if message["type"] != "live_users.changed" {
            return (request, message);
        }
    }
}

/// Takes the number that a new hook is told at once: from then on it is told of calls.
fn begun(receiver: &Receiver) {
    let first = verified(&receiver.take());
    assert_eq!(
        (&first["type"], &first["data"]["liveUsers"]),
        (&json!("live_users.changed"), &json!(0))
    );
}

fn call(message: &Value) -> (String, String) {
    let text = |value: &Value| value.as_str().expect("text").to_owned();
    (text(&message["type"]), text(&message["data"]["callSid"]))
}

fn started(n: u8) -> (String, String) {
    ("call.started".to_owned(), sid(n))
}

fn ended(n: u8) -> (String, String) {
    ("call.ended".to_owned(), sid(n))
}

fn ask(server: &Server, path: &str) -> String {
    let headers = [("Authorization", &*format!("Bearer {API_TOKEN}"))];
    send("GET", &format!("{}{path}", server.url), &headers, b"").body
}

fn deliveries(server: &Server) -> Value {
    let summary: Value =
        serde_json::from_str(&ask(server, "/api/live-users/summary")).expect("JSON");
    summary["deliveries"].clone()
}

fn figure_of(server: &Server, hook: &str, name: &str) -> Option<f64> {
    let metrics = Metrics::parse(&ask(server, "/metrics"));
    metrics.get(&format!("live_users_hook_{name}{{hook=\"{hook}\"}}"))
}

#[test]
fn calls_are_told_in_order_signed_and_without_a_number_of_a_caller() {
    let receiver = Receiver::start();
    let (_folder, _, server, twilio) = start_with(&hook("crm", &receiver, CALLS));
    begun(&receiver);
    for n in 1..=5 {
        twilio.start(n);
    }
    for n in [2, 1, 3] {
        assert_eq!(twilio.end(n).status, 204);
    }
    let mut messages = Vec::new();
    let mut ids = Vec::new();
    for _ in 0..8 {
        let (request, message) = next_of_call(&receiver);
        assert_eq!(request.target, "/crm?key=s3cr3t");
        assert!(!request.body.contains("+1415") && !request.body.contains("555000"));
        ids.push(request.header("webhook-id").to_owned());
        messages.push(message);
    }
    let expected: Vec<_> = (1..=5).map(started).chain([2, 1, 3].map(ended)).collect();
    assert_eq!(messages.iter().map(call).collect::<Vec<_>>(), expected);
    let of = |n: usize| messages[n]["data"].clone();
    let first = json!({
        "callSid": sid(1), "agent": "booking", "direction": "inbound", "liveUsers": 1
    });
    assert_eq!(of(0), first);
    assert_eq!((&of(5)["reason"], &of(5)["liveUsers"]), (&json!("completed"), &json!(4)));
    assert!(of(5)["durationMs"].is_u64() && messages[5]["timestamp"].is_string());
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 8, "each message has its own id");
    let (status, log) = server.terminate();
    assert!(status.success());
    for secret in ["s3cr3t", "4155550", SECRET] {
        assert!(!log.contains(secret), "{secret} is in the log: {log}");
    }
}

#[test]
fn a_hook_in_trouble_is_told_the_same_again_before_what_follows_and_holds_nobody_up() {
    let (down, other) = (Receiver::start(), Receiver::start());
    let hooks = hook("down", &down, CALLS) + &hook("other", &other, CALLS);
    let (_folder, _, mut server, twilio) = start_with(&hooks);
    begun(&other);
    // It does not answer.
    let (first, held) = down.next();
    assert_eq!(verified(&first)["type"], "live_users.changed");
    twilio.start(1);
    assert_eq!(twilio.count(), r#"{"liveUsers":1}"#);
    assert_eq!(twilio.end(1).status, 204);
    assert_eq!(
        [next_of_call(&other), next_of_call(&other)].map(|it| call(&it.1)),
        [started(1), ended(1)]
    );
    drop(held);
    let line = server.await_log("hook down was not told");
    assert!(!line.contains("s3cr3t") && !line.contains("127.0.0.1"), "{line}");
    let failed = loop {
        let (request, stream) = down.next();
        if verified(&request)["type"] == "call.started" {
            answer(stream, TROUBLE);
            break request;
        }
        answer(stream, OK);
    };
    let again = next_of_call(&down).0;
    assert_eq!(
        (&again.body, again.header("webhook-id")),
        (&failed.body, failed.header("webhook-id"))
    );
    assert_eq!(call(&next_of_call(&down).1), ended(1));
    await_that("the hook is told all", || deliveries(&server)[0]["pending"] == 0);
    let of = |name| figure_of(&server, "down", name);
    assert!(of("failed_tries_total").expect("a figure") >= 2.0);
    assert!(of("deliveries_total").expect("a figure") >= 3.0);
    assert_eq!((of("pending"), of("pending_age_seconds")), (Some(0.0), Some(0.0)));
    assert_eq!(of("lost_events_total"), Some(0.0));
}

#[test]
fn a_hook_that_fails_is_in_the_summary_with_the_reason() {
    let receiver = Receiver::start();
    let (_folder, _, server, twilio) = start_with(&hook("crm", &receiver, CALLS));
    begun(&receiver);
    twilio.start(1);
    loop {
        let (request, stream) = receiver.next();
        if verified(&request)["type"] == "call.started" {
            answer(stream, "HTTP/1.1 307 Go\r\nLocation: /x\r\nConnection: close\r\n\r\n");
            break;
        }
        answer(stream, OK);
    }
    let failure = |server: &Server| deliveries(server)[0]["failure"].clone();
    await_that("the failure is shown", || failure(&server) == "status 307");
    let shown = deliveries(&server);
    assert_eq!((&shown[0]["to"], &shown[0]["undelivered"]), (&json!("hook crm"), &json!(0)));
    assert!(shown[0]["failingSince"].is_string() && shown[0]["pending"] != 0, "{shown}");
    let (request, message) = next_of_call(&receiver);
    assert_eq!((call(&message), &*request.target), (started(1), "/crm?key=s3cr3t"));
    await_that("the failure is over", || failure(&server).is_null());
}

#[test]
fn killed_at_any_moment_the_backend_tells_everything_and_repeats_with_the_same_id() {
    let receiver = Receiver::start();
    let (folder, file, mut server, mut twilio) = start_with(&hook("crm", &receiver, CALLS));
    begun(&receiver);
    let mut told: Vec<(String, (String, String))> = Vec::new();
    for round in 0..6_u8 {
        for n in 1..=3 {
            twilio.start(round * 10 + n);
            assert_eq!(twilio.end(round * 10 + n).status, 204);
        }
        for _ in 0..round {
            let (request, message) = next_of_call(&receiver);
            told.push((request.header("webhook-id").to_owned(), call(&message)));
        }
        server.kill();
        (server, twilio) = start_in(&folder, &file);
    }
    let expected: Vec<_> = (0..6_u8)
        .flat_map(|round| (1..=3).map(move |n| round * 10 + n))
        .flat_map(|n| [started(n), ended(n)])
        .collect();
    while told.last().map(|(_, it)| it) != expected.last() {
        let (request, message) = next_of_call(&receiver);
        told.push((request.header("webhook-id").to_owned(), call(&message)));
    }
    let mut known = Vec::new();
    for (id, event) in told {
        match known.iter().find(|(it, _)| *it == id) {
            Some((_, before)) => assert_eq!(*before, event, "an id stands for one event"),
            None => known.push((id, event)),
        }
    }
    assert_eq!(known.into_iter().map(|(_, event)| event).collect::<Vec<_>>(), expected);
    drop(server);
}

#[test]
fn after_a_stop_it_goes_on_without_repeating_anything_and_with_what_waited() {
    let receiver = Receiver::start();
    let (folder, file, mut server, twilio) = start_with(&hook("crm", &receiver, CALLS));
    begun(&receiver);
    twilio.start(1);
    // The call and the new number, in either order.
    let _both = [receiver.take(), receiver.take()];
    await_that("it knows that it has told them", || {
        figure_of(&server, "crm", "deliveries_total") == Some(3.0)
    });
    server.ask_to_stop();
    server.await_log("stopped");
    assert!(server.terminate().0.success());
    let (_server, twilio) = start_in(&folder, &file);
    twilio.start(2);
    let mut all = [verified(&receiver.take()), verified(&receiver.take())];
    all.sort_by_key(|it| it["type"].to_string());
    assert_eq!(call(&all[0]), started(2));
    assert_eq!(all[1]["data"]["liveUsers"], 2);
}

#[test]
fn of_numbers_only_the_present_one_is_told_also_of_one_agent_and_at_a_threshold() {
    let (high, one) = (Receiver::start(), Receiver::start());
    let hooks = hook("high", &high, "events = [\"threshold\"]\nthreshold = 2")
        + &hook("one", &one, "events = [\"live_users.changed\"]\nagent = \"booking\"");
    let (_folder, _, _server, twilio) = start_with(&hooks);
    let held = one.next().1;
    for n in 1..=3 {
        twilio.start(n);
    }
    let reached = verified(&high.take());
    assert_eq!(reached["type"], "threshold");
    assert_eq!(
        (&reached["data"]["reached"], &reached["data"]["threshold"]),
        (&json!(true), &json!(2))
    );
    assert!(reached["data"]["liveUsers"].as_u64().expect("a number") >= 2);
    for n in 1..=2 {
        assert_eq!(twilio.end(n).status, 204);
    }
    let fallen = verified(&high.take());
    assert_eq!(fallen["data"], json!({ "liveUsers": 1, "threshold": 2, "reached": false }));
    answer(held, OK);
    let now = verified(&one.take());
    assert_eq!(now["data"], json!({ "liveUsers": 1, "agent": "booking" }), "1, 2, 3 are over");
    assert!(high.is_idle());
}

#[test]
fn a_hook_comes_and_goes_with_the_file_and_a_wrong_one_changes_nothing() {
    let (first, second) = (Receiver::start(), Receiver::start());
    let (_folder, file, mut server, twilio) = start_with(&hook("first", &first, CALLS));
    begun(&first);
    let changed = |hooks: &str| fs::write(&file, format!("{AGENT}{hooks}")).expect("a file");
    changed(&hook("second", &second, CALLS).replace("HOOK_SECRET", "NO_SUCH_SECRET"));
    server.hang_up();
    let line = server.await_log("the agents stay as they were");
    assert!(line.contains("NO_SUCH_SECRET is not set: hook \"second\""), "{line}");
    twilio.start(1);
    assert_eq!(call(&next_of_call(&first).1), started(1));
    changed(&hook("second", &second, CALLS));
    server.hang_up();
    server.await_log("the agents file is read again");
    let number = verified(&second.take());
    assert_eq!(number["data"]["liveUsers"], 1);
    assert_eq!(twilio.end(1).status, 204);
    assert_eq!(call(&next_of_call(&second).1), ended(1), "from then on");
    assert_eq!(deliveries(&server)[0]["to"], "hook second");
    assert!(deliveries(&server)[1].is_null());
}

#[test]
fn wrong_hooks_end_the_start() {
    let receiver = Receiver::start();
    let good = hook("crm", &receiver, CALLS);
    let quoted = format!("\"{SECRET}\"");
    for (hooks, secret, says) in [
        (good.clone(), "", "HOOK_SECRET is not set"),
        (good.clone(), "whsec_short", "HOOK_SECRET cannot be the secret of hook \"crm\""),
        (good.clone(), &*quoted, "HOOK_SECRET has quotation marks around it"),
        (good.repeat(2), SECRET, "already the id of hook 1"),
        (good.replace("call.ended", "call.over"), SECRET, "events: \"call.over\" is unknown"),
        (
            good.replace(&receiver.base, "https://calls.example.com/sources"),
            SECRET,
            "leads back to PUBLIC_URL",
        ),
    ] {
        let (_folder, file) = agents_file(&format!("{AGENT}{hooks}"));
        let env = [
            ("TWILIO_AUTH_TOKEN", TOKEN),
            ("PUBLIC_URL", "https://calls.example.com"),
            ("AGENTS_FILE", &file),
            ("HOOK_SECRET", secret),
        ];
        let output = exit_of(BINARY, &[], &env);
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(64), "{told}");
        assert!(told.contains(says), "{says}: {told}");
        for secret in ["s3cr3t", "MfKQ9r8G", "whsec_short"] {
            assert!(!told.contains(secret), "{told}");
        }
    }
}
