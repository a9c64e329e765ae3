//! The signals that stop a server.

use std::io::{self, IsTerminal};

use tokio::signal::unix::{Signal, SignalKind, signal as on};

/// SIGXFSZ: a file would grow beyond the limit of the process (`ulimit -f`).
const XFSZ: i32 = rustix::process::Signal::XFSZ.as_raw();

/// From now on, a write beyond the limit of the size of files fails as on a full disk. It would end the
/// process otherwise.
///
/// # Panics
/// As [`signal`].
pub fn survive_file_size_limit() {
    // The handler stays when this is dropped.
    let _installed = on(SignalKind::from_raw(XFSZ)).expect("SIGXFSZ can be handled");
}

/// Resolves when the process is asked to stop: by SIGTERM (a platform), by SIGINT (a person), or by
/// SIGHUP after the person's terminal was closed. Any other SIGHUP asks a server to read files
/// again, and stops nothing.
///
/// The signals are caught from this call on, not only from the first poll. Until then, a signal
/// would end the process at once, even while it serves.
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

/// Resolves at a SIGHUP after which fewer standard streams are a terminal: it was closed.
async fn terminal_closed(at_first: usize, mut hang_ups: Signal) {
    while hang_ups.recv().await.is_some() {
        if terminals() < at_first {
            return;
        }
    }
    std::future::pending().await
}

/// The number of standard streams that are a terminal.
fn terminals() -> usize {
    let streams =
        [io::stdin().is_terminal(), io::stdout().is_terminal(), io::stderr().is_terminal()];
    streams.into_iter().filter(|is_terminal| *is_terminal).count()
}
