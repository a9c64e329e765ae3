//! How long the real backend takes from its start until it is ready, by what is in its journal, and
//! how much memory it has then.

mod against;

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
use super::backend::{Backend, Binary, TOKEN};
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
const RESTART_1M_S_MAX: f64 = 1.0;
/// The same beside reading the file once.
const RESTART_1M_RATIO_MAX: f64 = 5.0;

/// Calls that are over and not forgotten, beside 100 k live ones.
const REMEMBERED: u64 = 5_000_000;
const WITH_REMEMBERED: &str = "restart, a snapshot of 100 k live calls and 5 M that are over";
/// Over so long they have ended, in milliseconds: a call is remembered for 25 hours.
const REMEMBERED_MS: u64 = 24 * 3_600_000;

/// What is in a journal.
#[derive(Clone, Copy)]
pub(super) struct Case {
    what: &'static str,
    records: u64,
    /// How many of its calls are still live at the end.
    live: u64,
    with_snapshot: bool,
    /// For the seconds that it takes.
    goal: f64,
    /// For how many times as long it takes as reading the file once.
    ratio_goal: Option<f64>,
}

/// A snapshot, and nothing behind it.
pub(super) const LIVE_100K: Case = Case {
    what: "restart, a snapshot of 100 k live calls",
    records: 100_000,
    live: 100_000,
    with_snapshot: true,
    goal: RESTART_100K_S_MAX,
    ratio_goal: None,
};

const CASES: [Case; 4] = [
    Case {
        what: "restart, 1 M records without a snapshot",
        records: RECORDS,
        live: 1_000,
        with_snapshot: false,
        goal: RESTART_S_MAX,
        ratio_goal: None,
    },
    Case {
        what: "restart, 1 M records with a snapshot before the last 10 k",
        records: RECORDS,
        live: 1_000,
        with_snapshot: true,
        goal: RESTART_S_MAX,
        ratio_goal: None,
    },
    LIVE_100K,
    Case {
        what: "restart, a snapshot of 1 M live calls",
        records: RECORDS,
        live: RECORDS,
        with_snapshot: true,
        goal: RESTART_1M_S_MAX,
        ratio_goal: Some(RESTART_1M_RATIO_MAX),
    },
];

pub(super) use self::against::against;

pub(super) fn measure(report: &mut Report, binary: &Binary) -> Result<()> {
    eprintln!("http: restart");
    for case in &CASES {
        let folder = tempfile::tempdir_in(".")?;
        let users = case.write(&url(folder.path()))?;
        let started = Started::measure(binary, folder.path(), users)?;
        report.add(started.row(case.what).goal(Goal::AtMost(case.goal), started.took().middle));
        if let Some(goal) = case.ratio_goal {
            let what = format!("the same beside reading the file once: {}", case.what);
            let row = Row::new(what, started.ratio().with_digits(2));
            report.add(row.goal(Goal::AtMost(goal), started.ratio().middle));
        }
    }
    remembered(report, binary)
}

/// A snapshot of live calls and of many that are over, and nothing behind it.
fn remembered(report: &mut Report, binary: &Binary) -> Result<()> {
    let folder = tempfile::tempdir_in(".")?;
    let users = write_remembered(&url(folder.path()))?;
    let started = Started::measure(binary, folder.path(), users)?;
    report.add(started.row(WITH_REMEMBERED));
    let megabytes = bytes_of(folder.path())? as f64 / 1e6;
    report.add(Row::new("the journal with it", format!("{megabytes:.0} MB")));
    Ok(())
}

/// Writes a journal that has one record and a snapshot. Returns how many users are live.
fn write_remembered(url: &str) -> Result<usize> {
    let (world, now) = (World::new(), now_ms()?);
    let mut state = State::default();
    for record in remembered_records(&world, now) {
        state.apply(&record);
    }
    let mut journal = live_users_journal::open(url)?;
    let forgets = Change::Forget { ended_before: Millis(0) };
    let at = journal.append(&[Record { at: Millis(now), change: forgets }.encode()])?;
    journal.snapshots()?.save_parts(at, &mut snapshot::parts(&state))?;
    Ok(state.tracker().numbers().users)
}

/// What leads to many calls that are over, evenly in a day until now, and to 100 k live ones.
fn remembered_records(world: &World, now: u64) -> impl Iterator<Item = Record> + use<'_> {
    let record = |at: u64, evidence| Record { at: Millis(at), change: Change::Evidence(evidence) };
    let over = (0..REMEMBERED).flat_map(move |call| {
        let at = now - REMEMBERED_MS - 1 + call * REMEMBERED_MS / REMEMBERED;
        [record(at, world.start(call)), record(at, world.end(call))]
    });
    let live = REMEMBERED..REMEMBERED + LIVE_100K.live;
    over.chain(live.map(move |call| record(now, world.start(call))))
}

/// How a backend started, round by round.
#[derive(Default)]
struct Started {
    took_s: Vec<f64>,
    bare_s: Vec<f64>,
    resident: usize,
}

impl Started {
    fn measure(binary: &Binary, folder: &Path, users: usize) -> Result<Self> {
        let mut started = Self::default();
        (0..ROUNDS).try_for_each(|_| started.round(binary, folder, users))?;
        Ok(started)
    }

    fn round(&mut self, binary: &Binary, folder: &Path, users: usize) -> Result<()> {
        self.bare_s.push(read_all(folder)?);
        let begin = Instant::now();
        let backend = start(binary, folder)?;
        self.took_s.push(begin.elapsed().as_secs_f64());
        let count = get(&format!("{}/api/live-users", backend.url)).body;
        ensure!(count == format!("{{\"liveUsers\":{users}}}"), "{count}, not {users}");
        self.resident = backend.resident_bytes()?;
        Ok(())
    }

    fn took(&self) -> Median {
        Median::of(self.took_s.iter().copied())
    }

    /// Beside reading the file once.
    fn ratio(&self) -> Median {
        Median::ratio(&self.took_s, &self.bare_s)
    }

    fn figure(&self) -> String {
        let resident = self.resident / 1_000_000;
        format!("{} s, then {resident} MB resident", self.took().with_digits(2))
    }

    fn row(&self, what: &str) -> Row {
        let bare = Median::of(self.bare_s.iter().copied()).with_digits(3);
        Row::new(what, self.figure()).beside(format!("reading the file: {bare} s"), self.ratio())
    }
}

/// Starts a backend from the journal in this folder, and waits until it is ready.
fn start(binary: &Binary, folder: &Path) -> Result<Backend> {
    let url = url(folder);
    let env = [("TWILIO_AUTH_TOKEN", TOKEN), ("JOURNAL_URL", &*url), ("RUST_LOG", "warn")];
    let backend = binary.start(&env)?;
    let ready = get(&format!("{}/readyz", backend.url));
    ensure!(ready.status == 200, "{}", ready.body);
    Ok(backend)
}

fn url(folder: &Path) -> String {
    format!("file:{}", folder.display())
}

/// How much the files of a folder take.
fn bytes_of(folder: &Path) -> Result<u64> {
    let files = fs::read_dir(folder)?.map(|file| Ok(file?.metadata()?.len()));
    files.sum()
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
