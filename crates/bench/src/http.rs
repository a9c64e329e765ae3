//! The real backend beside nginx: both on loopback, loaded by wrk in turns.

mod backend;
mod builds;
mod count;
mod fanout;
mod history;
mod nginx;
mod process;
mod proxy;
mod restart;
mod scale;
mod shards;
mod soak;
mod sources;
mod summary;
mod times;
mod tools;
mod voice;
mod wrk;

use std::path::Path;

use anyhow::Result;

use self::backend::Binary;
use self::builds::Build;
use self::proxy::ProxyBinary;
use self::wrk::Load;
use crate::report::{Median, Report, Row};

/// How often each server is loaded; all of them in turns, so that what else the machine does falls
/// on all alike.
const ROUNDS: usize = 5;

pub(crate) fn measure(report: &mut Report) -> Result<()> {
    tools::install_what_is_missing()?;
    let binary = Binary::build()?;
    count::measure(report, &binary)?;
    voice::measure(report, &binary)
}

/// The webhook and the count, beside the build whose programs are in a folder.
pub(crate) fn against(report: &mut Report, folder: &Path) -> Result<()> {
    tools::install_what_is_missing()?;
    builds::measure(report, &Build::both(folder)?)
}

pub(crate) fn fanout(report: &mut Report) -> Result<()> {
    tools::install_what_is_missing()?;
    fanout::measure(report, &[Build::ours()?])
}

/// Readers of both builds and of nchan, told in turns.
pub(crate) fn fanout_against(report: &mut Report, folder: &Path) -> Result<()> {
    tools::install_what_is_missing()?;
    fanout::measure(report, &Build::both(folder)?)
}

pub(crate) fn restart(report: &mut Report) -> Result<()> {
    restart::measure(report, &Binary::build()?)
}

/// Each build from a journal of its own, in turns.
pub(crate) fn restart_against(report: &mut Report, folder: &Path) -> Result<()> {
    restart::against(report, &Build::both(folder)?)
}

pub(crate) fn soak(report: &mut Report, minutes: usize) -> Result<()> {
    soak::measure(report, minutes)
}

pub(crate) fn scale(report: &mut Report) -> Result<()> {
    tools::install_what_is_missing()?;
    scale::measure(report, &Binary::build()?)
}

/// Replicas of both builds, in turns.
pub(crate) fn scale_against(report: &mut Report, folder: &Path) -> Result<()> {
    tools::install_what_is_missing()?;
    scale::against(report, &Build::both(folder)?)
}

/// Three backends with some of the shards each, beside one with all calls.
pub(crate) fn shards(report: &mut Report) -> Result<()> {
    shards::measure(report, (&Binary::build()?, &ProxyBinary::build()?))
}

pub(crate) fn sources(report: &mut Report) -> Result<()> {
    tools::install_what_is_missing()?;
    sources::measure(report, &Binary::build()?)
}

pub(crate) fn summary(report: &mut Report) -> Result<()> {
    summary::measure(report, &[Build::ours()?])
}

/// What a change takes on the streams of both builds.
pub(crate) fn summary_against(report: &mut Report, folder: &Path) -> Result<()> {
    summary::measure(report, &Build::both(folder)?)
}

pub(crate) fn history(report: &mut Report) -> Result<()> {
    history::measure(report, &Binary::build()?)
}

/// What was measured of one server, round by round.
#[derive(Default)]
struct Rounds(Vec<Load>);

impl Rounds {
    fn requests_per_s(&self) -> Vec<f64> {
        self.0.iter().map(|load| load.requests_per_s).collect()
    }

    fn figure(&self) -> String {
        let of = |value: fn(&Load) -> f64| Median::of(self.0.iter().map(value));
        format!(
            "{} requests/s, p50 {:.1} ms, p99 {:.1} ms",
            of(|load| load.requests_per_s).with_digits(0),
            of(|load| load.p50_ms).middle,
            of(|load| load.p99_ms).middle,
        )
    }

    /// A row for this server beside another one.
    fn row(&self, what: &str, name: &str, other: &Self) -> (Row, f64) {
        let ratio = Median::ratio(&self.requests_per_s(), &other.requests_per_s());
        let row =
            Row::new(what, self.figure()).beside(format!("{name}: {}", other.figure()), ratio);
        (row, ratio.middle)
    }
}
