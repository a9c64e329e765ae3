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

/// An answer as CSV, which is short, and as text: there are megabytes, which take a build for tests some
/// ten seconds to take apart.
#[derive(Debug, PartialEq)]
struct Rows {
    names: Vec<String>,
    lines: Vec<String>,
}

impl Rows {
    fn of(server: &Server, query: &str, headers: &[(&str, &str)]) -> Self {
        let answer = ask(server, &format!("stretches?format=csv{query}"), headers);
        assert_eq!(answer.status, 200, "{}", answer.body);
        assert!(!answer.body.contains('"'), "each comma is between two cells");
        let mut lines = answer.body.split_terminator("\r\n");
        let names = lines.next().expect("a header row").split(',').map(str::to_owned).collect();
        Self { names, lines: lines.map(str::to_owned).collect() }
    }

    fn column(&self, name: &str) -> impl Iterator<Item = &str> {
        let place = self.names.iter().position(|it| it == name).expect("a column");
        self.lines.iter().map(move |line| line.split(',').nth(place).expect("a cell"))
    }

    fn cell(&self, row: usize, name: &str) -> &str {
        self.column(name).nth(row).expect("a row")
    }

    /// Which calls there are.
    fn calls(&self) -> impl Iterator<Item = u64> {
        let n_of = |id: &str| u64::from_str_radix(&id[2..], 16).expect("a number");
        self.column("callSid").map(n_of)
    }

    /// The calls with this in a column.
    fn calls_with(&self, name: &str, cell: &str) -> impl Iterator<Item = u64> {
        let rows = self.calls().zip(self.column(name));
        rows.filter(move |(_, own)| *own == cell).map(|(n, _)| n)
    }
}

#[test]
fn calls_that_are_long_over_are_rows_as_the_journal_tells_of_them() {
    let (_folder, _agents, server) = start_with(records());
    let all = Rows::of(&server, "", &[]);
    let expected = (0..CALLS).filter(|n| *n != LEG);
    assert!(all.calls().eq(expected), "each once, and in their order");
    for row in [0, 1, 100, 50_000] {
        let long = if row as u64 == LONG { 15 } else { 10 };
        assert_eq!(all.cell(row, "durationMs"), (long * MINUTE).to_string(), "{row}");
        assert_eq!((all.cell(row, "phase"), all.cell(row, "with")), ("completed", "agent"));
    }
    assert!(all.calls_with("to", "").eq([UP]));

    let behind = |row| {
        let of_row = format!("&after={}", all.cell(row, "cursor"));
        Rows::of(&server, &of_row, &[]).lines
    };
    assert!(behind(100) == all.lines[101..]);
    let last = all.lines.len() - 1;
    assert_eq!(behind(last - 1), all.lines[last..]);
    let acme = format!("Bearer {ACME_TOKEN}");
    let own = Rows::of(&server, "", &[("Authorization", &acme)]);
    assert!(own.calls().eq(all.calls_with("account", "acme")), "a token sees its own");
    assert_eq!(own.calls().nth(1), Some(4));
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
    let kept = Rows::of(&server, &behind(401), &[]);
    assert!(kept.calls().eq(402..CALLS), "what it keeps is whole");
    let kept = Rows::of(&server, "", &[]);
    assert!(kept.calls().eq(400..CALLS), "as far as it reaches");
}
