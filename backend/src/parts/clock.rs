//! The time. It is the journal's, which is this machine's unless the journal is shared.

use jiff::Timestamp;
use live_users_core::Millis;
use live_users_journal::ReplicationStatus;

/// Returns the time, and the age of what is known of the journal. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub(crate) struct Clock(ReplicationStatus);

impl Clock {
    pub(crate) fn of(replication_status: ReplicationStatus) -> Self {
        Self(replication_status)
    }

    /// The present.
    pub(crate) fn now(&self) -> Millis {
        Millis(self.0.log_time_ms(system_clock().0))
    }

    /// The age of what is known of the journal, in milliseconds. Other replicas may have appended
    /// since.
    pub(crate) fn age_ms(&self) -> u64 {
        u64::try_from(self.0.age().as_millis()).unwrap_or(u64::MAX)
    }
}

/// The time of this machine's clock.
fn system_clock() -> Millis {
    let since_epoch = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let ms = since_epoch.map(|elapsed| elapsed.as_millis()).unwrap_or_default();
    Millis(u64::try_from(ms).unwrap_or(u64::MAX))
}

/// A moment as text. A moment beyond the calendar becomes the last one that it has.
pub(crate) fn moment(Millis(ms): Millis) -> String {
    let at = i64::try_from(ms).ok().and_then(|ms| Timestamp::from_millisecond(ms).ok());
    format!("{:.3}", at.unwrap_or(Timestamp::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_text_with_milliseconds() {
        assert_eq!(moment(Millis(1_795_000_000_007)), "2026-11-18T11:06:40.007Z");
        assert!(moment(Millis(u64::MAX)).starts_with("9999-12-3"));
    }
}
