//! The clock of the machine is wrong, jumps, and jumps back. The journal is of one process.

use std::time::Instant;

use jiff::Timestamp;
use live_users_testkit::{Server, SettableClock, Twilio, get};
use serde_json::Value;

use crate::honest::{WITH_TOKEN, read, sid};
use crate::metrics::scrape;
use crate::replicas::team::await_that;
use crate::sources::{secret_and_offset, send_vector, source, start_with};
use crate::{AGENTS, agents_file, start};

const HOUR_S: i64 = 3_600;
const DAY_S: i64 = 24 * HOUR_S;
const HOUR_MS: f64 = 3_600_000.0;

/// A backend with this clock, and a sender of webhooks.
fn start_by(clock: &SettableClock, more: &[(&str, &str)]) -> (Server, Twilio) {
    let env = clock.env();
    let env: Vec<_> = env.iter().map(|(name, value)| (*name, value.as_str())).collect();
    start(&[&env[..], &[WITH_TOKEN], more].concat())
}

fn readiness(server: &Server) -> (u16, Value) {
    let answer = get(&format!("{}/readyz", server.url));
    (answer.status, serde_json::from_str(&answer.body).expect("JSON"))
}

/// The only warning of a backend that is ready all the same.
fn warning(server: &Server) -> String {
    let (status, health) = readiness(server);
    assert_eq!(
        (status, &health["status"], &health["reason"]),
        (200, &"ready".into(), &Value::Null)
    );
    let warnings = health["warnings"].as_array().expect("warnings");
    assert_eq!(warnings.len(), 1, "{health}");
    warnings[0].as_str().expect("a text").to_owned()
}

fn offset_s(server: &Server) -> f64 {
    scrape(server).get("live_users_clock_offset_seconds").expect("it is always known")
}

fn jumps(server: &Server) -> f64 {
    scrape(server).get("live_users_clock_jumps_total").expect("it is always known")
}

/// What time it is there.
fn time(server: &Server) -> Timestamp {
    read(server, "/summary")["asOf"].as_str().expect("a moment").parse().expect("in RFC 3339")
}

/// How long call `n` has been live, in milliseconds.
fn live_ms(server: &Server, n: u8) -> f64 {
    let call = read(server, &format!("/calls/{}", sid(n)));
    call["call"]["liveMs"].as_f64().expect("a span")
}

/// How long the longest call was that has ended within the last hour, in milliseconds.
fn longest_ms(server: &Server) -> f64 {
    read(server, "/summary")["lastHour"]["longestMs"].as_f64().expect("one has ended")
}

/// When a webhook was sent, and when it was answered: what it tells counts from a moment in between.
#[derive(Clone, Copy)]
struct Since {
    sent: Instant,
    answered: Instant,
}

impl Since {
    fn start_of(twilio: &Twilio, n: u8) -> Self {
        let sent = Instant::now();
        assert_eq!(twilio.start(n).status, 200);
        Self { sent, answered: Instant::now() }
    }

    fn end_of(twilio: &Twilio, n: u8) -> Self {
        let sent = Instant::now();
        assert_eq!(twilio.end(n).status, 204);
        Self { sent, answered: Instant::now() }
    }

    /// Checks a duration that goes on while `read` returns it.
    fn check(self, read: impl FnOnce() -> f64) {
        let sent = Instant::now();
        let ms = read();
        self.check_until(Self { sent, answered: Instant::now() }, ms);
    }

    /// Checks a duration that is over. The journal's time measures it, which goes faster or slower by
    /// at most one part in twenty.
    fn check_until(self, end: Self, ms: f64) {
        let least = (end.sent - self.answered).as_secs_f64() * 950.0 - 2.0;
        let most = (end.answered - self.sent).as_secs_f64() * 1_050.0 + 2.0;
        assert!((least..=most).contains(&ms), "{ms} ms, and not {least} to {most}");
    }
}

