//! Publishes the total and the summary of the calls of some accounts: of each scope once, and only
//! while somebody reads it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use live_users_broadcast::{Frame, Latest, SlotState, Throttle};
use live_users_wire::{Count, LiveCount};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until, timeout};

use super::publishing::{
    REST_TIMES, SUMMARY_EVERY_MS, no_value, summary_and_frame, summary_frame, until_silent,
    with_silence,
};
use crate::parts::clock::moment;
use crate::parts::latest::LatestReader;
use crate::parts::not_recorded::NotRecorded;
use crate::parts::queue::{Queue, View};
use crate::parts::scope::Scope;
use crate::parts::streams::{ScopedStreams, Streams};
use crate::parts::summary::Summarizer;

/// Publishes to the streams of some accounts until the tasks are aborted.
pub(crate) fn start(
    streams: &Arc<Streams>,
    latest: &LatestReader,
    summarizer: &Summarizer,
    queue: &Queue,
) -> [JoinHandle<()>; 2] {
    let gives_agents = summarizer.gives_agents;
    let totals = publish_totals(streams.clone(), latest.clone(), queue.clone(), gives_agents);
    let summaries = publish_summaries(streams.clone(), latest.clone(), summarizer.clone());
    [tokio::spawn(totals), tokio::spawn(summaries)]
}

/// What of a count a stream shows: the journal's epoch and the count; `None` while it is unknown.
type Shown = Option<(u64, Count)>;

/// Those of which somebody reads this. Of the others the frame goes: a later reader must not get the
/// frame of before.
fn read(streams: &Streams, which: fn(&ScopedStreams) -> &Latest) -> Vec<Arc<ScopedStreams>> {
    let (read, unread): (Vec<_>, Vec<_>) =
        streams.scoped().into_iter().partition(|slot| which(slot).is_read());
    unread.iter().for_each(|slot| which(slot).clear());
    read
}

/// Publishes totals when they change.
async fn publish_totals(
    streams: Arc<Streams>,
    mut latest: LatestReader,
    queue: Queue,
    gives_agents: bool,
) {
    let (mut throttle, mut published) = (Throttle::default(), BTreeMap::<Scope, Shown>::new());
    loop {
        let slots = read(&streams, |slot| &slot.total);
        published.retain(|scope, _| slots.iter().any(|slot| slot.scope == *scope));
        if slots.is_empty() {
            streams.total_came.notified().await;
            continue;
        }
        throttle.wait().await;
        let is_stale = with_silence(latest.borrow_and_update().clone(), queue.age_ms()).stale;
        let counted = match is_stale {
            Some(stale) => Err(NotRecorded::from(stale)),
            None => counts(&queue, &slots, gives_agents).await,
        };
        for (n, slot) in slots.iter().enumerate() {
            let (shown, frame) = match &counted {
                Ok((counts, frame_of)) => (Some(counts[n].clone()), frame_of(&counts[n])),
                Err(why) => (None, no_value(why)),
            };
            if published.get(&slot.scope) != Some(&shown) {
                slot.total.publish(frame);
                published.insert(slot.scope.clone(), shown);
            }
        }
        tokio::select! {
            changed = timeout(until_silent(&queue), latest.changed()) => {
                if matches!(changed, Ok(Err(_))) {
                    return;
                }
            }
            () = streams.total_came.notified() => {}
        }
    }
}

/// The counts of all these at one moment, and how each becomes a frame.
async fn counts(
    queue: &Queue,
    slots: &[Arc<ScopedStreams>],
    gives_agents: bool,
) -> Result<(Vec<(u64, Count)>, impl Fn(&(u64, Count)) -> Frame + use<>), NotRecorded> {
    let scopes: Vec<_> = slots.iter().map(|slot| slot.scope.clone()).collect();
    let counted = queue.query(move |View { state, now, at }| {
        let count = |scope: &Scope| (at.epoch, scope.count(state.tracker(), gives_agents));
        (scopes.iter().map(count).collect(), now)
    });
    let (counts, now) = counted.await?;
    let frame = move |(epoch, count): &(u64, Count)| {
        let Count { live_users, by_agent } = count.clone();
        // The number of the journal's last record would tell how much is said of the calls of
        // others, so the moment stands in its place.
        let (epoch, seq, as_of) = (format!("{epoch:016x}"), now.0, moment(now));
        let count = LiveCount { live_users, by_agent, epoch, seq, as_of };
        let json = serde_json::to_vec(&count).expect("texts and numbers are always JSON");
        Frame::new(&count.epoch, seq, json)
    };
    Ok((counts, frame))
}

/// Publishes summaries, one after the other. A pause follows as it does after the one of all.
async fn publish_summaries(
    streams: Arc<Streams>,
    mut latest: LatestReader,
    summarizer: Summarizer,
) {
    let (mut throttle, mut published) = (Throttle::default(), BTreeMap::new());
    loop {
        let slots = read(&streams, |slot| &slot.summary);
        if slots.is_empty() {
            streams.summary_came.notified().await;
            continue;
        }
        throttle.wait().await;
        latest.mark_unchanged();
        let start = Instant::now();
        published.retain(|scope, _| slots.iter().any(|slot| slot.scope == *scope));
        for slot in slots {
            let (summary, frame) = summary_and_frame(&summarizer, &slot.scope).await;
            // Each frame of its own for what is said of other calls would tell how much that is.
            let last = published.get(&slot.scope);
            let is_due = last.is_none_or(|(shown, at): &(_, Instant)| {
                *shown != summary || at.elapsed().as_millis() >= u128::from(SUMMARY_EVERY_MS)
            });
            if is_due || matches!(slot.summary.now(), SlotState::Nothing) {
                slot.summary.publish(frame);
                published.insert(slot.scope.clone(), (summary, Instant::now()));
            }
        }
        let rested = Instant::now() + start.elapsed() * REST_TIMES;
        let next = async {
            sleep_until(rested).await;
            let every = Duration::from_millis(SUMMARY_EVERY_MS);
            let _changed_or_over = timeout(every, latest.changed()).await;
        };
        tokio::pin!(next);
        loop {
            tokio::select! {
                () = &mut next => break,
                () = streams.summary_came.notified() => {
                    publish_missing(&streams, &summarizer).await;
                }
            }
        }
    }
}

/// The first summaries of those who have just come.
async fn publish_missing(streams: &Streams, summarizer: &Summarizer) {
    for slot in streams.scoped().into_iter().filter(|slot| slot.summary.is_read()) {
        if matches!(slot.summary.now(), SlotState::Nothing) {
            slot.summary.publish(summary_frame(summarizer, &slot.scope).await);
        }
    }
}
