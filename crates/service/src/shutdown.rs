//! When to stop.

use tokio::signal::unix::{SignalKind, signal as on};

/// Resolves when the process is asked to stop: SIGTERM (a platform), SIGINT (a person).
///
/// # Panics
/// If the system refuses to install a signal handler.
pub async fn signal() {
    let mut terminate = on(SignalKind::terminate()).expect("SIGTERM can be handled");
    let mut interrupt = on(SignalKind::interrupt()).expect("SIGINT can be handled");
    let name = tokio::select! {
        _ = terminate.recv() => "SIGTERM",
        _ = interrupt.recv() => "SIGINT",
    };
    log::info!("{name}: draining");
}
