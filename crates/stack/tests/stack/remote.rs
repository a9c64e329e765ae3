//! The commands that ask a server: each against a backend and a proxy.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use live_users_simulator::rest::{Behaviour, CallFacts, CallsApi, StandIn};
use live_users_testkit::{Relay, Server, Twilio, exit_of};
use live_users_twilio::{CallStatus, Direction};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

use crate::{ADMIN_TOKEN, API_TOKEN, STACK, TOKEN, sibling, start_both};

const ACCOUNT: &str = "AC00000000000000000000000000000001";
const CALL: &str = "CA00000000000000000000000000000001";

/// A bound for a command that is stuck, in seconds; not an expectation of speed.
const PATIENCE_S: u64 = 60;

/// The exit code of the command, and what it has said: on its output, and on the other one.
pub(crate) fn told(args: &[&str], env: &[(&str, &str)]) -> (i32, String, String) {
    let ended = exit_of(STACK, args, env);
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
    (ended.status.code().expect("a code"), text(ended.stdout), text(ended.stderr))
}

/// What a command says that succeeds.
pub(crate) fn ok(url: &str, token: &str, args: &[&str]) -> String {
    let (code, output, error) =
        told(&[args, &["--url", url]].concat(), &[("LIVE_USERS_TOKEN", token)]);
    assert_eq!((code, error.as_str()), (0, ""), "{args:?} {output}");
    output
}

pub(crate) fn json(text: &str) -> Value {
    serde_json::from_str(text).expect("JSON")
}

/// A command that goes on until it is stopped.
struct Watch {
    child: Child,
    lines: Receiver<String>,
}

impl Watch {
    fn start(args: &[&str], env: &[(&str, &str)]) -> Self {
        let mut command = Command::new(STACK);
        command.arg("watch").args(args).env_clear().env("JOURNAL_URL", "memory:");
        command.envs(env.iter().copied()).stdin(Stdio::null()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("starts");
        let output = BufReader::new(child.stdout.take().expect("stdout is piped"));
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                let _the_test_is_over = sender.send(line);
            }
        });
        Self { child, lines }
    }

    /// The next line that has this in it.
    fn line(&self, text: &str) -> String {
        loop {
            let line = self.lines.recv_timeout(Duration::from_secs(PATIENCE_S));
            let line = line.unwrap_or_else(|_| panic!("no line with {text:?}"));
            if line.contains(text) {
                return line;
            }
        }
    }

    /// Ctrl-C.
    fn interrupt(mut self) -> ExitStatus {
        let pid = Pid::from_raw(self.child.id().try_into().expect("a pid fits"));
        kill(pid, Signal::SIGINT).expect("it can be signalled");
        self.child.wait().expect("it ends")
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let _may_have_ended = self.child.kill();
        let _may_have_ended = self.child.wait();
    }
}

