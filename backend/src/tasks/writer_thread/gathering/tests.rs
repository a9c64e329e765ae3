//! When a replica pauses, and for how long.

use live_users_core::{CallId, Evidence, Said, Source};
use tokio::sync::oneshot;

use super::*;
use crate::parts::telemetry::Mark;

const MS: Duration = Duration::from_millis(1);

/// Moments of a run, in milliseconds since its begin.
struct Run {
    start: Instant,
    gathering: Gathering,
}

impl Run {
    fn begin() -> Self {
        Self { start: Instant::now(), gathering: Gathering::default() }
    }

    fn at(&self, ms: u32) -> Instant {
        self.start + MS * ms
    }

    /// An append between these two moments, by whose end so many of others were noticed.
    fn append(&mut self, (from_ms, to_ms): (u32, u32), noticed: u64) {
        self.gathering.appended((self.at(from_ms), self.at(to_ms)), noticed);
    }

    fn pause(&self, ms: u32) -> Duration {
        self.gathering.pause(self.at(ms))
    }
}

fn evidence(call: &str) -> Work {
    let evidence = Evidence::about(CallId::parse(call).unwrap(), Source::Voice, Said::Dialing);
    Work::Evidence(Box::new(evidence), oneshot::channel().0, Mark::default())
}

#[test]
fn a_replica_that_appends_alone_does_not_pause() {
    let mut run = Run::begin();
    assert_eq!(run.pause(0), Duration::ZERO, "before the first append");
    for n in 0..5 {
        run.append((n * 3, n * 3 + 2), 7);
    }
    assert_eq!(run.pause(14), Duration::ZERO);
}

#[test]
fn while_others_append_a_replica_pauses_for_as_long_as_an_append_takes() {
    let mut run = Run::begin();
    run.append((0, 2), 0);
    run.append((3, 5), 1);
    assert_eq!(run.pause(5), MS * 2);
    assert_eq!(run.pause(6), MS, "the pause counts from the end of the last append");
    assert_eq!(run.pause(7), Duration::ZERO);
    run.append((7, 9), 1);
    assert_eq!(run.pause(9), Duration::ZERO, "until others have stopped");
}

#[test]
fn a_pause_is_short_although_an_append_takes_long() {
    let mut run = Run::begin();
    run.append((0, 2), 0);
    run.append((3, 1_503), 1);
    assert_eq!(run.pause(1_503), PAUSE_MAX);
}

#[test]
fn who_appends_now_and_then_does_not_pause() {
    let mut run = Run::begin();
    run.append((0, 2), 0);
    // Others have appended all the time.
    run.append((20, 22), 9);
    assert_eq!(run.pause(22), Duration::ZERO);
    run.append((23, 25), 10);
    assert_eq!(run.pause(25), MS * 2, "a series has two");
    assert_eq!(run.pause(40), Duration::ZERO, "and what comes after it does not wait");
}

/// What is in the batch whose first evidence is here, if more comes during a pause.
fn gathered(gathering: &mut Gathering, first: Work, during: Vec<Work>) -> (usize, bool) {
    let (sender, mut inbox) = mpsc::channel(8);
    let (mut work, mut has_slept) = (vec![first], false);
    gathering.gather(&mut inbox, &mut work, |_| {
        has_slept = true;
        during.into_iter().for_each(|it| sender.try_send(it).unwrap_or_default());
    });
    (work.len(), has_slept)
}

#[test]
fn what_comes_during_the_pause_is_in_the_same_batch() {
    let more = || vec![evidence("b"), Work::CatchUp, evidence("c")];
    // A moment in the future: the pause is not over, however slow this machine is.
    let ended = Some(Instant::now() + MS * 60_000);
    let mut alone = Gathering { ended, took: MS, ..Gathering::default() };
    assert_eq!(gathered(&mut alone, evidence("a"), more()), (1, false));
    let mut crowded = Gathering { is_crowded: true, ..alone };
    assert_eq!(gathered(&mut crowded, evidence("a"), more()), (4, true));
    assert_eq!(gathered(&mut crowded, Work::CatchUp, more()), (1, false), "nothing to append");
}

#[test]
fn under_load_a_replica_that_appends_alone_pauses_too() {
    let mut gathering = Gathering::default();
    let many = || (0..7).map(|_| evidence("b")).collect();
    assert_eq!(gathered(&mut gathering, evidence("a"), many()), (1, false));
    gathering.load.note(8, None);
    assert_eq!(gathered(&mut gathering, evidence("a"), many()), (8, true));
    assert_eq!(gathered(&mut gathering, evidence("a"), Vec::new()), (1, true));
    assert_eq!(gathered(&mut gathering, evidence("a"), many()), (1, false), "little came of it");
}
