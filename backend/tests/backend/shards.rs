//! Several shards in one backend: the sum, each of them, and what is said of a call goes where it is.

mod tools;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Output;
use std::sync::atomic::{AtomicU32, Ordering};

use live_users_testkit::{Answer, Server, Twilio, exit_of, get, send};
use parking_lot::Mutex;
use serde_json::{Value, json};

use crate::honest::{API_TOKEN, WITH_TOKEN, read, sid};
use crate::metrics::scrape;
use crate::replicas::team::{await_that, report};
use crate::{BINARY, TOKEN, agents_file, start};

const SHARDS: usize = 4;

fn url_of(folder: &Path) -> String {
    format!("file:{}", folder.display())
}

/// A backend with four shards.
fn sharded(folder: &Path, by: &str, env: &[(&str, &str)]) -> (Server, Twilio) {
    let url = url_of(folder);
    let own = [("JOURNAL_URL", url.as_str()), ("SHARDS", "4"), ("SHARD_BY", by), WITH_TOKEN];
    start(&[&own[..], env].concat())
}

/// So many agents, each with a number.
pub(crate) fn agents(n: u32) -> String {
    let agent = |n| {
        format!("[[agent]]\nid = \"a{n}\"\nname = \"Agent {n}\"\nnumbers = [\"{}\"]\n", number(n))
    };
    (0..n).map(agent).collect()
}

pub(crate) fn number(agent: u32) -> String {
    format!("+1500555{agent:04}")
}

/// What is posted of the call with this number.
fn post(twilio: &Twilio, path: &str, n: u8, fields: &[(&str, &str)]) -> Answer {
    let call = sid(n);
    twilio.post(path, &[&[("CallSid", call.as_str())], fields].concat())
}

/// Somebody calls this agent.
fn call(twilio: &Twilio, n: u8, agent: u32) {
    let (to, from) = (number(agent), format!("+1415555{n:04}"));
    let fields = [
        ("CallStatus", "in-progress"),
        ("Direction", "inbound"),
        ("From", from.as_str()),
        ("To", to.as_str()),
    ];
    let answer = post(twilio, "/voice", n, &fields);
    assert!(answer.status == 200 && answer.body.contains("<Gather "), "{}", answer.body);
}

fn total(server: &Server, before: &str) -> u64 {
    let answer = get(&format!("{}{before}/api/live-users", server.url));
    let body: Value = serde_json::from_str(&answer.body).expect("JSON");
    body["liveUsers"].as_u64().unwrap_or_else(|| panic!("{}", answer.body))
}

/// The number of each shard.
fn of_each(server: &Server) -> Vec<u64> {
    (0..SHARDS).map(|shard| total(server, &format!("/shards/{shard}"))).collect()
}

fn ask_shard(server: &Server, shard: usize, path: &str) -> Value {
    let url = format!("{}/shards/{shard}/api/live-users{path}", server.url);
    let answer = send("GET", &url, &[("Authorization", &format!("Bearer {API_TOKEN}"))], b"");
    assert_eq!(answer.status, 200, "{path}: {}", answer.body);
    serde_json::from_str(&answer.body).expect("JSON")
}

/// What is said of a leg: it names its call, and neither the agent nor the caller of that.
pub(crate) fn leg_of(parent: &str) -> [(&str, &str); 5] {
    [
        ("ParentCallSid", parent),
        ("CallStatus", "in-progress"),
        ("Direction", "outbound-dial"),
        ("From", "+14155550199"),
        ("To", "+12065550177"),
    ]
}

#[test]
fn a_sum_by_account_is_an_upper_bound_where_no_call_belongs_to_one() {
    for (account, expected) in [("", Some(json!(true))), ("account = \"tenant\"\n", None)] {
        let folder = tempfile::tempdir().expect("a folder");
        let agent = "[[agent]]\nid = \"a\"\nname = \"A\"\nnumbers = [\"+15005550001\"]\n";
        let (_agents, file) = agents_file(&format!("{agent}{account}"));
        let (server, _) = sharded(folder.path(), "account", &[("AGENTS_FILE", file.as_str())]);
        assert_eq!(read(&server, "/summary").get("upperBound"), expected.as_ref(), "{account}");
    }
}

