//! Looks after the service beside the log: its streams, its servers, and the copies of the log.
//! What is found becomes a warning of the [`crate::ReplicationStatus`].

mod copies;
mod servers;
mod streams;

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use self::copies::Copies;
use self::servers::Servers;
use self::streams::Streams;
use super::address::NatsAddress;
use super::log::Log;

/// How often the streams are looked for.
const STREAMS_EVERY: Duration = Duration::from_secs(2);

/// How often the servers are looked at.
const SERVERS_EVERY: Duration = Duration::from_secs(10);

/// How often the copies are compared. Each has to have a message after this time.
const COPIES_EVERY: Duration = Duration::from_secs(30);

/// Looks until the runtime ends.
pub(super) async fn watch(log: Arc<Log>, address: NatsAddress) {
    let (mut streams, mut servers, mut copies) =
        (Streams::default(), Servers::default(), Copies::default());
    let (mut servers_at, mut copies_at) = (Instant::now(), Instant::now());
    loop {
        let now = Instant::now();
        if now >= servers_at {
            servers_at = now + SERVERS_EVERY;
            servers.look(&log.status, &address).await;
        }
        if now >= copies_at {
            copies_at = now + COPIES_EVERY;
            copies.look(&log).await;
        }
        streams.look(&log).await;
        sleep(STREAMS_EVERY).await;
    }
}
