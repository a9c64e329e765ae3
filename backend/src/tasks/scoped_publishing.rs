//! Publishes the total and the summary of the calls of some accounts: of each scope once, and only
//! while somebody reads it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use live_users_broadcast::{Frame, Latest, Throttle};
use live_users_wire::{Count, LiveCount, Summary};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until, timeout};

use super::publishing::{REST_TIMES, SUMMARY_EVERY_MS, until_silent, with_silence, without_time};
use super::summary_frames::{SummaryFrames, To, no_value};
use super::total_frames::frame_of;
use crate::parts::clock::moment;
use crate::parts::doubt::{Doubt, DoubtRules};
use crate::parts::hooks::Hooks;
use crate::parts::latest::LatestReader;
use crate::parts::not_recorded::{NOT_KNOWN, NotRecorded};
use crate::parts::queue::{Queue, View};
use crate::parts::selection::Selection;
use crate::parts::streams::{ScopedStreams, Streams};
use crate::parts::summary::Summarizer;

/// Publishes to the streams of some accounts until the tasks are aborted.
pub(crate) fn start(
    streams: &Arc<Streams>,
    (latest, doubt): (&LatestReader, &Arc<Doubt>),
    summarizer: &Summarizer,
    queue: &Queue,
) -> [JoinHandle<()>; 2] {
    let rules = (summarizer.gives_agents, summarizer.rules.doubt);
    let (known, reloads) = ((latest.clone(), doubt.clone()), summarizer.agents.hooks());
    let totals = publish_totals(streams.clone(), known, queue.clone(), rules, reloads);
    let changes = (latest.clone(), doubt.reader());
    let summaries = publish_summaries(streams.clone(), changes, summarizer.clone());
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
    (mut latest, doubt): (LatestReader, Arc<Doubt>),
    queue: Queue,
    rules: (bool, DoubtRules),
    mut reloads: watch::Receiver<Hooks>,
) {
    let (mut throttle, mut published) = (Throttle::default(), BTreeMap::<Selection, Shown>::new());
    let mut doubts = doubt.reader();
    loop {
        if reloads.has_changed().unwrap_or_default() {
            reloads.mark_unchanged();
            // At a frame it is looked whether a reader still may read: an agent may be public no more.
            published.retain(|selection, _| selection.agent.is_none());
        }
        let slots = read(&streams, |slot| &slot.total);
        published.retain(|selection, _| slots.iter().any(|slot| slot.selection == *selection));
        if slots.is_empty() {
            streams.total_came.notified().await;
            continue;
        }
        throttle.wait().await;
        doubts.mark_unchanged();
        let is_stale = with_silence(latest.borrow_and_update().clone(), queue.age_ms()).stale;
        let counted = match is_stale {
            Some(stale) => Err(NotRecorded::from(stale)),
            None => counts(&queue, &slots, (rules, doubt.clone())).await,
        };
        for (n, slot) in slots.iter().enumerate() {
            let (shown, frame) = match &counted {
                Ok((counts, frame_of)) => (Some(counts[n].clone()), frame_of(&counts[n])),
                Err(_) => (None, no_value(NOT_KNOWN)),
            };
            if published.get(&slot.selection) != Some(&shown) {
                slot.total.publish(frame);
                published.insert(slot.selection.clone(), shown);
            }
        }
        tokio::select! {
            changed = timeout(until_silent(&queue), latest.changed()) => {
                if matches!(changed, Ok(Err(_))) {
                    return;
                }
            }
            changed = doubts.changed() => {
                if changed.is_err() {
                    return;
                }
            }
            changed = reloads.changed() => {
                if changed.is_err() {
                    return;
                }
                reloads.mark_changed();
            }
            () = streams.total_came.notified() => {}
        }
    }
}

