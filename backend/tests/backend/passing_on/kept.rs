//! What waits to be passed on outlives its process.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use live_users_testkit::{Answer, Server, SettableClock, Twilio, send};
use live_users_twilio::{Form, Payload, SIGNATURE_HEADER, sign};
use serde_json::Value;
use tempfile::TempDir;

use super::{ENDED, ID, agents, await_outcome, body_of, outcome};
use crate::honest::{API_TOKEN, WITH_TOKEN};
use crate::metrics::scrape;
use crate::receiver::{OK, Receiver, TROUBLE, answer};
use crate::replicas::team::await_that;
use crate::{TOKEN, agents_file, start};

pub(crate) const PUBLIC_URL: &str = "https://calls.example.com";
const WAITING: &str = "live_users_status_callbacks_waiting";

/// A backend on the journal in this folder, which may be started again.
struct Place {
    folder: TempDir,
    agents: (TempDir, String),
}

impl Place {
    fn with(url: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        Self { folder, agents: agents(url, "") }
    }

    fn for_receiver(receiver: &Receiver) -> Self {
        Self::with(&format!("{}/old?key=s3cr3t", receiver.base))
    }

    fn start(&self, more: &[(&str, &str)]) -> (Server, Twilio) {
        let journal = format!("file:{}", self.journal().display());
        let env = [WITH_TOKEN, ("AGENTS_FILE", &self.agents.1), ("JOURNAL_URL", &journal)];
        start(&[&env[..], more].concat())
    }

    fn journal(&self) -> std::path::PathBuf {
        self.folder.path().join("journal")
    }
}

/// An attempt of a request to the public URL.
pub(crate) fn attempt(server: &Server, id: &str) -> Answer {
    let (url, body) = (format!("{}/call-status", server.url), body_of(&ENDED));
    let form = Form::parse(body.as_bytes()).expect("a form");
    let public = format!("{PUBLIC_URL}/call-status");
    let signature = sign(TOKEN, &public, &Payload::Form(&form));
    let kind = ("Content-Type", "application/x-www-form-urlencoded");
    let headers = [kind, (SIGNATURE_HEADER, signature.as_str()), (ID, id)];
    send("POST", &url, &headers, body.as_bytes())
}

fn n_waiting(server: &Server) -> f64 {
    scrape(server).get(WAITING).expect("a figure")
}

pub(super) fn await_waiting(server: &Server, n: f64) {
    await_that("so many wait", || n_waiting(server).total_cmp(&n).is_eq());
}

fn delivery(server: &Server) -> Value {
    deliveries(server).into_iter().next().unwrap_or_default()
}

fn deliveries(server: &Server) -> Vec<Value> {
    let headers = [("Authorization", &*format!("Bearer {API_TOKEN}"))];
    let url = format!("{}/api/live-users/summary", server.url);
    let summary: Value =
        serde_json::from_str(&send("GET", &url, &headers, b"").body).expect("JSON");
    summary["deliveries"].as_array().cloned().unwrap_or_default()
}

/// Nothing of a callback stands in a file in clear.
fn assert_sealed(journal: &Path) {
    let mut n_files = 0;
    for file in fs::read_dir(journal).expect("a folder") {
        let bytes = fs::read(file.expect("a file").path()).expect("it can be read");
        n_files += 1;
        for clear in ["4155550123", "CallStatus", "ToState", "s3cr3t", "/old", "attempt-1", TOKEN] {
            let is_in = bytes.windows(clear.len()).any(|it| it == clear.as_bytes());
            assert!(!is_in, "{clear} is in a file");
        }
    }
    assert!(n_files > 0);
}

