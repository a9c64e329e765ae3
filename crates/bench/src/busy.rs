//! How busy the machine was with something else while it was measured.

use std::fmt::{self, Display};
use std::fs;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike;

/// Above this share of the processors for others, the figures belong to a busy machine.
const QUIET_SHARE_MAX: f64 = 0.05;

/// What `/proc/stat` counts in, unless a kernel is built otherwise, which none of today's is.
pub(crate) const TICKS_PER_S: f64 = 100.0;

/// What the processors have done since the machine started.
#[derive(Clone, Copy)]
struct Processors {
    busy_s: f64,
    /// Time in which the host of a virtual machine has run something else.
    stolen_s: f64,
    /// Of `busy_s`, what this program and the programs that it has started and ended took.
    ours_s: f64,
}

/// The beginning of a measurement.
pub(crate) struct Busy {
    begin: Instant,
    before: Processors,
    load: String,
}

/// What others have taken of the machine during a measurement.
pub(crate) struct Circumstances {
    took: Duration,
    processors: usize,
    /// The load average of the minute before.
    load: String,
    others: f64,
    stolen: f64,
}

impl Busy {
    /// # Errors
    /// On a system that is not Linux.
    pub(crate) fn begin() -> Result<Self> {
        let load = fs::read_to_string("/proc/loadavg").context("only Linux tells this")?;
        let load = load.split(' ').next().unwrap_or_default().to_owned();
        Ok(Self { begin: Instant::now(), before: Processors::now()?, load })
    }

    /// To be asked when all that was started has ended: what still runs would be another's.
    pub(crate) fn end(self) -> Result<Circumstances> {
        let (now, before) = (Processors::now()?, self.before);
        let took = self.begin.elapsed();
        let processors = std::thread::available_parallelism()?.get();
        let all_s = took.as_secs_f64() * processors as f64;
        let others_s = (now.busy_s - before.busy_s) - (now.ours_s - before.ours_s);
        Ok(Circumstances {
            took,
            processors,
            load: self.load,
            others: (others_s / all_s).max(0.0),
            stolen: (now.stolen_s - before.stolen_s) / all_s,
        })
    }
}

impl Processors {
    fn now() -> Result<Self> {
        let stat = fs::read_to_string("/proc/stat").context("only Linux tells this")?;
        let (busy_s, stolen_s) = seconds(&stat).context("/proc/stat without a line `cpu`")?;
        let mut ours_s = 0.0;
        for who in [UsageWho::RUSAGE_SELF, UsageWho::RUSAGE_CHILDREN] {
            let usage = getrusage(who)?;
            let us = usage.user_time() + usage.system_time();
            ours_s += us.num_microseconds() as f64 / 1e6;
        }
        Ok(Self { busy_s, stolen_s, ours_s })
    }
}

/// Of the line for all processors: what they were busy, and what was stolen.
fn seconds(stat: &str) -> Option<(f64, f64)> {
    let line = stat.lines().find_map(|line| line.strip_prefix("cpu "))?;
    let ticks: Vec<f64> = line.split_whitespace().map_while(|it| it.parse().ok()).collect();
    // The rest is the time of guests, which is in these already.
    let [user, nice, system, _idle, _waiting, irq, soft_irq, stolen, ..] = ticks[..] else {
        return None;
    };
    Some(((user + nice + system + irq + soft_irq) / TICKS_PER_S, stolen / TICKS_PER_S))
}

impl Display for Circumstances {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { took, processors, load, others, stolen } = self;
        let name = if others + stolen <= QUIET_SHARE_MAX { "Quiet" } else { "**Busy**" };
        write!(
            f,
            "{name}: in {} s, other programs took {:.1} % of {processors} processors, and the host \
             {:.1} %; the load average before was {load}.",
            took.as_secs(),
            others * 100.0,
            stolen * 100.0,
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_of_all_processors_is_read() {
        let stat = "cpu  100 200 300 5000 7 10 20 50 30 0\ncpu0 1 1 1 1 1 1 1 1 1 1\n";
        assert_eq!(seconds(stat), Some((6.3, 0.5)));
        assert_eq!(seconds("intr 1 2 3\n"), None);
    }

    #[test]
    fn work_of_others_makes_a_machine_busy() {
        let of = |others| Circumstances {
            took: Duration::from_secs(60),
            processors: 2,
            load: "0.10".to_owned(),
            others,
            stolen: 0.01,
        };
        assert!(of(0.03).to_string().starts_with("Quiet: in 60 s, other programs took 3.0 % of 2"));
        assert!(of(0.06).to_string().starts_with("**Busy**: "));
    }
}