/// The counts of all these at one moment, and how each becomes a frame.
async fn counts(
    queue: &Queue,
    slots: &[Arc<ScopedStreams>],
    ((gives_agents, rules), doubt): ((bool, DoubtRules), Arc<Doubt>),
) -> Result<(Vec<(u64, Count)>, impl Fn(&(u64, Count)) -> Frame + use<>), NotRecorded> {
    let selections: Vec<_> = slots.iter().map(|slot| slot.selection.clone()).collect();
    let counted = queue.query(move |View { state, now, at }| {
        let rules = (gives_agents, Some((rules, &*doubt)));
        let count = |it: &Selection| (at.epoch, it.count(state.tracker(), now, rules));
        (selections.iter().map(count).collect(), now)
    });
    let (counts, now) = counted.await?;
    let frame = move |(epoch, count): &(u64, Count)| {
        let Count { live_users, by_agent, suspect, agent, .. } = count.clone();
        // The number of the journal's last record would tell how much is said of the calls of
        // others, so the moment stands in its place.
        let (epoch, seq, as_of) = (format!("{epoch:016x}"), now.0, moment(now));
        frame_of(&LiveCount { live_users, by_agent, suspect, agent, epoch, seq, as_of, now: None })
    };
    Ok((counts, frame))
}

/// What was published to a slot: what of it does not change with time alone, when, and its frames.
struct Published {
    shown: Result<Summary, String>,
    at: Instant,
    frames: SummaryFrames,
}

impl Published {
    /// Publishes a summary if it says something new, or the last one is old, and in any case to readers
    /// that have got nothing yet.
    fn publish(
        published: &mut BTreeMap<Selection, Self>,
        slot: &ScopedStreams,
        summary: &Result<Summary, String>,
    ) {
        let (shown, at) = (summary.clone().map(without_time), Instant::now());
        let Some(last) = published.get_mut(&slot.selection) else {
            let mut frames = SummaryFrames::default();
            frames.publish(&slot.summary, To::All, summary);
            published.insert(slot.selection.clone(), Self { shown, at, frames });
            return;
        };
        // Each frame of its own for what is said of other calls would tell how much that is.
        if last.shown != shown || last.at.elapsed().as_millis() >= u128::from(SUMMARY_EVERY_MS) {
            (last.shown, last.at) = (shown, at);
            last.frames.publish(&slot.summary, To::All, summary);
        } else {
            last.frames.publish(&slot.summary, To::Missing, summary);
        }
    }
}

/// Publishes summaries, one after the other. A pause follows as it does after the one of all.
async fn publish_summaries(
    streams: Arc<Streams>,
    (mut latest, mut doubts): (LatestReader, watch::Receiver<u64>),
    summarizer: Summarizer,
) {
    let (mut throttle, mut published) = (Throttle::default(), BTreeMap::new());
    loop {
        let (slots, unread): (Vec<_>, Vec<_>) =
            streams.scoped().into_iter().partition(|slot| slot.summary.is_read());
        unread.iter().for_each(|slot| slot.summary.clear());
        if slots.is_empty() {
            streams.summary_came.notified().await;
            continue;
        }
        throttle.wait().await;
        latest.mark_unchanged();
        doubts.mark_unchanged();
        let start = Instant::now();
        published.retain(|selection, _| slots.iter().any(|slot| slot.selection == *selection));
        for slot in slots {
            let summary = summarizer.summarize(&slot.selection.scope).await;
            Published::publish(&mut published, &slot, &summary);
        }
        let rested = Instant::now() + start.elapsed() * REST_TIMES;
        let next = async {
            sleep_until(rested).await;
            let every = Duration::from_millis(SUMMARY_EVERY_MS);
            tokio::select! {
                _changed_or_over = timeout(every, latest.changed()) => {}
                _changed = doubts.changed() => {}
            }
        };
        tokio::pin!(next);
        loop {
            tokio::select! {
                () = &mut next => break,
                () = streams.summary_came.notified() => {
                    publish_missing(&streams, &summarizer, &mut published).await;
                }
            }
        }
    }
}

/// The first summaries of those who have just come.
async fn publish_missing(
    streams: &Streams,
    summarizer: &Summarizer,
    published: &mut BTreeMap<Selection, Published>,
) {
    for slot in streams.scoped().into_iter().filter(|slot| slot.summary.lacks_frame()) {
        let summary = summarizer.summarize(&slot.selection.scope).await;
        Published::publish(published, &slot, &summary);
    }
}