#[test]
fn a_killed_backend_passes_on_after_its_next_start_what_it_has_acknowledged() {
    let receiver = Receiver::start();
    let place = Place::for_receiver(&receiver);
    let (mut server, twilio) = place.start(&[]);
    assert_eq!(twilio.post_as("attempt-1", "/call-status", &ENDED).status, 204);
    let (first, _no_answer) = receiver.next();
    server.kill();
    assert_sealed(&place.journal());
    let (mut server, _) = place.start(&[]);
    let (again, stream) = receiver.next();
    assert_eq!((&again.head, &again.body), (&first.head, &first.body));
    assert_eq!((again.header(ID), again.body.as_str()), ("attempt-1", &*body_of(&ENDED)));
    assert!(again.is_signed(&receiver, TOKEN) && again.target == "/old?key=s3cr3t");
    assert!(n_waiting(&server).total_cmp(&1.0).is_eq() && delivery(&server)["pending"] == 1);
    answer(stream, OK);
    await_waiting(&server, 0.0);
    assert!(outcome(&server, "delivered").total_cmp(&1.0).is_eq());
    // A snapshot has it, and what is done is not done again.
    server.kill();
    let (server, twilio) = place.start(&[]);
    assert_eq!(twilio.post_as("attempt-2", "/call-status", &ENDED).status, 204);
    assert_eq!(receiver.take().header(ID), "attempt-2");
    await_waiting(&server, 0.0);
    assert!(receiver.is_idle());
    assert_sealed(&place.journal());
}

#[test]
fn killed_at_any_moment_the_backend_passes_on_all_that_it_has_acknowledged() {
    let receiver = Receiver::start();
    let place = Place::for_receiver(&receiver);
    let (mut wanted, mut came) = (BTreeSet::new(), BTreeSet::new());
    for round in 0..5 {
        let (mut server, twilio) = place.start(&[]);
        for n in 0..8 {
            let id = format!("{round}-{n}");
            assert_eq!(twilio.post_as(&id, "/call-status", &ENDED).status, 204);
            wanted.insert(id);
        }
        for _ in 0..round * 2 {
            came.insert(receiver.take().header(ID).to_owned());
        }
        server.kill();
    }
    let (server, _) = place.start(&[]);
    while came != wanted {
        came.insert(receiver.take().header(ID).to_owned());
    }
    await_that("nothing waits", || {
        while let Some(stream) = receiver.next_if_there() {
            answer(stream, OK);
        }
        n_waiting(&server).total_cmp(&0.0).is_eq()
    });
    let n_delivered = outcome(&server, "delivered");
    assert!(n_delivered >= 1.0 && outcome(&server, "failed").total_cmp(&0.0).is_eq());
}

/// A callback waits while there is no backend for so many hours.
fn after_hours(hours: i64) -> (Receiver, Place, Server) {
    let receiver = Receiver::start();
    let place = Place::for_receiver(&receiver);
    let clock = SettableClock::off_by(-hours * 3_600);
    let by_clock = clock.env();
    let by_clock: Vec<_> = by_clock.iter().map(|(name, it)| (*name, it.as_str())).collect();
    let (mut server, twilio) = place.start(&by_clock);
    assert_eq!(twilio.post("/call-status", &ENDED).status, 204);
    let (_, _no_answer) = receiver.next();
    server.kill();
    let (server, _) = place.start(&[]);
    (receiver, place, server)
}

#[test]
fn after_a_time_without_a_backend_it_is_tried_once_more_and_after_a_day_no_more() {
    let (receiver, _place, mut server) = after_hours(2);
    answer(receiver.next().1, TROUBLE);
    let line = server.await_log("a status callback of agent booking is not passed on");
    assert!(line.contains("not taken for 12") && line.contains("(1 tries"), "{line}");
    await_outcome(&server, "failed", 1.0);
    await_waiting(&server, 0.0);
    let (receiver, _place, mut server) = after_hours(25);
    let line = server.await_log("a status callback of agent booking is not passed on");
    assert!(line.contains("it has waited for more than a day"), "{line}");
    await_outcome(&server, "failed", 1.0);
    await_waiting(&server, 0.0);
    assert!(receiver.is_idle());
}

#[test]
fn a_repeated_webhook_is_not_passed_on_twice_also_after_a_restart() {
    let receiver = Receiver::start();
    let place = Place::for_receiver(&receiver);
    let public = [("PUBLIC_URL", PUBLIC_URL)];
    let (mut server, _) = place.start(&public);
    assert_eq!(attempt(&server, "attempt-1").status, 204);
    receiver.take();
    await_waiting(&server, 0.0);
    server.kill();
    let (server, _) = place.start(&public);
    assert_eq!(attempt(&server, "attempt-1").status, 204);
    assert_eq!(attempt(&server, "attempt-2").status, 204);
    assert_eq!(receiver.take().header(ID), "attempt-2");
    await_outcome(&server, "delivered", 1.0);
    await_waiting(&server, 0.0);
    assert!(receiver.is_idle());
}

