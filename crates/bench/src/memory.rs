//! How much memory a call takes in the tracker.

use std::hint::black_box;
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use live_users_core::{Millis, Tracker};

use crate::counting::bytes_in_use;
use crate::report::{Goal, Report, Row};
use crate::world::World;

/// Asks this program, started anew, for one figure: what earlier measurements left behind in the
/// heap would spoil the memory of the process.
pub(crate) const ARGUMENT: &str = "memory-of";

/// This process, below `/proc`.
const SELF: &str = "self";

const LIVE: &str = "live";
const ENDED: &str = "ended";

const BYTES_PER_LIVE_CALL_MAX: f64 = 160.0;

/// The size of a page, as `/proc/self/statm` counts in pages.
const PAGE_BYTES: usize = 4096;

pub(crate) fn measure(report: &mut Report) -> Result<()> {
    eprintln!("memory");
    for (kind, calls) in [(LIVE, 100_000), (LIVE, 1_000_000), (ENDED, 1_000_000)] {
        let (heap, resident) = ask(kind, calls)?;
        let what = match kind {
            LIVE => format!("bytes per live call at {calls} live calls"),
            _ => format!("bytes per ended call that is remembered, at {calls} of them"),
        };
        let row = Row::new(what, format!("{heap:.0} of heap, {resident:.0} resident"));
        report.add(match (kind, calls) {
            (LIVE, 1_000_000) => row.goal(Goal::AtMost(BYTES_PER_LIVE_CALL_MAX), heap),
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
    let (heap, resident) = (bytes_in_use(), resident_bytes(SELF)?);
    let mut tracker = Tracker::default();
    for call in 0..calls.parse()? {
        let evidence = match kind {
            LIVE => world.start(call),
            ENDED => world.end(call),
            _ => bail!("{ARGUMENT}: expected {LIVE} or {ENDED}"),
        };
        tracker.apply(Millis(call), &evidence);
    }
    ensure!(tracker.known().to_string() == calls, "{} calls are known", tracker.known());
    println!("{} {}", bytes_in_use() - heap, resident_bytes(SELF)?.saturating_sub(resident));
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
