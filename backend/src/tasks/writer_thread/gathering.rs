//! How long the thread gathers evidence before it appends: to a journal that others append to, too, and
//! under load to any.
//!
//! A message costs the journal's servers about the same, whatever is in it. A replica alone sends
//! the next message when the last one is back, with all that has come meanwhile. Several replicas
//! share the same callers, so each of their messages has fewer calls, and there are as many more of
//! them. Therefore a replica pauses for about as long as a message takes, while it appends without
//! a break and others do so, too. Then their messages together grow with the number of replicas by
//! less, and each has more calls. A webhook that comes after a silence never waits for others.

mod load;

use std::time::{Duration, Instant};

use live_users_replica::BATCH_MAX;
use tokio::sync::mpsc;

use self::load::Load;
use crate::parts::queue::Work;

/// The longest pause. It is short beside the 2 s that a webhook waits at most.
const PAUSE_MAX: Duration = Duration::from_millis(5);

/// An append is one of a series if it begins this soon after the end of the last one.
const BREAK_MAX: Duration = Duration::from_millis(10);

/// What is known of the last appends.
#[derive(Debug, Default)]
pub(super) struct Gathering {
    /// When the last append ended. `None` before the first one.
    ended: Option<Instant>,
    /// How many appends of others were noticed by then.
    noticed: u64,
    /// How long an append takes, on average over the last ones.
    took: Duration,
    /// Whether the last append was one of a series, and others have appended since the one before.
    is_crowded: bool,
    load: Load,
}

impl Gathering {
    /// Notes an append of evidence, from its begin until it was applied. `noticed` is how many
    /// appends of others were noticed by its end.
    pub(super) fn appended(&mut self, (begun, ended): (Instant, Instant), noticed: u64) {
        let is_of_series = self.ended.is_some_and(|it| begun - it <= BREAK_MAX);
        self.is_crowded = is_of_series && noticed != self.noticed;
        let took = ended - begun;
        self.took = if is_of_series { (self.took * 3 + took) / 4 } else { took };
        (self.ended, self.noticed) = (Some(ended), noticed);
    }

    /// How long the next append should still wait at this moment.
    fn pause(&self, now: Instant) -> Duration {
        let Some(ended) = self.ended.filter(|_| self.is_crowded) else { return Duration::ZERO };
        self.took.min(PAUSE_MAX).saturating_sub(now - ended)
    }

    /// Adds to evidence that is about to be appended what comes during the pause, if there has to be
    /// one. `sleep` takes it.
    pub(super) fn gather(
        &mut self,
        inbox: &mut mpsc::Receiver<Work>,
        work: &mut Vec<Work>,
        sleep: impl FnOnce(Duration),
    ) {
        let is_appended = |it: &Work| matches!(it, Work::Evidence(..) | Work::PassOn(..));
        if work.len() >= BATCH_MAX || !work.iter().any(is_appended) {
            return;
        }
        let (there, crowded) = (work.len(), self.pause(Instant::now()));
        let loaded = self.load.pause(there);
        let pause = crowded.max(loaded);
        if !pause.is_zero() {
            sleep(pause);
            while work.len() < BATCH_MAX
                && let Ok(more) = inbox.try_recv()
            {
                work.push(more);
            }
        }
        self.load.note(there, (!loaded.is_zero()).then_some(work.len()));
    }
}

#[cfg(test)]
mod tests;