#[test]
fn a_receiver_that_is_down_for_some_tries_or_busy_gets_it_in_the_end() {
    let receiver = Receiver::start();
    let place = Place::for_receiver(&receiver);
    let (server, twilio) = place.start(&[]);
    assert_eq!(twilio.post("/call-status", &ENDED).status, 204);
    let busy = "HTTP/1.1 429 No\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
    for (says, shown) in [(TROUBLE, "status 500"), (busy, "status 429"), (TROUBLE, "status 500")] {
        answer(receiver.next().1, says);
        await_that("the page has the reason", || delivery(&server)["failure"] == shown);
    }
    assert_eq!(
        (&delivery(&server)["pending"], &delivery(&server)["undelivered"]),
        (&1.into(), &0.into())
    );
    assert!(receiver.take().is_signed(&receiver, TOKEN));
    await_outcome(&server, "delivered", 1.0);
    await_waiting(&server, 0.0);
    assert!(delivery(&server)["failure"].is_null());
    assert!(outcome(&server, "failed").total_cmp(&0.0).is_eq());
}

#[test]
fn what_waits_for_one_receiver_is_bounded_and_what_is_too_much_is_told() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}/old", listener.local_addr().expect("bound"));
    drop(listener);
    let place = Place::with(&url);
    let (mut server, twilio) = place.start(&[]);
    for _ in 0..502 {
        assert_eq!(twilio.post("/call-status", &ENDED).status, 204);
    }
    await_outcome(&server, "dropped", 2.0);
    await_waiting(&server, 500.0);
    assert_eq!(delivery(&server)["undelivered"], 2);
    server.kill();
    let (server, _) = place.start(&[]);
    await_waiting(&server, 500.0);
}

#[test]
fn after_a_rotation_the_old_token_signs_and_one_that_is_gone_is_named() {
    let receiver = Receiver::start();
    let place = Place::for_receiver(&receiver);
    let (mut server, twilio) = place.start(&[]);
    assert_eq!(twilio.post("/call-status", &ENDED).status, 204);
    let (_, _no_answer) = receiver.next();
    server.kill();
    let both = format!("another,{TOKEN}");
    let (mut server, twilio) = place.start(&[("TWILIO_AUTH_TOKEN", &both)]);
    assert!(receiver.take().is_signed(&receiver, TOKEN));
    await_waiting(&server, 0.0);
    assert_eq!(twilio.post("/call-status", &ENDED).status, 204);
    let (_, _no_answer) = receiver.next();
    server.kill();
    let (mut server, _) = place.start(&[("TWILIO_AUTH_TOKEN", "another")]);
    let line = server.await_log("a status callback of agent booking is not passed on");
    assert!(line.contains("TWILIO_AUTH_TOKEN") && line.contains("auth_token_env"), "{line}");
    await_outcome(&server, "failed", 1.0);
    await_waiting(&server, 0.0);
    assert!(receiver.is_idle());
}

#[test]
fn a_receiver_that_is_taken_out_of_the_file_gets_nothing_until_it_is_back() {
    let receiver = Receiver::start();
    let place = Place::for_receiver(&receiver);
    let (mut server, twilio) = place.start(&[]);
    assert_eq!(twilio.post("/call-status", &ENDED).status, 204);
    let (_, stream) = receiver.next();
    let text = fs::read_to_string(&place.agents.1).expect("a file");
    let without = text.replace("/old?key", "/new?key");
    fs::write(&place.agents.1, without).expect("a file");
    server.hang_up();
    server.await_log("the agents file is read again");
    answer(stream, TROUBLE);
    let shown = "the agents file does not name its URL";
    await_that("the page has the reason", || delivery(&server)["failure"] == shown);
    assert!(receiver.is_idle());
    fs::write(&place.agents.1, text).expect("a file");
    server.hang_up();
    assert_eq!(receiver.take().target, "/old?key=s3cr3t");
    await_outcome(&server, "delivered", 1.0);
}

