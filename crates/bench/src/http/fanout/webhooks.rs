//! The answer to a webhook while many readers of the same backend are told of the one before.

use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::Result;

use super::super::backend::{Backend, TOKEN};
use super::super::builds::Build;
use super::super::times::Times;
use super::prepared::Prepared;
use super::readers::{Readers, Transport};
use super::{Calls, PAUSE_MS, SETTINGS, STREAM};
use crate::report::{Goal, Median, Report, Row};

/// The readers of one of two backends.
const READERS: usize = 10_000;

/// How many answers are timed at each backend.
const WEBHOOKS: usize = 300;

/// From a webhook to the next, which is timed, in milliseconds: the readers are being told.
const BETWEEN_MS: u64 = 10;

/// The p99 with readers should be at most so many times that without.
const RATIO_MAX: f64 = 2.0;

pub(super) fn measure(report: &mut Report, build: &Build) -> Result<()> {
    let start = || -> Result<(Backend, Calls)> {
        let settings = [("TWILIO_AUTH_TOKEN", TOKEN), ("PUBLIC_URL", "")];
        let backend = build.backend.start(&[&settings[..], &SETTINGS[..]].concat())?;
        let calls = Calls::new(&backend);
        Ok((backend, calls))
    };
    let ((crowded, crowded_calls), (_quiet, quiet_calls)) = (start()?, start()?);
    let readers = Readers::open(&crowded.url, STREAM, Transport::Sse, READERS)?;
    let (mut with, mut without) = (Vec::new(), Vec::new());
    for _ in 0..WEBHOOKS {
        let calls = two(&crowded_calls)?;
        readers.await_count(crowded_calls.begun(), || time(&calls, &mut with))?;
        sleep(Duration::from_millis(PAUSE_MS));
        time(&two(&quiet_calls)?, &mut without)?;
        sleep(Duration::from_millis(PAUSE_MS));
    }
    let (with, without) = (Times::of(with), Times::of(without));
    let ratio = Median::of([with.p99_ms / without.p99_ms]);
    let what = "answer to a webhook while";
    let suffix = &build.suffix;
    let what = format!("{what} {READERS} readers of the backend are told of another{suffix}");
    let row = Row::new(what, with.figure());
    let row = row.beside(format!("without readers: {}", without.figure()), ratio);
    let is_ours = build.is_ours();
    report.add(if is_ours { row.goal(Goal::AtMost(RATIO_MAX), ratio.middle) } else { row });
    Ok(())
}

/// Two calls.
fn two(calls: &Calls) -> Result<[Prepared; 2]> {
    Ok([calls.next()?, calls.next()?])
}

/// Two calls begin, and the answer to the second is timed.
fn time([first, second]: &[Prepared; 2], ms: &mut Vec<f64>) -> Result<()> {
    first.send()?;
    sleep(Duration::from_millis(BETWEEN_MS));
    let begin = Instant::now();
    second.send()?;
    ms.push(begin.elapsed().as_secs_f64() * 1_000.0);
    Ok(())
}
