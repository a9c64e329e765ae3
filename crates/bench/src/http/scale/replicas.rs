//! What replicas of a backend see of each other, and how soon another one is ready.

use std::cell::Cell;
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use live_users_testkit::{Twilio, get};

use super::engine::Engine;
use super::{PATIENCE_S, ROUNDS};
use crate::http::backend::{Backend, Binary, TOKEN};
use crate::http::fanout::STREAM;
use crate::http::fanout::readers::{Readers, Transport};
use crate::http::restart::LIVE_100K;
use crate::http::times::Times;
use crate::http::voice::PATH;
use crate::report::{Goal, Median, Report, Row};
use crate::world::sid;

/// Calls that are seen at either backend.
const CALLS: u64 = 300;

/// From one call to the next, in milliseconds. Frames are joined when they come faster than 20 a
/// second, which would be measured instead.
const PAUSE_MS: u64 = 70;

const START_S_MAX: f64 = 2.0;

/// From the acknowledgement at one backend until the stream of another one shows the number, in
/// turns with the stream of the one that has acknowledged.
pub(super) fn lag(report: &mut Report, binary: &Binary, engine: &Engine) -> Result<()> {
    let url = engine.nats.journal_url("lag");
    let env = [("TWILIO_AUTH_TOKEN", TOKEN), ("PUBLIC_URL", ""), ("JOURNAL_URL", &*url)];
    let [here, there] = [binary.start(&env)?, binary.start(&env)?];
    let twilio = Twilio::new(&here.url, TOKEN);
    let open = |it: &Backend| Readers::open(&it.url, STREAM, Transport::Sse, 1);
    let streams = [open(&here)?, open(&there)?];
    let (mut after_request, mut after_answer) = <([Vec<f64>; 2], [Vec<f64>; 2])>::default();
    for call in 0..CALLS * 2 {
        let which = usize::from(call % 2 == 1);
        let answered = Cell::new(0.0);
        let arrivals = streams[which].await_count(call + 1, || {
            let begin = Instant::now();
            start_call(&twilio, call)?;
            answered.set(begin.elapsed().as_secs_f64() * 1e3);
            Ok(())
        })?;
        let ms = arrivals.ms[0];
        after_request[which].push(ms);
        // It may be there before the answer is.
        after_answer[which].push((ms - answered.get()).max(0.0));
        sleep(Duration::from_millis(PAUSE_MS));
    }
    let [here, there] = after_request.map(Times::of);
    let [_, lag] = after_answer.map(Times::of);
    let what = format!(
        "from the answer of backend A until the stream of backend B has the number, {}",
        engine.name
    );
    let figure = format!("{}, max {:.2} ms", lag.figure(), lag.max_ms);
    let beside =
        format!("from the request: {} at B, and {} at A itself", there.figure(), here.figure());
    let ratio = Median::of([there.p50_ms / here.p50_ms]);
    report.add(Row::new(what, figure).beside(beside, ratio));
    Ok(())
}

fn start_call(twilio: &Twilio, call: u64) -> Result<()> {
    let (sid, from) = (sid(call), format!("+1415{call:07}"));
    let fields = [
        ("CallSid", sid.as_str()),
        ("CallStatus", "ringing"),
        ("Direction", "inbound"),
        ("From", &from),
        ("FromCountry", "US"),
        ("To", "+15005550006"),
    ];
    let answer = twilio.post(PATH, &fields);
    ensure!(answer.status == 200, "{}", answer.body);
    Ok(())
}

/// How soon another replica is ready that has to take over 100 k live calls.
pub(super) fn start(report: &mut Report, binary: &Binary, engine: &Engine) -> Result<()> {
    let url = engine.nats.journal_url("start");
    let users = LIVE_100K.write(&url)?;
    let env = [("TWILIO_AUTH_TOKEN", TOKEN), ("JOURNAL_URL", &*url), ("RUST_LOG", "warn")];
    let (mut took, mut bare, mut bytes) = (Vec::new(), Vec::new(), 0);
    for _ in 0..ROUNDS {
        let mut snapshots = live_users_journal::open(&url)?.snapshots()?;
        let begin = Instant::now();
        bytes = snapshots.load()?.map_or(0, |(_, bytes)| bytes.len());
        bare.push(begin.elapsed().as_secs_f64());
        ensure!(bytes > 0, "there is no snapshot");
        let begin = Instant::now();
        let backend = binary.start(&env)?;
        let ready = format!("{}/readyz", backend.url);
        while get(&ready).status != 200 {
            ensure!(begin.elapsed().as_secs() < PATIENCE_S, "it does not become ready");
            sleep(Duration::from_millis(5));
        }
        took.push(begin.elapsed().as_secs_f64());
        let live = backend.live_users()?;
        ensure!(live == users as u64, "{live}, not {users}");
    }
    let ratio = Median::ratio(&took, &bare);
    let (took, bare) = (Median::of(took), Median::of(bare).with_digits(3));
    let mb = bytes as f64 / 1e6;
    let what = format!("a new replica is ready, a snapshot of 100 k live calls, {}", engine.name);
    let row = Row::new(what, format!("{} s", took.with_digits(2)))
        .beside(format!("fetching the snapshot of {mb:.1} MB: {bare} s"), ratio);
    report.add(row.goal(Goal::AtMost(START_S_MAX), took.middle));
    Ok(())
}
