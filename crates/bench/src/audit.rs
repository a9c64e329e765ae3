//! How long a recount of all known calls takes, beside a batch of events.

use std::hint::black_box;
use std::time::Instant;

use anyhow::{Result, anyhow};
use live_users_core::{Millis, Tracker};
use live_users_replica::BATCH_MAX;

use crate::report::{Median, Report, Row};
use crate::world::World;

const KNOWN_CALLS: [u64; 3] = [10_000, 50_000, 100_000];
/// One known call in so many is live. The others have ended, and are remembered for 25 h.
const LIVE_ONE_IN: u64 = 10;
const ROUNDS: usize = 9;

pub(crate) fn measure(report: &mut Report) -> Result<()> {
    eprintln!("recounts: {ROUNDS} rounds");
    let world = World::new();
    for known in KNOWN_CALLS {
        let mut tracker = Tracker::default();
        let mut now = Millis(0);
        for call in 0..known {
            now.0 += 1;
            tracker.apply(now, &world.start(call));
            if call % LIVE_ONE_IN != 0 {
                tracker.apply(now, &world.end(call));
            }
        }
        let (mut checks, mut copies, mut batches) = (Vec::new(), Vec::new(), Vec::new());
        for round in 0..ROUNDS {
            checks.push(ms(|| tracker.check().map_err(|why| anyhow!("{why}")))?);
            copies.push(ms(|| {
                drop(black_box(tracker.clone()));
                Ok(())
            })?);
            let confirms: Vec<_> = (0..BATCH_MAX)
                .map(|n| world.confirm((round * BATCH_MAX + n) as u64 * LIVE_ONE_IN % known))
                .collect();
            batches.push(ms(|| {
                for evidence in &confirms {
                    now.0 += 1;
                    black_box(tracker.apply(now, evidence));
                }
                Ok(())
            })?);
        }
        let beside = format!("`apply`, {BATCH_MAX} confirmations: {} ms", of(&batches, 2));
        let figure = format!("{} ms", of(&checks, 1));
        let row = Row::new(format!("`check`, {known} known calls, 10 % of them live"), figure);
        report.add(row.beside(&beside, Median::ratio(&checks, &batches)));
        let row = Row::new("a copy of them", format!("{} ms", of(&copies, 1)));
        report.add(row.beside(&beside, Median::ratio(&copies, &batches)));
    }
    Ok(())
}

fn of(rounds: &[f64], digits: usize) -> String {
    Median::of(rounds.iter().copied()).with_digits(digits)
}

/// How long it takes, in milliseconds.
fn ms(what: impl FnOnce() -> Result<()>) -> Result<f64> {
    let start = Instant::now();
    what()?;
    Ok(start.elapsed().as_secs_f64() * 1_000.0)
}
