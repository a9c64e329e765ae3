//! Socket options for clients that are slow or gone, on systems that have them. Each function has
//! the condition of its option in `socket2`.

use std::io;

use socket2::SockRef;

/// Sets the options that this system has.
pub(crate) fn tune(socket: &SockRef<'_>) -> io::Result<()> {
    break_off_when_stuck(socket)?;
    keep_little_unsent(socket)
}

/// Closes the connection of a client that takes no data for too long (`TCP_USER_TIMEOUT`). Only the
/// system can do it: while an answer waits for the client, no code here runs.
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

/// Without the option, the system decides how long such a client keeps its connection.
#[cfg(not(any(
    target_os = "android",
    target_os = "cygwin",
    target_os = "fuchsia",
    target_os = "linux"
)))]
fn break_off_when_stuck(_: &SockRef<'_>) -> io::Result<()> {
    Ok(())
}

/// Bounds the unsent data in the system (`TCP_NOTSENT_LOWAT`). More of it would only be outdated
/// for a slow client.
#[cfg(any(target_os = "android", target_os = "linux"))]
fn keep_little_unsent(socket: &SockRef<'_>) -> io::Result<()> {
    /// For each client.
    const UNSENT_BYTES_MAX: u32 = 32 * 1024;
    socket.set_tcp_notsent_lowat(UNSENT_BYTES_MAX)
}

/// Without the option, a slow client gets more outdated data.
#[cfg(not(any(target_os = "android", target_os = "linux")))]
fn keep_little_unsent(_: &SockRef<'_>) -> io::Result<()> {
    Ok(())
}
