//! When to stop.

use std::io::{self, IsTerminal};

use tokio::signal::unix::{Signal, SignalKind, signal as on};

/// Resolves when the process is asked to stop: SIGTERM (a platform), SIGINT (a person), or SIGHUP
/// because the person's terminal was closed. Any other SIGHUP asks a server to read files again and
/// ends nothing. The signals are caught from this call on, and not only once it is waited for:
/// until then the system would end the process without a word, also one that is serving already.
///
/// # Panics
/// If the system refuses to install a signal handler, or outside of a tokio runtime.
pub fn signal() -> impl Future<Output = ()> {
    let mut terminate = on(SignalKind::terminate()).expect("SIGTERM can be handled");
    let mut interrupt = on(SignalKind::interrupt()).expect("SIGINT can be handled");
    let hang_ups = on(SignalKind::hangup()).expect("SIGHUP can be handled");
    async move {
        let name = tokio::select! {
            _ = terminate.recv() => "SIGTERM",
            _ = interrupt.recv() => "SIGINT",
            () = terminal_closed(terminals(), hang_ups) => "SIGHUP, for the terminal is closed",
        };
        log::info!("{name}: draining");
    }
}

/// A terminal that was closed is none any more, and its end sends SIGHUP.
async fn terminal_closed(at_first: usize, mut hang_ups: Signal) {
    while hang_ups.recv().await.is_some() {
        if terminals() < at_first {
            return;
        }
    }
    std::future::pending().await
}

/// How many of the standard streams are a terminal.
fn terminals() -> usize {
    let streams =
        [io::stdin().is_terminal(), io::stdout().is_terminal(), io::stderr().is_terminal()];
    streams.into_iter().filter(|is_terminal| *is_terminal).count()
}