#[test]
fn a_clock_that_is_hours_ahead_for_some_seconds_ends_no_call() {
    let (_folder, file) = agents_file(AGENTS);
    let clock = SettableClock::off_by(0);
    let (mut server, twilio) = start_by(&clock, &[("AGENTS_FILE", &file)]);
    let since = Since::start_of(&twilio, 1);
    twilio.start(2);
    assert_eq!((readiness(&server).1["warnings"].clone(), jumps(&server)), (Value::Null, 0.0));
    clock.set(5 * HOUR_S);
    let line = server.await_log("the clock has jumped");
    assert!(line.contains("WARN") && line.contains("no call ends"), "{line}");
    assert!(warning(&server).starts_with("this machine's clock is "), "{}", warning(&server));
    assert!(warning(&server).ends_with("and no call ends by it"));
    assert!((offset_s(&server) / 18_000.0 - 1.0).abs() < 0.1);
    assert_eq!((twilio.count().as_str(), jumps(&server)), (r#"{"liveUsers":2}"#, 1.0));
    since.check(|| live_ms(&server, 1));
    clock.set(0);
    server.await_log("agrees with the journal's time");
    assert_eq!((readiness(&server).1["warnings"].clone(), jumps(&server)), (Value::Null, 1.0));
    twilio.post("/voice", &[("CallSid", &sid(1)), ("CallStatus", "in-progress")]);
    assert_eq!(twilio.count(), r#"{"liveUsers":2}"#);
    since.check(|| live_ms(&server, 1));
    assert_eq!(read(&server, "/summary")["drift"]["healed"], 0);
}

#[test]
fn a_clock_that_jumps_by_days_and_hours_in_both_directions_changes_no_duration() {
    let clock = SettableClock::off_by(0);
    let (mut server, twilio) = start_by(&clock, &[]);
    let mut calls = vec![(1, Since::start_of(&twilio, 1))];
    for (n, jump) in (2..).zip([3 * DAY_S, -2 * DAY_S, -2 * HOUR_S, 40 * DAY_S]) {
        clock.set(jump);
        server.await_log("the clock has jumped");
        calls.push((n, Since::start_of(&twilio, n)));
        calls.iter().for_each(|(n, since)| since.check(|| live_ms(&server, *n)));
        assert!((offset_s(&server) / jump as f64 - 1.0).abs() < 0.1);
    }
    clock.set(0);
    server.await_log("agrees with the journal's time");
    assert_eq!((twilio.count().as_str(), jumps(&server)), (r#"{"liveUsers":5}"#, 4.0));
    let (n, since) = calls[2];
    since.check_until(Since::end_of(&twilio, n), longest_ms(&server));
    let history = read(&server, "/history?from=-10m&step=1m");
    let to: Timestamp = history["to"].as_str().expect("a moment").parse().expect("in RFC 3339");
    let begun = calls[0].1.sent.elapsed().as_secs_f64();
    let off_s = to.duration_since(Timestamp::now()).as_secs_f64().abs();
    assert!(off_s <= 0.05 * begun + 5.0, "{off_s} s off after {begun} s");
}

#[test]
fn a_journal_that_is_ahead_of_the_clock_goes_on_from_its_last_record() {
    let folder = tempfile::tempdir().expect("a folder");
    let url = format!("file:{}", folder.path().display());
    let clock = SettableClock::off_by(HOUR_S / 2);
    let (server, twilio) = start_by(&clock, &[("JOURNAL_URL", &url)]);
    let first = Since::start_of(&twilio, 1);
    let before = time(&server);
    server.terminate();

    clock.set(0);
    let (mut server, twilio) = start_by(&clock, &[("JOURNAL_URL", &url)]);
    let second = Since::start_of(&twilio, 2);
    assert!(warning(&server).contains(" min ") && warning(&server).contains("behind"));
    assert!((offset_s(&server) / -1_800.0 - 1.0).abs() < 0.1 && jumps(&server) == 0.0);
    assert_eq!(twilio.count(), r#"{"liveUsers":2}"#);
    let after = time(&server);
    // It goes on from the last record, so it may need a moment to come to where it was.
    await_that("the time goes on", || time(&server) > after.max(before));
    second.check(|| live_ms(&server, 2));
    // The time of the restart itself is not known.
    assert!(live_ms(&server, 1) <= first.sent.elapsed().as_secs_f64() * 1_050.0 + 2.0);
    second.check_until(Since::end_of(&twilio, 2), longest_ms(&server));
    clock.set(HOUR_S / 2);
    server.await_log("agrees with the journal's time");
}

#[test]
fn a_clock_that_is_ahead_during_a_restart_ends_no_call() {
    let folder = tempfile::tempdir().expect("a folder");
    let url = format!("file:{}", folder.path().display());
    let clock = SettableClock::off_by(0);
    let (server, twilio) = start_by(&clock, &[("JOURNAL_URL", &url)]);
    twilio.start(1);
    twilio.start(2);
    server.terminate();

    clock.set(5 * HOUR_S);
    let (mut server, twilio) = start_by(&clock, &[("JOURNAL_URL", &url)]);
    // A leader looks for calls that are too old before it says that it leads.
    await_that("it leads", || scrape(&server).get("live_users_leads") == Some(1.0));
    assert_eq!(twilio.count(), r#"{"liveUsers":2}"#);
    clock.set(0);
    server.await_log("the clock has jumped");
    let since = Since::start_of(&twilio, 3);
    since.check(|| live_ms(&server, 3));
    assert_eq!(twilio.count(), r#"{"liveUsers":3}"#);
    assert!(live_ms(&server, 1) >= 5.0 * HOUR_MS, "it is not known that this is wrong");
}

#[test]
fn signatures_that_name_their_time_are_good_while_the_clock_has_jumped() {
    for (kind, name) in [
        ("elevenlabs", "over"),
        ("livekit", "called in, and up"),
        ("openai", "for Realtime"),
        ("retell", "up"),
        ("telnyx", "answered"),
        ("vonage", "answered"),
    ] {
        for jump_s in [5 * HOUR_S, -5 * HOUR_S] {
            let (secret, signed_s) = secret_and_offset(kind);
            let clock = SettableClock::off_by(signed_s);
            let mut server = start_with(&source(kind, kind, ""), &secret, &clock, &[]);
            clock.set(signed_s + jump_s);
            server.await_log("the clock has jumped");
            send_vector(&server, kind, name);
        }
    }
}
