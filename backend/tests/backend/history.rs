//! How the number has changed: as figures, as a picture, after a restart, and for how long.

use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use live_users_core::{Agent, CallId, EndReason, Evidence, Millis, Said, Source};
use live_users_state::record::{Change, Record};
use live_users_testkit::{Answer, Server, exit_of, send};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::honest::{API_TOKEN, WITH_TOKEN};
use crate::{AGENTS, BINARY, TOKEN, agents_file, start};

const MINUTE: u64 = 60_000;
const HOUR: u64 = 60 * MINUTE;

pub(crate) fn ask(server: &Server, path: &str) -> Answer {
    let authorization = format!("Bearer {API_TOKEN}");
    let url = format!("{}/api/live-users/{path}", server.url);
    send("GET", &url, &[("Authorization", &authorization)], b"")
}

pub(crate) fn read(server: &Server, query: &str) -> Value {
    let answer = ask(server, &format!("history?{query}"));
    assert_eq!(answer.status, 200, "{query}: {}", answer.body);
    assert_eq!(answer.header("cache-control"), "no-store");
    serde_json::from_str(&answer.body).expect("JSON")
}

pub(crate) fn problem(server: &Server, path: &str) -> (u16, String, String) {
    let answer = ask(server, path);
    let body: Value = serde_json::from_str(&answer.body).expect("JSON");
    let text = |name: &str| body[name].as_str().unwrap_or_default().to_owned();
    (answer.status, text("field"), text("expected"))
}

/// A journal in which calls of agents begin and end: when, which, of whom, and whether it is live.
pub(crate) fn journal(records: &[(u64, u8, &str, bool)]) -> (TempDir, String) {
    let folder = tempfile::tempdir().expect("a folder");
    let url = format!("file:{}", folder.path().display());
    append(folder.path(), records);
    (folder, url)
}

fn append(folder: &Path, records: &[(u64, u8, &str, bool)]) {
    let url = format!("file:{}", folder.display());
    let mut journal = live_users_journal::open(&url).expect("a journal");
    let records = records.iter().map(|(at, call, agent, is_live)| {
        let call = CallId::parse(&format!("CA{call:032x}")).expect("a call id");
        let (source, said) = match is_live {
            true => (Source::Speech, Said::InProgress),
            false => (Source::StatusCallback, Said::Over(EndReason::Completed)),
        };
        let mut evidence = Evidence::about(call, source, said);
        evidence.agent = Agent::Id((*agent).into());
        Record { at: Millis(*at), change: Change::Evidence(evidence) }.encode()
    });
    journal.append(&records.collect::<Vec<_>>()).expect("appended");
}

fn now() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock").as_millis();
    u64::try_from(now).expect("a moment")
}

/// The beginning of the hour that was so many hours ago.
pub(crate) fn hour(ago: u64) -> u64 {
    now() / HOUR * HOUR - ago * HOUR
}

/// This moment in RFC 3339, as answers have it.
pub(crate) fn moment(ms: u64) -> String {
    let at = i64::try_from(ms).expect("a moment");
    format!("{:.3}", jiff::Timestamp::from_millisecond(at).expect("a moment"))
}

