//! Status callbacks reach the receiver that had them before a number was taken over.

pub(crate) mod kept;

use std::collections::BTreeSet;
use std::net::TcpListener;

use live_users_testkit::{Metrics, Server, Twilio, exit_of, send};
use live_users_twilio::{Form, Payload, SIGNATURE_HEADER, sign};
use serde_json::Value;
use tempfile::TempDir;

use self::kept::await_waiting;
use crate::honest::{API_TOKEN, WITH_TOKEN};
use crate::receiver::{OK, Receiver, TROUBLE, answer};
use crate::replicas::team::await_look;
use crate::{BINARY, TOKEN, agents_file, start};

const ID: &str = "I-Twilio-Idempotency-Token";

/// What Twilio sends at the end of a call to a number, in its order.
pub(crate) const ENDED: [(&str, &str); 7] = [
    ("Called", "+15005550006"),
    ("ToState", ""),
    ("Direction", "inbound"),
    ("CallSid", "CA00000000000000000000000000000001"),
    ("To", "+15005550006"),
    ("CallStatus", "completed"),
    ("From", "+14155550123"),
];

pub(crate) fn body_of(fields: &[(&str, &str)]) -> String {
    Form::from_pairs(fields.iter().copied()).encode()
}

/// An agents file with one agent that was taken over.
pub(crate) fn agents(url: &str, more: &str) -> (TempDir, String) {
    agents_file(&format!(
        "[[agent]]\nid = \"booking\"\nname = \"Bookings\"\nnumbers = [\"+15005550006\"]\n\
         status_callback_url = \"{url}\"\n{more}"
    ))
}

fn start_with(receiver: &Receiver, url: &str, more: &str) -> (TempDir, Server, Twilio) {
    let (folder, file) = agents(&format!("{}{url}", receiver.base), more);
    let (server, twilio) = start(&[WITH_TOKEN, ("AGENTS_FILE", &file)]);
    (folder, server, twilio)
}

fn outcome(server: &Server, outcome: &str) -> f64 {
    let headers = [("Authorization", &*format!("Bearer {API_TOKEN}"))];
    let page = send("GET", &format!("{}/metrics", server.url), &headers, b"").body;
    let name = format!("live_users_status_callbacks_passed_on_total{{outcome=\"{outcome}\"}}");
    Metrics::parse(&page).get(&name).expect("a figure")
}

/// Waits until so many callbacks had this outcome.
fn await_outcome(server: &Server, name: &str, n: f64) {
    // The receiver has its request before the backend has its answer.
    await_look(name, || outcome(server, name), |told| told.total_cmp(&n).is_eq());
}

