//! Sends on the evidence that waits in journals here for shards of other backends, in its order, once these
//! record it.
//!
//! That it is recorded there is a record here. So each piece is sent at least once, by each replica that sees
//! it wait: what is recorded twice counts once.

use std::time::Duration;

use futures_util::future::join_all;
use live_users_core::Evidence;
use live_users_intake::shards::ShardSet;
use live_users_state::Forwarded as Done;
use log::debug;
use tokio::time::timeout;

use crate::parts::elsewhere::kept::{PROBE_EVERY, Waiting};
use crate::parts::elsewhere::{Elsewhere, Forwarded};
use crate::parts::not_recorded::NotRecorded;
use crate::parts::old_callbacks::OldCallbacks;
use crate::parts::queue::Queue;
use crate::parts::shards::Shards;

/// How long a backend waits for what others have for it, before it listens.
const LOOK: Duration = Duration::from_secs(1);

/// The pause after others have said that they have something.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// Sends on what waits.
pub(crate) struct Forwarding {
    shards: Shards,
    old_callbacks: OldCallbacks,
    max_call_ms: u64,
}

impl Forwarding {
    /// Between these shards and others. A silent call that is older than `max_call_ms` ends, in milliseconds.
    pub(crate) fn new(shards: Shards, max_call_ms: u64) -> Self {
        Self { shards, old_callbacks: OldCallbacks::default(), max_call_ms }
    }

    /// Runs until it is aborted. It ends at once where there is one shard.
    pub(crate) async fn run(self) {
        if !self.shards.are_several() {
            return;
        }
        match self.shards.elsewhere() {
            Some(elsewhere) => {
                let others = (0..elsewhere.len()).map(|place| self.to_other(elsewhere, place));
                tokio::join!(join_all(others), self.to_here(), until_all_is_here(elsewhere));
            }
            None => self.to_here().await,
        }
    }

    /// Looks before the start what waits here, and whether other backends have evidence for shards that are
    /// here. While they have, no number of these shards is told: it would be too small, and nobody would see
    /// it. What waits here for shards that are here since they were moved is recorded at once.
    pub(crate) async fn look(&self) {
        let shards = &self.shards;
        if !shards.are_several() {
            return;
        }
        let others = shards.elsewhere().map(Elsewhere::len).unwrap_or_default();
        let begun: Vec<_> = (0..others)
            .filter_map(|place| Some((place, shards.elsewhere()?.begin_look(place))))
            .collect();
        if let Ok(found) = self.find().await {
            shards.learn_waiting(&found);
            let waiting: ShardSet = found.into_iter().map(|(shard, _)| shard).collect();
            if !shards.numbers().common(waiting).is_empty() {
                // What cannot be recorded now is tried again later.
                let _in_time = timeout(LOOK, self.drain(To::Here)).await;
            }
            for (place, begun) in begun {
                let Some(elsewhere) = shards.elsewhere() else { break };
                if elsewhere.shards_of(place).common(waiting).is_empty() {
                    elsewhere.settle(place, begun);
                }
            }
        }
        if let Some(elsewhere) = shards.elsewhere() {
            elsewhere.ask_for_ours(LOOK).await;
        }
    }

    /// All that waits here, with the shard that it is for.
    async fn find(&self) -> Result<Vec<(usize, Evidence)>, NotRecorded> {
        let asked = self.shards.queues().iter().map(|queue| {
            queue.query(|view| {
                let waiting = view.state.forwards().of(|_| true).map(|it| &it.forward);
                waiting.map(|it| (usize::from(it.shard), it.evidence.clone())).collect()
            })
        });
        let found: Result<Vec<Vec<_>>, _> = join_all(asked).await.into_iter().collect();
        Ok(found?.into_iter().flatten().collect())
    }

    /// Sends what waits for one of the other backends, and looks whether it is back.
    async fn to_other(&self, elsewhere: &Elsewhere, place: usize) {
        let to = To::Other(elsewhere, place);
        loop {
            let begun = elsewhere.begin_look(place);
            if elsewhere.may_wait(place) || self.is_waiting(elsewhere.shards_of(place)) {
                match self.drain(to).await {
                    Drained::Nothing => elsewhere.settle(place, begun),
                    Drained::All => {
                        let last = async { !matches!(self.drain(to).await, Drained::Some) };
                        elsewhere.catch_up(place, last).await;
                        continue;
                    }
                    Drained::Some => elsewhere.forgive(place),
                }
            }
            elsewhere.probe(place).await;
            elsewhere.turn(place).await;
        }
    }

    /// Records what waits for shards that are here since they were moved.
    async fn to_here(&self) {
        loop {
            if self.is_waiting(self.shards.numbers()) {
                self.drain(To::Here).await;
            }
            tokio::time::sleep(PROBE_EVERY).await;
        }
    }

    fn is_waiting(&self, of: ShardSet) -> bool {
        self.shards.waiting().iter().any(|(shard, _)| of.has(*shard))
    }

    /// Delivers what waits in any state here.
    async fn drain(&self, to: To<'_>) -> Drained {
        let of = match to {
            To::Other(elsewhere, place) => elsewhere.shards_of(place),
            To::Here => self.shards.numbers(),
        };
        let mut drained = Drained::Nothing;
        for queue in self.shards.queues() {
            loop {
                let Ok(found) = next(queue, of).await else { return Drained::Some };
                let Some(Waiting { each, through }) = found else { break };
                // Each replica of the journal sends it: it knows for itself when nothing waits any more.
                if !self.deliver(to, each).await || !record(queue, of, through).await {
                    return Drained::Some;
                }
                drained = Drained::All;
            }
        }
        drained
    }

    /// Returns whether all of it is recorded where it belongs.
    async fn deliver(&self, to: To<'_>, each: Vec<Forwarded>) -> bool {
        match to {
            To::Other(elsewhere, place) => elsewhere.deliver(place, &each).await,
            To::Here => {
                let (old_callbacks, max_call_ms) = (&self.old_callbacks, self.max_call_ms);
                let recorded = self.shards.record_received(each, old_callbacks, max_call_ms).await;
                recorded.iter().all(Result::is_ok)
            }
        }
    }
}

/// Looks until no other backend has any, of those that can be reached.
async fn until_all_is_here(elsewhere: &Elsewhere) {
    while !elsewhere.have_ours().is_empty() {
        tokio::time::sleep(LOOK_AGAIN).await;
        elsewhere.ask_for_ours(LOOK).await;
    }
}

/// Where something goes.
#[derive(Clone, Copy)]
enum To<'a> {
    /// To the other backend with this number.
    Other(&'a Elsewhere, usize),
    Here,
}

/// What was found to wait, and what has become of it.
enum Drained {
    Nothing,
    All,
    /// The rest is for a later try.
    Some,
}

/// What waits longest in this state for these shards.
async fn next(queue: &Queue, of: ShardSet) -> Result<Option<Waiting>, ()> {
    let found = queue.query(move |view| Waiting::of(view.state.forwards(), of, view.now)).await;
    found.map_err(|why| debug!("what waits for other backends is not known: {why}"))
}

async fn record(queue: &Queue, of: ShardSet, through: u64) -> bool {
    let shards = of.iter().filter_map(|shard| u8::try_from(shard).ok()).collect();
    let recorded = queue.record_forwarded(Done { shards, through }).await;
    recorded.inspect_err(|why| debug!("that evidence is forwarded is not recorded: {why}")).is_ok()
}