/// One call for a whole hour, and another one for the half of it that is in the middle.
pub(crate) fn an_hour(at: u64) -> [(u64, u8, &'static str, bool); 4] {
    [
        (at, 1, "booking", true),
        (at + 15 * MINUTE, 2, "support", true),
        (at + 45 * MINUTE, 2, "support", false),
        (at + HOUR, 1, "booking", false),
    ]
}

fn point(at: u64, known: Option<(u32, u32, f64)>) -> Value {
    let (min, max, mean) = match known {
        Some((min, max, mean)) => (json!(min), json!(max), json!(mean)),
        None => (Value::Null, Value::Null, Value::Null),
    };
    // All of them are with agents.
    let same = json!({ "min": min, "max": max, "mean": mean });
    let none = match known {
        Some(_) => json!({ "min": 0, "max": 0, "mean": 0.0 }),
        None => same.clone(),
    };
    json!({
        "at": moment(at), "min": min, "max": max, "mean": mean, "withAgent": same,
        "waiting": none, "withPerson": none, "machine": none, "onTheLine": same,
    })
}

#[test]
fn the_history_has_every_change_in_all_and_for_each_agent() {
    let at = hour(4);
    let (_folder, url) = journal(&an_hour(at));
    let (_agents, file) = agents_file(AGENTS);
    let (server, _) = start(&[WITH_TOKEN, ("JOURNAL_URL", &url), ("AGENTS_FILE", &file)]);
    let times = format!("from={}&to={}", moment(at - HOUR), moment(at + 2 * HOUR));
    let told = read(&server, &format!("{times}&step=1h"));
    let expected =
        [point(at - HOUR, None), point(at, Some((1, 2, 1.5))), point(at + HOUR, Some((0, 0, 0.0)))];
    assert_eq!(told["points"], json!(expected));
    let (from, to) = (moment(at - HOUR), moment(at + 2 * HOUR));
    assert_eq!((&told["from"], &told["to"]), (&json!(from), &json!(to)));
    assert_eq!((&told["stepMs"], &told["agent"]), (&json!(HOUR), &Value::Null));
    for name in ["day", "week", "month", "ever"] {
        let peak = json!({ "at": moment(at + 15 * MINUTE), "liveUsers": 2 });
        assert_eq!(told["peaks"][name], peak, "{name}");
    }
    assert_eq!(told["peaks"]["hour"]["liveUsers"], 0);
    assert!(told["asOf"].as_str().is_some_and(|it| it.ends_with('Z')));

    let told = read(&server, &format!("{times}&step=1h&agent=support"));
    assert_eq!(told["agent"], "support");
    let expected =
        [point(at - HOUR, None), point(at, Some((0, 1, 0.5))), point(at + HOUR, Some((0, 0, 0.0)))];
    assert_eq!(told["points"], json!(expected));
    assert_eq!(told["peaks"]["ever"]["liveUsers"], 1);

    let quarter = format!("from={}&to={}", moment(at), moment(at + 15 * MINUTE));
    let told = read(&server, &format!("{quarter}&step=15m&agent=booking"));
    assert_eq!(told["points"], json!([point(at, Some((1, 1, 1.0)))]));
}

#[test]
fn each_change_of_the_last_minutes_is_told_at_its_moment() {
    let now = now();
    let [a, b, c] = [10, 6, 2].map(|ago| now - ago * MINUTE);
    let records = [
        (a, 1, "booking", true),
        (b, 2, "support", true),
        (b + 100, 3, "support", true),
        (c, 1, "booking", false),
    ];
    let (_folder, url) = journal(&records);
    let (_agents, file) = agents_file(AGENTS);
    let (server, _) = start(&[WITH_TOKEN, ("JOURNAL_URL", &url), ("AGENTS_FILE", &file)]);
    let step = |at: u64, users: u32| {
        json!({
            "at": moment(at), "liveUsers": users, "withAgent": users, "waiting": 0,
            "withPerson": 0, "machine": 0, "onTheLine": users,
        })
    };
    let told = read(&server, "from=-15m&step=exact");
    assert_eq!(
        told["steps"],
        json!([step(a, 1), step(b, 3), step(c, 2)]),
        "within half a second: one"
    );
    assert_eq!(read(&server, "step=exact")["steps"], told["steps"], "it begins there by itself");
    assert_eq!((&told["points"], &told["stepMs"]), (&json!([]), &json!(0)));
    assert_eq!(told["since"], moment(a));
    assert_eq!(told["present"]["liveUsers"], 2);
    assert_eq!(told["present"]["at"], told["asOf"]);
    assert_eq!(told["peaks"]["hour"], json!({ "at": moment(b + 100), "liveUsers": 3 }));
    let times = format!("from={}&to={}", moment(b + 5_000), moment(c));
    let told = read(&server, &format!("{times}&step=exact"));
    assert_eq!(told["steps"], json!([step(b + 5_000, 3)]), "what stood at its beginning");
    let told = read(&server, "from=-15m&step=exact&agent=booking");
    assert_eq!(told["steps"], json!([step(a, 1), step(c, 0)]));
    let told = read(&server, "from=-1h&step=1m");
    assert_eq!((&told["since"], &told["steps"]), (&json!(moment(a)), &Value::Null));
    assert_eq!(told["present"]["liveUsers"], 2);
    for (path, expected) in [
        ("history?from=-20m&step=exact", "each change is told of the last 15 minutes"),
        ("history.svg?from=-15m&step=exact", "a picture has points"),
    ] {
        let (status, field, told) = problem(&server, path);
        assert_eq!((status, &*field), (400, "step"), "{path}");
        assert!(told.contains(expected), "{path}: {told}");
    }
}

#[test]
fn of_equal_peaks_the_last_counts_everywhere() {
    let at = hour(3);
    let records = [
        (at, 1, "booking", true),
        (at + 5 * MINUTE, 1, "booking", false),
        (at + 40 * MINUTE, 2, "booking", true),
        (at + 45 * MINUTE, 2, "booking", false),
    ];
    let (_folder, url) = journal(&records);
    let (server, _) = start(&[WITH_TOKEN, ("JOURNAL_URL", &url)]);
    let told = read(&server, "from=-4h&step=1m");
    for name in ["day", "week", "month", "ever"] {
        assert_eq!(told["peaks"][name]["at"], moment(at + 40 * MINUTE), "{name}");
    }
}

#[test]
fn an_agent_that_nobody_has_called_has_had_no_users_and_one_that_nobody_knows_is_told() {
    let at = hour(2);
    let (_folder, url) = journal(&[(at, 1, "booking", true), (at, 2, "from-a-url", true)]);
    let (_agents, file) = agents_file(AGENTS);
    let (server, _) = start(&[WITH_TOKEN, ("JOURNAL_URL", &url), ("AGENTS_FILE", &file)]);
    let times = format!("from={}&to={}&step=1h", moment(at), moment(at + HOUR));
    let of = |agent: &str| read(&server, &format!("{times}&agent={agent}"))["points"][0].clone();
    assert_eq!(of("support"), point(at, Some((0, 0, 0.0))));
    assert_eq!(of("from-a-url"), point(at, Some((1, 1, 1.0))), "the file does not have it");
    let (status, field, expected) = problem(&server, "history?agent=nobody");
    assert_eq!((status, &*field), (404, "agent"));
    assert_eq!(expected, "booking, support or another agent that has calls");
}

#[test]
fn before_the_first_record_there_are_no_points_and_no_peaks() {
    let (server, twilio) = start(&[WITH_TOKEN]);
    let told = read(&server, "from=-1h&step=15m");
    let points = told["points"].as_array().expect("points");
    assert!(points.len() >= 4 && points.iter().all(|point| point["mean"].is_null()), "{told}");
    assert_eq!(told["peaks"]["ever"], Value::Null);
    twilio.start(1);
    twilio.start(2);
    let told = read(&server, "from=-1h&step=1m");
    let last = told["points"].as_array().and_then(|points| points.last()).expect("points");
    assert_eq!(last["max"], 2, "it is told at once: {told}");
    for name in ["hour", "day", "week", "month", "ever"] {
        assert_eq!(told["peaks"][name]["liveUsers"], 2, "{name}");
    }
}

#[test]
fn a_kill_and_a_restart_change_nothing_of_what_was() {
    let at = hour(30);
    let (_folder, url) = journal(&an_hour(at));
    let env = [WITH_TOKEN, ("JOURNAL_URL", &*url)];
    let (mut server, twilio) = start(&env);
    twilio.start(3);
    let until = hour(0);
    let times = format!("from={}&to={}", moment(at), moment(until));
    let asked = ["step=15m", "step=1h", "", "step=1h&agent=support"];
    let told = |server: &Server| {
        asked.map(|query| {
            let mut told = read(server, &format!("{times}&{query}"));
            // When it was asked, and what of the times that ended then.
            let fields = told.as_object_mut().expect("an object");
            drop(fields.remove("asOf"));
            drop(fields["present"].as_object_mut().expect("an object").remove("at"));
            fields["peaks"].as_object_mut().expect("an object").retain(|of, _| of == "ever");
            told.to_string()
        })
    };
    let before = told(&server);
    assert!(before[1].contains("1.5"), "{}", before[1]);
    server.kill();
    let (server, twilio) = start(&env);
    let after = told(&server);
    assert!(after == before, "{} before it, {} after it", before[1], after[1]);
    twilio.end(3);
    let now = read(&server, "from=-1h&step=1m");
    assert_eq!(now["peaks"]["hour"]["liveUsers"], 1, "it goes on: {now}");
}

#[test]
fn what_is_kept_is_a_setting_and_what_is_not_kept_any_more_is_said() {
    let at = hour(3 * 24);
    let (_folder, url) = journal(&an_hour(at));
    let keep = [
        ("HISTORY_MINUTES_KEEP_HOURS", "1"),
        ("HISTORY_QUARTERS_KEEP_DAYS", "2"),
        ("HISTORY_HOURS_KEEP_DAYS", "30"),
    ];
    let env = [&[WITH_TOKEN, ("JOURNAL_URL", &*url)][..], &keep].concat();
    let (server, _) = start(&env);
    let (status, field, expected) = problem(&server, "history?from=-2h&step=1m");
    assert_eq!((status, &*field), (400, "step"));
    assert!(expected.starts_with("a multiple of 15m"), "{expected}");
    let (_, _, expected) = problem(&server, "history?from=-3d&step=15m");
    assert!(expected.starts_with("a multiple of 1h"), "{expected}");
    assert_eq!(read(&server, "from=-2h")["stepMs"], 15 * MINUTE, "what fits is chosen");
    let times = format!("from={}&to={}", moment(at), moment(at + HOUR));
    let told = read(&server, &format!("{times}&step=1h"));
    assert_eq!(told["points"], json!([point(at, Some((1, 2, 1.5)))]), "hours are kept longer");
}

#[test]
fn settings_that_make_no_sense_are_told_at_once() {
    let env = [
        ("TWILIO_AUTH_TOKEN", TOKEN),
        ("HISTORY_MINUTES_KEEP_HOURS", "48"),
        ("HISTORY_QUARTERS_KEEP_DAYS", "1"),
        ("HISTORY_HOURS_KEEP_DAYS", "29"),
    ];
    let refused = exit_of(BINARY, &[], &env);
    assert_eq!(refused.status.code(), Some(64));
    let told = String::from_utf8_lossy(&refused.stderr).into_owned();
    let minutes = "HISTORY_MINUTES_KEEP_HOURS is 48: expected at most the 1 days";
    let hours = "HISTORY_HOURS_KEEP_DAYS is 29: expected days from 30 to 3660";
    assert!(told.contains(minutes) && told.contains(hours), "{told}");
}

#[test]
fn a_question_that_makes_no_sense_is_told_by_its_field() {
    let (server, _) = start(&[WITH_TOKEN]);
    for (path, field) in [
        ("history?from=tomorrow", "from"),
        ("history?from=-1h&to=-2h", "from"),
        ("history?to=1", "to"),
        ("history?step=90s", "step"),
        ("history?from=-365d&step=1h", "step"),
        ("history?agent=%3Cb%3E", "agent"),
        ("history.svg?step=1", "step"),
        ("history.svg?theme=neon", "theme"),
        ("history.svg?width=10", "width"),
        ("history.svg?height=10000", "height"),
    ] {
        let (status, named, expected) = problem(&server, path);
        assert_eq!((status, &*named), (400, field), "{path}");
        assert!(!expected.is_empty(), "{path}");
    }
    let (status, ..) = problem(&server, "history.svg?agent=nobody");
    assert_eq!(status, 404);
}

#[test]
fn the_history_is_for_who_shows_the_token() {
    let (server, _) = start(&[WITH_TOKEN]);
    for path in ["history", "history.svg"] {
        let url = format!("{}/api/live-users/{path}", server.url);
        assert_eq!(send("GET", &url, &[], b"").status, 401, "{path}");
        let wrong = [("Authorization", "Bearer 0123456789abcdef")];
        assert_eq!(send("GET", &url, &wrong, b"").status, 403, "{path}");
        let authorization = format!("Bearer {API_TOKEN}");
        let right = [("Authorization", authorization.as_str())];
        let post = send("POST", &url, &right, b"");
        assert_eq!((post.status, post.header("allow")), (405, "GET, HEAD"), "{path}");
    }
}

#[test]
fn the_picture_is_an_image_of_the_same() {
    let at = hour(5);
    let (_folder, url) = journal(&an_hour(at));
    let (_agents, file) = agents_file(AGENTS);
    let (server, _) = start(&[WITH_TOKEN, ("JOURNAL_URL", &url), ("AGENTS_FILE", &file)]);
    let answer = ask(&server, "history.svg?from=-6h&agent=booking&theme=dark&width=640&height=300");
    assert_eq!((answer.status, answer.header("content-type")), (200, "image/svg+xml"));
    assert_eq!(answer.header("cache-control"), "no-store");
    let policy = answer.header("content-security-policy");
    assert!(policy.starts_with("default-src 'none'; style-src 'unsafe-inline'"), "{policy}");
    let document = roxmltree::Document::parse(&answer.body).expect("XML");
    let root = document.root_element();
    assert_eq!((root.attribute("width"), root.attribute("height")), (Some("640"), Some("300")));
    let has = |text: &str| document.descendants().any(|node| node.text() == Some(text));
    assert!(has("Live users · Tables & <More>") && has("peak 1"), "{}", answer.body);
    let all = ask(&server, "history.svg?from=-6h").body;
    assert!(all.contains(">peak 2<") && all.contains("prefers-color-scheme"), "{all}");
}