#[test]
fn the_sum_is_told_above_and_each_part_below_its_number() {
    let folder = tempfile::tempdir().expect("a folder");
    let (_agents, file) = agents_file(&agents(12));
    let env = [("AGENTS_FILE", file.as_str()), ("PUBLIC_BY_AGENT", "true")];
    let (server, twilio) = sharded(folder.path(), "agent", &env);
    for n in 0..24 {
        call(&twilio, n, u32::from(n) % 12);
    }
    let body: Value = serde_json::from_str(&twilio.count()).expect("JSON");
    let two_each: Value = (0..12).map(|n| (format!("a{n}"), json!(2))).collect();
    assert_eq!(body, json!({ "liveUsers": 24, "byAgent": two_each }));
    let each = of_each(&server);
    assert_eq!(each.iter().sum::<u64>(), 24);
    assert!(each.iter().all(|n| n % 2 == 0), "each agent is in one shard: {each:?}");
    assert!(each.iter().filter(|n| **n > 0).count() > 1, "{each:?}");
    let summary = read(&server, "/summary");
    assert_eq!((&summary["liveUsers"], &summary["liveCalls"]), (&json!(24), &json!(24)));
    assert_eq!(summary["byAgent"].as_array().expect("agents").len(), 12);
    // Somebody may talk to agents of two shards, which no shard sees.
    assert_eq!((&summary["upperBound"], summary.get("sumIsUpperBound")), (&json!(true), None));
    let of_one = ask_shard(&server, 1, "/summary");
    assert_eq!((of_one.get("upperBound"), &of_one["sumIsUpperBound"]), (None, &json!(true)));
    let calls: usize = (0..SHARDS)
        .map(|shard| ask_shard(&server, shard, "/calls")["calls"].as_array().expect("calls").len())
        .sum();
    assert_eq!(calls, 24);

    // What is no sum says where it is told.
    for path in ["/calls", "/activity", "/stream", "/history", "/calls/CA1"] {
        let answer = get(&format!("{}/api/live-users{path}", server.url));
        assert_eq!(answer.status, 404, "{path}: {}", answer.body);
        assert!(answer.body.contains("/shards/0 to /shards/3"), "{}", answer.body);
    }
    assert_eq!(get(&format!("{}/shards/4/api/live-users", server.url)).status, 404);
    let stranger = get(&format!("{}/shards/1/api/live-users/summary", server.url));
    assert_eq!(stranger.status, 401, "{}", stranger.body);

    let figures = scrape(&server);
    for (shard, users) in of_each(&server).into_iter().enumerate() {
        let series = format!("live_users_users{{shard=\"{shard}\"}}");
        assert_eq!(figures.get(&series), Some(users as f64), "{series}");
    }
    let taken = figures.get(r#"live_users_webhooks_total{path="/voice",outcome="accepted"}"#);
    assert_eq!(taken, Some(24.0), "a webhook is one of the process");
}

#[test]
fn with_one_shard_nothing_is_below_numbers() {
    let (server, twilio) = start(&[("SHARDS", "1"), ("SHARD_BY", "caller"), WITH_TOKEN]);
    twilio.start(1);
    assert_eq!(twilio.count(), r#"{"liveUsers":1}"#);
    assert_eq!(get(&format!("{}/shards/0/api/live-users", server.url)).status, 404);
    assert!(read(&server, "/calls")["calls"].as_array().is_some_and(|calls| calls.len() == 1));
    assert_eq!(scrape(&server).get("live_users_users"), Some(1.0));
}

#[test]
fn a_leg_and_an_end_go_where_the_call_is_also_after_a_kill() {
    let folder = tempfile::tempdir().expect("a folder");
    let (_agents, file) = agents_file(&agents(12));
    let env = [("AGENTS_FILE", file.as_str())];
    let (mut server, twilio) = sharded(folder.path(), "agent", &env);
    for n in 0..12 {
        call(&twilio, n, u32::from(n));
    }
    let before = of_each(&server);
    server.kill();
    let (server, twilio) = sharded(folder.path(), "agent", &env);
    assert_eq!(of_each(&server), before);
    // A leg names its call, and neither agent nor caller of it.
    for n in 0..12 {
        let parent = sid(n);
        assert_eq!(post(&twilio, "/call-status", 100 + n, &leg_of(&parent)).status, 204);
    }
    assert_eq!(total(&server, ""), 0, "all are with a person");
    assert_eq!(read(&server, "/summary")["withPerson"], json!(12));
    // The end of a call that names another agent, and one that names nothing.
    for n in 0..12 {
        let over: &[(&str, &str)] = match n % 2 {
            0 => &[("CallStatus", "completed")],
            _ => &[("CallStatus", "completed"), ("To", "+15005550000"), ("From", "+14155550001")],
        };
        assert_eq!(post(&twilio, "/call-status", n, over).status, 204);
        assert_eq!(
            post(&twilio, "/call-status", 100 + n, &[("CallStatus", "completed")]).status,
            204
        );
    }
    assert_eq!(read(&server, "/summary")["onTheLine"], json!(0));
}

const ROUNDS: u32 = 8;
const SENDERS: usize = 4;

#[test]
fn killed_under_load_no_shard_forgets_what_was_acknowledged() {
    let folder = tempfile::tempdir().expect("a folder");
    let (next, told) = (AtomicU32::new(0), Mutex::new(BTreeSet::new()));
    for round in 0..ROUNDS {
        let (server, twilio) = sharded(folder.path(), "caller", &[]);
        let (known, begun) = (told.lock().len() as u64, u64::from(next.load(Ordering::Relaxed)));
        let live = total(&server, "");
        assert!((known..=begun).contains(&live), "round {round}: {known} told, {live} live");
        assert_eq!(of_each(&server).iter().sum::<u64>(), live);
        let (killed_after, acknowledged) = (1 + round * 53 % 97, AtomicU32::new(0));
        let server = Mutex::new(server);
        let send = || loop {
            let call = next.fetch_add(1, Ordering::Relaxed);
            let Some(answer) = report(&twilio, call, "in-progress") else { return };
            assert_eq!(answer, 204);
            told.lock().insert(call);
            if acknowledged.fetch_add(1, Ordering::Relaxed) + 1 == killed_after {
                server.lock().kill();
            }
        };
        std::thread::scope(|scope| {
            for _ in 0..SENDERS {
                scope.spawn(send);
            }
        });
    }
    let (server, twilio) = sharded(folder.path(), "caller", &[]);
    let (told, before) = (told.into_inner(), total(&server, ""));
    for &call in &told {
        assert_eq!(report(&twilio, call, "completed"), Some(204));
    }
    assert_eq!(
        total(&server, ""),
        before - told.len() as u64,
        "each that was acknowledged is there"
    );
}

/// The last words of a backend that does not start on this journal.
pub(crate) fn refused(folder: &Path, env: &[(&str, &str)]) -> String {
    let url = url_of(folder);
    let own =
        [("TWILIO_AUTH_TOKEN", TOKEN), ("JOURNAL_URL", url.as_str()), ("PORT", "0"), WITH_TOKEN];
    let Output { status, stderr, .. } = exit_of(BINARY, &[], &[&own[..], env].concat());
    assert!(!status.success(), "it has started");
    String::from_utf8(stderr).expect("text")
}

#[test]
fn a_journal_is_never_opened_as_another_shard() {
    let folder = tempfile::tempdir().expect("a folder");
    let (mut server, twilio) = sharded(folder.path(), "caller", &[]);
    (0..20).for_each(|n| _ = twilio.start(n));
    server.kill();
    let mark = "shard 0 of SHARDS=4 with SHARD_BY=caller";
    let (four, five) = (("SHARDS", "4"), ("SHARDS", "5"));
    for env in [&[][..], &[four], &[five, ("SHARD_BY", "caller")]] {
        let told = refused(folder.path(), env);
        assert!(
            told.contains(mark) && told.contains("set SHARDS and SHARD_BY as they were"),
            "{told}"
        );
    }
    let told = refused(&folder.path().join("shard-2"), &[]);
    assert!(told.contains("shard 2 of SHARDS=4"), "{told}");
    // Each in the place of the other: the settings are right.
    let at = |name: &str| folder.path().join(name);
    let exchange = || {
        for (from, to) in [("shard-1", "x"), ("shard-2", "shard-1"), ("x", "shard-2")] {
            fs::rename(at(from), at(to)).expect("a name");
        }
    };
    exchange();
    let told = refused(folder.path(), &[four, ("SHARD_BY", "caller")]);
    assert!(told.contains("that of shard 2 of SHARDS=4"), "{told}");
    assert!(told.contains("put the journal of each shard back"), "{told}");
    exchange();
    // And what all calls are in is not taken for a part of them.
    let whole = tempfile::tempdir().expect("a folder");
    let (mut alone, twilio) = start(&[("JOURNAL_URL", &url_of(whole.path()))]);
    twilio.start(1);
    alone.kill();
    let told = refused(whole.path(), &[four]);
    assert!(told.contains("one of all calls"), "{told}");
    assert!(!whole.path().join("shard-1").exists(), "nothing was begun beside it");

    let (server, _) = sharded(folder.path(), "caller", &[]);
    assert_eq!(total(&server, ""), 20);
}

#[test]
fn a_new_journal_beside_those_of_other_shards_is_warned_of() {
    let parent = tempfile::tempdir().expect("a folder");
    let [data, half] = ["data", "half"].map(|it| parent.path().join(it));
    let warnings = |server: &Server| get(&format!("{}/readyz", server.url)).body;
    let (mut server, twilio) = sharded(&data, "caller", &[]);
    assert!(!warnings(&server).contains("new ones are begun"), "all are new");
    twilio.start(1);
    server.kill();
    fs::create_dir(&half).expect("a folder");
    for name in ["shard-2", "shard-3"] {
        fs::rename(data.join(name), half.join(name)).expect("a name");
    }
    let (mut server, _) = sharded(&half, "caller", &[]);
    let line = server.log().lines().find(|line| line.contains("new ones are begun"));
    let line = line.expect("a warning");
    let told = "has the journals of shards 2, 3, and none of shards 0, 1, which are to be here";
    assert!(line.contains("WARN") && line.contains("JOURNAL_URL: file:"), "{line}");
    assert!(line.contains(told) && line.contains("set JOURNAL_URL and SHARDS_HERE"), "{line}");
    assert!(warnings(&server).contains(told), "{}", warnings(&server));
    assert_eq!(get(&format!("{}/readyz", server.url)).status, 200);
    server.kill();
    let (server, _) = sharded(&half, "caller", &[]);
    assert!(!warnings(&server).contains("new ones are begun"), "they are there by now");

    // A directory of one shard, where that of all is expected.
    let env = [
        ("JOURNAL_URL", url_of(&data.join("shard-1"))),
        ("SHARDS_HERE", "2-3".to_owned()),
        ("SHARD_BACKENDS", "0-1=http://127.0.0.1:1".to_owned()),
    ];
    let env = env.each_ref().map(|(name, value)| (*name, value.as_str()));
    let (server, _) = start(&[&env[..], &[("SHARDS", "4"), WITH_TOKEN]].concat());
    let told = "has the journals of shard 0, and none of shards 2, 3";
    assert!(server.log().contains(told), "{}", server.log());
}

#[test]
fn the_lines_of_a_shard_name_it_and_those_of_the_process_are_there_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let (server, twilio) = sharded(folder.path(), "caller", &[]);
    (0..20).for_each(|n| _ = twilio.start(n));
    let each = of_each(&server);
    let (ended, log) = server.terminate();
    assert!(ended.success());
    let lines = |text: &str| log.lines().filter(|line| line.contains(text)).count();
    for (shard, live) in each.into_iter().enumerate() {
        let begun = lines(&format!("] shard {shard}: call started, "));
        assert_eq!(begun as u64, live, "shard {shard}: {log}");
    }
    assert_eq!((lines("call started, "), lines("Twilio is not asked")), (20, 1), "{log}");
}

#[test]
fn settings_that_only_one_state_can_hold_to_are_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let (_agents, file) = agents_file("limit = 3\nat_limit = \"busy\"\n");
    let told = refused(folder.path(), &[("SHARDS", "2"), ("AGENTS_FILE", &file)]);
    assert!(told.contains("limit: expected none while SHARDS is 2"), "{told}");
    let told = refused(folder.path(), &[("SHARDS", "65"), ("SHARD_BY", "number")]);
    assert!(told.contains("SHARDS is") && told.contains("SHARD_BY is"), "{told}");
}

