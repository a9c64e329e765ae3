//! The providers of sources are asked which calls are up, and how many.

use live_users_testkit::{Server, SettableClock};
use serde_json::{Value, json};

use crate::honest::{WITH_TOKEN, read};
use crate::metrics::scrape;
use crate::provider::Provider;
use crate::receiver::Request;
use crate::replicas::team::await_that;
use crate::sources::{of_summary, secret_and_clock, send_vector, source, start_with, total};
use crate::{AGENTS, BINARY, TOKEN, agents_file, start};

/// A key that signs in, which is in no log.
const KEY: (&str, &str) = ("PROVIDER_KEY", "a-key-of-a-provider");

const NOBODY: &str = r#"{"liveUsers":0}"#;
const ONE: &str = r#"{"liveUsers":1}"#;

/// How it is asked, with the fields of its kind.
fn asking(provider: &Provider, fields: &str) -> String {
    format!(
        "api_key_env = \"PROVIDER_KEY\"\napi_url = \"{}\"\nask_seconds = 1\n{fields}",
        provider.base
    )
}

fn ok(body: &Value) -> (u16, String) {
    (200, body.to_string())
}

/// The list of a connection of Telnyx with these calls.
fn telnyx(calls: &[&str]) -> (u16, String) {
    let calls: Vec<_> =
        calls.iter().map(|id| json!({ "call_control_id": id, "call_duration": 1 })).collect();
    ok(&json!({ "data": calls, "meta": { "total_items": calls.len() } }))
}

/// The call of the vectors, and its connection.
const TELNYX_CALL: &str = "v3:9X2vxPDFY2RHSJ1EdMS0RHRksMTg7ldNxdjWbVr9zBjbGjGsSe-aiQ";
const CONNECTION: &str = "connection_ids = [\"1234567890\"]";

/// Waits until it was asked for so many more lists, all of which were answered.
fn await_rounds(provider: &Provider, rounds: usize) {
    let until = provider.asked() + rounds;
    await_that("it is asked", || provider.asked() >= until);
}

fn await_total(server: &Server, expected: &str) {
    await_that(expected, || total(server) == expected);
}

fn referee(server: &Server, id: &str) -> Value {
    of_summary(server, id)["referee"].clone()
}

#[test]
fn a_lost_end_and_a_lost_start_at_telnyx_are_healed() {
    let provider = Provider::start(|_| telnyx(&[TELNYX_CALL]));
    let (secret, clock) = secret_and_clock("telnyx");
    let source = source("telnyx", "telnyx", &asking(&provider, CONNECTION));
    let mut server = start_with(&source, &secret, &clock, &[KEY]);
    // No webhook was heard of it.
    server.await_log("call started as the referee has found");
    assert_eq!(total(&server), ONE);
    let question = "GET /v2/connections/1234567890/active_calls?page%5Bsize%5D=250";
    assert!(provider.was_asked(question));
    provider.says(|_| telnyx(&[]));
    server.await_log("call ended (unlisted) as the referee has found");
    assert_eq!(total(&server), NOBODY);
    let call = read(&server, &format!("/calls/{}", TELNYX_CALL.replace(':', "%3A")));
    let because = call["because"].as_str().expect("a text");
    assert!(because.contains("the list of its source does not have it any more"), "{because}");
    assert_eq!(call["evidence"][0]["from"], "telnyx");
    // A later word of the source takes that back, and the list ends it again.
    send_vector(&server, "telnyx", "answered");
    assert_eq!(total(&server), ONE);
    await_total(&server, NOBODY);
    let (_, log) = server.terminate();
    assert!(!log.contains(KEY.1), "the key is in the log");
}

#[test]
fn a_provider_in_trouble_ends_nothing_and_says_so() {
    let provider = Provider::start(|_| (500, "no".to_owned()));
    let (secret, clock) = secret_and_clock("telnyx");
    let source = source("telnyx", "telnyx", &asking(&provider, CONNECTION));
    let mut server = start_with(&source, &secret, &clock, &[KEY]);
    send_vector(&server, "telnyx", "answered");
    server.await_log("the referee of source telnyx has no answer: trouble on the other side");
    await_rounds(&provider, 1);
    let shown = referee(&server, "telnyx");
    assert_eq!((&shown["state"], &shown["askedAt"]), (&"failing".into(), &Value::Null));
    let failing = "live_users_source_referee_failing{source=\"telnyx\"}";
    assert_eq!(scrape(&server).get(failing), Some(1.0));
    for half in [
        json!({ "data": [], "meta": { "total_items": 1 } }),
        json!({ "meta": { "total_items": 0 } }),
        json!({ "data": [{ "call_control_id": "" }] }),
    ] {
        // What works in between makes it ask soon after a failure.
        provider.says(|_| telnyx(&[TELNYX_CALL]));
        await_that("it works", || referee(&server, "telnyx")["state"] == "watching");
        provider.says(move |_| ok(&half));
        await_that("it fails", || referee(&server, "telnyx")["state"] == "failing");
        await_rounds(&provider, 1);
    }
    provider.says(|_| telnyx(&[TELNYX_CALL]));
    await_that("it works", || referee(&server, "telnyx")["state"] == "watching");
    assert_eq!(total(&server), ONE);
    // A key that is refused is told as such.
    provider.says(|_| (401, String::new()));
    server.await_log("the referee of source telnyx has no answer: credentials refused");
    await_that("it is refused", || referee(&server, "telnyx")["state"] == "refused");
    assert_eq!(total(&server), ONE);
}

