//! Reads the agents file again at each SIGHUP.

use std::io;
use std::sync::Arc;

use log::{error, info};
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::parts::agents::AgentRegistry;
use crate::parts::queue::{Queue, Work};

/// Receives SIGHUP from now on, so it no longer ends the process.
///
/// # Errors
/// If the system refuses.
pub(crate) fn hang_ups() -> io::Result<Signal> {
    signal(SignalKind::hangup())
}

/// Reads the file again at each SIGHUP, for ever. The state does not change. Calls go on, also
/// those of agents that are gone.
pub(crate) async fn run(mut hang_ups: Signal, registry: Arc<AgentRegistry>, queue: Queue) {
    while hang_ups.recv().await.is_some() {
        // A slow disk would block all other tasks of this thread.
        let reloading = registry.clone();
        let reloaded = tokio::task::spawn_blocking(move || reloading.reload());
        match reloaded.await {
            Ok(Ok(agents)) => {
                let n = agents.iter().count();
                queue.answer(Work::Agents(agents)).await;
                info!("SIGHUP: the agents file is read again, {n} agents are configured");
            }
            Ok(Err(mistakes)) => error!(
                "SIGHUP: the agents file is refused, and the agents stay as they were: {}",
                mistakes.join("; ")
            ),
            Err(_) => error!("SIGHUP: reading the agents file has panicked; nothing has changed"),
        }
    }
}
