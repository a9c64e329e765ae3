//! Publishes the total and the summary to the streams.

use std::sync::Arc;
use std::time::Duration;

use live_users_broadcast::Throttle;
use live_users_replica::{Stale, StaleReason};
use live_users_wire::Summary;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, sleep_until, timeout};

use super::summary_frames::{SummaryFrames, To};
use super::total_frames::{FramesOfWriter, SILENCE_MS, TotalFrames, is_silent};
use crate::parts::doubt::Doubt;
use crate::parts::latest::{LatestCount, LatestReader};
use crate::parts::queue::Queue;
use crate::parts::scope::Scope;
use crate::parts::streams::Streams;
use crate::parts::summary::Summarizer;

/// While nothing is recorded, a summary is made again after this time, in milliseconds. Calls still
/// become suspect and last longer.
pub(super) const SUMMARY_EVERY_MS: u64 = 5_000;

/// The interval between two looks at a state that is silent, in milliseconds.
const SILENCE_LOOK_MS: u64 = 250;

/// After a summary comes a pause of this many times its duration. A summary visits every call, and
/// the writer waits meanwhile.
pub(super) const REST_TIMES: u32 = 9;

/// Publishes to the streams until the tasks are aborted. From now on the writer publishes the total, too.
pub(crate) fn start(
    streams: &Arc<Streams>,
    (latest, doubt): (&LatestReader, &Arc<Doubt>),
    (summarizer, queue): (&Summarizer, &Queue),
    of_writer: &FramesOfWriter,
) -> [JoinHandle<()>; 2] {
    let doubting = (doubt.clone(), summarizer.rules.doubt);
    let frames = TotalFrames::new(streams.clone(), latest.clone(), doubting, queue.clone());
    let frames = of_writer.get_or_init(|| Arc::new(frames)).clone();
    [
        tokio::spawn(publish_total(frames, latest.clone(), doubt.reader(), queue.clone())),
        tokio::spawn(publish_summary(
            streams.clone(),
            (latest.clone(), doubt.reader()),
            summarizer.clone(),
        )),
    ]
}

/// Publishes what the writer does not: what it could not publish because it was too soon, what a change of
/// the doubt makes of the total, and that a state is silent.
async fn publish_total(
    frames: Arc<TotalFrames>,
    mut latest: LatestReader,
    mut doubts: watch::Receiver<u64>,
    queue: Queue,
) {
    loop {
        // What changes from here on is looked at again.
        latest.mark_unchanged();
        doubts.mark_unchanged();
        while let Err(next) = frames.publish() {
            sleep_until(next).await;
        }
        tokio::select! {
            // A silent state is looked at again soon, because it may become fresh without a change.
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
        }
    }
}

/// When a state is to be looked at again that does not change.
pub(super) fn until_silent(queue: &Queue) -> Duration {
    let wait_ms = SILENCE_MS.saturating_sub(queue.age_ms()).max(SILENCE_LOOK_MS);
    Duration::from_millis(wait_ms)
}

/// Marks a count as stale if the writer could not say so, because it waits for the journal.
pub(super) fn with_silence(mut count: LatestCount, age_ms: u64) -> LatestCount {
    if count.stale.is_none() && is_silent(age_ms) {
        count.stale = Some(Stale { age_ms, reason: StaleReason::Behind });
    }
    count
}

async fn publish_summary(
    streams: Arc<Streams>,
    (mut latest, mut doubts): (LatestReader, watch::Receiver<u64>),
    summarizer: Summarizer,
) {
    let (mut throttle, slots) = (Throttle::default(), &streams.summary);
    let mut frames = SummaryFrames::default();
    loop {
        slots.has_readers().await;
        throttle.wait().await;
        latest.mark_unchanged();
        doubts.mark_unchanged();
        let start = Instant::now();
        frames.publish(slots, To::All, &summarizer.summarize(&Scope::default()).await);
        sleep(start.elapsed() * REST_TIMES).await;
        let next = async {
            tokio::select! {
                _changed_or_over = timeout(Duration::from_millis(SUMMARY_EVERY_MS), latest.changed()) => {}
                _changed = doubts.changed() => {}
            }
        };
        tokio::select! {
            () = next => {}
            () = slots.is_read_otherwise() => frames.clear_unread(slots),
        }
    }
}

/// What a summary would be like if no time passed: of two that are alike nothing has happened in between.
pub(super) fn without_time(mut summary: Summary) -> Summary {
    (summary.as_of, summary.seq) = (String::new(), 0);
    (summary.average_ms, summary.longest_ms) = (None, None);
    (summary.last_hour, summary.last_day) = <_>::default();
    for agent in &mut summary.by_agent {
        (agent.average_ms, agent.longest_ms) = (None, None);
        (agent.last_hour, agent.last_day) = <_>::default();
    }
    summary
}
