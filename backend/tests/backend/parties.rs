//! With whom callers are connected: in the summary, the calls, the history, the metrics and, where
//! it is wanted, in public.

use std::time::{SystemTime, UNIX_EPOCH};

use live_users_core::{
    Agent, AnsweredBy, CallId, Direction, EndReason, Endpoint, Evidence, Millis, Said, Source,
};
use live_users_state::record::{Change, Record};
use live_users_testkit::{Events, Metrics, OpenApi, Server, Socket, Twilio, get, send};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::history::moment;
use crate::honest::{API_TOKEN, WITH_TOKEN, ask, read, sid};
use crate::{AGENTS, agents_file, start};

const SECOND: u64 = 1_000;

/// What is said of a call of this agent.
fn said(n: u8, agent: &str, source: Source, said: Said) -> Evidence {
    let call = CallId::parse(&sid(n)).expect("a call id");
    Evidence { agent: Agent::Id(agent.into()), ..Evidence::about(call, source, said) }
}

fn outbound(n: u8, agent: &str, progress: Said) -> Evidence {
    let direction = Some(Direction::Outbound);
    let endpoint = Some(Endpoint::Person);
    Evidence { direction, endpoint, ..said(n, agent, Source::StatusCallback, progress) }
}

/// A leg of call 1 to a colleague.
fn leg(progress: Said) -> Evidence {
    Evidence {
        parent: CallId::parse(&sid(1)).ok(),
        direction: Some(Direction::Dial),
        endpoint: Some(Endpoint::Person),
        ..said(11, "booking", Source::StatusCallback, progress)
    }
}

/// Call 1 is handed over to a person, call 2 talks with an agent, call 3 got a voicemail, call 4 is
/// dialled, and call 5 said goodbye, which nobody has confirmed.
fn afternoon() -> Vec<(u64, Evidence)> {
    let talk = |n, agent| said(n, agent, Source::Voice, Said::InProgress);
    let goodbye = Said::Over(EndReason::Goodbye);
    let machine = Some(AnsweredBy::Machine);
    vec![
        (0, talk(1, "booking")),
        (0, talk(2, "support")),
        (0, outbound(3, "booking", Said::Dialing)),
        (0, outbound(4, "support", Said::Dialing)),
        (10, talk(5, "booking")),
        (20, outbound(3, "booking", Said::InProgress)),
        (25, Evidence { answered_by: machine, ..outbound(3, "booking", Said::InProgress) }),
        (60, leg(Said::Dialing)),
        (70, leg(Said::InProgress)),
        (80, said(5, "booking", Source::Speech, goodbye)),
    ]
}

/// A journal of that, and when it began: ten minutes ago.
fn journal() -> (TempDir, String, u64) {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock").as_secs();
    let from = (now - 600) * SECOND;
    let folder = tempfile::tempdir().expect("a folder");
    let url = format!("file:{}", folder.path().display());
    let records = afternoon().into_iter().map(|(s, evidence)| {
        let at = Millis(from + s * SECOND);
        Record { at, change: Change::Evidence(evidence) }.encode()
    });
    let records: Vec<_> = records.collect();
    live_users_journal::open(&url).expect("a journal").append(&records).expect("appended");
    (folder, url, from)
}

/// The live users, and the five numbers beside them.
fn numbers(value: &Value) -> [u64; 6] {
    ["liveUsers", "withAgent", "waiting", "withPerson", "machine", "onTheLine"]
        .map(|name| value[name].as_u64().expect("a number"))
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().expect("a text")
}

