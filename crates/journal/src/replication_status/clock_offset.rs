//! The difference between the clock of a service and this machine's.

use std::sync::atomic::{AtomicI64, Ordering};

/// The service's clock minus this machine's, in milliseconds.
#[derive(Debug, Default)]
pub(super) struct ClockOffset(AtomicI64);

impl ClockOffset {
    /// Sets it from both clocks at the same moment, in milliseconds since the Unix epoch.
    pub(super) fn set(&self, service_ms: u64, machine_ms: u64) {
        let ahead_ms = i128::from(service_ms) - i128::from(machine_ms);
        // A difference beyond an i64 is an error of a clock, and is ignored.
        let ahead_ms = i64::try_from(ahead_ms).unwrap_or(0);
        self.0.store(ahead_ms, Ordering::Relaxed);
    }

    /// The service's time at this time of the machine.
    pub(super) fn service_ms(&self, machine_ms: u64) -> u64 {
        machine_ms.saturating_add_signed(self.0.load(Ordering::Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_service_may_be_ahead_or_behind() {
        let offset = ClockOffset::default();
        assert_eq!(offset.service_ms(7), 7);
        for (service_ms, machine_ms, at, expected) in [
            (3_600_007, 7, 10, 3_600_010),
            (7, 3_600_007, 3_600_010, 10),
            (7, 9, 1, 0),
            (u64::MAX, 0, 5, 5),
        ] {
            offset.set(service_ms, machine_ms);
            assert_eq!(offset.service_ms(at), expected);
        }
    }
}
