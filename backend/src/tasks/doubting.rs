//! Keeps up how many of the live users are suspect. Calls become so by silence, without any record.

use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use live_users_broadcast::Throttle;
use live_users_state::Confidence;
use tokio::time::{Instant, sleep};

use crate::parts::doubt::{Doubt, suspect_by_agent, wait_ms};
use crate::parts::latest::LatestReader;
use crate::parts::queue::{Queue, View};

/// After a look comes a pause of this many times its duration. A look visits every call, and the writer
/// waits meanwhile.
const REST_TIMES: u32 = 49;

/// When the state is looked at again that could not be read.
const AGAIN: Duration = Duration::from_secs(1);

/// Looks after each change of the state, and when the next call becomes suspect.
pub(crate) async fn run(
    doubt: Arc<Doubt>,
    mut latest: LatestReader,
    queue: Queue,
    suspect_after_ms: u64,
) {
    let (mut throttle, mut is_by_time) = (Throttle::default(), false);
    loop {
        throttle.wait().await;
        latest.mark_unchanged();
        let looked = queue.query(move |View { state, now, .. }| {
            let start = Instant::now();
            let Confidence { suspect, changes_at, .. } = state.confidence(now, suspect_after_ms);
            // Of an agent somebody may be suspect who has another call that is not.
            let by_agent = suspect_by_agent(state.tracker(), now, suspect_after_ms);
            (
                suspect,
                by_agent,
                wait_ms(changes_at, now).map(Duration::from_millis),
                start.elapsed(),
            )
        });
        let (next, took) = match looked.await {
            Ok((suspect, by_agent, next, took)) => {
                doubt.note(suspect, by_agent, is_by_time);
                (next, took)
            }
            // Then the number itself is unknown, and its doubt is not told either.
            Err(_) => (Some(AGAIN), Duration::ZERO),
        };
        let rest = took * REST_TIMES;
        sleep(rest).await;
        let due = async {
            match next {
                Some(next) => sleep(next.saturating_sub(rest)).await,
                None => pending().await,
            }
        };
        tokio::select! {
            changed = latest.changed() => {
                is_by_time = false;
                if changed.is_err() {
                    return;
                }
            }
            () = due => is_by_time = true,
        }
    }
}
