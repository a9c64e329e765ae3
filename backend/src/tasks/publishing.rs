//! Publishes the total and the summary to the streams.

use std::sync::Arc;
use std::time::Duration;

use live_users_broadcast::{Frame, Throttle};
use live_users_wire::{LiveCount, Problem};
use log::debug;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};

use crate::parts::clock::moment;
use crate::parts::latest::{LatestCount, LatestReader};
use crate::parts::queue::NotRecorded;
use crate::parts::streams::Streams;
use crate::parts::summary::Summarizer;

/// While nothing is recorded, a summary is made again after this time, in milliseconds. Calls still
/// become suspect and last longer.
const SUMMARY_EVERY_MS: u64 = 5_000;

/// After a summary comes a pause of this many times its duration. A summary visits every call, and
/// the writer waits meanwhile.
const REST_TIMES: u32 = 9;

/// Publishes to the streams until the tasks are aborted.
pub(crate) fn start(
    streams: &Arc<Streams>,
    latest: &LatestReader,
    summarizer: &Summarizer,
) -> [JoinHandle<()>; 2] {
    [
        tokio::spawn(publish_total(streams.clone(), latest.clone())),
        tokio::spawn(publish_summary(streams.clone(), latest.clone(), summarizer.clone())),
    ]
}

/// Publishes the total when it changes. Many records, such as those of speech, leave it as it is.
async fn publish_total(streams: Arc<Streams>, mut latest: LatestReader) {
    let (mut throttle, mut published) = (Throttle::default(), None);
    latest.mark_changed();
    let shown = |count: &LatestCount| match count.stale {
        None => Some(Ok((count.at.epoch, count.live_users))),
        Some(_) => Some(Err(())),
    };
    loop {
        if latest.changed().await.is_err() {
            return;
        }
        if shown(&latest.borrow_and_update()) == published {
            continue;
        }
        throttle.wait().await;
        let now = latest.borrow_and_update().clone();
        published = shown(&now);
        // The shared journal does not answer, so other replicas may have changed the number.
        if let Some(stale) = now.stale {
            streams.total.publish(no_value(NotRecorded::Stale { age_ms: stale.age_ms }));
            continue;
        }
        let epoch = format!("{:016x}", now.at.epoch);
        let (live_users, seq, as_of) = (now.live_users, now.at.seq, moment(now.as_of));
        let count = LiveCount { live_users, epoch, seq, as_of };
        let json = serde_json::to_vec(&count).expect("texts and numbers are always JSON");
        streams.total.publish(Frame::new(&count.epoch, seq, json));
    }
}

async fn publish_summary(streams: Arc<Streams>, mut latest: LatestReader, summarizer: Summarizer) {
    let (mut throttle, cell) = (Throttle::default(), &streams.summary);
    loop {
        cell.has_readers().await;
        throttle.wait().await;
        latest.mark_unchanged();
        let start = Instant::now();
        cell.publish(summary_frame(&summarizer).await);
        sleep(start.elapsed() * REST_TIMES).await;
        let next = async {
            let _changed_or_over =
                timeout(Duration::from_millis(SUMMARY_EVERY_MS), latest.changed()).await;
        };
        tokio::select! {
            () = next => {}
            // A later reader must not get the frame of before.
            () = cell.has_no_readers() => cell.clear(),
        }
    }
}

async fn summary_frame(summarizer: &Summarizer) -> Frame {
    match summarizer.summarize().await {
        Ok(summary) => {
            let json = serde_json::to_vec(&summary).expect("texts and numbers are always JSON");
            Frame::new(&summary.epoch, summary.seq, json)
        }
        Err(why) => {
            debug!("no summary for those who listen: {why:?}");
            no_value(why)
        }
    }
}

fn no_value(why: NotRecorded) -> Frame {
    let problem = Problem { error: why.to_string(), field: None, expected: None };
    Frame::unnamed(serde_json::to_vec(&problem).expect("a text is always JSON"))
}