#[test]
fn what_is_found_outlives_a_restart_which_goes_on_asking() {
    let provider = Provider::start(|_| telnyx(&["v3:one", "v3:two"]));
    let folder = tempfile::tempdir().expect("a folder");
    let journal = format!("file:{}", folder.path().display());
    let journal = ("JOURNAL_URL", journal.as_str());
    let (secret, clock) = secret_and_clock("telnyx");
    let source = source("telnyx", "telnyx", &asking(&provider, CONNECTION));
    let begin = || start_with(&source, &secret, &clock, &[KEY, journal]);
    let server = begin();
    await_total(&server, r#"{"liveUsers":2}"#);
    let (_, _) = server.terminate();
    provider.says(|_| telnyx(&["v3:two"]));
    let server = begin();
    assert_eq!(total(&server), r#"{"liveUsers":2}"#);
    await_total(&server, ONE);
    await_that("it is in order", || referee(&server, "telnyx")["difference"] == 0);
    let shown = referee(&server, "telnyx");
    assert_eq!((&shown["state"], &shown["gives"]), (&"watching".into(), &"list".into()));
    assert_eq!(shown["calls"], 1);
}

#[test]
fn two_sources_with_their_own_lists_and_twilio_do_not_mix() {
    let one = Provider::start(|_| telnyx(&["v3:one"]));
    let two = Provider::start(|_| telnyx(&["v3:two"]));
    let sources = format!(
        "{}{}",
        source("one", "telnyx", &asking(&one, "connection_ids = [\"1\"]")),
        source("two", "telnyx", &asking(&two, "connection_ids = [\"2\"]"))
    );
    let (_folder, agents) = agents_file(&format!("{AGENTS}\n{sources}"));
    let (secret, _) = secret_and_clock("telnyx");
    let secret = ("SOURCE_SECRET", secret.as_str());
    let (server, twilio) = start(&[WITH_TOKEN, ("AGENTS_FILE", agents.as_str()), secret, KEY]);
    twilio.start(1);
    await_total(&server, r#"{"liveUsers":3}"#);
    await_rounds(&one, 3);
    await_rounds(&two, 3);
    assert_eq!(total(&server), r#"{"liveUsers":3}"#);
    one.says(|_| telnyx(&[]));
    await_total(&server, r#"{"liveUsers":2}"#);
    assert_eq!(of_summary(&server, "one")["liveCalls"], 0);
    assert_eq!(of_summary(&server, "two")["liveCalls"], 1);
    assert_eq!(of_summary(&server, "twilio")["liveCalls"], 1);
}

const PLIVO_CALL: &str = "6f1d4a92-3b77-4d0e-9f2a-1c8b5e7d0431";
const ACCOUNT: &str = "MAXXXXXXXXXXXXXXXXXX";

/// What Plivo says: the calls that are up, and the record of one that is over.
fn plivo(request: &Request, live: &[&str], over: Option<&str>) -> (u16, String) {
    assert_eq!(
        request.header("authorization"),
        "Basic TUFYWFhYWFhYWFhYWFhYWFhYWFg6YS1rZXktb2YtYS1wcm92aWRlcg=="
    );
    let rest = request.target.strip_prefix(&format!("/v1/Account/{ACCOUNT}/Call/"));
    let rest = rest.expect("a call of the account");
    let (call, query) = rest.split_once('?').unwrap_or((rest, ""));
    match (call.trim_end_matches('/'), query) {
        ("", _) => ok(&json!({ "api_id": "1", "calls": live })),
        (call, "status=live") if live.contains(&call) => ok(&json!({
            "call_uuid": call, "call_status": "in-progress", "direction": "inbound",
            "from": "+15005550100",
            // Calls whose ids begin so come in at numbers of nobody.
            "to": if call.starts_with('f') { "15005550199" } else { "15005550006" },
        })),
        (call, "") if over == Some(call) => ok(&json!({
            "call_uuid": call, "answer_time": "2026-11-29 10:00:00", "call_duration": 31,
            "end_time": "2026-11-29 10:00:31",
        })),
        _ => (404, r#"{"api_id":"1","error":"not found"}"#.to_owned()),
    }
}

#[test]
fn a_call_is_over_when_plivo_says_so_and_begins_on_a_number_of_ours() {
    let provider = Provider::start(|request| plivo(request, &[], None));
    let (secret, clock) = secret_and_clock("plivo");
    let fields = asking(&provider, &format!("auth_id = \"{ACCOUNT}\""));
    let server = start_with(&source("plivo", "plivo", &fields), &secret, &clock, &[KEY]);
    send_vector(&server, "plivo", "answered");
    assert_eq!(total(&server), ONE);
    let question = format!("GET /v1/Account/{ACCOUNT}/Call/{PLIVO_CALL}/");
    await_that("it is asked by name", || provider.was_asked(&question));
    await_rounds(&provider, 2);
    // That Plivo knows nothing of it is no end.
    assert_eq!(total(&server), ONE);
    provider.says(|request| plivo(request, &[], Some(PLIVO_CALL)));
    await_total(&server, NOBODY);
    let call = read(&server, &format!("/calls/{PLIVO_CALL}"));
    assert_eq!(call["evidence"][1]["said"], "completed", "{call}");
    // One of another application of the account is none of ours.
    let ours = "0a1d4a92-3b77-4d0e-9f2a-1c8b5e7d0432";
    let foreign = "ff1d4a92-3b77-4d0e-9f2a-1c8b5e7d0433";
    provider.says(move |request| plivo(request, &[ours, foreign], None));
    await_total(&server, ONE);
    let question = format!("GET /v1/Account/{ACCOUNT}/Call/{foreign}/?status=live");
    await_that("it is asked by name", || provider.was_asked(&question));
    await_rounds(&provider, 2);
    assert_eq!(total(&server), ONE);
    let call = read(&server, &format!("/calls/{ours}"));
    assert_eq!(call["call"]["agent"], "booking", "{call}");
}

/// What LiveKit says: one room, with these telephones in it.
fn livekit(request: &Request, telephones: &[&str]) -> (u16, String) {
    assert!(request.header("authorization").starts_with("Bearer ey"));
    if request.target.ends_with("/ListRooms") {
        return ok(&json!({ "rooms": [{ "sid": "RM_000000000001", "name": "call-1" }] }));
    }
    assert_eq!(request.body, r#"{"room":"call-1"}"#);
    let one = |sid: &&str| {
        json!({ "sid": sid, "kind": "SIP", "attributes": {
            "sip.callStatus": "active", "sip.ruleID": "SDR_1",
            "sip.trunkPhoneNumber": "+15005550006", "sip.phoneNumber": "+15005550100",
        } })
    };
    let agent = json!({ "sid": "PA_agent", "kind": "AGENT" });
    let all = telephones.iter().map(one).chain([agent]);
    ok(&json!({ "participants": all.collect::<Vec<_>>() }))
}

#[test]
fn telephones_in_the_rooms_of_livekit_are_all_that_is_counted_of_it() {
    let provider = Provider::start(|request| livekit(request, &["PA_000000000001", "PA_2"]));
    let (secret, clock) = secret_and_clock("livekit");
    let fields = format!("api_url = \"{}\"\nask_seconds = 1", provider.base);
    let server = start_with(&source("livekit", "livekit", &fields), &secret, &clock, &[]);
    send_vector(&server, "livekit", "called in, and up");
    // The other one has no webhook, and is the same person.
    await_that("two calls", || of_summary(&server, "livekit")["liveCalls"] == 2);
    assert_eq!(total(&server), ONE);
    provider.says(|request| livekit(request, &["PA_2"]));
    await_that("one call", || of_summary(&server, "livekit")["liveCalls"] == 1);
    provider.says(|_| (404, "gone".to_owned()));
    await_that("it fails", || referee(&server, "livekit")["state"] == "failing");
    assert_eq!(of_summary(&server, "livekit")["liveCalls"], 1);
}

#[test]
fn calls_of_retell_are_compared_by_id_and_by_number() {
    let list = |ids: &'static [&str]| {
        move |request: &Request| match request.target.as_str() {
            "/get-concurrency" => ok(&json!({ "current_concurrency": 5 })),
            _ => {
                let item = |id: &&str| {
                    json!({
                        "call_id": id, "call_status": "ongoing", "call_type": "web_call",
                        "agent_id": "agent_1",
                    })
                };
                let items: Vec<_> = ids.iter().map(item).collect();
                ok(&json!({ "items": items, "has_more": false }))
            }
        }
    };
    let provider = Provider::start(list(&["call_1"]));
    let (secret, clock) = secret_and_clock("retell");
    let server =
        start_with(&source("retell", "retell", &asking(&provider, "")), &secret, &clock, &[KEY]);
    await_total(&server, ONE);
    await_that("it is compared", || referee(&server, "retell")["difference"] == 4);
    provider.says(list(&[]));
    await_total(&server, NOBODY);
    await_that("it is compared", || referee(&server, "retell")["difference"] == 5);
}

#[test]
fn a_number_is_compared_and_ends_and_begins_nothing() {
    let provider = Provider::start(|request| {
        assert_eq!(request.header("xi-api-key"), KEY.1);
        assert_eq!(request.target, "/v1/convai/analytics/live-count?agent_ids=agent_1");
        ok(&json!({ "count": 3 }))
    });
    let fields = asking(&provider, "agent_ids = [\"agent_1\"]");
    let agents = AGENTS.replace("capacity = 20", "assistants = [\"agent_1\"]");
    let (_folder, agents) =
        agents_file(&format!("{agents}\n{}", source("elevenlabs", "elevenlabs", &fields)));
    let secret = ("SOURCE_SECRET", "wsec_test0000000000000000000000000");
    let env = [WITH_TOKEN, ("AGENTS_FILE", agents.as_str()), secret, KEY];
    let (server, twilio) = start(&env);
    await_that("it is compared", || referee(&server, "elevenlabs")["difference"] == 3);
    // Twilio tells of a call of that agent.
    twilio.start(1);
    await_that("it is compared", || referee(&server, "elevenlabs")["difference"] == 2);
    let metrics = scrape(&server);
    let of =
        |name: &str| metrics.get(&format!("live_users_source_{name}{{source=\"elevenlabs\"}}"));
    assert_eq!((of("difference"), of("listed_calls")), (Some(2.0), Some(3.0)));
    assert!(of("asked_timestamp_seconds").is_some_and(|at| at > 1.7e9));
    provider.says(|_| ok(&json!({ "count": 0 })));
    await_that("it is compared", || referee(&server, "elevenlabs")["difference"] == -1);
    await_rounds(&provider, 3);
    assert_eq!(total(&server), ONE);
    assert_eq!(referee(&server, "elevenlabs")["gives"], "number");
}

#[test]
fn mistakes_in_how_a_provider_is_asked_end_the_process_and_name_the_field() {
    let run = |kind: &str, fields: &str, key: &str| {
        let (_folder, agents) = agents_file(&source("a", kind, fields));
        let env = [
            ("TWILIO_AUTH_TOKEN", TOKEN),
            ("AGENTS_FILE", agents.as_str()),
            ("SOURCE_SECRET", "vmaMWa8EVlr5gHkJWZ0FmzNhyHUwVLGAebeH3Jh0rFQ="),
            ("PROVIDER_KEY", key),
        ];
        let output = live_users_testkit::exit_of(BINARY, &[], &env);
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(64), "{fields}: {told}");
        told
    };
    let with = |more: &str| format!("api_key_env = \"PROVIDER_KEY\"\n{CONNECTION}\n{more}");
    for (fields, key, expected) in [
        (with(""), "", "PROVIDER_KEY is not set: expected an API key of the account"),
        (with("api_url = \"http://telnyx.example\""), KEY.1, "api_url: expected https://"),
        (with("api_url = \"https://a:b@telnyx.example\""), KEY.1, "api_url: expected an address"),
        (with("ask_seconds = 0"), KEY.1, "ask_seconds: expected 1 to 3600"),
    ] {
        let told = run("telnyx", &fields, key);
        assert!(told.contains("source \"a\"") || told.contains("source 1 (\"a\")"), "{told}");
        assert!(told.contains(expected), "{told}");
        assert!(!told.contains(KEY.1) && !told.contains("a:b"), "{told}");
    }
}

#[test]
fn a_reload_begins_and_ends_asking() {
    let provider = Provider::start(|_| telnyx(&["v3:one"]));
    let (secret, clock) = secret_and_clock("telnyx");
    let plain = source("telnyx", "telnyx", "");
    let (_folder, agents) = agents_file(&plain);
    let clock: &SettableClock = &clock;
    let env = [("AGENTS_FILE", agents.as_str()), KEY];
    let server = start_with(&plain, &secret, clock, &env);
    assert!(referee(&server, "telnyx").is_null());
    let reload = |text: &str| {
        std::fs::write(&agents, text).expect("a file can be written");
        let answer =
            crate::honest::ask(&server, "POST", "/agents/reload", crate::honest::API_TOKEN);
        assert_eq!(answer.status, 200, "{}", answer.body);
    };
    reload(&source("telnyx", "telnyx", &asking(&provider, CONNECTION)));
    await_total(&server, ONE);
    reload(&plain);
    provider.says(|_| telnyx(&[]));
    assert!(referee(&server, "telnyx").is_null());
    assert_eq!(total(&server), ONE);
}
