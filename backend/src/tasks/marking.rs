//! Marks the journal of one of several shards, so that it is never opened as another one.

use std::time::Duration;

use live_users_state::ShardMark;
use log::error;
use tokio::time::sleep;

use crate::parts::latest::LatestReader;
use crate::parts::queue::Queue;

/// When it is tried again that could not be looked at or recorded.
const AGAIN: Duration = Duration::from_secs(1);

/// Marks a journal that has no mark: a new one, also one that takes the place of a journal that was lost.
/// It ends the writer, and so the process, if another process has marked it as another shard.
pub(crate) async fn run(mark: ShardMark, mut latest: LatestReader, queue: Queue) {
    loop {
        let epoch = latest.borrow_and_update().at.epoch;
        match queue.query(|view| view.state.shard_mark().cloned()).await {
            Ok(Some(found)) if found == mark => {
                let is_another = |it: &crate::parts::latest::LatestCount| it.at.epoch != epoch;
                if latest.wait_for(is_another).await.is_err() {
                    return;
                }
            }
            Ok(Some(found)) => {
                error!("the journal is that of {found}, and this is {mark}: ending");
                return queue.stop().await;
            }
            Ok(None) => {
                if queue.mark(mark.clone()).await.is_err() {
                    sleep(AGAIN).await;
                }
            }
            Err(_) => sleep(AGAIN).await,
        }
    }
}
