//! The journal cannot be opened at the start: callers are answered, and it goes on when it can.

use std::fs;
use std::path::Path;

use live_users_testkit::{Server, SettableClock, Twilio, exit_of, get, send};
use serde_json::Value;

use crate::honest::{API_TOKEN, WITH_TOKEN};
use crate::replicas::team::await_look;
use crate::{BINARY, TOKEN, agents_file, start};

const NOT_KNOWN: &str = "the number is not known at present";
const DAY_S: i64 = 24 * 3_600;

fn url_of(folder: &Path) -> String {
    format!("file:{}", folder.display())
}

/// The environment of a process with this clock and this journal.
fn env(clock: &SettableClock, url: &str) -> Vec<(&'static str, String)> {
    let journal = ("JOURNAL_URL", url.to_owned());
    let token = (WITH_TOKEN.0, WITH_TOKEN.1.to_owned());
    clock.env().into_iter().chain([journal, token]).collect()
}

fn start_by(clock: &SettableClock, url: &str) -> (Server, Twilio) {
    let env = env(clock, url);
    let env: Vec<_> = env.iter().map(|(name, value)| (*name, value.as_str())).collect();
    start(&env)
}

/// What `journal repair` says, and whether it has succeeded.
fn repair(clock: &SettableClock, url: &str, more: &[&str]) -> (bool, String) {
    let env = env(clock, url);
    let env: Vec<_> = env.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let args = [&["journal", "repair", "--time"], more].concat();
    // The server that stands by looks at the journal for a moment now and then.
    let run = || {
        let done = exit_of(BINARY, &args, &env);
        let told = [done.stdout, done.stderr].concat();
        (done.status.success(), String::from_utf8_lossy(&told).into_owned())
    };
    await_look("the journal is not in use", run, |(_, told)| !told.contains("is in use by"))
}

/// Callers hear an agent, operators are told why nothing is known, and everybody that it is not.
#[track_caller]
fn assert_stands_by(server: &Server, twilio: &Twilio, reason: &str) {
    let answer = twilio.start(9);
    assert!(answer.status == 200 && answer.body.contains("<Gather "), "{}", answer.body);
    let unsigned = Twilio::new(&server.url, "another token").start(9);
    assert_eq!(unsigned.status, 403, "{}", unsigned.body);
    for (answer, why) in [
        (twilio.end(9), reason),
        (get(&format!("{}/readyz", server.url)), reason),
        (get(&format!("{}/api/live-users", server.url)), NOT_KNOWN),
    ] {
        assert_eq!(answer.status, 503, "{}", answer.body);
        assert!(answer.body.contains(why), "{}", answer.body);
    }
    assert_eq!(get(&format!("{}/healthz", server.url)).status, 200);
}

#[test]
fn whatever_waits_for_a_record_is_told_why_there_is_none() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("journal.sqlite3"), "no journal").expect("a file");
    let alert = "[[alert]]\nid = \"busy\"\nwhen = \"users\"\nat_least = 1\n";
    let (_folder, agents) = agents_file(alert);
    let settings = [WITH_TOKEN, ("JOURNAL_URL", &url_of(folder.path())), ("AGENTS_FILE", &agents)];
    let (server, _) = start(&settings);
    let authorization = format!("Bearer {API_TOKEN}");
    let ended = format!("/api/sessions/{}/end?until_ms=1", "0".repeat(32));
    for path in ["/api/live-users/alerts/busy/test", &ended] {
        let url = format!("{}{path}", server.url);
        let answer = send("POST", &url, &[("Authorization", &authorization)], b"");
        assert_eq!(answer.status, 503, "{path}: {}", answer.body);
        let reason = "what is stored is not what was written";
        assert!(answer.body.contains(reason), "{path}: {}", answer.body);
    }
}

