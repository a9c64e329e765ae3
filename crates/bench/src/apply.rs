//! How long the tracker takes to apply one piece of evidence, with few calls live and with many.

use std::hint::black_box;
use std::time::Instant;

use anyhow::{Result, ensure};
use live_users_core::{DAY_MS, Evidence, HOUR_MS, Millis, READ_AHEAD, Tracker};

use crate::report::{Goal, Median, Report, Row};
use crate::world::{World, index, mixed};

const FEW_CALLS: usize = 1_000;
const MANY_CALLS: usize = 1_000_000;
/// With many calls live, an event may take so many times as long as with few.
const RATIO_MAX: f64 = 3.0;

const ROUNDS: usize = 9;
/// Lives of calls that begin and end in a round: of five events each.
const LIVES_PER_ROUND: usize = 20_000;
const CONFIRMS_PER_LIFE: usize = 3;

/// How long an ended call is remembered here, in events, and how often the older are dropped. Few
/// enough that live calls are what fills the memory.
const REMEMBERED_EVENTS: u64 = 1_024;

/// Calls that ended within a day, and the first number of those, which no other calls have.
const REMEMBERED_CALLS: u64 = 5_000_000;
const OTHER_CALLS: u64 = 1 << 40;

pub(crate) fn measure(report: &mut Report) -> Result<()> {
    let world = World::new();
    measure_remembered(&world, report)?;
    eprintln!("core: {ROUNDS} rounds, {FEW_CALLS} and {MANY_CALLS} live calls in turns");
    let mut few = Scene::new(&world, FEW_CALLS);
    let mut many = Scene::new(&world, MANY_CALLS);
    for (name, events) in KINDS {
        for is_batched in [false, true] {
            (few.is_batched, many.is_batched) = (is_batched, is_batched);
            let (mut of_few, mut of_many) = (Vec::new(), Vec::new());
            for _ in 0..ROUNDS {
                of_few.push(few.round(events)?);
                of_many.push(many.round(events)?);
            }
            let ratio = Median::ratio(&of_many, &of_few);
            let ns = |of: Vec<f64>| format!("{} ns", Median::of(of).with_digits(0));
            let how = if is_batched { format!(", {READ_AHEAD} at once") } else { String::new() };
            let what = format!("`apply`, {name}{how}, {MANY_CALLS} live calls");
            let beside = format!("{} with {FEW_CALLS}", ns(of_few));
            let row = Row::new(what, ns(of_many)).beside(beside, ratio);
            report.add(match events {
                Kind::Mix | Kind::Start | Kind::End => {
                    row.goal(Goal::AtMost(RATIO_MAX), ratio.middle)
                }
                Kind::Confirm => row,
            });
        }
    }
    Ok(())
}

/// A call that begins is looked for among those that are long over.
fn measure_remembered(world: &World, report: &mut Report) -> Result<()> {
    eprintln!("core: {ROUNDS} rounds, {REMEMBERED_CALLS} calls remembered and none in turns");
    let mut none = Scene::new(world, FEW_CALLS).remembering(0);
    let mut all = Scene::new(world, FEW_CALLS).remembering(REMEMBERED_CALLS);
    let (mut of_none, mut of_all) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        of_none.push(none.round(Kind::Start)?);
        of_all.push(all.round(Kind::Start)?);
    }
    let ratio = Median::ratio(&of_all, &of_none);
    let ns = |of: Vec<f64>| format!("{} ns", Median::of(of).with_digits(0));
    let what = format!("`apply`, start alone, {REMEMBERED_CALLS} ended calls remembered");
    report.add(Row::new(what, ns(of_all)).beside(format!("{} with none", ns(of_none)), ratio));
    Ok(())
}

/// Which events the clock runs for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Mix,
    Start,
    Confirm,
    End,
}

const KINDS: [(&str, Kind); 4] = [
    ("a call's life of 5 events", Kind::Mix),
    ("start alone", Kind::Start),
    ("confirmation alone", Kind::Confirm),
    ("end alone", Kind::End),
];

