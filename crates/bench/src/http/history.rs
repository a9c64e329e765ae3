//! How long the history takes to answer for a year of a thousand busy agents, and what such a year
//! takes in memory and in a snapshot.

use std::hint::black_box;
use std::time::Instant;

use anyhow::{Result, ensure};
use live_users_core::{Agent, CallId, EndReason, Evidence, Millis, Said, Source};
use live_users_state::record::{Change, Record};
use live_users_state::{State, snapshot};
use live_users_testkit::send;

use super::backend::{Backend, Binary, TOKEN};
use super::restart::now_ms;
use super::times::Times;
use crate::counting::bytes_in_use;
use crate::report::{Goal, Median, Report, Row};
use crate::world::mixed;

const AGENTS: u64 = 1_000;
const API_TOKEN: &str = "benchmark-api-token-0123456789";

const MINUTE: u64 = 60_000;
const QUARTER: u64 = 15 * MINUTE;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// How often each agent gets a call: so that something changes in every bucket that is kept.
const BUSY: [(u64, u64); 3] = [(335 * DAY, HOUR), (28 * DAY, QUARTER), (2 * DAY, MINUTE)];

/// Activities of one page of the feed.
const FEED_PAGE: usize = 100;

/// Requests of each kind.
const REQUESTS: u64 = 1_000;

const P99_MS_MAX: f64 = 20.0;
const MEMORY_MB_MAX: f64 = 100.0;

const ASKED: [(&str, &str); 7] = [
    ("`/activity`, a page of the feed, 100 activities", "activity?limit=100"),
    ("`/history`, an hour by minutes", "history?from=-1h&step=1m&agent="),
    ("`/history`, a day by quarters", "history?from=-24h&step=15m&agent="),
    ("`/history`, 30 days by hours", "history?from=-30d&step=1h&agent="),
    ("`/history`, a year", "history?from=-365d&agent="),
    ("`/history`, 2000 points", "history?from=-83d&step=1h&agent="),
    ("`/history.svg`, a year", "history.svg?from=-365d&agent="),
];

pub(super) fn measure(report: &mut Report, binary: &Binary) -> Result<()> {
    eprintln!("http: history, a year of {AGENTS} busy agents; this takes a minute or two");
    let begin = Instant::now();
    let (state, records) = a_year(now_ms()?);
    let us = begin.elapsed().as_micros() as f64 / records as f64;
    report.add(Row::new(
        format!("`State::apply`, {AGENTS} busy agents, {records} records"),
        format!("{us:.2} µs each"),
    ));
    let begin = Instant::now();
    let parts = snapshot::encode(&state);
    let encoded_s = begin.elapsed().as_secs_f64();
    drop(state);
    let heap = bytes_in_use();
    let begin = Instant::now();
    let state = snapshot::decode(parts.clone())?;
    let decoded_s = begin.elapsed().as_secs_f64();
    let heap_mb = (bytes_in_use() - heap) as f64 / 1e6;
    let row = Row::new("memory of a year", format!("{heap_mb:.0} MB of heap"));
    report.add(row.goal(Goal::AtMost(MEMORY_MB_MAX), heap_mb));
    let size = parts.iter().map(|part| part.bytes.len()).sum::<usize>() as f64 / 1e6;
    let figure = format!("{size:.0} MB, {encoded_s:.2} s to write, {decoded_s:.2} s to read");
    report.add(Row::new("the snapshot with it", figure));

    let feed_ms = (0..REQUESTS).map(|_| {
        let begin = Instant::now();
        black_box(state.activity_log().after(None, FEED_PAGE));
        begin.elapsed().as_secs_f64() * 1000.0
    });
    let feed = Times::of(feed_ms.collect());
    let what = format!("a page of the feed, {FEED_PAGE} activities, without its way by HTTP");
    report.add(Row::new(what, feed.figure()).goal(Goal::AtMost(P99_MS_MAX), feed.p99_ms));

    let folder = tempfile::tempdir_in(".")?;
    let url = format!("file:{}", folder.path().display());
    let mut journal = live_users_journal::open(&url)?;
    journal.append(&[record(Millis(now_ms()?), 0, &id(0), true).encode()])?;
    journal.snapshots()?.save_parts(journal.position(), &mut parts.into_iter())?;
    drop((journal, black_box(state)));
    let env = [
        ("TWILIO_AUTH_TOKEN", TOKEN),
        ("API_TOKEN", API_TOKEN),
        ("JOURNAL_URL", &*url),
        ("RUST_LOG", "warn"),
    ];
    let begin = Instant::now();
    let backend = binary.start(&env)?;
    let ready_s = begin.elapsed().as_secs_f64();
    let resident = backend.resident_bytes()? / 1_000_000;
    let figure = format!("{ready_s:.2} s, then {resident} MB resident");
    report.add(Row::new("restart with it", figure));
    ensure_full_page(&backend)?;
    for (what, path) in ASKED {
        let (mut took_ms, mut count_ms) = (Vec::new(), Vec::new());
        for n in 0..REQUESTS {
            let agent = if path.ends_with('=') { id(mixed(n) % AGENTS) } else { String::new() };
            took_ms.push(ask(&backend, &format!("/{path}{agent}"))?);
            count_ms.push(ask(&backend, "")?);
        }
        let (took, count) = (Times::of(took_ms), Times::of(count_ms));
        let ratio = Median::of([took.p99_ms / count.p99_ms]);
        let row = Row::new(what, took.figure());
        let row = row.beside(format!("`GET /api/live-users`: {}", count.figure()), ratio);
        report.add(row.goal(Goal::AtMost(P99_MS_MAX), took.p99_ms));
    }
    Ok(())
}