#[test]
fn a_status_callback_reaches_the_old_receiver_with_its_fields_and_a_signature_for_its_url() {
    let receiver = Receiver::start();
    let (_folder, server, twilio) = start_with(&receiver, "/old/status?key=s3cr3t#rc=2&rp=all", "");
    twilio.start(1);
    assert_eq!(twilio.count(), r#"{"liveUsers":1}"#);
    assert_eq!(twilio.post_as("attempt-1", "/call-status", &ENDED).status, 204);
    // The receiver has not answered, and the call is over here.
    assert_eq!(twilio.count(), r#"{"liveUsers":0}"#);
    let request = receiver.take();
    assert_eq!((&*request.method, &*request.target), ("POST", "/old/status?key=s3cr3t"));
    assert_eq!(request.body, body_of(&ENDED));
    let kind = "application/x-www-form-urlencoded; charset=UTF-8";
    assert_eq!(request.header("content-type"), kind);
    assert_eq!(request.header(ID), "attempt-1");
    assert!(request.is_signed(&receiver, TOKEN), "{}", request.head);
    await_outcome(&server, "delivered", 1.0);
    // Twilio has lost our answer and sends it again.
    assert_eq!(twilio.post_as("attempt-1", "/call-status", &ENDED).status, 204);
    assert_eq!(twilio.post_as("attempt-2", "/call-status", &ENDED).status, 204);
    assert_eq!(receiver.take().header(ID), "attempt-2");
    await_outcome(&server, "delivered", 2.0);
    let (status, log) = server.terminate();
    assert!(status.success());
    for secret in ["s3cr3t", "4155550123", TOKEN] {
        assert!(!log.contains(secret), "{secret} is in the log: {log}");
    }
}

#[test]
fn one_callback_that_comes_at_two_urls_is_passed_on_once_and_two_that_share_an_id_both() {
    let receiver = Receiver::start();
    let (_folder, server, twilio) = start_with(&receiver, "/old", "");
    let error = [("ErrorCode", "11205"), ("ErrorUrl", "https://calls.example.com/call-status")];
    let at_fallback = [&ENDED[..], &error].concat();
    for (path, fields) in [
        ("/call-status", &ENDED[..]),
        ("/call-status?agent=booking", &ENDED),
        ("/call-status/", &ENDED),
        ("/call-status?fallback=1", &at_fallback),
    ] {
        assert_eq!(twilio.post_as("one", path, fields).status, 204);
    }
    let busy: Vec<_> = ENDED
        .iter()
        .map(|(name, value)| (*name, if *name == "CallStatus" { "busy" } else { *value }))
        .collect();
    assert_eq!(twilio.post_as("one", "/call-status", &busy).status, 204);
    let bodies = BTreeSet::from([receiver.take().body, receiver.take().body]);
    assert_eq!(bodies, BTreeSet::from([body_of(&ENDED), body_of(&busy)]));
    await_outcome(&server, "delivered", 2.0);
    await_waiting(&server, 0.0);
    assert!(receiver.is_idle(), "it is passed on twice");
}

#[test]
fn by_get_the_fields_are_behind_the_query_of_the_url() {
    let receiver = Receiver::start();
    let more = "status_callback_method = \"GET\"";
    let (_folder, _server, twilio) = start_with(&receiver, "/old?key=1#rc=2", more);
    assert_eq!(twilio.post("/call-status", &ENDED).status, 204);
    let request = receiver.take();
    assert_eq!(request.method, "GET");
    assert_eq!(request.target, format!("/old?key=1&{}", body_of(&ENDED)));
    assert!(request.body.is_empty() && request.is_signed(&receiver, TOKEN), "{}", request.head);
    // One that came by GET itself, at a URL with our own parameter.
    let url = format!("{}/call-status?agent=booking&{}", twilio.url, body_of(&ENDED));
    let signature = sign(TOKEN, &url, &Payload::None);
    assert_eq!(send("GET", &url, &[(SIGNATURE_HEADER, &signature)], b"").status, 204);
    let request = receiver.take();
    assert_eq!(request.target, format!("/old?key=1&{}", body_of(&ENDED)));
    assert!(request.is_signed(&receiver, TOKEN), "{}", request.head);
}

#[test]
fn of_several_tokens_the_one_that_the_callback_was_signed_with_signs_it_on() {
    let receiver = Receiver::start();
    let (_folder, file) = agents(&format!("{}/old", receiver.base), "");
    let tokens = format!("another,{TOKEN}");
    let (_server, twilio) = start(&[("AGENTS_FILE", &file), ("TWILIO_AUTH_TOKEN", &tokens)]);
    assert_eq!(twilio.post("/call-status", &ENDED).status, 204);
    let request = receiver.take();
    assert!(request.is_signed(&receiver, TOKEN) && !request.is_signed(&receiver, "another"));
    let twilio = Twilio::new(&twilio.url, "another");
    assert_eq!(twilio.post("/call-status", &ENDED).status, 204);
    assert!(receiver.take().is_signed(&receiver, "another"));
}

#[test]
fn what_is_no_callback_of_the_number_or_not_from_twilio_is_not_passed_on() {
    let receiver = Receiver::start();
    let (_folder, server, twilio) = start_with(&receiver, "/old", "");
    let with = |name: &str, value: &'static str| {
        let mut fields: Vec<_> = ENDED.iter().filter(|(it, _)| *it != name).copied().collect();
        fields.push((name.to_owned().leak(), value));
        fields
    };
    for (fields, status) in [
        (with("ParentCallSid", "CA00000000000000000000000000000002"), 204),
        (with("Direction", "outbound-api"), 204),
        (with("To", "+15005550007"), 204),
    ] {
        assert_eq!(twilio.post("/call-status", &fields).status, status, "{fields:?}");
    }
    assert_eq!(twilio.post("/voice", &ENDED).status, 200);
    assert_eq!(Twilio::new(&twilio.url, "forged").post("/call-status", &ENDED).status, 403);
    assert_eq!(twilio.post_as("the-last", "/call-status", &ENDED).status, 204);
    assert_eq!(receiver.take().header(ID), "the-last", "it is the only one");
    assert!(receiver.is_idle());
    await_outcome(&server, "delivered", 1.0);
}

#[test]
fn a_receiver_in_trouble_is_tried_again_and_one_that_refuses_is_not() {
    let receiver = Receiver::start();
    let (_folder, mut server, twilio) = start_with(&receiver, "/old?key=s3cr3t", "");
    assert_eq!(twilio.post_as("one", "/call-status", &ENDED).status, 204);
    let (first, stream) = receiver.next();
    answer(stream, "HTTP/1.1 503 No\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
    // A connection that is lost before an answer.
    drop(receiver.next());
    let third = receiver.take();
    assert_eq!((first.body, first.head), (third.body, third.head));
    await_outcome(&server, "delivered", 1.0);
    let elsewhere = Receiver::start();
    let redirect = format!(
        "HTTP/1.1 307 Go\r\nLocation: {}/x\r\nConnection: close\r\nContent-Length: 0\r\n\r\n",
        elsewhere.base
    );
    let gone = "HTTP/1.1 404 No\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
    for (says, why) in [(gone, "status 404"), (&redirect, "status 307")] {
        assert_eq!(twilio.post("/call-status", &ENDED).status, 204);
        answer(receiver.next().1, says);
        let line = server.await_log("a status callback of agent booking is not passed on");
        assert!(line.contains(why) && !line.contains("s3cr3t"), "{line}");
    }
    await_outcome(&server, "refused", 2.0);
    assert!(elsewhere.is_idle(), "a redirect was followed");
    assert!(receiver.is_idle(), "a refusal was tried again");
}

#[test]
fn a_receiver_that_is_gone_costs_the_count_nothing() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}/old?key=s3cr3t", listener.local_addr().expect("bound"));
    drop(listener);
    let (_folder, file) = agents(&url, "");
    let (mut server, twilio) = start(&[WITH_TOKEN, ("AGENTS_FILE", &file)]);
    twilio.start(1);
    assert_eq!(twilio.post("/call-status", &ENDED).status, 204);
    assert_eq!(twilio.count(), r#"{"liveUsers":0}"#);
    let line = server.await_log("a status callback of agent booking waits and is tried again");
    assert!(!line.contains("s3cr3t") && !line.contains("/old"), "{line}");
    assert!(outcome(&server, "failed").total_cmp(&0.0).is_eq());
}

#[test]
fn each_of_several_receivers_gets_it_once_and_one_in_trouble_keeps_nothing_from_the_others() {
    let (first, second) = (Receiver::start(), Receiver::start());
    let (one, two) = (format!("{}/one", first.base), format!("{}/two?key=s3cr3t", second.base));
    let more = format!("status_callback_urls = [\"{two}\", \"{one}\"]");
    let (_folder, file) = agents(&one, &more);
    let (server, twilio) = start(&[WITH_TOKEN, ("AGENTS_FILE", &file)]);
    assert_eq!(twilio.post_as("one", "/call-status", &ENDED).status, 204);
    let failed = second.next().1;
    assert!(first.take().is_signed(&first, TOKEN));
    await_outcome(&server, "delivered", 1.0);
    answer(failed, "HTTP/1.1 500 No\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
    let request = second.take();
    assert!(request.is_signed(&second, TOKEN) && request.target == "/two?key=s3cr3t");
    await_outcome(&server, "delivered", 2.0);
    assert!(first.is_idle() && second.is_idle(), "each has it once");
    assert_eq!(twilio.post("/call-status", &ENDED).status, 204);
    first.take();
    await_outcome(&server, "delivered", 3.0);
    answer(second.next().1, "HTTP/1.1 404 No\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
    await_outcome(&server, "refused", 1.0);
    await_waiting(&server, 0.0);
    let headers = [("Authorization", &*format!("Bearer {API_TOKEN}"))];
    let url = format!("{}/api/live-users/summary", server.url);
    let summary: Value =
        serde_json::from_str(&send("GET", &url, &headers, b"").body).expect("JSON");
    let delivery = &summary["deliveries"][0];
    assert_eq!((&delivery["to"], &delivery["pending"]), (&"agent booking".into(), &0.into()));
    assert_eq!(delivery["undelivered"], 1);
    assert_eq!(delivery["failure"], "status 404");
    assert!(delivery["failingSince"].is_string() && summary["deliveries"][1].is_null());
}

#[test]
fn what_is_under_way_at_the_end_is_waited_for() {
    let receiver = Receiver::start();
    let (_folder, mut server, twilio) = start_with(&receiver, "/old", "");
    assert_eq!(twilio.post("/call-status", &ENDED).status, 204);
    let (_, stream) = receiver.next();
    server.ask_to_stop();
    server.await_log("stopped");
    answer(stream, OK);
    let (status, log) = server.terminate();
    assert!(status.success() && !log.contains("status callbacks wait"), "{log}");
    let (_folder, mut server, twilio) = start_with(&receiver, "/old", "");
    assert_eq!(twilio.post("/call-status", &ENDED).status, 204);
    let (_, stream) = receiver.next();
    server.ask_to_stop();
    server.await_log("stopped");
    answer(stream, TROUBLE);
    server.await_log("1 status callbacks wait in the journal for who leads next");
    assert!(server.terminate().0.success() && receiver.is_idle());
}

#[test]
fn a_url_that_leads_back_here_is_refused_at_the_start() {
    let (_folder, file) = agents("https://CALLS.example.com/call-status#rc=5", "");
    let env = [
        ("TWILIO_AUTH_TOKEN", TOKEN),
        ("PUBLIC_URL", "https://calls.example.com"),
        ("AGENTS_FILE", &file),
    ];
    let output = exit_of(BINARY, &[], &env);
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(64), "{told}");
    assert!(told.contains("status_callback_url leads back to PUBLIC_URL"), "{told}");
}

#[test]
fn what_was_passed_on_here_is_not_passed_on_again() {
    let receiver = Receiver::start();
    let (folder, mut server, twilio) = start_with(&receiver, "/old", "");
    // Without PUBLIC_URL nobody can see that this leads back here.
    let path = folder.path().join("agents.toml");
    let text = std::fs::read_to_string(&path).expect("a file");
    let old = format!("{}/old", receiver.base);
    let text = text.replace(&old, &format!("{}/call-status", server.url));
    std::fs::write(&path, text).expect("a file");
    server.hang_up();
    server.await_log("the agents file is read again");
    assert_eq!(twilio.post("/call-status", &ENDED).status, 204);
    await_outcome(&server, "delivered", 1.0);
    let (_, log) = server.terminate();
    assert!(!log.contains("not passed on"), "{log}");
}