/// A tracker with a number of live calls that stays the same from round to round.
struct Scene<'a> {
    world: &'a World,
    tracker: Tracker,
    live: Vec<u64>,
    size: usize,
    calls: u64,
    draws: u64,
    now: Millis,
    /// How long ended calls are remembered here.
    remembered_ms: u64,
    /// Whether events come in batches that are known before they are applied, as with a journal.
    is_batched: bool,
}

impl<'a> Scene<'a> {
    fn new(world: &'a World, size: usize) -> Self {
        let (tracker, live) = Default::default();
        let (now, remembered_ms) = (Millis(0), REMEMBERED_EVENTS);
        let (calls, draws, is_batched) = (0, 0, false);
        let mut scene =
            Self { world, tracker, live, size, calls, draws, now, remembered_ms, is_batched };
        for _ in 0..size {
            let evidence = scene.start();
            scene.time(&[evidence]);
        }
        scene
    }

    /// The same after so many other calls have ended within a day.
    fn remembering(mut self, calls: u64) -> Self {
        self.remembered_ms = 25 * HOUR_MS;
        for call in 0..calls {
            let at = Millis(self.now.0 + DAY_MS * call / calls);
            self.tracker.apply(at, &self.world.end(call + OTHER_CALLS));
        }
        self.now = Millis(self.now.0 + DAY_MS);
        self
    }

    /// Nanoseconds per event.
    fn round(&mut self, kind: Kind) -> Result<f64> {
        let ns = match kind {
            Kind::Mix => {
                let mut events = Vec::with_capacity(LIVES_PER_ROUND * (CONFIRMS_PER_LIFE + 2));
                for _ in 0..LIVES_PER_ROUND {
                    events.push(self.start());
                    events.extend((0..CONFIRMS_PER_LIFE).map(|_| self.confirm()));
                    events.push(self.end());
                }
                self.time(&events) / events.len() as f64
            }
            Kind::Start | Kind::Confirm | Kind::End => self.single(kind),
        };
        let live = self.tracker.numbers().calls;
        ensure!(live == self.size, "{live} calls are live, expected {}", self.size);
        Ok(ns)
    }

    /// Lets a tenth of the calls begin and as many end, again and again, and adds up the time of
    /// the one kind of event.
    fn single(&mut self, kind: Kind) -> f64 {
        let batch = (self.size / 10).min(LIVES_PER_ROUND);
        let batches = LIVES_PER_ROUND / batch;
        let mut sum_ns = 0.0;
        for _ in 0..batches {
            let starts: Vec<_> = (0..batch).map(|_| self.start()).collect();
            let start_ns = self.time(&starts);
            let confirms: Vec<_> = (0..batch).map(|_| self.confirm()).collect();
            let confirm_ns = self.time(&confirms);
            let ends: Vec<_> = (0..batch).map(|_| self.end()).collect();
            let end_ns = self.time(&ends);
            sum_ns += match kind {
                Kind::Mix => start_ns + confirm_ns + end_ns,
                Kind::Start => start_ns,
                Kind::Confirm => confirm_ns,
                Kind::End => end_ns,
            };
        }
        sum_ns / (batch * batches) as f64
    }

    /// Applies all, and returns the nanoseconds that it took.
    fn time(&mut self, events: &[Evidence]) -> f64 {
        let start = Instant::now();
        for batch in events.chunks(READ_AHEAD) {
            if self.is_batched {
                self.tracker.read_ahead(batch);
            }
            for evidence in batch {
                self.now.0 += 1;
                black_box(self.tracker.apply(self.now, evidence));
                if self.now.0.is_multiple_of(REMEMBERED_EVENTS) {
                    self.tracker.forget(self.now.minus(self.remembered_ms));
                }
            }
        }
        start.elapsed().as_nanos() as f64
    }

    fn start(&mut self) -> Evidence {
        self.calls += 1;
        self.live.push(self.calls);
        self.world.start(self.calls)
    }

    fn confirm(&mut self) -> Evidence {
        let at = self.draw();
        self.world.confirm(self.live[at])
    }

    fn end(&mut self) -> Evidence {
        let at = self.draw();
        let call = self.live.swap_remove(at);
        self.world.end(call)
    }

    /// Any of the live calls.
    fn draw(&mut self) -> usize {
        self.draws += 1;
        index(mixed(self.draws), self.live.len())
    }
}
