//! What the system does with the connection of a client that is slow or gone, on systems that have
//! an option for it. Each function stands under the condition of its option in `socket2`.

use std::io;

use socket2::SockRef;

/// Sets what this system can set, and leaves the rest as it is.
pub(crate) fn tune(socket: &SockRef<'_>) -> io::Result<()> {
    break_off_when_stuck(socket)?;
    keep_little_unsent(socket)
}

/// Breaks the connection off when the client takes nothing of what it is sent for too long
/// (`TCP_USER_TIMEOUT`). The system has to do it: while an answer waits for the client, nobody
/// here would look at a clock.
#[cfg(any(
    target_os = "android",
    target_os = "cygwin",
    target_os = "fuchsia",
    target_os = "linux"
))]
fn break_off_when_stuck(socket: &SockRef<'_>) -> io::Result<()> {
    /// In milliseconds.
    const STUCK_MS_MAX: u64 = 30_000;
    socket.set_tcp_user_timeout(Some(std::time::Duration::from_millis(STUCK_MS_MAX)))
}

/// Such a client keeps its connection for as long as this system likes.
#[cfg(not(any(
    target_os = "android",
    target_os = "cygwin",
    target_os = "fuchsia",
    target_os = "linux"
)))]
fn break_off_when_stuck(_: &SockRef<'_>) -> io::Result<()> {
    Ok(())
}

/// Keeps little in the system that is not on its way yet (`TCP_NOTSENT_LOWAT`): more would only be
/// old news to a client that is slow.
#[cfg(any(target_os = "android", target_os = "linux"))]
fn keep_little_unsent(socket: &SockRef<'_>) -> io::Result<()> {
    /// Per client.
    const UNSENT_BYTES_MAX: u32 = 32 * 1024;
    socket.set_tcp_notsent_lowat(UNSENT_BYTES_MAX)
}

/// A slow client gets more of what is old news by then.
#[cfg(not(any(target_os = "android", target_os = "linux")))]
fn keep_little_unsent(_: &SockRef<'_>) -> io::Result<()> {
    Ok(())
}
