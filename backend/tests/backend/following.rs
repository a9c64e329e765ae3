//! Who follows the history row by row, each time behind the last row, gets every change, and once.

use std::time::{Duration, Instant};

use jiff::Timestamp;
use live_users_testkit::Server;
use serde_json::{Value, json};

use crate::history::{ask, hour, journal, moment, problem, read};
use crate::honest::WITH_TOKEN;
use crate::{AGENTS, agents_file, start};

const MINUTE: u64 = 60_000;
const DAY: u64 = 24 * 60 * MINUTE;

fn rows(server: &Server, query: &str) -> Vec<Value> {
    let answer = ask(server, &format!("history?format=jsonl&{query}"));
    assert_eq!(answer.status, 200, "{query}: {}", answer.body);
    answer.body.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

fn at(row: &Value) -> &str {
    row["at"].as_str().expect("a moment")
}

fn ms(text: &str) -> u64 {
    let at = text.parse::<Timestamp>().expect("a moment").as_millisecond();
    u64::try_from(at).expect("after 1970")
}

#[test]
fn a_change_within_half_a_second_reaches_who_has_followed_until_then() {
    let (_agents, file) = agents_file(AGENTS);
    let (server, twilio) = start(&[WITH_TOKEN, ("AGENTS_FILE", &file)]);
    let deadline = Instant::now() + Duration::from_secs(30);
    let mut told: Vec<Value> = Vec::new();
    let mut follow = |until: u64| {
        while told.last().is_none_or(|row| row["liveUsers"] != until) {
            assert!(Instant::now() < deadline, "{until} is never told: {told:?}");
            let after = told.last().map(|row| format!("&after={}", at(row))).unwrap_or_default();
            told.extend(rows(&server, &format!("step=exact{after}")));
        }
        told.clone()
    };
    let call = |n: u8| assert_eq!(twilio.start(n).status, 200);
    call(1);
    // The row of the first is asked for at once, and all the time in which the others change it.
    rows(&server, "step=exact");
    for n in 2..=4 {
        call(n);
        rows(&server, "step=exact");
    }
    let told = follow(4);
    call(5);
    call(6);
    let further = follow(6);
    assert_eq!(further[..told.len()], told);
    assert!(further.is_sorted_by(|one, other| at(one) < at(other)), "each once: {further:?}");
    let whole = read(&server, "step=exact");
    assert_eq!(whole["steps"], json!(further), "as they stay");
}

#[test]
fn what_may_change_yet_is_in_json_alone_which_says_where_to_go_on() {
    let (_folder, url) = journal(&[(hour(2), 1, "booking", true)]);
    let (_agents, file) = agents_file(AGENTS);
    let (server, _) = start(&[WITH_TOKEN, ("JOURNAL_URL", &url), ("AGENTS_FILE", &file)]);
    for step in [MINUTE, 15 * MINUTE, DAY] {
        let query = format!("from=-3d&step={}m", step / MINUTE);
        let query = query.replace("-3d", if step == DAY { "-3d" } else { "-3h" });
        let json = read(&server, &query);
        let (points, as_of) =
            (json["points"].as_array().expect("points"), ms(json["asOf"].as_str().unwrap()));
        let open = points.iter().position(|it| ms(at(it)) + step > as_of).expect("the running one");
        assert_eq!(open, points.len() - 1, "JSON has it");
        let cursor = json["cursor"].as_str().expect("a cursor");
        // What was open when JSON was told may be over by now, but not the other way round.
        let over = rows(&server, &query);
        let has = |row: &Value| at(row) <= cursor || ms(at(row)) + step > as_of - 3_000;
        assert!(over.len() >= points.len() - 2 && over.iter().all(has), "{over:?}");
        assert_eq!(over[..points.len() - 2], points[..points.len() - 2]);
        assert!(ms(cursor) + step <= as_of, "{cursor} is over at {as_of}");
        for row in rows(&server, &format!("{query}&after={cursor}")) {
            let now = ms(read(&server, &query)["asOf"].as_str().unwrap());
            assert!(ms(at(&row)) >= ms(cursor) + step && ms(at(&row)) + step <= now, "{row}");
        }
    }
}

#[test]
fn nothing_is_told_behind_the_last_change_and_an_answer_with_a_hole_is_refused() {
    let long_ago = hour(0) - 3 * 60 * MINUTE;
    let (_folder, url) = journal(&[
        (long_ago, 1, "booking", true),
        (long_ago + MINUTE, 2, "booking", true),
        (long_ago + 2 * MINUTE, 2, "booking", false),
    ]);
    let (_agents, file) = agents_file(AGENTS);
    let (server, twilio) = start(&[WITH_TOKEN, ("JOURNAL_URL", &url), ("AGENTS_FILE", &file)]);
    let last = moment(long_ago + 2 * MINUTE);
    for query in ["", "&from=-15m", "&agent=booking"] {
        let query = format!("step=exact{query}&after={last}");
        assert_eq!(rows(&server, &query), Vec::<Value>::new(), "{query}");
        let told = read(&server, &query);
        assert_eq!((&told["steps"], &told["cursor"]), (&json!([]), &json!(last)), "{query}");
    }
    let within = moment(ms(read(&server, "step=exact")["asOf"].as_str().unwrap()) - 5 * MINUTE);
    assert_eq!(rows(&server, &format!("step=exact&after={within}")), Vec::<Value>::new());
    // With the next change, what is older than the last minutes is forgotten.
    assert_eq!(twilio.start(3).status, 200);
    let before = moment(long_ago + MINUTE);
    let future = moment(hour(0) + DAY);
    let yesterday = moment(hour(0) - DAY - 60 * MINUTE);
    for query in [
        format!("step=exact&after={before}"),
        format!("step=exact&from=-15m&after={before}"),
        format!("step=exact&after={future}"),
        format!("after={yesterday}"),
    ] {
        let (status, field, expected) = problem(&server, &format!("history?{query}"));
        assert_eq!((status, &*field), (400, "after"), "{query}: {expected}");
    }
    let points = rows(&server, &format!("step=1m&after={yesterday}"));
    assert_eq!(at(&points[0]), moment(ms(&yesterday) + MINUTE), "without a hole");
}