#[test]
fn everybody_who_is_on_the_line_is_in_exactly_one_of_four_numbers_in_all_and_per_agent() {
    let (_folder, url, _) = journal();
    let (_agents, file) = agents_file(AGENTS);
    let env = [WITH_TOKEN, ("JOURNAL_URL", &url), ("AGENTS_FILE", &file)];
    let (server, twilio) = start(&env);
    let summary = read(&server, "/summary");
    assert_eq!(numbers(&summary), [1, 1, 1, 1, 1, 4]);
    assert_eq!(twilio.count(), r#"{"liveUsers":1}"#, "nothing more in public");
    assert_eq!(summary.get("publicByAgent"), None);
    let rows = summary["byAgent"].as_array().expect("rows");
    let told: Vec<_> = rows.iter().map(|row| (text(row, "agent"), numbers(row))).collect();
    assert_eq!(told, [("booking", [0, 0, 0, 1, 1, 2]), ("support", [1, 1, 1, 0, 0, 2])]);
    drop(server);

    // An agent with nobody live that no file describes has a row too, while somebody waits.
    let (server, _) = start(&[WITH_TOKEN, ("JOURNAL_URL", &url), ("COUNT_HANDED_OVER", "true")]);
    let summary = read(&server, "/summary");
    assert_eq!(numbers(&summary), [2, 1, 1, 1, 1, 4], "the one who was handed over counts");
    assert_eq!(numbers(&summary["byAgent"][0]), [1, 0, 0, 1, 1, 2]);
    assert_eq!(summary["confirmed"].as_u64().zip(summary["suspect"].as_u64()), Some((0, 2)));
}

#[test]
fn calls_that_do_not_count_are_listed_with_whom_they_are_connected() {
    let (_folder, url, from) = journal();
    let (server, _) = start(&[WITH_TOKEN, ("JOURNAL_URL", &url)]);
    let page = read(&server, "/calls");
    let listed = page["calls"].as_array().expect("calls").iter();
    let listed: Vec<_> = listed
        .map(|it| (text(it, "callSid").to_owned(), text(it, "party"), it["counted"] == true))
        .collect();
    let expected = [(sid(1), "person", false), (sid(2), "agent", true), (sid(3), "machine", false)];
    assert_eq!(listed, expected, "and no leg, and nobody whose call was not answered");
    for (query, n) in [("suspect=true", 1), ("suspect=false", 2), ("agent=booking", 2)] {
        let page = read(&server, &format!("/calls?{query}"));
        assert_eq!(page["calls"].as_array().expect("calls").len(), n, "{query}");
    }
    let handed_over = &page["calls"][0];
    assert_eq!(handed_over["liveMs"], 60 * SECOND, "only the time with the agent");
    let at = |s: u64| moment(from + s * SECOND);
    let stretch =
        |with, from, to| json!({ "with": with, "agent": "booking", "from": from, "to": to });
    let expected = json!([
        stretch("agent", at(0), Some(at(60))),
        stretch("waiting", at(60), Some(at(70))),
        stretch("person", at(70), None),
    ]);
    assert_eq!(handed_over["stretches"], expected);
    let voicemail = &page["calls"][2];
    assert_eq!(voicemail["answeredBy"], "machine");
    let first = &voicemail["stretches"][0];
    assert_eq!((&first["with"], &first["from"]), (&json!("waiting"), &json!(at(0))), "dialling");
    assert_eq!(page["calls"][1]["stretches"].as_array().map(Vec::len), Some(1));
    assert_eq!(page["calls"][1].get("answeredBy"), None);
}

#[test]
fn who_waits_is_listed_on_request_also_where_nobody_has_answered_and_says_for_how_long() {
    let (_folder, url, from) = journal();
    let (server, _) = start(&[WITH_TOKEN, ("JOURNAL_URL", &url)]);
    let document = OpenApi::of(&server.url, env!("CARGO_PKG_VERSION"));
    let page = |query: &str| {
        let answer = ask(&server, "GET", &format!("/calls?{query}"), API_TOKEN);
        document.check("GET", "/api/live-users/calls", &answer);
        serde_json::from_str::<Value>(&answer.body).expect("JSON")
    };
    let sids = |page: &Value| {
        let calls = page["calls"].as_array().expect("calls").iter();
        calls.map(|it| text(it, "callSid").to_owned()).collect::<Vec<_>>()
    };
    // The fifth is held to be over.
    for (query, listed, total) in [
        ("dialing=true", &[1, 2, 4, 3][..], 4),
        ("dialing=true&limit=2", &[1, 2], 4),
        ("party=waiting", &[4], 4),
        ("party=waiting&agent=booking", &[], 4),
        ("party=waiting&dialing=false", &[], 3),
        ("party=person", &[1], 3),
        ("party=agent&dialing=true", &[2], 4),
        ("dialing=false", &[1, 2, 3], 3),
    ] {
        let page = page(query);
        let expected: Vec<_> = listed.iter().map(|n| sid(*n)).collect();
        assert_eq!(sids(&page), expected, "{query}");
        assert_eq!(page["total"], total, "{query}");
    }
    let waits = &page("party=waiting")["calls"][0];
    assert_eq!((text(waits, "phase"), text(waits, "party")), ("dialing", "waiting"));
    assert_eq!((&waits["counted"], &waits["liveMs"]), (&json!(false), &Value::Null));
    assert_eq!((text(waits, "agent"), text(waits, "since")), ("support", &*moment(from)));
    assert!(waits["waitingMs"].as_u64().is_some_and(|ms| ms >= 600 * SECOND), "{waits}");
    let others = page("dialing=true")["calls"].clone();
    for (n, call) in others.as_array().expect("calls").iter().enumerate() {
        assert_eq!(call.get("waitingMs").is_some(), n == 2, "{call}");
    }
    let csv = ask(&server, "GET", "/calls?party=waiting&format=csv", API_TOKEN).body;
    let rows: Vec<_> = csv.lines().collect();
    assert!(rows[0].contains(",liveMs,waitingMs,") && rows.len() == 2, "{csv}");
    assert!(rows[1].starts_with(&format!("{},dialing,false,false,outbound,waiting,", sid(4))));
    for (query, field) in [("party=nobody", "party"), ("dialing=maybe", "dialing")] {
        let answer = ask(&server, "GET", &format!("/calls?{query}"), API_TOKEN);
        let told: Value = serde_json::from_str(&answer.body).expect("JSON");
        assert_eq!((answer.status, text(&told, "field")), (400, field), "{query}");
    }
}

#[test]
fn a_caller_for_whom_a_colleague_is_dialled_waits_since_then() {
    let (_agents, file) = agents_file(AGENTS);
    let (server, twilio) = start(&[WITH_TOKEN, ("AGENTS_FILE", &file)]);
    twilio.start(1);
    let (parent, colleague) = (sid(1), sid(2));
    let fields = [
        ("CallSid", &*colleague),
        ("ParentCallSid", &*parent),
        ("CallStatus", "ringing"),
        ("Direction", "outbound-dial"),
        ("From", "+15005550006"),
        ("To", "+12065550100"),
    ];
    assert_eq!(twilio.post("/call-status", &fields).status, 204);
    let page = read(&server, "/calls?party=waiting");
    let call = &page["calls"][0];
    assert_eq!((text(call, "callSid"), text(call, "phase")), (&*parent, "live"));
    let live_ms = call["liveMs"].as_u64().expect("the time with the agent");
    let waiting_ms = call["waitingMs"].as_u64().expect("the time since");
    let since = text(&call["stretches"][1], "from").parse::<jiff::Timestamp>().expect("a moment");
    let as_of = text(&page, "asOf").parse::<jiff::Timestamp>().expect("a moment");
    let waited = as_of.as_millisecond() - since.as_millisecond();
    assert_eq!(i64::try_from(waiting_ms), Ok(waited), "not {live_ms}: {page}");
    assert_eq!(page["total"], 1, "the colleague is no caller");
}

#[test]
fn an_explanation_says_in_plain_words_why_a_call_does_not_count() {
    let (_folder, url, from) = journal();
    let (server, _) = start(&[WITH_TOKEN, ("JOURNAL_URL", &url)]);
    let document = OpenApi::of(&server.url, env!("CARGO_PKG_VERSION"));
    let explain = |n| {
        let path = format!("/calls/{}", sid(n));
        document.check(
            "GET",
            "/api/live-users/calls/{callSid}",
            &ask(&server, "GET", &path, API_TOKEN),
        );
        read(&server, &path)
    };
    for (n, because) in [
        (1, "Not counted: the caller was handed over to a person since "),
        (2, "Counted: on the line since "),
        (3, "Not counted: a voicemail has answered since "),
        (4, "Not counted: nobody has picked up yet"),
        (5, "Not counted: ended by a goodbye; the provider has not said so yet (speech: goodbye"),
    ] {
        let told = explain(n);
        assert!(text(&told, "because").starts_with(because), "{}", told["because"]);
    }
    assert_eq!(
        text(&explain(11), "because"),
        format!("Not counted: a leg of {}: never a user.", sid(1))
    );
    let told = explain(1);
    let by = format!("(status callback: in progress of {} at {}", sid(11), moment(from + 70_000));
    assert!(text(&told, "because").contains(&by), "{}", told["because"]);
    let leg = json!({ "callSid": sid(11), "phase": "live", "endpoint": "person" });
    assert_eq!(told["legs"], json!([leg]));
    let parties = told["evidence"].as_array().expect("pieces").iter().map(|it| &it["party"]);
    assert_eq!(parties.collect::<Vec<_>>(), ["agent", "waiting", "person"]);
    drop(server);
    let (server, _) = start(&[WITH_TOKEN, ("JOURNAL_URL", &url), ("COUNT_HANDED_OVER", "true")]);
    let told = read(&server, &format!("/calls/{}", sid(1)));
    assert!(text(&told, "because").starts_with("Counted: the caller was handed over"), "{told}");
    assert_eq!(told["call"]["counted"], true);
}

#[test]
fn the_feed_says_who_has_moved_and_to_whom() {
    let (_folder, url, _) = journal();
    let (server, _) = start(&[WITH_TOKEN, ("JOURNAL_URL", &url)]);
    let feed = read(&server, "/activity");
    let moves = feed["activities"].as_array().expect("activities").iter();
    let moves = moves.filter(|it| it["what"] == "moved" && it["callSid"] == sid(1));
    assert_eq!(moves.map(|it| text(it, "party")).collect::<Vec<_>>(), ["person", "waiting"]);
    let document = OpenApi::of(&server.url, env!("CARGO_PKG_VERSION"));
    for path in ["/activity", "/summary", "/calls", "/history"] {
        let answer = ask(&server, "GET", path, API_TOKEN);
        document.check("GET", &format!("/api/live-users{path}"), &answer);
    }
}

#[test]
fn the_history_has_each_number_beside_the_live_users() {
    let (_folder, url, from) = journal();
    let (server, _) = start(&[WITH_TOKEN, ("JOURNAL_URL", &url)]);
    let times = format!("from={}&to={}&step=1m", moment(from - 60_000), moment(from + 300_000));
    let most = |told: &Value, name: &str| {
        let points = told["points"].as_array().expect("points").iter();
        points.map(|it| it[name]["max"].as_u64()).max().flatten()
    };
    let told = read(&server, &format!("/history?{times}"));
    let unknown = json!({ "min": null, "max": null, "mean": null });
    assert_eq!(told["points"][0]["withPerson"], unknown, "before the journal began");
    let last = told["points"].as_array().and_then(|it| it.last()).expect("a point");
    for (name, n) in
        [("withAgent", 1), ("waiting", 1), ("withPerson", 1), ("machine", 1), ("onTheLine", 4)]
    {
        assert_eq!(last[name], json!({ "min": n, "max": n, "mean": f64::from(n) }), "{name}");
    }
    assert_eq!((&last["min"], &last["max"]), (&json!(1), &json!(1)));
    let told = read(&server, &format!("/history?{times}&agent=booking"));
    let names = ["withAgent", "withPerson", "machine"];
    assert_eq!(names.map(|name| most(&told, name)), [Some(2), Some(1), Some(1)]);
}

#[test]
fn the_metrics_have_each_number_by_party() {
    let (_folder, url, _) = journal();
    let (_agents, file) = agents_file(AGENTS);
    let (server, _) = start(&[WITH_TOKEN, ("JOURNAL_URL", &url), ("AGENTS_FILE", &file)]);
    let authorization = format!("Bearer {API_TOKEN}");
    let url = format!("{}/metrics", server.url);
    let metrics =
        Metrics::parse(&send("GET", &url, &[("Authorization", &authorization)], b"").body);
    for party in ["agent", "waiting", "person", "machine"] {
        for what in ["users", "calls"] {
            let name = format!("live_users_line_{what}{{party=\"{party}\"}}");
            assert_eq!(metrics.get(&name), Some(1.0), "{name}");
        }
    }
    assert_eq!(metrics.get("live_users_on_the_line_users"), Some(4.0));
    for (labels, n) in [
        ("agent=\"booking\",party=\"person\"", 1.0),
        ("agent=\"booking\",party=\"agent\"", 0.0),
        ("agent=\"support\",party=\"waiting\"", 1.0),
    ] {
        assert_eq!(
            metrics.get(&format!("live_users_agent_line_users{{{labels}}}")),
            Some(n),
            "{labels}"
        );
    }
    assert_eq!(metrics.names("live_users_agent_line_users{").count(), 8);
}

fn voice(twilio: &Twilio, n: u8, path: &str, from: &str, to: &str) {
    let fields = [("CallSid", &*sid(n)), ("CallStatus", "ringing"), ("From", from), ("To", to)];
    assert_eq!(twilio.post(path, &fields).status, 200);
}

#[test]
fn two_calls_of_one_person_are_one_user_or_two_as_is_set() {
    for (count, users) in [("", 1), ("callers", 1), ("calls", 2)] {
        let (_server, twilio) = start(&[("COUNT", count)]);
        voice(&twilio, 1, "/voice", "+14155550101", "+15005550006");
        voice(&twilio, 2, "/voice", "+14155550101", "+15005550006");
        assert_eq!(twilio.count(), format!(r#"{{"liveUsers":{users}}}"#), "{count}");
    }
}

#[tokio::test]
async fn the_agents_are_in_public_only_where_that_is_set_and_a_move_is_news() {
    let (_folder, file) = agents_file(AGENTS);
    let env = [WITH_TOKEN, ("AGENTS_FILE", &*file), ("PUBLIC_BY_AGENT", "true")];
    let (server, twilio) = start(&env);
    assert_eq!(twilio.count(), r#"{"liveUsers":0,"byAgent":{}}"#);
    voice(&twilio, 1, "/voice", "+14155550101", "+15005550006");
    voice(&twilio, 2, "/voice?agent=made-up", "+14155550102", "+15005550006");
    voice(&twilio, 3, "/voice", "+14155550103", "+15005559999");
    let body = r#"{"liveUsers":3,"byAgent":{"booking":1,"made-up":1}}"#;
    assert_eq!(twilio.count(), body, "an address that was called is nobody's business");
    let document = OpenApi::of(&server.url, env!("CARGO_PKG_VERSION"));
    document.check("GET", "/api/live-users", &get(&format!("{}/api/live-users", server.url)));
    let summary = ask(&server, "GET", "/summary", API_TOKEN);
    document.check("GET", "/api/live-users/summary", &summary);
    assert!(summary.body.contains(r#""publicByAgent":{"booking":1,"made-up":1}"#));

    let url = format!("{}/api/live-users", server.url);
    let mut events = Events::open(&format!("{url}/stream"), &[]).await.unwrap();
    let mut socket = Socket::open(&format!("{url}/ws"), &[]).await.unwrap();
    // Frames that come fast are merged, and the last one always comes.
    let shown = &body[..body.len() - 1];
    while !socket.text().await.starts_with(shown) {}
    while !events.next().await.unwrap().starts_with(shown) {}
    let fields = [("CallSid", &*sid(2)), ("CallStatus", "in-progress")];
    twilio.post("/voice?agent=support", &fields);
    let moved = r#"{"liveUsers":3,"byAgent":{"booking":1,"support":1}"#;
    assert!(socket.text().await.starts_with(moved), "the number is the same, and the agents not");
    assert!(events.next().await.unwrap().starts_with(moved));
}

#[test]
fn the_numbers_of_agents_are_there_at_once_after_a_restart() {
    let (_folder, url, _) = journal();
    let env = [("JOURNAL_URL", &*url), ("PUBLIC_BY_AGENT", "true")];
    let (_server, twilio): (Server, Twilio) = start(&env);
    assert_eq!(twilio.count(), r#"{"liveUsers":1,"byAgent":{"support":1}}"#);
}
