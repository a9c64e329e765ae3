//! Two builds, each from a snapshot that it has written itself.

use std::path::Path;

use anyhow::Result;
use live_users_state::State;
use tempfile::TempDir;

use super::{BATCH, CASES, Case, Started, WITH_REMEMBERED, now_ms, remembered_records, start, url};
use crate::against::OTHER;
use crate::http::ROUNDS;
use crate::http::builds::Build;
use crate::report::{Goal, Median, Report, Row};
use crate::world::World;

/// How often a build may start until its snapshot is there: it is written beside the first work, and
/// waited for at the end.
const STARTS_MAX: usize = 5;

/// With many calls that are over, a start may take so much of the other build's time, and its
/// snapshot so much of the other's bytes.
const REMEMBERED_RATIO_MAX: f64 = 0.2;

/// A journal with a snapshot.
struct Prepared {
    folder: TempDir,
    /// How many people are live at its end.
    users: usize,
    snapshot_bytes: usize,
}

pub(in crate::http) fn against(report: &mut Report, builds: &[Build; 2]) -> Result<()> {
    for case in CASES.iter().filter(|case| case.live == case.records) {
        // The records alone, which both builds read.
        let records = Case { with_snapshot: false, ..*case };
        compare(report, builds, case.what, None, &|url| records.write(url))?;
    }
    compare(report, builds, WITH_REMEMBERED, Some(REMEMBERED_RATIO_MAX), &write_remembered)
}

fn compare(
    report: &mut Report,
    builds: &[Build; 2],
    what: &str,
    goal: Option<f64>,
    write: &dyn Fn(&str) -> Result<usize>,
) -> Result<()> {
    eprintln!("restart: {what}");
    let prepared = builds.iter().map(|build| prepare(build, write));
    let prepared = prepared.collect::<Result<Vec<_>>>()?;
    let mut measured: Vec<_> =
        builds.iter().zip(&prepared).map(|pair| (pair, Started::default())).collect();
    for _ in 0..ROUNDS {
        for ((build, prepared), started) in &mut measured {
            started.round(&build.backend, prepared.folder.path(), prepared.users)?;
        }
        measured.reverse();
    }
    measured.sort_by_key(|((build, _), _)| !build.is_ours());
    let [(_, ours), (_, theirs)] = &measured[..] else { unreachable!("two builds") };
    let ratio = Median::ratio(&ours.took_s, &theirs.took_s);
    let row = Row::new(what, ours.figure()).beside(format!("{OTHER}: {}", theirs.figure()), ratio);
    let verdict = |row: Row, ratio: f64| match goal {
        Some(goal) => row.goal(Goal::AtMost(goal), ratio),
        None => row,
    };
    report.add(verdict(row, ratio.middle));
    let [ours, theirs] = [0, 1].map(|at| prepared[at].snapshot_bytes as f64 / 1e6);
    let ratio = Median::of([ours / theirs]);
    let row = Row::new("the snapshot of it", format!("{ours:.1} MB"));
    let row = row.beside(format!("{OTHER}: {theirs:.1} MB"), ratio);
    report.add(verdict(row, ratio.middle));
    Ok(())
}

/// Writes the records, and lets the build write a snapshot of all of them.
fn prepare(build: &Build, write: &dyn Fn(&str) -> Result<usize>) -> Result<Prepared> {
    let folder = tempfile::tempdir_in(".")?;
    // The build makes the file itself: an older one refuses a format that came later.
    drop(start(&build.backend, folder.path())?);
    let users = write(&url(folder.path()))?;
    let records = live_users_journal::open(&url(folder.path()))?.position().seq;
    for _ in 0..STARTS_MAX {
        drop(start(&build.backend, folder.path())?);
        if let Some((at, snapshot_bytes)) = snapshot(folder.path())?
            && at >= records
        {
            return Ok(Prepared { folder, users, snapshot_bytes });
        }
    }
    anyhow::bail!("{STARTS_MAX} starts brought no snapshot")
}

/// The last record that the newest snapshot covers, and its size. Of a copy, since an older build
/// should find its journal as it left it.
fn snapshot(folder: &Path) -> Result<Option<(u64, usize)>> {
    let copy = tempfile::tempdir_in(".")?;
    for file in std::fs::read_dir(folder)? {
        let file = file?;
        std::fs::copy(file.path(), copy.path().join(file.file_name()))?;
    }
    let journal = live_users_journal::open(&url(copy.path()))?;
    let newest = journal.snapshots()?.load()?;
    Ok(newest.map(|(at, bytes)| (at.seq, bytes.len())))
}

/// Writes the records of many calls that are over, and returns how many people are live.
fn write_remembered(url: &str) -> Result<usize> {
    let mut journal = live_users_journal::open(url)?;
    let (world, mut state) = (World::new(), State::default());
    let mut batch = Vec::with_capacity(BATCH);
    for record in remembered_records(&world, now_ms()?) {
        state.apply(&record);
        batch.push(record.encode());
        if batch.len() == BATCH {
            journal.append(&batch)?;
            batch.clear();
        }
    }
    journal.append(&batch)?;
    Ok(state.tracker().numbers().users)
}
