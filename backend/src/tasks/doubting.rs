//! Keeps up how many of the live users are suspect. Calls become so by silence, without any record.

use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use live_users_broadcast::Throttle;
use live_users_state::Suspects;
use tokio::time::{Instant, sleep};

use crate::parts::doubt::{Doubt, by_agent, wait_ms};
use crate::parts::latest::LatestReader;
use crate::parts::queue::{Queue, View};

/// After a look comes a pause of this many times its duration. A look visits every call, and the writer
/// waits meanwhile.
const REST_TIMES: u32 = 199;

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
            let suspects = Suspects::of(state.tracker(), now, suspect_after_ms);
            let next = wait_ms(suspects.changes_at, now).map(Duration::from_millis);
            (suspects, next, start.elapsed())
        });
        let (next, took) = match looked.await {
            Ok((suspects, next, took)) => {
                doubt.note(suspects.users, by_agent(suspects), is_by_time);
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
