//! Publishes the total and the summary to the streams.

use std::sync::Arc;
use std::time::Duration;

use live_users_broadcast::{Frame, Throttle};
use live_users_replica::{FRESH_MS, Stale, StaleReason};
use live_users_wire::{ByAgent, LiveCount, Summary};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};

use super::summary_frames::{SummaryFrames, To, no_value};
use crate::parts::clock::moment;
use crate::parts::doubt::{Doubt, DoubtRules};
use crate::parts::latest::{LatestCount, LatestReader};
use crate::parts::not_recorded::NOT_KNOWN;
use crate::parts::queue::{ACKNOWLEDGE_MS, Queue};
use crate::parts::scope::Scope;
use crate::parts::streams::Streams;
use crate::parts::summary::Summarizer;

/// While nothing is recorded, a summary is made again after this time, in milliseconds. Calls still
/// become suspect and last longer.
pub(super) const SUMMARY_EVERY_MS: u64 = 5_000;

/// A number is shown as unavailable when the state is older than this, in milliseconds. The writer
/// says so sooner, unless it waits for the journal itself.
const SILENCE_MS: u64 = FRESH_MS + ACKNOWLEDGE_MS;

/// The interval between two looks at a state that is silent, in milliseconds.
const SILENCE_LOOK_MS: u64 = 250;

/// After a summary comes a pause of this many times its duration. A summary visits every call, and
/// the writer waits meanwhile.
pub(super) const REST_TIMES: u32 = 9;

/// Publishes to the streams until the tasks are aborted.
pub(crate) fn start(
    streams: &Arc<Streams>,
    (latest, doubt): (&LatestReader, &Arc<Doubt>),
    summarizer: &Summarizer,
    queue: &Queue,
) -> [JoinHandle<()>; 2] {
    let doubting = (doubt.clone(), summarizer.rules.doubt);
    [
        tokio::spawn(publish_total(streams.clone(), latest.clone(), doubting, queue.clone())),
        tokio::spawn(publish_summary(
            streams.clone(),
            (latest.clone(), doubt.reader()),
            summarizer.clone(),
        )),
    ]
}

/// Publishes the total when it changes, or its doubt. Many records, such as those of speech, leave it as
/// it is.
async fn publish_total(
    streams: Arc<Streams>,
    mut latest: LatestReader,
    (doubt, rules): (Arc<Doubt>, DoubtRules),
    queue: Queue,
) {
    let (mut throttle, mut published) = (Throttle::default(), None);
    let mut doubts = doubt.reader();
    let now = |latest: &mut LatestReader| {
        let count = with_silence(latest.borrow_and_update().clone(), queue.age_ms());
        let suspect = rules.told(doubt.now(), count.live_users);
        (count, suspect)
    };
    loop {
        let (count, suspect) = now(&mut latest);
        if Some(shown(&count, suspect)) != published {
            throttle.wait().await;
            // It may have changed while the throttle waited.
            let (count, suspect) = now(&mut latest);
            published = Some(shown(&count, suspect));
            streams.total.publish(total_frame(&count, suspect));
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
    if count.stale.is_none() && age_ms >= SILENCE_MS {
        count.stale = Some(Stale { age_ms, reason: StaleReason::Behind });
    }
    count
}

/// What of a count a stream shows. A frame is published when this changes.
type Shown = Option<(u64, u64, Option<ByAgent>, Option<u64>)>;

fn shown(count: &LatestCount, suspect: Option<u64>) -> Shown {
    let shown = || (count.at.epoch, count.live_users, count.by_agent.clone(), suspect);
    count.stale.is_none().then(shown)
}

fn total_frame(count: &LatestCount, suspect: Option<u64>) -> Frame {
    if count.stale.is_some() {
        return no_value(NOT_KNOWN);
    }
    let epoch = format!("{:016x}", count.at.epoch);
    let (live_users, seq, as_of) = (count.live_users, count.at.seq, moment(count.as_of));
    let by_agent = count.by_agent.clone();
    frame_of(&LiveCount {
        live_users,
        by_agent,
        suspect,
        agent: None,
        epoch,
        seq,
        as_of,
        now: None,
    })
}

/// The frame of a total. Two that differ only in their doubt have different names, because a reader that
/// comes back does not get again what it names.
pub(super) fn frame_of(count: &LiveCount) -> Frame {
    let json = serde_json::to_vec(count).expect("texts and numbers are always JSON");
    Frame::named(count.name(), json)
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
