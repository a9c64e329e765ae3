//! Sends on the evidence that waits in journals here for shards of other backends, in its order, once these
//! record it.
//!
//! That it is recorded there is a record here. So each piece is sent at least once, by each replica that sees
//! it wait: what is recorded twice counts once.

use std::time::Duration;

use futures_util::future::join_all;
use live_users_intake::shards::ShardSet;
use live_users_state::Forwarded as Done;
use log::debug;

use crate::parts::elsewhere::kept::{PROBE_EVERY, Waiting};
use crate::parts::elsewhere::{Elsewhere, Forwarded};
use crate::parts::queue::Queue;
use crate::parts::shards::Shards;

/// How long a backend waits for what others have for it, before it listens.
const LOOK: Duration = Duration::from_secs(1);

/// The pause after others have said that they have something.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// Runs until it is aborted. It ends at once where there is one shard.
pub(crate) async fn run(shards: Shards) {
    if !shards.are_several() {
        return;
    }
    match shards.elsewhere() {
        Some(elsewhere) => {
            let others = (0..elsewhere.len()).map(|place| to_other(&shards, elsewhere, place));
            tokio::join!(join_all(others), to_here(&shards), until_all_is_here(elsewhere));
        }
        None => to_here(&shards).await,
    }
}

/// Looks before the start what waits here, and whether other backends have evidence for shards that are here.
/// While they have, no number of these shards is told: it would be too small, and nobody would see it.
pub(crate) async fn look(shards: &Shards) {
    let Some(elsewhere) = shards.elsewhere() else { return };
    let begun: Vec<_> = (0..elsewhere.len()).map(|place| elsewhere.begin_look(place)).collect();
    let asked = shards.queues().iter().map(|queue| {
        queue.query(|view| view.state.forwards().by_shard().iter().map(|(it, _)| *it).collect())
    });
    let found: Result<Vec<Vec<u8>>, _> = join_all(asked).await.into_iter().collect();
    if let Ok(found) = found {
        let waiting: ShardSet = found.into_iter().flatten().map(usize::from).collect();
        for (place, begun) in begun.into_iter().enumerate() {
            if elsewhere.shards_of(place).common(waiting).is_empty() {
                elsewhere.settle(place, begun);
            }
        }
    }
    elsewhere.ask_for_ours(LOOK).await;
}

/// Looks until no other backend has any, of those that can be reached.
async fn until_all_is_here(elsewhere: &Elsewhere) {
    while !elsewhere.have_ours().is_empty() {
        tokio::time::sleep(LOOK_AGAIN).await;
        elsewhere.ask_for_ours(LOOK).await;
    }
}

/// Sends what waits for one of the other backends, and looks whether it is back.
async fn to_other(shards: &Shards, elsewhere: &Elsewhere, place: usize) {
    let to = To::Other(elsewhere, place);
    loop {
        let begun = elsewhere.begin_look(place);
        if elsewhere.may_wait(place) || is_waiting(shards, elsewhere.shards_of(place)) {
            match drain(shards, to).await {
                Drained::Nothing => elsewhere.settle(place, begun),
                Drained::All => {
                    let last = async { !matches!(drain(shards, to).await, Drained::Some) };
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
async fn to_here(shards: &Shards) {
    loop {
        if is_waiting(shards, shards.numbers()) {
            drain(shards, To::Here).await;
        }
        tokio::time::sleep(PROBE_EVERY).await;
    }
}

/// Where something goes.
#[derive(Clone, Copy)]
enum To<'a> {
    /// To the other backend with this number.
    Other(&'a Elsewhere, usize),
    Here,
}

impl To<'_> {
    async fn deliver(self, shards: &Shards, each: Vec<Forwarded>) -> bool {
        match self {
            Self::Other(elsewhere, place) => elsewhere.deliver(place, &each).await,
            Self::Here => shards.record_kept(each).await,
        }
    }
}

/// What was found to wait, and what has become of it.
enum Drained {
    Nothing,
    All,
    /// The rest is for a later try.
    Some,
}

fn is_waiting(shards: &Shards, of: ShardSet) -> bool {
    shards.waiting().iter().any(|(shard, _)| of.has(*shard))
}

/// Delivers what waits in any state here.
async fn drain(shards: &Shards, to: To<'_>) -> Drained {
    let of = match to {
        To::Other(elsewhere, place) => elsewhere.shards_of(place),
        To::Here => shards.numbers(),
    };
    let mut drained = Drained::Nothing;
    for queue in shards.queues() {
        loop {
            let Ok(found) = next(queue, of).await else { return Drained::Some };
            let Some(Waiting { each, through }) = found else { break };
            // Each replica of the journal sends it: it knows for itself when nothing waits any more.
            if !to.deliver(shards, each).await || !record(queue, of, through).await {
                return Drained::Some;
            }
            drained = Drained::All;
        }
    }
    drained
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