#[test]
fn a_full_disk_at_the_start_is_waited_for() {
    let folder = tempfile::tempdir().expect("a folder");
    // A limit of the file size stands for a disk that is full.
    let script = "ulimit -S -f 0; exec \"$0\"";
    let env = [("TWILIO_AUTH_TOKEN", TOKEN), ("JOURNAL_URL", &url_of(folder.path()))];
    let mut server = Server::start("/bin/sh", &["-c", script, BINARY], &env);
    let twilio = Twilio::new(&server.url, TOKEN);
    assert_stands_by(&server, &twilio, "the journal cannot be written");
    server.limit_files(None);
    server.await_log("from now on calls are counted");
    server.await_log("listening on");
    twilio.start(1);
    assert_eq!(twilio.count(), r#"{"liveUsers":1}"#);
    drop(server);
    let (_server, twilio) = start(&[("JOURNAL_URL", &url_of(folder.path()))]);
    assert_eq!(twilio.count(), r#"{"liveUsers":1}"#);
}

#[test]
fn a_server_that_stands_by_ends_when_it_is_asked_to() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("journal.sqlite3"), "no journal").expect("a file");
    let (server, twilio) = start(&[("JOURNAL_URL", &url_of(folder.path()))]);
    assert_stands_by(&server, &twilio, "what is stored is not what was written");
    let (status, log) = server.terminate();
    assert!(status.success() && log.contains("the journal is damaged"), "{log}");
    assert_eq!(fs::read_to_string(folder.path().join("journal.sqlite3")).unwrap(), "no journal");
}