/// The feed has come through the restart, or its figures are those of an empty page.
fn ensure_full_page(backend: &Backend) -> Result<()> {
    let page = answer(backend, &format!("/activity?limit={FEED_PAGE}"))?;
    let activities = page.matches("\"callSid\"").count();
    ensure!(activities == FEED_PAGE, "{activities} activities: {page}");
    Ok(())
}

/// Milliseconds until the whole answer is there, over a connection of its own.
fn ask(backend: &Backend, path: &str) -> Result<f64> {
    let begin = Instant::now();
    answer(backend, path)?;
    Ok(begin.elapsed().as_secs_f64() * 1000.0)
}

fn answer(backend: &Backend, path: &str) -> Result<String> {
    let url = format!("{}/api/live-users{path}", backend.url);
    let authorization = format!("Bearer {API_TOKEN}");
    let answer = send("GET", &url, &[("Authorization", &authorization)], b"");
    ensure!(answer.status == 200, "{url}: {}", answer.body);
    Ok(answer.body)
}

/// What is known after a year, and how many records that takes.
fn a_year(now: u64) -> (State, u64) {
    let mut state = State::default();
    let mut records = 0;
    let mut apply = |state: &mut State, record: &Record| {
        state.apply(record);
        records += 1;
    };
    let agents: Vec<_> = (0..AGENTS).map(id).collect();
    let mut call = 0;
    let mut from = now - BUSY.iter().map(|(span, _)| span).sum::<u64>();
    for (span, every) in BUSY {
        for begin in (from..from + span).step_by(usize::try_from(every).unwrap_or(usize::MAX)) {
            for half in 0..2 {
                for (n, agent) in (0..).zip(&agents) {
                    // One call or two at once, so that min, max and mean are apart.
                    let calls = 1 + mixed(begin ^ n) % 2;
                    let at = Millis(begin + (half * AGENTS + n) * every / (AGENTS * 2));
                    for more in 0..calls {
                        apply(&mut state, &record(at, call + n * 2 + more, agent, half == 0));
                    }
                }
            }
            call += AGENTS * 2;
            let change = Change::Forget { ended_before: Millis(begin) };
            apply(&mut state, &Record { at: Millis(begin + every), change });
        }
        from += span;
    }
    (state, records)
}

fn record(at: Millis, call: u64, agent: &str, is_live: bool) -> Record {
    let (source, said) = match is_live {
        true => (Source::Voice, Said::Dialing),
        false => (Source::StatusCallback, Said::Over(EndReason::Completed)),
    };
    let call = CallId::parse(&format!("CA{call:032x}")).expect("a call id");
    let agent = Agent::Id(agent.into());
    let evidence = Evidence { agent, ..Evidence::about(call, source, said) };
    Record { at, change: Change::Evidence(evidence) }
}

fn id(n: u64) -> String {
    format!("agent-{n:04}")
}
