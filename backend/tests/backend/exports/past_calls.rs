//! Rows of calls that are long over: the backend knows their fingerprints alone, and the journal the rest.

use live_users_state::{State, snapshot};

use super::*;

/// More than stay known whole.
const CALLS: u64 = 50_700;
/// Some of those that began after it are over before it, and one of them is its leg.
const LONG: u64 = 0;
const LEG: u64 = 7;
/// It is up, and began so late that it is not given up.
const UP: u64 = CALLS - 1;

fn begin() -> u64 {
    hour(15)
}

fn begins_at(n: u64) -> u64 {
    begin() + n * 1_000
}

fn id(n: u64) -> CallId {
    CallId::parse(&format!("CA{n:032x}")).expect("a call id")
}

/// Calls of ten minutes. Each second one begins, the first ones hours ago.
fn records() -> Vec<(u64, Record)> {
    let mut records = Vec::new();
    for n in 0..CALLS {
        let mut about = |at: u64, source, said| {
            let mut evidence = Evidence::about(id(n), source, said);
            let agent = if n.is_multiple_of(4) { "-sum" } else { "booking" };
            evidence.agent = Agent::Id(agent.into());
            evidence.account = Some(if n.is_multiple_of(4) { "acme" } else { "zeta" }.into());
            evidence.direction = (n == LEG).then_some(Direction::Dial);
            evidence.parent = (n == LEG).then(|| id(LONG));
            records.push((at, Record { at: Millis(at), change: Change::Evidence(evidence) }));
        };
        about(begins_at(n), Source::Voice, Said::InProgress);
        let length = if n == LONG { 15 * MINUTE } else { 10 * MINUTE };
        if n != UP {
            let over = Said::Over(EndReason::Completed);
            about(begins_at(n) + length, Source::StatusCallback, over);
        }
    }
    records.sort_by_key(|(at, _)| *at);
    records
}

/// The rows as CSV, which is short. An answer may take some megabytes.
fn rows(server: &Server, query: &str) -> Vec<Value> {
    csv(&ask(server, &format!("stretches?format=csv{query}"), &[]))
}

fn n_of(row: &Value) -> u64 {
    let id = row["callSid"].as_str().expect("an id");
    u64::from_str_radix(&id[2..], 16).expect("a number")
}

#[test]
fn calls_that_are_long_over_are_rows_as_the_journal_tells_of_them() {
    let (_folder, _agents, server) = start_with(records());
    let all = rows(&server, "");
    let expected: Vec<_> = (0..CALLS).filter(|n| *n != LEG).collect();
    assert!(all.iter().map(n_of).eq(expected.iter().copied()), "each once, and in their order");
    for row in [&all[0], &all[1], &all[100], &all[50_000]] {
        let long = if n_of(row) == LONG { 15 } else { 10 };
        assert_eq!(row["durationMs"], (long * MINUTE).to_string(), "{row}");
        assert_eq!((&row["phase"], &row["with"]), (&json!("completed"), &json!("agent")));
    }
    assert_eq!(all.iter().filter(|row| row["to"] == "").map(n_of).collect::<Vec<_>>(), [UP]);

    let behind = |row: &Value| format!("&after={}", row["cursor"].as_str().expect("a cursor"));
    assert_eq!(rows(&server, &behind(&all[100])), all[101..]);
    assert_eq!(rows(&server, &behind(&all[all.len() - 2])), all[all.len() - 1..]);
    let acme = format!("Bearer {ACME_TOKEN}");
    let own = csv(&ask(&server, "stretches?format=csv", &[("Authorization", &acme)]));
    let of_acme = all.iter().filter(|row| row["account"] == "acme").map(n_of);
    assert!(own.iter().map(n_of).eq(of_acme), "a token sees its own");
    assert_eq!(n_of(&own[1]), 4);
}

#[test]
fn what_the_journal_does_not_keep_any_more_is_told_to_who_goes_on_from_there() {
    let folder = tempfile::tempdir().expect("a folder");
    let url = format!("file:{}", folder.path().display());
    let mut journal = live_users_journal::open(&url).expect("a journal");
    let (mut state, records) = (State::default(), records());
    for batch in records.chunks(2_000) {
        let encoded: Vec<_> = batch.iter().map(|(_, record)| record.encode()).collect();
        journal.append(&encoded).expect("appended");
        for (_, record) in batch {
            state.apply(record);
        }
    }
    let at = journal.position();
    let mut snapshots = journal.snapshots().expect("snapshots");
    snapshots.save_parts(at, &mut snapshot::parts(&state)).expect("saved");
    drop(snapshots);
    let kept_from = 400 * 1_000 + begin();
    let first = records.partition_point(|(at, _)| *at < kept_from) as u64 + 1;
    while journal.first_seq() < first {
        journal.trim(first).expect("trimmed");
    }
    drop(journal);
    let (server, _) = start(&[WITH_TOKEN, ("JOURNAL_URL", &url)]);
    let behind = |n: u64| format!("&after={}~1.{}", begins_at(n), id(n));
    let answer = ask(&server, &format!("stretches?format=csv{}", behind(399)), &[]);
    assert_eq!(answer.status, 400, "{}", answer.body);
    assert!(answer.body.contains(r#""field":"after""#), "{}", answer.body);
    let kept = rows(&server, &behind(401));
    assert!(kept.iter().map(n_of).eq(402..CALLS), "what it keeps is whole");
    let kept = rows(&server, "");
    assert!(kept.iter().map(n_of).eq(400..CALLS), "as far as it reaches");
}
