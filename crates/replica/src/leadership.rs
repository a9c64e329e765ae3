//! Of several replicas one leads: it asks the provider, and times old calls out. All of them count.

use live_users_core::Millis;
use live_users_journal::LEASE_MS;
use log::{debug, info};

use crate::io::Now;

/// A leader stops this long before its lease is over, in milliseconds: what it has begun by then is
/// done before another replica takes the lease.
pub const LEASE_MARGIN_MS: u64 = 2_000;

/// How often the lease is taken or renewed, in milliseconds.
pub const RENEW_EVERY_MS: u64 = LEASE_MS / 4;

// Two renewals in a row may fail without the lease being lost.
const _: () = assert!(LEASE_MARGIN_MS + 2 * RENEW_EVERY_MS < LEASE_MS);

/// Whether this replica leads, and when it asks for the lease next.
#[derive(Debug)]
pub(crate) enum Leadership {
    /// In a log of one process nobody else could.
    Alone,
    /// By a lease. All times are uptimes.
    Lease {
        /// It leads until then.
        until: Millis,
        /// When the lease was asked for that nobody has answered yet.
        asked: Option<Millis>,
        /// When to ask next.
        renew_at: Millis,
    },
}

impl Leadership {
    pub(crate) fn new(is_shared: bool) -> Self {
        match is_shared {
            false => Self::Alone,
            true => Self::Lease { until: Millis(0), asked: None, renew_at: Millis(0) },
        }
    }

    pub(crate) fn is_held(&self, now: Now) -> bool {
        match self {
            Self::Alone => true,
            Self::Lease { until, .. } => now.uptime < *until,
        }
    }

    /// When the lease has to be asked for.
    pub(crate) fn deadline(&self) -> Option<Millis> {
        match self {
            Self::Lease { asked: None, renew_at, .. } => Some(*renew_at),
            Self::Alone | Self::Lease { asked: Some(_), .. } => None,
        }
    }

    /// Whether the lease is to be asked for now. The answer goes to [`Leadership::receive`].
    pub(crate) fn begin_renewal(&mut self, now: Now) -> bool {
        match self {
            Self::Lease { asked: asked @ None, renew_at, .. } if *renew_at <= now.uptime => {
                *asked = Some(now.uptime);
                true
            }
            Self::Alone | Self::Lease { .. } => false,
        }
    }

    /// Takes the answer in. The lease is held from the moment at which it was asked for, not from
    /// that of the answer: its service counts from some moment in between.
    pub(crate) fn receive(&mut self, now: Now, answer: Option<bool>) {
        let was_held = self.is_held(now);
        let Self::Lease { until, asked, renew_at } = self else { return };
        let Some(asked) = asked.take() else { return };
        *renew_at = Millis(asked.0 + RENEW_EVERY_MS).max(now.uptime);
        match answer {
            Some(true) => {
                *until = Millis(asked.0 + LEASE_MS - LEASE_MARGIN_MS);
                if !was_held {
                    debug!("this replica leads: it asks the provider, and times old calls out");
                }
            }
            Some(false) => {
                *until = Millis(0);
                if was_held {
                    info!("another replica leads now");
                }
            }
            // What was held stays held until its time is over.
            None => debug!("nobody answers when the lease is asked for"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(uptime: u64) -> Now {
        Now { uptime: Millis(uptime), time: Millis(0), log_age_ms: 0 }
    }

    fn leading_from(asked: u64, answered: u64) -> Leadership {
        let mut leadership = Leadership::new(true);
        assert!(leadership.begin_renewal(at(asked)) && !leadership.begin_renewal(at(asked)));
        leadership.receive(at(answered), Some(true));
        leadership
    }

    #[test]
    fn a_log_of_one_process_is_led_without_asking() {
        let mut alone = Leadership::new(false);
        assert!(alone.is_held(at(0)) && !alone.begin_renewal(at(0)));
        assert_eq!(alone.deadline(), None);
    }

    #[test]
    fn the_lease_counts_from_the_moment_at_which_it_was_asked_for() {
        let leadership = leading_from(1_000, 2_400);
        assert!(leadership.is_held(at(1_000 + LEASE_MS - LEASE_MARGIN_MS - 1)));
        assert!(!leadership.is_held(at(1_000 + LEASE_MS - LEASE_MARGIN_MS)));
        assert_eq!(leadership.deadline(), Some(Millis(1_000 + RENEW_EVERY_MS)));
    }

    #[test]
    fn a_lease_that_cannot_be_renewed_is_held_until_its_time_is_over() {
        let mut leadership = leading_from(0, 0);
        assert!(leadership.begin_renewal(at(RENEW_EVERY_MS)));
        leadership.receive(at(4_000), None);
        assert!(leadership.is_held(at(LEASE_MS - LEASE_MARGIN_MS - 1)));
        assert!(!leadership.is_held(at(LEASE_MS - LEASE_MARGIN_MS)));
    }

    #[test]
    fn a_lease_that_another_one_has_is_given_up_at_once() {
        let mut leadership = leading_from(0, 0);
        assert!(leadership.begin_renewal(at(RENEW_EVERY_MS)));
        leadership.receive(at(RENEW_EVERY_MS + 1), Some(false));
        assert!(!leadership.is_held(at(RENEW_EVERY_MS + 1)));
    }

    #[test]
    fn an_answer_that_nobody_asked_for_changes_nothing() {
        let mut leadership = Leadership::new(true);
        leadership.receive(at(5), Some(true));
        assert!(!leadership.is_held(at(5)));
    }
}
