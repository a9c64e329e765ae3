//! Rows of calls, stretches and the history: as CSV and as JSON Lines, whole and on from a cursor.

mod past_calls;

use std::collections::BTreeSet;

use live_users_core::{
    Agent, AgentFrom, CallId, Caller, Direction, EndReason, Evidence, Millis, Said, Source,
};
use live_users_state::record::{Change, Record};
use live_users_testkit::{Answer, OpenApi, RawClient, Server, send};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::history::hour;
use crate::honest::{API_TOKEN, WITH_TOKEN};
use crate::{agents_file, start};

const ACME_TOKEN: &str = "4cm3t0k3n4cm3t0k3n4cm3t0k3n4";
const MINUTE: u64 = 60_000;
/// More than are made together.
const CALLS: u32 = 1_203;

const AGENTS: &str = r#"
    [[agent]]
    id = "-sum"
    name = "An id that a spreadsheet would work out"
    account = "acme"

    [[agent]]
    id = "booking"
    name = "Bookings"
    account = "zeta"

    [[token]]
    id = "acme"
    secret_env = "ACME_TOKEN"
    accounts = ["acme"]
"#;

fn ask(server: &Server, path: &str, headers: &[(&str, &str)]) -> Answer {
    let url = format!("{}/api/live-users/{path}", server.url);
    let authorization = format!("Bearer {API_TOKEN}");
    let own = [("Authorization", authorization.as_str())];
    let has_own = headers.iter().any(|(name, _)| *name == "Authorization");
    let all = [if has_own { &[][..] } else { &own[..] }, headers].concat();
    send("GET", &url, &all, b"")
}

/// The rows of CSV, each with the names of the header row.
fn csv(answer: &Answer) -> Vec<Value> {
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert_eq!(answer.header("content-type"), "text/csv; charset=utf-8; header=present");
    assert_eq!(answer.header("cache-control"), "no-store");
    assert!(answer.body.ends_with("\r\n"), "RFC 4180 ends each line so");
    let mut reader = ::csv::Reader::from_reader(answer.body.as_bytes());
    let names = reader.headers().expect("a header row").clone();
    let rows = reader.records().map(|record| {
        let record = record.expect("a row");
        let cells = names.iter().zip(&record).map(|(name, cell)| (name.to_owned(), cell.into()));
        Value::Object(cells.collect())
    });
    rows.collect()
}

