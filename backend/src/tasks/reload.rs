//! Reads the agents file again at each SIGHUP.

use std::io;
use std::sync::Arc;

use log::{error, info};
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::parts::agents::AgentRegistry;
use crate::parts::shards::Shards;

/// Receives SIGHUP from now on, so it no longer ends the process.
///
/// # Errors
/// If the system refuses.
pub(crate) fn hang_ups() -> io::Result<Signal> {
    signal(SignalKind::hangup())
}

/// Reads the file again at each SIGHUP, for ever.
pub(crate) async fn run(mut hang_ups: Signal, registry: Arc<AgentRegistry>, shards: Shards) {
    while hang_ups.recv().await.is_some() {
        match registry.clone().reload_for(shards.queues().to_vec()).await {
            Ok(n) => info!("SIGHUP: the agents file is read again, {n} agents are configured"),
            Err(mistakes) => error!(
                "SIGHUP: the agents file is refused, and the agents stay as they were: {}",
                mistakes.join("; ")
            ),
        }
    }
}
