//! Forgets where calls were that are over, where there are several shards.

use std::time::Duration;

use live_users_intake::shards::Router;

use crate::parts::shards::Shards;

/// Runs until it is aborted.
pub(crate) async fn run(shards: Shards) {
    while shards.are_several() {
        tokio::time::sleep(Duration::from_millis(Router::TURN_MS)).await;
        shards.turn().await;
    }
}
