//! Events in our own words, carriers' sessions and Twilio's streams, to the real binary.

use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use hmac::{Hmac, KeyInit, Mac};
use live_users_testkit::{Answer, Server, Twilio, send};
use live_users_twilio::{Payload, sign};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::honest::{WITH_TOKEN, read};
use crate::metrics::scrape;
use crate::sources::{APP_TOKEN, event, of_summary, post, source, total};
use crate::{AGENTS, TOKEN, agents_file, start};

/// A backend with these sources that keeps its journal in this folder.
fn start_on(folder: &Path, sources: &str, secret: &str) -> (Server, Twilio) {
    let (_agents, agents) = agents_file(&format!("{AGENTS}\n{sources}"));
    let journal = format!("file:{}", folder.display());
    start(&[
        WITH_TOKEN,
        ("AGENTS_FILE", agents.as_str()),
        ("SOURCE_SECRET", secret),
        ("JOURNAL_URL", &journal),
    ])
}

fn told(server: &Server, body: &Value) {
    let answer = post(server, "/api/events", APP_TOKEN, body);
    assert_eq!(answer.status, 204, "{}", answer.body);
}

#[test]
fn an_event_that_comes_again_after_a_kill_moves_nobody_though_it_has_no_time() {
    let folder = tempfile::tempdir().expect("a folder");
    let app = source("app", "events", "");
    let (mut server, _) = start_on(folder.path(), &app, APP_TOKEN);
    told(&server, &event("1", "call-1", "started"));
    told(&server, &event("2", "call-1", "transferred"));
    told(&server, &json!([event("3", "call-2", "started"), event("4", "call-2", "waiting")]));
    server.kill();
    let (server, _) = start_on(folder.path(), &app, APP_TOKEN);
    // Whoever has had no answer sends everything again, in any order.
    for again in [event("4", "call-2", "waiting"), event("1", "call-1", "started")] {
        told(&server, &again);
    }
    told(&server, &event("3", "call-2", "started"));
    assert_eq!(total(&server), r#"{"liveUsers":0}"#);
    told(&server, &event("5", "call-1", "returned"));
    assert_eq!(total(&server), r#"{"liveUsers":1}"#);
}

#[test]
fn a_word_without_an_id_and_a_time_is_known_again_by_its_content_after_a_restart() {
    let secret = "key_0123456789abcdef";
    let folder = tempfile::tempdir().expect("a folder");
    let retell = source("retell", "retell", "");
    let start = || start_on(folder.path(), &retell, secret).0;
    let tell = |server: &Server, event: &str| {
        let call = json!({ "call_type": "phone_call", "call_id": "call_0123456789abcdef01234567",
            "direction": "inbound", "from_number": "+15005550100", "to_number": "+15005550006" });
        let body = json!({ "event": event, "call": call }).to_string();
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_millis();
        let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("a key");
        mac.update(format!("{body}{now}").as_bytes());
        let digest = mac.finalize().into_bytes();
        let digest: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        let signature = format!("v={now},d={digest}");
        let headers =
            [("X-Retell-Signature", signature.as_str()), ("Content-Type", "application/json")];
        let url = format!("{}/sources/retell", server.url);
        assert_eq!(send("POST", &url, &headers, body.as_bytes()).status, 204);
    };
    let mut server = start();
    for event in ["call_started", "transfer_started", "transfer_bridged", "transfer_cancelled"] {
        tell(&server, event);
    }
    assert_eq!(total(&server), r#"{"liveUsers":1}"#);
    server.kill();
    let server = start();
    // Signed anew, in another order.
    for event in ["transfer_cancelled", "transfer_bridged", "call_started", "transfer_started"] {
        tell(&server, event);
    }
    assert_eq!(total(&server), r#"{"liveUsers":1}"#);
}

#[test]
fn a_heartbeat_answers_no_call_that_rings_and_says_who_is_with_the_caller_where_it_does() {
    let folder = tempfile::tempdir().expect("a folder");
    let (server, _) = start_on(folder.path(), &source("app", "events", ""), APP_TOKEN);
    let summary = |name: &str| read(&server, "/summary")[name].clone();
    let mut started = event("1", "call-1", "started");
    started["direction"] = json!("outbound");
    told(&server, &started);
    told(&server, &json!({ "id": "2", "call": "call-1", "event": "heartbeat" }));
    assert_eq!((summary("liveUsers"), summary("waiting")), (json!(0), json!(1)));
    for (id, with, party) in [
        ("3", "agent", "withAgent"),
        ("4", "machine", "machine"),
        ("5", "person", "withPerson"),
        ("6", "agent", "withAgent"),
    ] {
        let beat = json!({ "id": id, "call": "call-1", "event": "heartbeat", "with": with });
        told(&server, &beat);
        assert_eq!(summary(party), json!(1), "{with}");
        assert_eq!(summary("onTheLine"), json!(1), "{with}");
    }
    let wrong = json!({ "id": "7", "call": "call-1", "event": "waiting", "with": "agent" });
    let answer = post(&server, "/api/events", APP_TOKEN, &wrong);
    let problem: Value = serde_json::from_str(&answer.body).expect("JSON");
    assert_eq!((answer.status, &problem["field"]), (400, &json!("with")), "{}", answer.body);
}

#[test]
fn a_field_that_is_not_known_is_no_mistake_and_is_told_once_without_what_stands_in_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let (mut server, _) = start_on(folder.path(), &source("app", "events", ""), APP_TOKEN);
    let mut with_slip = event("1", "call-1", "started");
    with_slip["agnet"] = json!("s3cr3t-value");
    with_slip["14155550123"] = json!({ "a": "s3cr3t-value" });
    told(&server, &with_slip);
    with_slip["id"] = json!("2");
    told(&server, &with_slip);
    let cloud_event = json!({ "specversion": "1.0", "id": "3", "source": "/app", "type": "x.started",
        "subject": "call-2", "traceparent": "s3cr3t-value", "data": { "evnt_at": "s3cr3t-value" } });
    told(&server, &json!([cloud_event, event("4", "call-3", "started")]));
    assert_eq!(of_summary(&server, "app")["liveCalls"], json!(3));
    let line =
        server.await_log("source app: field evnt_at of an event is not known; known are id,");
    assert!(line.contains(" INFO ") && line.contains("call, event, agent, caller, with"), "{line}");
    let unknown = r#"live_users_source_unknown_fields_total{source="app"}"#;
    assert!(scrape(&server).get(unknown).expect("a figure").total_cmp(&5.0).is_eq());
    let (_, log) = server.terminate();
    for once in ["field agnet of an event", "a field with an odd name of an event"] {
        assert_eq!(log.matches(once).count(), 1, "{once}: {log}");
    }
    for never in ["s3cr3t", "4155550123", "traceparent"] {
        assert!(!log.contains(never), "{never}: {log}");
    }
}

#[test]
fn a_batch_of_a_thousand_is_recorded_as_a_whole_and_survives_a_kill() {
    let folder = tempfile::tempdir().expect("a folder");
    let app = source("app", "events", "");
    let (mut server, _) = start_on(folder.path(), &app, APP_TOKEN);
    let events = (0..1_000).map(|n| {
        let call = format!("call-{n}");
        json!({ "id": n, "call": call, "event": "started", "agent": "booking" })
    });
    told(&server, &Value::Array(events.collect()));
    assert_eq!(total(&server), r#"{"liveUsers":1000}"#);
    server.kill();
    let (server, _) = start_on(folder.path(), &app, APP_TOKEN);
    assert_eq!(total(&server), r#"{"liveUsers":1000}"#);
}

fn hex(body: &str) -> String {
    Sha256::digest(body).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What Vonage sends with a body: a JWT that has its hash.
fn vonage_token(secret: &str, body: &str) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs();
    let part = |it: Value| BASE64.encode(it.to_string());
    let claims = json!({ "iat": now, "payload_hash": hex(body) });
    let signed = format!("{}.{}", part(json!({ "alg": "HS256", "typ": "JWT" })), part(claims));
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("a key");
    mac.update(signed.as_bytes());
    format!("Bearer {signed}.{}", BASE64.encode(mac.finalize().into_bytes()))
}

/// Sends a body to a source as Twilio's sink of Event Streams does.
fn stream(server: &Server, token: &str, body: &str) -> Answer {
    stream_to(server, "/sources/streams", token, body)
}

fn stream_to(server: &Server, path: &str, token: &str, body: &str) -> Answer {
    let path = format!("{path}?bodySHA256={}", hex(body));
    let signature = sign(token, &format!("{}{path}", server.url), &Payload::Raw(body.as_bytes()));
    let headers =
        [("X-Twilio-Signature", signature.as_str()), ("Content-Type", "application/json")];
    send("POST", &format!("{}{path}", server.url), &headers, body.as_bytes())
}

#[test]
fn twilios_streams_and_forms_tell_of_one_call() {
    let folder = tempfile::tempdir().expect("a folder");
    let streams = source("streams", "twilio", "");
    let (server, twilio) = start_on(folder.path(), &streams, TOKEN);
    let call = "CA5a1e7c00000000000000000000000001";
    let caller = [("From", "+15005550100"), ("To", "+15005550006"), ("Direction", "inbound")];
    let fields = [&[("CallSid", call), ("CallStatus", "ringing")], &caller[..]].concat();
    assert_eq!(twilio.post("/voice", &fields).status, 200);
    let of = |status: &str| {
        let parameters = json!({ "CallSid": call, "CallStatus": status, "From": "+15005550100",
            "To": "+15005550006", "Direction": "inbound" });
        let kind = format!("com.twilio.voice.status-callback.call.{status}");
        json!([{ "specversion": "1.0", "type": kind, "id": status,
            "data": { "sid": call, "request": { "parameters": parameters } } }])
        .to_string()
    };
    assert_eq!(stream(&server, TOKEN, &of("in-progress")).status, 204);
    assert_eq!(total(&server), r#"{"liveUsers":1}"#);
    let streams_users = &of_summary(&server, "streams")["liveUsers"];
    assert_eq!(
        (streams_users, &of_summary(&server, "twilio")["liveUsers"]),
        (&json!(1), &json!(1))
    );
    assert_eq!(stream(&server, "another0token0of0another0account0", &of("completed")).status, 403);
    assert_eq!(total(&server), r#"{"liveUsers":1}"#);
    assert_eq!(stream(&server, TOKEN, &of("completed")).status, 204);
    assert_eq!(total(&server), r#"{"liveUsers":0}"#);
}

#[test]
fn a_slash_too_many_loses_no_event_and_the_signature_covers_the_url_as_it_came() {
    let folder = tempfile::tempdir().expect("a folder");
    let app = source("app", "events", "") + &source("streams", "twilio", "");
    let (server, _) = start_on(folder.path(), &app, APP_TOKEN);
    let paths = ["/api/events/", "/sources/app/", "//sources/app//", "//api/events?a=1"];
    for (n, path) in paths.into_iter().enumerate() {
        let id = n.to_string();
        let answer = post(&server, path, APP_TOKEN, &event(&id, &id, "started"));
        assert_eq!(answer.status, 204, "{path}: {}", answer.body);
        assert_eq!(of_summary(&server, "app")["liveCalls"], json!(n + 1), "{path}");
    }
    let body = json!({ "CallSid": "CA5a1e7c00000000000000000000000001", "CallStatus": "ringing" });
    let body = body.to_string();
    assert_eq!(stream_to(&server, "/sources/streams/", APP_TOKEN, &body).status, 204);
    let signed = format!("{}/sources/streams?bodySHA256={}", server.url, hex(&body));
    let signature = sign(APP_TOKEN, &signed, &Payload::Raw(body.as_bytes()));
    let headers =
        [("X-Twilio-Signature", signature.as_str()), ("Content-Type", "application/json")];
    let sent = signed.replace("streams?", "streams/?");
    assert_eq!(send("POST", &sent, &headers, body.as_bytes()).status, 403);
    for (method, path, status) in [
        ("POST", "/sources/", 404),
        ("POST", "/sources/app/x", 404),
        ("POST", "/api/events/x", 404),
        ("GET", "/api/events/", 405),
        ("PUT", "/sources/app/", 405),
    ] {
        let answer = send(method, &format!("{}{path}", server.url), &[], b"");
        assert_eq!(answer.status, status, "{method} {path}: {}", answer.body);
    }
}

/// A server with a source of the kind `vonage`.
struct Vonage {
    server: Server,
}

impl Vonage {
    const SECRET: &str = "a-signature-secret-of-32-letters";

    fn start(folder: &Path) -> Self {
        let (server, _) = start_on(folder, &source("vonage", "vonage", ""), Self::SECRET);
        Self { server }
    }

    /// Tells what has become of a call, in a conversation with a number of its own.
    fn event(&self, uuid: &str, status: &str, direction: &str, conversation: &str) {
        let (from, to) = match (direction, conversation) {
            ("inbound", _) => ("15005550100", "15005550006"),
            (_, "CON-1") => ("15005550006", "15005550190"),
            _ => ("15005550006", "15005550101"),
        };
        let body = json!({ "uuid": uuid, "status": status, "direction": direction,
            "conversation_uuid": conversation, "from": from, "to": to });
        let body = body.to_string();
        let token = vonage_token(Self::SECRET, &body);
        let headers = [("Authorization", token.as_str()), ("Content-Type", "application/json")];
        let url = format!("{}/sources/vonage", self.server.url);
        assert_eq!(send("POST", &url, &headers, body.as_bytes()).status, 204);
    }
}

#[test]
fn a_leg_in_the_session_of_a_call_is_nobody_and_takes_its_caller_to_a_person() {
    let folder = tempfile::tempdir().expect("a folder");
    let vonage = Vonage::start(folder.path());
    let event = |uuid: &str, status: &str, direction: &str, conversation: &str| {
        vonage.event(uuid, status, direction, conversation);
    };
    let server = &vonage.server;
    let [call, leg, other] =
        ["1", "2", "3"].map(|n| format!("aaaaaaaa-bbbb-cccc-dddd-00000000000{n}"));
    event(&call, "answered", "inbound", "CON-1");
    event(&other, "answered", "outbound", "CON-2");
    assert_eq!(total(server), r#"{"liveUsers":2}"#, "a call that is made alone is a user's");
    event(&leg, "started", "outbound", "CON-1");
    event(&leg, "answered", "outbound", "CON-1");
    assert_eq!(total(server), r#"{"liveUsers":1}"#);
    assert_eq!(read(server, "/summary")["withPerson"], json!(1));
    event(&leg, "completed", "outbound", "CON-1");
    event(&call, "completed", "inbound", "CON-1");
    assert_eq!(total(server), r#"{"liveUsers":1}"#);
    assert_eq!(read(server, "/summary")["onTheLine"], json!(1));
}

#[test]
fn a_leg_whose_webhooks_all_come_before_those_of_its_call_is_nobody_in_the_end() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = Vonage::start(folder.path());
    let [call, leg] = ["1", "2"].map(|n| format!("aaaaaaaa-bbbb-cccc-dddd-00000000000{n}"));
    server.event(&leg, "started", "outbound", "CON-1");
    server.event(&leg, "answered", "outbound", "CON-1");
    assert_eq!(total(&server.server), r#"{"liveUsers":1}"#, "nobody can know yet");
    server.event(&call, "answered", "inbound", "CON-1");
    assert_eq!(total(&server.server), r#"{"liveUsers":0}"#);
    let summary = read(&server.server, "/summary");
    assert_eq!((&summary["withPerson"], &summary["onTheLine"]), (&json!(1), &json!(1)));
    server.event(&leg, "completed", "outbound", "CON-1");
    assert_eq!(total(&server.server), r#"{"liveUsers":1}"#, "the caller is back");
    server.event(&call, "completed", "inbound", "CON-1");
    assert_eq!(read(&server.server, "/summary")["onTheLine"], json!(0));
}

#[test]
fn the_token_of_a_source_is_no_wrong_token_of_ours() {
    let folder = tempfile::tempdir().expect("a folder");
    let (server, _) = start_on(folder.path(), &source("app", "events", ""), APP_TOKEN);
    for n in 0..20 {
        told(&server, &event(&format!("e-{n}"), &format!("call-{n}"), "started"));
    }
    let wrong = scrape(&server).get("live_users_refused_tokens_total{reason=\"wrong\"}");
    assert_eq!(wrong, Some(0.0));
    assert_eq!(read(&server, "/summary")["liveUsers"], 1, "and API_TOKEN is let in");
}