fn lines(answer: &Answer) -> Vec<Value> {
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert_eq!(answer.header("content-type"), "application/jsonl");
    answer.body.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

fn ids(rows: &[Value]) -> Vec<&str> {
    rows.iter().map(|row| row["callSid"].as_str().expect("an id")).collect()
}

/// How many calls there are, and how many of them are over.
fn counts() -> (usize, usize) {
    let count = |n: u32| usize::try_from(n).expect("it fits");
    (count(CALLS), count(CALLS.div_ceil(3)))
}

/// Calls that have begun one after the other; each third one is over, and each fourth one is of acme.
fn many_calls() -> (TempDir, TempDir, Server) {
    so_many_calls(CALLS)
}

fn so_many_calls(calls: u32) -> (TempDir, TempDir, Server) {
    let begin = hour(1) - u64::from(calls) * 1_000;
    let mut records = Vec::new();
    for n in 0..u64::from(calls) {
        let call = CallId::parse(&format!("CA{n:032x}")).expect("a call id");
        let mut about = |at: u64, source, said| {
            let mut evidence = Evidence::about(call.clone(), source, said);
            evidence.agent = Agent::Id(if n % 4 == 0 { "-sum" } else { "booking" }.into());
            evidence.caller = std::num::NonZeroU64::new(0xabc_def0_0000_0000 + n).map(Caller);
            evidence.account = Some(if n % 4 == 0 { "acme" } else { "zeta" }.into());
            records.push((at, Record { at: Millis(at), change: Change::Evidence(evidence) }));
        };
        about(begin + n * 1_000, Source::Speech, Said::InProgress);
        if n % 3 == 0 {
            let at = begin + n * 1_000 + 30 * MINUTE;
            about(at, Source::StatusCallback, Said::Over(EndReason::Completed));
        }
    }
    start_with(records)
}

/// A backend whose journal has these records, each with its moment.
fn start_with(mut records: Vec<(u64, Record)>) -> (TempDir, TempDir, Server) {
    let folder = tempfile::tempdir().expect("a folder");
    let url = format!("file:{}", folder.path().display());
    records.sort_by_key(|(at, _)| *at);
    let encoded: Vec<_> = records.iter().map(|(_, record)| record.encode()).collect();
    let mut journal = live_users_journal::open(&url).expect("a journal");
    for batch in encoded.chunks(2_000) {
        journal.append(batch).expect("appended");
    }
    drop(journal);
    let (agents, file) = agents_file(AGENTS);
    let settings =
        [WITH_TOKEN, ("JOURNAL_URL", &url), ("AGENTS_FILE", &file), ("ACME_TOKEN", ACME_TOKEN)];
    let (server, _) = start(&settings);
    (folder, agents, server)
}

#[test]
fn all_live_calls_are_rows_and_any_row_can_be_gone_on_from() {
    let (_folder, _agents, server) = many_calls();
    let (calls, over) = counts();
    let live = calls - over;
    let answer = ask(&server, "calls?format=csv", &[]);
    let disposition = answer.header("content-disposition");
    assert_eq!(disposition, "attachment; filename=\"live-users-calls.csv\"");
    let rows = csv(&answer);
    assert_eq!((rows.len(), BTreeSet::from_iter(ids(&rows)).len()), (live, live));
    assert!(ids(&rows).is_sorted(), "the longest first");
    assert_eq!(rows[0]["agent"], "booking");
    let formula = rows.iter().find(|row| row["callSid"] == format!("CA{:032x}", 4)).expect("it");
    assert_eq!((&formula["agent"], &formula["account"]), (&"'-sum".into(), &"acme".into()));
    assert_eq!(formula["caller"].as_str().map(str::len), Some(6), "the label, and no number");

    let by_line = lines(&ask(&server, "calls", &[("Accept", "application/x-ndjson")]));
    assert_eq!(ids(&by_line), ids(&rows));
    let known: BTreeSet<_> = by_line[0].as_object().expect("a row").keys().collect();
    let columns: BTreeSet<_> = rows[0].as_object().expect("a row").keys().collect();
    let missing: Vec<_> = known.difference(&columns).map(|name| name.as_str()).collect();
    assert_eq!(missing, ["stretches"], "these are rows of their own");
    let shown = ask(&server, "calls?limit=1", &[("Accept", "application/json")]);
    let shown: Value = serde_json::from_str(&shown.body).expect("JSON");
    assert_eq!(shown["calls"][0]["callSid"], by_line[0]["callSid"]);

    let cursor = rows[699]["cursor"].as_str().expect("a cursor");
    let rest = csv(&ask(&server, &format!("calls?after={cursor}"), &[("Accept", "text/csv")]));
    assert_eq!(ids(&rest), ids(&rows[700..]));
    let some = csv(&ask(&server, "calls?format=csv&limit=700&agent=booking", &[]));
    let expected: Vec<_> = rows.iter().filter(|row| row["agent"] == "booking").collect();
    assert_eq!(
        (some.len(), &some[600]["callSid"]),
        (expected.len().min(700), &expected[600]["callSid"])
    );
}

#[test]
fn the_stretches_of_calls_that_are_over_are_rows_too_and_a_token_sees_its_own() {
    let (_folder, _agents, server) = many_calls();
    let (calls, n_over) = counts();
    let rows = csv(&ask(&server, "stretches?format=csv", &[]));
    assert_eq!(BTreeSet::from_iter(ids(&rows)).len(), calls);
    assert!(ids(&rows).is_sorted(), "in the order in which they began");
    let over = rows.iter().filter(|row| row["phase"] == "completed").collect::<Vec<_>>();
    assert_eq!(over.len(), n_over);
    assert!(over.iter().all(|row| row["durationMs"] == "1800000" && row["with"] == "agent"));
    let up = rows.iter().filter(|row| row["phase"] == "live");
    assert!(up.clone().all(|row| row["to"] == "" && row["durationMs"] == ""));
    let cursor = rows[800]["cursor"].as_str().expect("a cursor");
    let rest = lines(&ask(&server, &format!("stretches?after={cursor}"), &[]));
    assert_eq!(ids(&rest), ids(&rows[801..]), "without a form they are lines");

    let acme = format!("Bearer {ACME_TOKEN}");
    for path in ["calls?format=jsonl", "stretches?format=jsonl"] {
        let own = lines(&ask(&server, path, &[("Authorization", &acme)]));
        assert!(own.len() > 150 && own.iter().all(|row| row["account"] == "acme"), "{path}");
        let all = lines(&ask(&server, &format!("{path}&account=acme"), &[]));
        assert_eq!(ids(&own), ids(&all), "{path}");
    }
    for path in ["calls?format=csv&account=zeta", "stretches?agent=booking"] {
        let answer = ask(&server, path, &[("Authorization", &acme)]);
        assert_eq!(answer.status, 404, "{path}: {}", answer.body);
    }
    let document = OpenApi::of(&server.url, env!("CARGO_PKG_VERSION"));
    for (path, query) in [
        ("calls", "?format=csv&limit=2"),
        ("calls", "?format=jsonl&limit=2"),
        ("calls", "?format=xml"),
        ("stretches", ""),
        ("stretches", "?format=csv"),
        ("stretches", "?after=x"),
        ("stretches", "?format=json"),
        ("stretches", "?account=TYPO"),
        ("history", "?format=csv"),
        ("history", "?format=jsonl"),
    ] {
        let answer = ask(&server, &format!("{path}{query}"), &[]);
        document.check("GET", &format!("/api/live-users/{path}"), &answer);
        assert_eq!(answer.header("vary"), "Accept", "{path}{query}");
        assert_eq!(answer.status == 400, query.contains("=x") || query.ends_with("=json"));
    }
    assert_eq!(
        send("GET", &format!("{}/api/live-users/stretches", server.url), &[], b"").status,
        401
    );
}

#[test]
fn points_and_steps_of_the_history_are_rows_with_the_last_one_as_cursor() {
    let (_folder, _agents, server) = many_calls();
    let json = ask(&server, "history?from=-3h&step=15m", &[]);
    let json: Value = serde_json::from_str(&json.body).expect("JSON");
    let points = json["points"].as_array().expect("points");
    let rows = csv(&ask(&server, "history?from=-3h&step=15m&format=csv", &[]));
    // The running one is no row yet, nor is one that is over since a moment.
    assert!([1, 2].contains(&(points.len() - rows.len())), "{rows:?}");
    for (row, point) in rows.iter().zip(points) {
        assert_eq!(row["at"], point["at"]);
        let text = |value: &Value| if value.is_null() { String::new() } else { value.to_string() };
        assert_eq!(row["max"], text(&point["max"]), "{row}");
        assert_eq!(row["onTheLine.mean"], text(&point["onTheLine"]["mean"]), "{row}");
    }
    let [before, last] = [2, 1].map(|n| rows[rows.len() - n]["at"].as_str().expect("a moment"));
    let newer = lines(&ask(
        &server,
        &format!("history?from=-3h&step=15m&format=jsonl&after={before}"),
        &[],
    ));
    assert_eq!(newer[0]["at"], last);
    let steps = lines(&ask(&server, "history?step=exact&format=jsonl", &[]));
    assert_eq!(steps.len(), 1, "nothing has changed since: {steps:?}");
    assert!(steps[0]["liveUsers"].as_u64().is_some_and(|users| users > 700), "{steps:?}");
    let wrong = ask(&server, "history?after=-1h", &[]);
    assert!(wrong.status == 400 && wrong.body.contains(r#""field":"after""#), "{}", wrong.body);
}

fn stretches(server: &Server, query: &str) -> Vec<Value> {
    lines(&ask(server, &format!("stretches{query}"), &[]))
}

#[test]
fn a_cursor_and_the_times_of_a_call_stay_when_it_ends_and_after_a_restart() {
    let folder = tempfile::tempdir().expect("a folder");
    let url = format!("file:{}", folder.path().display());
    let settings = [WITH_TOKEN, ("JOURNAL_URL", &*url)];
    let (server, twilio) = start(&settings);
    assert_eq!((twilio.start(1).status, twilio.start(2).status), (200, 200));
    let up = stretches(&server, "");
    let cursors = |rows: &[Value]| rows.iter().map(|it| it["cursor"].clone()).collect::<Vec<_>>();
    assert_eq!(up.len(), 2, "{up:?}");
    assert_eq!((twilio.end(1).status, twilio.end(2).status), (204, 204));
    let over = stretches(&server, "");
    assert_eq!(cursors(&over), cursors(&up), "a reader who goes on misses none");
    let moment = |it: &Value| it.as_str().and_then(|it| it.parse::<jiff::Timestamp>().ok());
    for (up, over) in up.iter().zip(&over) {
        assert_eq!((&over["phase"], &over["from"]), (&json!("completed"), &up["from"]));
        let (from, to) =
            (moment(&over["from"]).expect("a start"), moment(&over["to"]).expect("an end"));
        assert_eq!(over["durationMs"], to.as_millisecond() - from.as_millisecond());
    }
    let first = up[0]["cursor"].as_str().expect("a cursor");
    assert_eq!(stretches(&server, &format!("?after={first}")), over[1..]);
    drop(server);
    let (server, _) = start(&settings);
    assert_eq!(stretches(&server, ""), over, "also as the journal has it");
}

#[test]
fn rows_go_on_behind_any_of_those_of_a_call_that_has_moved_on() {
    let (begin, mut records) = (hour(1) - 60 * MINUTE, Vec::new());
    for n in 0..3_u64 {
        let call = CallId::parse(&format!("CA{n:032x}")).expect("a call id");
        for (minute, agent) in [(n, "booking"), (n + 10, "-sum"), (n + 20, "booking")] {
            let about = Evidence::about(call.clone(), Source::Voice, Said::InProgress);
            let (agent, agent_from) = (Agent::Id(agent.into()), AgentFrom::Url);
            let evidence = Evidence { agent, agent_from, ..about };
            let at = begin + minute * MINUTE;
            records.push((at, Record { at: Millis(at), change: Change::Evidence(evidence) }));
        }
    }
    let (_folder, _agents, server) = start_with(records);
    for query in ["?", "?agent=booking&", "?agent=-sum&"] {
        let rows = stretches(&server, query);
        let n = if query == "?" { 9 } else { 6 };
        assert_eq!(rows.len(), if query.contains("-sum") { 3 } else { n }, "{query}: {rows:?}");
        for (row, rest) in rows.iter().zip((1..).map(|n| &rows[n..])) {
            let cursor = row["cursor"].as_str().expect("a cursor");
            assert_eq!(stretches(&server, &format!("{query}after={cursor}")), rest, "{cursor}");
        }
    }
    let rows = stretches(&server, "");
    let cursor = rows[1]["cursor"].as_str().expect("a cursor");
    let of_before = format!("{}.{}", cursor.split_once('~').expect("a number").0, ids(&rows)[1]);
    assert_eq!(
        stretches(&server, &format!("?after={of_before}")),
        rows[3..],
        "of a version before"
    );
}

#[test]
fn rows_leave_out_a_call_that_is_over_before_its_turn() {
    // More than the sockets between the two hold.
    const ROWS: u32 = 30_000;
    let (_folder, _agents, server) = so_many_calls(ROWS);
    let mut reader = RawClient::connect(&server.url, [0, 1]);
    reader.send(&format!(
        "GET /api/live-users/calls?format=jsonl HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\
         Authorization: Bearer {API_TOKEN}\r\n\r\n"
    ));
    assert_eq!(reader.status(), Some(200));
    let [one, last] = [2, 1].map(|n| format!("CA{:032x}", ROWS - n));
    let authorization = format!("Bearer {API_TOKEN}");
    let evict = format!("{}/api/live-users/calls/{last}/evict", server.url);
    let evicted = send("POST", &evict, &[("Authorization", &authorization)], b"");
    assert_eq!(evicted.status, 200, "{}", evicted.body);
    let heard = reader.until_closed();
    assert!(heard.ends_with("\r\n0\r\n\r\n"), "whole");
    assert!(heard.contains(&one) && !heard.contains(&last));
}

#[test]
fn rows_that_are_under_way_end_with_the_link_that_they_are_read_by() {
    // More than the sockets between the two hold.
    const ROWS: u32 = 30_000;
    let (_folder, _agents, server) = so_many_calls(ROWS);
    for path in ["calls?format=jsonl", "stretches"] {
        let authorization = format!("Bearer {API_TOKEN}");
        let headers = [("Authorization", &*authorization), ("Content-Type", "application/json")];
        let links = format!("{}/api/live-users/links", server.url);
        let body = json!({ "name": "A link", "scope": { "all": true }, "expires": "1h" });
        let made = send("POST", &links, &headers, body.to_string().as_bytes());
        let made: Value = serde_json::from_str(&made.body).expect("JSON");
        let (id, token) = (&made["link"]["id"], &made["token"]);
        let text = |value: &Value| value.as_str().expect("a text").to_owned();

        let mut reader = RawClient::connect(&server.url, [0, 1]);
        reader.send(&format!(
            "GET /api/live-users/{path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\
             Authorization: Bearer {}\r\n\r\n",
            text(token)
        ));
        assert_eq!(reader.status(), Some(200), "{path}");
        let revoked = send("POST", &format!("{links}/{}/revoke", text(id)), &headers, b"null");
        assert_eq!(revoked.status, 200, "{}", revoked.body);
        let heard = reader.until_closed();
        assert!(heard.contains("callSid") && !heard.ends_with("\r\n0\r\n\r\n"), "{path}: whole");
    }
}