#[test]
fn an_emptied_write_ahead_log_is_noticed_at_the_start() {
    let folder = tempfile::tempdir().expect("a folder");
    let url = url_of(folder.path());
    let (mut server, twilio) = start(&[("JOURNAL_URL", &url)]);
    twilio.start(1);
    twilio.start(2);
    server.kill();
    fs::write(folder.path().join("journal.sqlite3-wal"), "").expect("it can be emptied");
    let (mut server, twilio) = start(&[("JOURNAL_URL", &url)]);
    assert_stands_by(&server, &twilio, "what is stored is not what was written");
    // Whoever would rather begin with what is left is told how.
    fs::remove_file(folder.path().join("journal.mark")).expect("it can be removed");
    server.await_log("from now on calls are counted");
    server.await_log("listening on");
    assert_eq!(twilio.count(), r#"{"liveUsers":0}"#);
    let (_, log) = server.terminate();
    assert!(log.contains("record 2 was acknowledged"), "{log}");
}

#[test]
fn a_journal_from_days_ahead_is_refused_until_the_clock_is_set() {
    let folder = tempfile::tempdir().expect("a folder");
    let (clock, url) = (SettableClock::off_by(3 * DAY_S), url_of(folder.path()));
    let (server, twilio) = start_by(&clock, &url);
    twilio.start(1);
    assert!(server.terminate().0.success());
    clock.set(0);
    let (mut server, twilio) = start_by(&clock, &url);
    assert_stands_by(&server, &twilio, "its newest record lies ahead of this machine's clock");
    // It was the clock that was wrong.
    clock.set(3 * DAY_S);
    server.await_log("from now on calls are counted");
    server.await_log("listening on");
    assert_eq!(twilio.count(), r#"{"liveUsers":1}"#);
    let (_, log) = server.terminate();
    let mut told = log.lines().filter(|line| line.contains("the newest record of the journal"));
    let line = told.next().expect("it is told");
    assert!(line.contains("ERROR") && line.contains("journal repair --time"), "{line}");
    assert_eq!(told.next(), None, "and once");
}

#[test]
fn a_link_is_not_told_that_it_was_revoked_while_nobody_knows_which_are_in_force() {
    let folder = tempfile::tempdir().expect("a folder");
    let (clock, url) = (SettableClock::off_by(3 * DAY_S), url_of(folder.path()));
    let operator = format!("Bearer {API_TOKEN}");
    let operator = ("Authorization", operator.as_str());
    let (server, twilio) = start_by(&clock, &url);
    twilio.start(1);
    let body = r#"{"name":"Lobby","scope":{"all":true},"expires":"30d"}"#;
    let at = |server: &Server, path: &str| format!("{}/api/live-users{path}", server.url);
    let made = send("POST", &at(&server, "/links"), &[operator], body.as_bytes());
    let made: Value = serde_json::from_str(&made.body).expect("JSON");
    let token = made["token"].as_str().expect("a token");
    let access = format!("link:{}", made["link"]["id"].as_str().expect("an id"));
    assert!(server.terminate().0.success());

    clock.set(0);
    let (mut server, _) = start_by(&clock, &url);
    let shown = format!("Bearer {token}");
    let shown = ("Authorization", shown.as_str());
    let question = format!(r#"{{"token":"{token}"}}"#);
    for _ in 0..20 {
        let of_links = "which shared links are in force is not known at present";
        for (answer, why) in [
            (send("GET", &at(&server, "/summary"), &[shown], b""), of_links),
            (send("GET", &at(&server, ""), &[shown], b""), NOT_KNOWN),
            (
                send("GET", &at(&server, ""), &[operator, ("Live-Users-Access", &access)], b""),
                of_links,
            ),
            (
                send("POST", &at(&server, "/access"), &[operator], question.as_bytes()),
                "the journal cannot be written",
            ),
        ] {
            assert_eq!(answer.status, 503, "{}", answer.body);
            assert!(answer.body.contains(why), "{}", answer.body);
        }
    }
    let wrong = ("Authorization", "Bearer link-0123456789abcdef");
    assert_eq!(send("GET", &at(&server, "/summary"), &[wrong], b"").status, 403, "no link's form");

    clock.set(3 * DAY_S);
    server.await_log("from now on calls are counted");
    server.await_log("listening on");
    assert_eq!(send("GET", &at(&server, "/summary"), &[shown], b"").status, 200);
    let other = token.replace(['a', 'b', 'c'], "0").replace(['1', '2', '3'], "d");
    let other = format!("Bearer {other}");
    let answer = send("GET", &at(&server, "/summary"), &[("Authorization", &other)], b"");
    assert_eq!(answer.status, 403, "it is known again: {}", answer.body);
}

/// The most live users in each hour from 7 to 4 days ago.
fn peak_of_last_week(server: &Server) -> u64 {
    let path = "/api/live-users/history?from=-7d&to=-4d&step=1h";
    let authorization = format!("Bearer {API_TOKEN}");
    let url = format!("{}{path}", server.url);
    let answer = live_users_testkit::send("GET", &url, &[("Authorization", &authorization)], b"");
    let history: Value = serde_json::from_str(&answer.body).expect("JSON");
    let points = history["points"].as_array().unwrap_or_else(|| panic!("{history}"));
    points.iter().filter_map(|it| it["max"].as_u64()).max().unwrap_or(0)
}

#[test]
fn a_clock_that_is_years_ahead_at_a_restart_costs_no_history_and_is_mended() {
    let folder = tempfile::tempdir().expect("a folder");
    let (clock, url) = (SettableClock::off_by(-5 * DAY_S), url_of(folder.path()));
    let (server, twilio) = start_by(&clock, &url);
    for n in 1..=3 {
        twilio.start(n);
    }
    for n in 1..=3 {
        twilio.end(n);
    }
    assert!(server.terminate().0.success());

    clock.set(3 * 365 * DAY_S);
    let (server, twilio) = start_by(&clock, &url);
    twilio.start(4);
    twilio.start(5);
    twilio.end(5);
    // A late webhook of a call that ended before revives nothing: its tombstone is there.
    twilio.start(1);
    assert_eq!(twilio.count(), r#"{"liveUsers":1}"#);
    assert!(server.terminate().0.success());

    clock.set(0);
    let (mut server, twilio) = start_by(&clock, &url);
    assert_stands_by(&server, &twilio, "its newest record lies ahead of this machine's clock");
    let before = fs::read(folder.path().join("journal.sqlite3")).expect("a file");
    let (done, told) = repair(&clock, &url, &[]);
    assert!(done && told.contains("4 of 10 records lie ahead"), "{told}");
    assert!(told.contains("nothing is written") && told.contains("1 users on 1 calls"), "{told}");
    let (done, told) = repair(&clock, &url, &["--write"]);
    assert!(done && told.contains("the old one is kept as"), "{told}");
    let aside = told.lines().find_map(|line| line.strip_prefix("the old one is kept as "));
    assert!(fs::read(aside.expect("a name")).expect("a file") == before, "it is as it was");
    server.await_log("from now on calls are counted");
    server.await_log("listening on");
    assert_eq!(twilio.count(), r#"{"liveUsers":1}"#);
    assert_eq!(peak_of_last_week(&server), 3);
    assert_eq!(twilio.end(4).status, 204);
    assert_eq!(twilio.count(), r#"{"liveUsers":0}"#);
    let (done, told) = repair(&clock, "memory:", &[]);
    assert!(done && told.contains("nothing to mend"), "{told}");
}
