//! How long the real backend takes from its start until it is ready, by what is in its journal, and
//! how much memory it has then.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use live_users_core::{Evidence, Millis};
use live_users_state::record::{Change, Record};
use live_users_state::{State, snapshot};
use live_users_testkit::get;

use super::ROUNDS;
use super::backend::{Binary, TOKEN};
use crate::report::{Goal, Median, Report, Row};
use crate::world::World;

/// Records of the long journal.
const RECORDS: u64 = 1_000_000;
/// Of each call it has a start, three confirmations and an end, but for those that are live.
const RECORDS_PER_CALL: u64 = 5;
/// As the writer does.
const BATCH: usize = 1024;
/// The rest of a journal: the records behind its snapshot.
const TAIL: u64 = 10_000;

const RESTART_S_MAX: f64 = 2.0;
const RESTART_100K_S_MAX: f64 = 0.5;

/// What is in a journal.
pub(super) struct Case {
    what: &'static str,
    records: u64,
    /// How many of its calls are still live at the end.
    live: u64,
    with_snapshot: bool,
    goal: Option<f64>,
}

/// A snapshot, and nothing behind it.
pub(super) const LIVE_100K: Case = Case {
    what: "restart, a snapshot of 100 k live calls",
    records: 100_000,
    live: 100_000,
    with_snapshot: true,
    goal: Some(RESTART_100K_S_MAX),
};

const CASES: [Case; 4] = [
    Case {
        what: "restart, 1 M records without a snapshot",
        records: RECORDS,
        live: 1_000,
        with_snapshot: false,
        goal: Some(RESTART_S_MAX),
    },
    Case {
        what: "restart, 1 M records with a snapshot before the last 10 k",
        records: RECORDS,
        live: 1_000,
        with_snapshot: true,
        goal: Some(RESTART_S_MAX),
    },
    LIVE_100K,
    Case {
        what: "restart, a snapshot of 1 M live calls",
        records: RECORDS,
        live: RECORDS,
        with_snapshot: true,
        goal: None,
    },
];

pub(super) fn measure(report: &mut Report, binary: &Binary) -> Result<()> {
    eprintln!("http: restart");
    for case in &CASES {
        let folder = tempfile::tempdir_in(".")?;
        let url = format!("file:{}", folder.path().display());
        let users = case.write(&url)?;
        let env = [("TWILIO_AUTH_TOKEN", TOKEN), ("JOURNAL_URL", &*url), ("RUST_LOG", "warn")];
        let (mut took, mut bare) = (Vec::new(), Vec::new());
        let mut resident = 0;
        for _ in 0..ROUNDS {
            bare.push(read_all(folder.path())?);
            let begin = Instant::now();
            let backend = binary.start(&env)?;
            let ready = get(&format!("{}/readyz", backend.url));
            took.push(begin.elapsed().as_secs_f64());
            ensure!(ready.status == 200, "{}", ready.body);
            let count = get(&format!("{}/api/live-users", backend.url)).body;
            ensure!(count == format!("{{\"liveUsers\":{users}}}"), "{count}, not {users}");
            resident = backend.resident_bytes()?;
        }
        let ratio = Median::ratio(&took, &bare);
        let (took, bare) = (Median::of(took), Median::of(bare));
        let figure =
            format!("{} s, then {} MB resident", took.with_digits(2), resident / 1_000_000);
        let row = Row::new(case.what, figure)
            .beside(format!("reading the file: {} s", bare.with_digits(3)), ratio);
        report.add(match case.goal {
            Some(goal) => row.goal(Goal::AtMost(goal), took.middle),
            None => row,
        });
    }
    Ok(())
}

impl Case {
    /// Writes the journal, and says how many users are live at its end.
    pub(super) fn write(&self, url: &str) -> Result<usize> {
        let world = World::new();
        let mut journal = live_users_journal::open(url)?;
        let mut state = State::default();
        let mut batch = Vec::with_capacity(BATCH);
        let now = now_ms()?;
        for (n, evidence) in (1..).zip(self.evidence(&world)) {
            // Of the last hour, so that nothing has outlived its use.
            let at = Millis(now - 3_600_000 + n * 3_600_000 / self.records);
            let record = Record { at, change: Change::Evidence(evidence) };
            state.apply(&record);
            batch.push(record.encode());
            if batch.len() == BATCH || n == self.records {
                journal.append(&batch)?;
                batch.clear();
            }
            if self.with_snapshot && n == self.snapshot_at() {
                journal.append(&batch)?;
                batch.clear();
                let at = journal.position();
                journal.snapshots()?.save_parts(at, &mut snapshot::parts(&state))?;
            }
        }
        Ok(state.tracker().numbers().users)
    }

    fn snapshot_at(&self) -> u64 {
        if self.live == self.records { self.records } else { self.records - TAIL }
    }

    fn evidence<'a>(&self, world: &'a World) -> impl Iterator<Item = Evidence> + use<'a> {
        let (records, live) = (self.records, self.live);
        let over = (records - live) / RECORDS_PER_CALL;
        let lives = (0..over).flat_map(move |call| {
            let talk = (0..RECORDS_PER_CALL - 2).map(move |_| world.confirm(call));
            std::iter::once(world.start(call)).chain(talk).chain([world.end(call)])
        });
        lives.chain((over..over + live).map(|call| world.start(call)))
    }
}

pub(super) fn now_ms() -> Result<u64> {
    let since_epoch = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?;
    Ok(u64::try_from(since_epoch.as_millis())?)
}

/// Seconds to read all files of a folder.
fn read_all(folder: &Path) -> Result<f64> {
    let begin = Instant::now();
    for file in fs::read_dir(folder)? {
        std::hint::black_box(fs::read(file?.path())?);
    }
    Ok(begin.elapsed().as_secs_f64())
}

/// What the disk takes at most: batches of records, each with a sync, in records/s.
pub(super) fn group_commits_per_s(batch: usize, record_bytes: usize) -> Result<f64> {
    let folder = tempfile::tempdir_in(".")?;
    let mut file = File::create(folder.path().join("bare")).context("a file")?;
    let bytes = vec![b'x'; batch * record_bytes];
    let begin = Instant::now();
    let mut records = 0;
    while begin.elapsed().as_secs() < 2 {
        file.write_all(&bytes)?;
        file.sync_data()?;
        records += batch;
    }
    Ok(records as f64 / begin.elapsed().as_secs_f64())
}
