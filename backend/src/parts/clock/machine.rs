//! The clocks of this machine.

use std::sync::OnceLock;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use live_users_replica::disciplined_clock::Reading;

/// The clocks are read again if reading them took longer than this.
const SAME_MOMENT: Duration = Duration::from_millis(50);

/// How often they are read at most.
const READINGS_MAX: usize = 4;

/// Both clocks at one moment. A process that is stopped between the two readings would take the
/// pause for a jump, so it reads them again.
pub(super) fn read() -> Reading {
    let mut before = steady();
    let mut reading = Reading { steady: before, wall: wall() };
    for _ in 1..READINGS_MAX {
        let after = steady();
        if after.saturating_sub(before) < SAME_MOMENT {
            break;
        }
        before = after;
        reading = Reading { steady: before, wall: wall() };
    }
    reading
}

/// The time since the Unix epoch in milliseconds, by the steady clock. It was set by the wall clock
/// when it was first read, and is as wrong as that one was. A service's clock is compared with
/// it, because it never jumps.
pub(crate) fn steady_unix_ms() -> u64 {
    static ORIGIN: OnceLock<Reading> = OnceLock::new();
    let origin = ORIGIN.get_or_init(read);
    let now = origin.wall + steady().saturating_sub(origin.steady);
    u64::try_from(now.as_millis()).unwrap_or(u64::MAX)
}

/// What the wall clock shows, in milliseconds since the Unix epoch.
pub(crate) fn wall_unix_ms() -> u64 {
    u64::try_from(wall().as_millis()).unwrap_or(u64::MAX)
}

/// The clock that people and NTP set. A clock before the epoch shows the epoch.
fn wall() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

/// A clock that nobody can set, and that goes on while the machine sleeps.
#[cfg(target_os = "linux")]
fn steady() -> Duration {
    use rustix::time::{ClockId, clock_gettime};
    let now = clock_gettime(ClockId::Boottime);
    let (s, ns) = (u64::try_from(now.tv_sec), u32::try_from(now.tv_nsec));
    Duration::new(s.unwrap_or_default(), ns.unwrap_or_default())
}

/// A clock that nobody can set.
#[cfg(not(target_os = "linux"))]
fn steady() -> Duration {
    static START: OnceLock<std::time::Instant> = OnceLock::new();
    START.get_or_init(std::time::Instant::now).elapsed()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_clocks_go_on() {
        let (first, unix_ms) = (read(), steady_unix_ms());
        let next = read();
        assert!(next.steady >= first.steady && next.wall > Duration::from_secs(1_700_000_000));
        assert!(steady_unix_ms() >= unix_ms);
    }
}