#[test]
fn what_waits_for_an_agent_that_is_gone_is_shown_until_it_is_delivered() {
    let receiver = Receiver::start();
    let place = Place::for_receiver(&receiver);
    let (mut server, twilio) = place.start(&[]);
    assert_eq!(twilio.post("/call-status", &ENDED).status, 204);
    let (_, stream) = receiver.next();
    let text = fs::read_to_string(&place.agents.1).expect("a file");
    fs::write(&place.agents.1, text.replace("booking", "sales").replace("/old?key", "/new?key"))
        .expect("a file");
    server.hang_up();
    server.await_log("the agents file is read again");
    answer(stream, TROUBLE);
    let of_gone = |server: &Server| {
        let gone = "agent booking (not in the agents file)";
        let found = deliveries(server).into_iter().find(|it| it["to"] == gone);
        found.unwrap_or_default()
    };
    let why = "the agents file does not name its URL";
    await_that("the agent is shown", || of_gone(&server)["failure"] == why);
    assert_eq!(of_gone(&server)["pending"], 1);
    server.kill();
    let (server, _) = place.start(&[]);
    await_that("it is shown after a restart", || of_gone(&server)["pending"] == 1);
    fs::write(&place.agents.1, text).expect("a file");
    server.hang_up();
    receiver.take();
    await_waiting(&server, 0.0);
    assert_eq!(of_gone(&server), Value::Null);
}

#[test]
fn what_the_journal_cannot_take_is_sent_from_memory_once() {
    let receiver = Receiver::start();
    let place = Place::for_receiver(&receiver);
    let (server, twilio) = place.start(&[]);
    let elsewhere = place.folder.path().join("elsewhere");
    fs::rename(place.journal(), &elsewhere).expect("it can be moved");
    assert_eq!(twilio.post_as("attempt-1", "/call-status", &ENDED).status, 503);
    let (request, stream) = receiver.next();
    assert!(request.is_signed(&receiver, TOKEN) && request.header(ID) == "attempt-1");
    assert!(n_waiting(&server).total_cmp(&1.0).is_eq());
    fs::rename(&elsewhere, place.journal()).expect("it can be moved");
    await_that("it is recorded again", || {
        twilio.post_as("attempt-1", "/call-status", &ENDED).status == 204
    });
    answer(stream, OK);
    await_outcome(&server, "delivered", 1.0);
    await_waiting(&server, 0.0);
    assert!(receiver.is_idle(), "it is passed on twice");
}

#[test]
fn without_a_journal_it_is_sent_from_memory() {
    let receiver = Receiver::start();
    let url = format!("{}/old", receiver.base);
    let place = Place::with(&url);
    fs::create_dir(place.journal()).expect("a folder");
    fs::write(place.journal().join("journal.sqlite3"), "no journal").expect("a file");
    let (_server, twilio) = place.start(&[]);
    assert_eq!(twilio.post("/call-status", &ENDED).status, 503);
    assert!(receiver.take().is_signed(&receiver, TOKEN));
}

#[test]
fn where_webhooks_are_not_signed_what_waits_is_sealed_with_the_key_of_callers() {
    let receiver = Receiver::start();
    let (_agents, file) = agents_file(&format!(
        "[[agent]]\nid = \"booking\"\nname = \"Bookings\"\nnumbers = [\"+15005550006\"]\n\
         status_callback_url = \"{}/old\"\n",
        receiver.base
    ));
    let folder = tempfile::tempdir().expect("a folder");
    let journal = format!("file:{}", folder.path().display());
    let env = [
        WITH_TOKEN,
        ("TWILIO_AUTH_TOKEN", ""),
        ("ALLOW_UNSIGNED_WEBHOOKS", "true"),
        ("CALLER_HASH_KEY", "0123456789abcdef"),
        ("AGENTS_FILE", &file),
        ("JOURNAL_URL", &journal),
    ];
    let (mut server, twilio) = start(&env);
    assert_eq!(twilio.post("/call-status", &ENDED).status, 204);
    let (_, _no_answer) = receiver.next();
    server.kill();
    assert_sealed(folder.path());
    let (_server, _) = start(&env);
    let request = receiver.take();
    assert_eq!((request.body.as_str(), request.header(SIGNATURE_HEADER)), (&*body_of(&ENDED), ""));
}