#[test]
fn without_one_shard_there_is_no_sum_and_the_answer_names_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let (server, twilio) = sharded(folder.path(), "caller", &[]);
    (0..40).for_each(|n| _ = twilio.start(n));
    fs::rename(folder.path().join("shard-2"), folder.path().join("elsewhere")).expect("a name");
    let readiness = || get(&format!("{}/readyz", server.url));
    await_that("the shard is told", || readiness().body.contains("shard 2: "));
    assert_eq!(readiness().status, 503);
    assert!(!readiness().body.contains("shard 1: "), "{}", readiness().body);
    // Until something is said that cannot be recorded, all that is known stands.
    assert_eq!(total(&server, ""), 40);
    for n in 40..80 {
        let answer = twilio.start(n);
        assert!(answer.status == 200 && answer.body.contains("<Gather "), "{}", answer.body);
    }
    let above = || get(&format!("{}/api/live-users", server.url));
    await_that("the number is unknown", || above().status == 503);
    let told: Value = serde_json::from_str(&above().body).expect("JSON");
    assert_eq!(told["missingShards"], json!([2]), "{told}");
    let error = told["error"].as_str().expect("a text");
    assert!(error.contains("shard 2 of 4 is missing"), "{error}");
    assert_eq!(get(&format!("{}/shards/2/api/live-users", server.url)).status, 503);
    assert!(total(&server, "/shards/1") > 0, "the others go on");
    // Once its files are back, so is the sum, with all that waited.
    fs::rename(folder.path().join("elsewhere"), folder.path().join("shard-2")).expect("a name");
    await_that("the sum is back", || above().status == 200 && total(&server, "") == 80);
}
