//! The programs of a build, and two builds beside each other.

use std::path::Path;

use anyhow::Result;

use super::backend::Binary;
use super::proxy::ProxyBinary;
use super::voice::{self, SIGNED};
use super::{Rounds, count, wrk};
use crate::against::OTHER;
use crate::report::{Goal, Report};

/// More than elsewhere, because a difference of a few percent has to show.
const ROUNDS: usize = 9;

/// How `/voice` should stand beside the build of f4e501d. Of another build the verdict says nothing.
const VOICE_RATIO_MIN: f64 = 1.8;

/// Both servers of one build.
pub(super) struct Build {
    pub(super) backend: Binary,
    pub(super) proxy: ProxyBinary,
    /// Behind what a row tells of; empty for this build.
    pub(super) suffix: String,
}

impl Build {
    /// Those of this checkout.
    pub(super) fn ours() -> Result<Self> {
        let (backend, proxy) = (Binary::build()?, ProxyBinary::build()?);
        Ok(Self { backend, proxy, suffix: String::new() })
    }

    /// This build and the one whose programs are in the folder.
    pub(super) fn both(folder: &Path) -> Result<[Self; 2]> {
        let other = Self {
            backend: Binary::at(&folder.join("live-users-backend"))?,
            proxy: ProxyBinary::at(&folder.join("live-users-proxy"))?,
            suffix: format!(", {OTHER}"),
        };
        Ok([Self::ours()?, other])
    }

    /// Whether goals are for it.
    pub(super) fn is_ours(&self) -> bool {
        self.suffix.is_empty()
    }
}

pub(super) fn measure(report: &mut Report, [ours, other]: &[Build; 2]) -> Result<()> {
    let (ours, other) = (&ours.backend, &other.backend);
    let requests = voice::signed_requests()?;
    let (mut ours_voice, mut other_voice) = (Rounds::default(), Rounds::default());
    let (mut ours_count, mut other_count) = (Rounds::default(), Rounds::default());
    for round in 1..=ROUNDS {
        eprintln!("against: round {round} of {ROUNDS}");
        // The first of a pair is each build in turn, so that no one has the warmer machine.
        let mut pair =
            [(ours, &mut ours_voice, &mut ours_count), (other, &mut other_voice, &mut other_count)];
        if round % 2 == 0 {
            pair.reverse();
        }
        for (binary, voice, _) in &mut pair {
            voice.0.push(voice::fill(binary, SIGNED, &requests)?.0);
        }
        for (binary, _, count) in &mut pair {
            let backend = binary.start(SIGNED)?;
            count.0.push(wrk::get(&format!("{}{}", backend.url, count::PATH))?);
        }
    }
    let what = format!("`POST {}`, signed and durable", voice::PATH);
    let (row, ratio) = ours_voice.row(&what, OTHER, &other_voice);
    report.add(row.goal(Goal::AtLeast(VOICE_RATIO_MIN), ratio));
    report.add(ours_count.row(&format!("`GET {}`", count::PATH), OTHER, &other_count).0);
    Ok(())
}
