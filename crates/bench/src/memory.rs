//! How much memory a call takes in the tracker.

use std::hint::black_box;
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use live_users_core::{HOUR_MS, Millis, Tracker};

use crate::counting::bytes_in_use;
use crate::report::{Goal, Report, Row};
use crate::world::World;

/// Asks this program, started anew, for one figure: what earlier measurements left behind in the
/// heap would spoil the memory of the process.
pub(crate) const ARGUMENT: &str = "memory-of";

/// This process, below `/proc`.
const SELF: &str = "self";

const LIVE: &str = "live";
/// Over for so short a time that it is known whole.
const ENDED: &str = "ended";
/// Over for long: its fingerprint is remembered.
const LONG_OVER: &str = "long-over";

const BYTES_PER_LIVE_CALL_MAX: f64 = 160.0;
const BYTES_PER_REMEMBERED_CALL_MAX: f64 = 20.0;

/// Over so many hours calls end evenly, before those are counted that are long over: from then on as
/// many become so as end.
const STEADY_AFTER_HOURS: u64 = 3;
/// An ended call is remembered for so long.
const REMEMBERED_HOURS: u64 = 25;

/// The size of a page, as `/proc/self/statm` counts in pages.
const PAGE_BYTES: usize = 4096;

pub(crate) fn measure(report: &mut Report) -> Result<()> {
    eprintln!("memory");
    let kinds = [
        (LIVE, 100_000),
        (LIVE, 1_000_000),
        (ENDED, 1_000_000),
        (LONG_OVER, 1_000_000),
        (LONG_OVER, 5_000_000),
    ];
    for (kind, calls) in kinds {
        let (heap, resident) = ask(kind, calls)?;
        let what = match kind {
            LIVE => format!("bytes per live call at {calls} live calls"),
            ENDED => format!("bytes per ended call that is known whole, at {calls} of them"),
            _ => format!("bytes per ended call that is remembered, at {calls} in 25 hours"),
        };
        let row = Row::new(what, format!("{heap:.0} of heap, {resident:.0} resident"));
        report.add(match (kind, calls) {
            (LIVE, 1_000_000) => row.goal(Goal::AtMost(BYTES_PER_LIVE_CALL_MAX), heap),
            (LONG_OVER, _) => row.goal(Goal::AtMost(BYTES_PER_REMEMBERED_CALL_MAX), heap),
            _ => row,
        });
    }
    Ok(())
}

/// Bytes per call: of the heap, and of the process.
fn ask(kind: &str, calls: u32) -> Result<(f64, f64)> {
    let this = std::env::current_exe()?;
    let output = Command::new(this).args([ARGUMENT, kind, &calls.to_string()]).output()?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout)?;
    let (heap, resident) = text.trim().split_once(' ').context("expected two figures")?;
    let per_call = |text: &str| Ok::<_, anyhow::Error>(text.parse::<f64>()? / f64::from(calls));
    Ok((per_call(heap)?, per_call(resident)?))
}

/// Builds a tracker with so many calls in it, and prints the bytes that it takes: of the heap, and
/// of the process.
pub(crate) fn answer(kind: &str, calls: &str) -> Result<()> {
    let world = World::new();
    if kind == LONG_OVER {
        return long_over(&world, calls.parse()?);
    }
    let (heap, resident) = (bytes_in_use(), resident_bytes(SELF)?);
    let mut tracker = Tracker::default();
    for call in 0..calls.parse()? {
        let evidence = match kind {
            LIVE => world.start(call),
            ENDED => world.end(call),
            _ => bail!("{ARGUMENT}: expected {LIVE}, {ENDED} or {LONG_OVER}"),
        };
        tracker.apply(Millis(call), &evidence);
    }
    ensure!(tracker.known().to_string() == calls, "{} calls are known", tracker.known());
    println!("{} {}", bytes_in_use() - heap, resident_bytes(SELF)?.saturating_sub(resident));
    black_box(tracker);
    Ok(())
}

/// Lets so many calls end in as many hours as they are remembered, and prints the bytes that as many
/// more take than ended at first. So those that are known whole do not count: they stay as many.
fn long_over(world: &World, calls: u64) -> Result<()> {
    let mut tracker = Tracker::default();
    let mut before = None;
    for call in 0..calls {
        let hours = call * REMEMBERED_HOURS / calls;
        if hours >= STEADY_AFTER_HOURS && before.is_none() {
            let known = tracker.remembered().count();
            before = Some((known, bytes_in_use(), resident_bytes(SELF)?));
        }
        let at = call * REMEMBERED_HOURS * HOUR_MS / calls;
        tracker.apply(Millis(at), &world.end(call));
    }
    let (known, heap, resident) = before.context("some hours")?;
    let more = (tracker.remembered().count() - known) as f64 / calls as f64;
    let per_call = |bytes: usize| bytes as f64 / more;
    let resident = resident_bytes(SELF)?.saturating_sub(resident);
    println!("{:.0} {:.0}", per_call(bytes_in_use() - heap), per_call(resident));
    black_box(tracker);
    Ok(())
}

/// The memory that a process has, in bytes.
pub(crate) fn resident_bytes(pid: &str) -> Result<usize> {
    let statm = format!("/proc/{pid}/statm");
    let statm = std::fs::read_to_string(statm).context("only Linux tells this")?;
    let pages = statm.split(' ').nth(1).context("statm without resident pages")?;
    Ok(pages.parse::<usize>()? * PAGE_BYTES)
}