#[test]
fn backend_and_proxy_tell_the_same_as_text_and_as_json() {
    let (backend, proxy, twilio) = start_both();
    twilio.start(1);
    for (url, token) in [(&backend.url, API_TOKEN), (&proxy.url, ADMIN_TOKEN)] {
        let status = ok(url, token, &["status"]);
        assert!(status.starts_with("1 live user on 1 call at 2"), "{status}");
        assert!(status.contains("confirmed 1, suspect 0"), "{status}");
        let booking = status.lines().find(|line| line.starts_with("booking ")).expect("an agent");
        assert!(booking.ends_with("Table bookings"), "{booking}");
        let summary = ok(url, token, &["status", "--json"]);
        assert!(summary.starts_with(r#"{"liveUsers":1,"#), "{summary}");

        let calls = ok(url, token, &["calls"]);
        assert!(calls.contains(CALL) && !calls.contains("4155550001"), "{calls}");
        for filter in [&["--suspect"][..], &["--waiting"], &["--agent", "support"]] {
            let none = ok(url, token, &[&["calls"], filter].concat());
            assert_eq!(none, "No call on the line fits (of 1).\n", "{filter:?}");
        }
        let calls = json(&ok(url, token, &["calls", "--agent", "booking", "--json"]));
        assert_eq!(
            (&calls["calls"][0]["callSid"], &calls["success"]),
            (&CALL.into(), &Value::Null)
        );

        let why = ok(url, token, &["explain", CALL]);
        assert!(why.contains("Counted: ") && why.contains("SOURCE"), "{why}");
        let why = json(&ok(url, token, &["explain", CALL, "--json"]));
        assert_eq!((&why["call"]["counted"], &why["success"]), (&true.into(), &Value::Null));
    }
}

#[test]
fn calls_that_nobody_has_answered_yet_are_listed_as_the_page_lists_them() {
    let (backend, proxy, twilio) = start_both();
    for (url, token) in [(&backend.url, API_TOKEN), (&proxy.url, ADMIN_TOKEN)] {
        let none = ok(url, token, &["calls", "--waiting"]);
        assert_eq!(none, "No call is up.\n", "nothing was filtered away");
    }
    let fields = [("CallSid", CALL), ("CallStatus", "ringing"), ("Direction", "inbound")];
    let fields = [&fields[..], &[("To", "+15005550006")]].concat();
    assert_eq!(twilio.post("/call-status", &fields).status, 204);
    twilio.start(2);
    for (url, token) in [(&backend.url, API_TOKEN), (&proxy.url, ADMIN_TOKEN)] {
        let calls = ok(url, token, &["calls"]);
        let line = calls.lines().find(|it| it.starts_with(CALL)).expect("the call that rings");
        assert!(line.contains("waiting, not answered yet"), "{calls}");
        assert_eq!((calls.lines().count(), calls.matches("not answered").count()), (3, 1));
        let calls = json(&ok(url, token, &["calls", "--json"]));
        assert_eq!(calls["calls"].as_array().map(Vec::len), Some(2), "{calls}");
    }
}

#[test]
fn a_call_is_evicted_once_at_either_server() {
    let (backend, proxy, twilio) = start_both();
    twilio.start(1);
    twilio.start(2);
    let evicted = ok(&backend.url, API_TOKEN, &["evict", CALL]);
    assert!(evicted.starts_with(CALL), "{evicted}");
    let second = &format!("CA{:032x}", 2);
    let evicted = json(&ok(&proxy.url, ADMIN_TOKEN, &["evict", second, "--json"]));
    assert_eq!(evicted["call"]["phase"], "evicted");
    assert_eq!(twilio.count(), r#"{"liveUsers":0}"#);
    let again = ["evict", CALL, "--url", &backend.url];
    let (code, output, error) = told(&again, &[("LIVE_USERS_TOKEN", API_TOKEN)]);
    assert!((code, output.as_str()) == (1, "") && error.contains("answers 409: "), "{error}");
}

#[test]
fn calls_of_several_pages_are_listed_together() {
    let (backend, _proxy, twilio) = start_both();
    for n in 0..1_003 {
        let sid = format!("CA{n:032x}");
        let fields = [("CallSid", sid.as_str()), ("CallStatus", "in-progress")];
        let more = [("Direction", "inbound"), ("To", "+15005550006")];
        assert_eq!(twilio.post("/call-status", &[&fields[..], &more].concat()).status, 204);
    }
    let calls = json(&ok(&backend.url, API_TOKEN, &["calls", "--json"]));
    let calls = calls["calls"].as_array().expect("a list");
    let sids: std::collections::BTreeSet<_> =
        calls.iter().map(|it| it["callSid"].as_str()).collect();
    assert_eq!((calls.len(), sids.len()), (1_003, 1_003));
    assert_eq!(ok(&backend.url, API_TOKEN, &["calls"]).lines().count(), 1_004);
}

#[test]
fn what_a_server_refuses_is_an_error_with_its_status_and_text_and_no_token() {
    const WRONG: &str = "wr0ngt0k3nwr0ngt0k3n";
    let (backend, proxy, _) = start_both();
    for url in [&backend.url, &proxy.url] {
        for args in [&["status"][..], &["calls"], &["explain", CALL], &["evict", CALL]] {
            let args = [args, &["--url", url, "--token", WRONG]].concat();
            let (code, output, error) = told(&args, &[]);
            assert_eq!((code, output.as_str()), (1, ""), "{error}");
            assert!(error.contains("answers 403: ") && !error.contains(WRONG), "{error}");
            assert!(error.contains("The token came from --token"), "{error}");
        }
        let (code, _, error) = told(&["status", "--url", url], &[]);
        assert!(
            code == 1 && error.contains("401") && error.contains("LIVE_USERS_TOKEN"),
            "{error}"
        );
    }
    let unknown = ["explain", "CAunknown", "--url", &backend.url];
    let (code, _, error) = told(&unknown, &[("API_TOKEN", API_TOKEN)]);
    assert!(code == 1 && error.contains("answers 404: "), "{error}");
}

#[test]
fn a_server_that_is_away_is_an_error() {
    let (code, output, error) = told(&["status", "--url", "http://127.0.0.1:1"], &[]);
    assert_eq!((code, output.as_str()), (1, ""));
    assert!(
        error.contains("http://127.0.0.1:1 does not answer: it refuses the connection. "),
        "{error}"
    );
    let start = format!("start `{STACK}`");
    let advice = format!("No server answers there: {start}, or name the server by --url");
    assert!(error.contains(&advice), "the program as it was started: {error}");
    let (_, _, error) = told(&["status", "--backend-port", "1"], &[("CARGO", "cargo")]);
    assert!(error.contains("start `cargo run"), "{error}");
    for args in [&["calls"][..], &["explain", CALL], &["evict", CALL], &["links"], &["alerts"]] {
        let (code, _, error) = told(&[args, &["--url", "http://127.0.0.1:1"]].concat(), &[]);
        assert!(code == 1 && error.contains(&start), "{args:?} {error}");
    }
    Watch::start(&["--url", "http://127.0.0.1:1"], &[]).line(&start);
    let no_name = ["status", "--url", "http://no-such-host.invalid"];
    let (_, _, error) = told(&no_name, &[]);
    assert!(error.contains("the name no-such-host.invalid is not found"), "{error}");
    let (code, _, error) = told(&["healthcheck", "--backend-port", "1"], &[]);
    assert!(code == 1 && error.contains("http://127.0.0.1:1/healthz: "), "{error}");
    assert!(error.contains("--backend-port"), "{error}");
}

#[test]
fn a_server_that_speaks_no_tls_is_told_from_one_that_is_away() {
    let (backend, proxy, _) = start_both();
    for url in [&backend.url, &proxy.url] {
        let tls = url.replace("http://", "https://");
        for args in [&["status"][..], &["simulate"]] {
            let (code, _, error) = told(&[args, &["--url", &tls]].concat(), &[]);
            assert!(code == 1 && error.contains("This server speaks http://"), "{args:?} {error}");
        }
    }
}

#[test]
fn arguments_that_cannot_be_used_are_refused_and_secrets_not_repeated() {
    for args in [
        &["status", "--url", "http://user:hunter2@127.0.0.1:8080"][..],
        &["watch", "--url", "https://hunter2@example.com"],
        &["status", "--url", "ftp://hunter2"],
        &["status", "--url", "hunter2"],
        &["doctor", "--backend", "hunter2"],
        &["status", "--token", "hunter2 hunter2"],
        &["explain", "a b"],
        &["evict"],
        &["watch", "--once"],
        &["completions", "tcsh"],
    ] {
        let (code, output, error) = told(args, &[]);
        assert_eq!((code, output.as_str()), (64, ""), "{args:?} {error}");
        assert!(!error.contains("hunter2"), "{args:?} {error}");
    }
}

#[test]
fn a_number_that_is_not_known_is_an_error_and_never_0() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("journal.sqlite3");
    std::fs::write(&file, "no journal").expect("a file");
    let journal = format!("file:{}", folder.path().display());
    let env = [("TWILIO_AUTH_TOKEN", TOKEN), ("JOURNAL_URL", &journal), ("API_TOKEN", API_TOKEN)];
    let backend = Server::start(sibling("live-users-backend"), &[], &env);
    let (url, token) = (backend.url.as_str(), ("LIVE_USERS_TOKEN", API_TOKEN));
    for args in [&["status"][..], &["status", "--json"], &["calls"], &["evict", CALL]] {
        let (code, output, error) = told(&[args, &["--url", url]].concat(), &[token]);
        assert_eq!((code, output.as_str()), (1, ""), "{args:?}");
        assert!(error.contains("answers 503: "), "{error}");
    }
    let watch = Watch::start(&["--url", url], &[token]);
    watch.line("unknown: ");
    let watch_json = Watch::start(&["--url", url, "--json"], &[token]);
    let unknown = json(&watch_json.line("error"));
    assert_eq!((&unknown["liveUsers"], unknown["error"].is_string()), (&Value::Null, true));
    std::fs::remove_file(&file).expect("it can be removed");
    watch.line("  0 live users");
    watch_json.line(r#"{"liveUsers":0"#);
    assert_eq!((watch.interrupt().code(), watch_json.interrupt().code()), (Some(0), Some(0)));
}

#[test]
fn the_number_is_followed_at_either_server_and_over_a_lost_connection() {
    let (backend, proxy, twilio) = start_both();
    let relay = Relay::start(&proxy.url);
    let watches = [
        Watch::start(&["--url", &backend.url], &[]),
        Watch::start(&["--url", &relay.url], &[("LIVE_USERS_TOKEN", ADMIN_TOKEN)]),
    ];
    watches.iter().for_each(|watch| drop(watch.line("  0 live users")));
    twilio.start(1);
    for watch in &watches {
        let line = watch.line("  1 live user");
        assert!(line.starts_with("20") && line.contains("Z  "), "{line}");
    }
    relay.cut(true);
    watches[1].line("unknown: ");
    twilio.start(2);
    watches[0].line("  2 live users");
    relay.cut(false);
    watches[1].line("  2 live users");
    for watch in watches {
        assert_eq!(watch.interrupt().code(), Some(0));
    }
}

#[test]
fn a_proxy_without_its_backend_is_unknown_with_what_the_number_was() {
    let (mut backend, proxy, _) = start_both();
    let text = Watch::start(&["--url", &proxy.url], &[]);
    let json_lines = Watch::start(&["--url", &proxy.url, "--json"], &[]);
    text.line("  0 live users");
    assert!(json_lines.line("liveUsers").starts_with(r#"{"liveUsers":0,"#));
    backend.kill();
    assert!(text.line("(it was 0)").contains("unknown: "));
    let unknown = json(&json_lines.line(r#""last""#));
    assert_eq!((&unknown["liveUsers"], &unknown["last"]["liveUsers"]), (&Value::Null, &0.into()));
    let args = ["status", "--url", &proxy.url];
    let (code, output, error) = told(&args, &[("ADMIN_TOKEN", ADMIN_TOKEN)]);
    assert!((code, output.as_str()) == (1, "") && error.contains("answers 502: "), "{error}");
}

#[test]
fn watching_where_the_token_is_refused_or_nothing_of_ours_answers_ends_with_an_error() {
    let env = [("TWILIO_AUTH_TOKEN", TOKEN), ("API_TOKEN", API_TOKEN), ("PUBLIC_TOTAL", "false")];
    let backend = Server::start(sibling("live-users-backend"), &[], &env);
    let (code, _, error) = told(&["watch", "--url", &backend.url], &[]);
    assert!(code == 1 && error.contains("answers 401: "), "{error}");
    let below = format!("{}/nothing", backend.url);
    let (code, _, error) = told(&["watch", "--url", &below], &[]);
    assert!(code == 1 && error.contains("answers 404: "), "{error}");
    let allowed = Watch::start(&["--url", &backend.url], &[("API_TOKEN", API_TOKEN)]);
    allowed.line("  0 live users");
}

#[test]
fn the_tools_of_the_backend_are_there_too() {
    let folder = tempfile::tempdir().expect("a folder");
    let journal = format!("file:{}/data", folder.path().display());
    let env = [("TWILIO_AUTH_TOKEN", TOKEN), ("JOURNAL_URL", journal.as_str())];
    let backend = Server::start(sibling("live-users-backend"), &[], &env);
    let port = backend.url.rsplit(':').next().expect("a port");
    assert_eq!(told(&["healthcheck", "--backend-port", port], &[]).0, 0);
    let copy = folder.path().join("copy.sqlite3");
    let args = ["backup", copy.to_str().expect("text")];
    let (code, output, error) = told(&args, &env);
    assert!(code == 0 && output.contains("has the journal up to") && copy.exists(), "{error}");
    assert_eq!(told(&args, &env).0, 1, "the copy exists already");
    let elsewhere = [("JOURNAL_URL", "file:./nothing-here")];
    for args in [&["backup", "copy.sqlite3"][..], &["journal", "repair", "--time"]] {
        let (code, _, error) = told(args, &elsewhere);
        assert!(code == 1 && error.contains("JOURNAL_URL: "), "{error}");
    }
    assert_eq!(told(&["journal", "copy", "--to", "memory:"], &env).0, 64);
}

#[test]
fn completions_know_every_command() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let (code, script, _) = told(&["completions", shell], &[]);
        assert_eq!(code, 0);
        let commands = "status calls explain evict watch simulate healthcheck backup journal \
                        connect doctor completions";
        for command in commands.split(' ') {
            assert!(script.contains(command), "{command} in {shell}");
        }
    }
}

fn stand_in(token: &str) -> StandIn {
    let api = CallsApi::new(ACCOUNT, token, 1).with_behaviour(Behaviour::without_lag());
    StandIn::start(api).expect("a server")
}

fn note(twilio: &StandIn, sid: &str, status: CallStatus) {
    let facts = CallFacts {
        sid,
        parent: None,
        status,
        direction: Direction::Inbound,
        from: "+14155550123",
        to: "+15005550006",
    };
    twilio.api().note(0, &facts);
}

#[test]
fn watching_starts_the_service_and_counts_what_twilio_says_without_a_webhook() {
    let twilio = stand_in(TOKEN);
    note(&twilio, CALL, CallStatus::InProgress);
    let (agents, url) = (crate::agents_file(), twilio.url());
    let env = [
        ("AGENTS_FILE", agents.as_str()),
        ("TWILIO_ACCOUNT_SID", ACCOUNT),
        ("TWILIO_AUTH_TOKEN", TOKEN),
        ("TWILIO_API_URL", &url),
        ("REFEREE_LOOK_SECONDS", "1"),
    ];
    // Nothing listens on port 0.
    let watch = Watch::start(&["--backend-port", "0", "--proxy-port", "0"], &env);
    watch.line("asking Twilio each 1 s");
    watch.line("Nothing was changed in Twilio");
    watch.line("live-users connect");
    watch.line("  1 live user");
    note(&twilio, CALL, CallStatus::Completed);
    watch.line("  0 live users");
    assert_eq!(watch.interrupt().code(), Some(0));
}

#[test]
fn an_api_key_is_enough_to_watch_and_twilio_is_asked_each_5_s() {
    const KEY: &str = "SK00000000000000000000000000000001";
    const SECRET: &str = "s3cr3ts3cr3ts3cr3ts3cr3ts3cr3ts3";
    let twilio = stand_in(TOKEN);
    twilio.api().accept_key(KEY, SECRET);
    note(&twilio, CALL, CallStatus::InProgress);
    let (agents, url) = (crate::agents_file(), twilio.url());
    let env = [
        ("AGENTS_FILE", agents.as_str()),
        ("TWILIO_ACCOUNT_SID", ACCOUNT),
        ("TWILIO_API_KEY_SID", KEY),
        ("TWILIO_API_KEY_SECRET", SECRET),
        ("TWILIO_API_URL", &url),
    ];
    let ports = ["--backend-port", "0", "--proxy-port", "0"];
    let mut server = Server::start(STACK, &ports, &env);
    assert!(server.log().contains("asking Twilio each 5 s"), "{}", server.log());
    server.await_log("call started as the referee has found, 1 live");
    let forged = Twilio::new(&server.url, TOKEN).start(1);
    assert_eq!(forged.status, 403, "no webhook can be verified");
    note(&twilio, CALL, CallStatus::Completed);
    server.await_log("as the referee has found, 0 live");
    let (_, log) = server.terminate();
    assert!(!log.contains(SECRET), "{log}");
}

#[test]
fn watching_says_unknown_and_never_0_while_twilio_does_not_answer() {
    let twilio = stand_in("another token");
    let url = twilio.url();
    let env =
        [("TWILIO_ACCOUNT_SID", ACCOUNT), ("TWILIO_AUTH_TOKEN", TOKEN), ("TWILIO_API_URL", &url)];
    let watch = Watch::start(&["--backend-port", "0", "--proxy-port", "0", "--json"], &env);
    let first = watch.line("{");
    assert!(first.contains("the number is not known at present"), "{first}");
    assert_eq!(json(&first)["liveUsers"], Value::Null);
    assert_eq!(watch.interrupt().code(), Some(0));
}
