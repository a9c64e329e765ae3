//! Leadership by a lease. One of several replicas leads: it asks the provider and times out old
//! calls. All of them count.

use live_users_core::Millis;
use live_users_journal::LEASE_MS;
use log::{debug, info};

use crate::io::Now;

/// A leader stops this long before its lease ends, in milliseconds. So its last work is done before
/// another replica acquires the lease.
pub const LEASE_MARGIN_MS: u64 = 2_000;

/// How often the lease is acquired or renewed, in milliseconds.
pub const RENEW_EVERY_MS: u64 = LEASE_MS / 4;

// Two renewals in a row may fail before the lease is lost.
const _: () = assert!(LEASE_MARGIN_MS + 2 * RENEW_EVERY_MS < LEASE_MS);

/// Whether this replica leads, and when it renews the lease next.
#[derive(Debug)]
pub(crate) enum Leadership {
    /// A log of one process needs no lease.
    Alone,
    /// By a lease. All times are uptimes.
    Lease {
        /// The end of its leadership.
        until: Millis,
        /// The moment of the request that has no answer yet.
        asked: Option<Millis>,
        /// The moment of the next request.
        renew_at: Millis,
        /// There was an answer.
        is_decided: bool,
    },
}

impl Leadership {
    pub(crate) fn new(is_shared: bool) -> Self {
        match is_shared {
            false => Self::Alone,
            true => Self::Lease {
                until: Millis(0),
                asked: None,
                renew_at: Millis(0),
                is_decided: false,
            },
        }
    }

    pub(crate) fn is_held(&self, now: Now) -> bool {
        match self {
            Self::Alone => true,
            Self::Lease { until, .. } => now.uptime < *until,
        }
    }

    /// Whether it is known who leads.
    pub(crate) fn is_decided(&self) -> bool {
        match self {
            Self::Alone => true,
            Self::Lease { is_decided, .. } => *is_decided,
        }
    }

    /// When to request the lease next. `None` while an answer is outstanding.
    pub(crate) fn deadline(&self) -> Option<Millis> {
        match self {
            Self::Lease { asked: None, renew_at, .. } => Some(*renew_at),
            Self::Alone | Self::Lease { asked: Some(_), .. } => None,
        }
    }

    /// Whether to request the lease now. [`Leadership::receive`] takes the answer.
    pub(crate) fn begin_renewal(&mut self, now: Now) -> bool {
        match self {
            Self::Lease { asked: asked @ None, renew_at, .. } if *renew_at <= now.uptime => {
                *asked = Some(now.uptime);
                true
            }
            Self::Alone | Self::Lease { .. } => false,
        }
    }

    /// Takes the answer. The lease counts from the moment of the request, not from that of the
    /// answer, because the service started it at some moment in between.
    pub(crate) fn receive(&mut self, now: Now, answer: Option<bool>) {
        let was_held = self.is_held(now);
        let Self::Lease { until, asked, renew_at, is_decided } = self else { return };
        let Some(asked) = asked.take() else { return };
        *renew_at = Millis(asked.0 + RENEW_EVERY_MS).max(now.uptime);
        *is_decided |= answer.is_some();
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
            // A held lease stays held until its end.
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
    fn a_log_of_one_process_needs_no_lease() {
        let mut alone = Leadership::new(false);
        assert!(alone.is_held(at(0)) && !alone.begin_renewal(at(0)));
        assert_eq!(alone.deadline(), None);
    }

    #[test]
    fn the_lease_counts_from_the_moment_of_the_request() {
        let leadership = leading_from(1_000, 2_400);
        assert!(leadership.is_held(at(1_000 + LEASE_MS - LEASE_MARGIN_MS - 1)));
        assert!(!leadership.is_held(at(1_000 + LEASE_MS - LEASE_MARGIN_MS)));
        assert_eq!(leadership.deadline(), Some(Millis(1_000 + RENEW_EVERY_MS)));
    }

    #[test]
    fn a_lease_that_cannot_be_renewed_is_held_until_it_ends() {
        let mut leadership = leading_from(0, 0);
        assert!(leadership.begin_renewal(at(RENEW_EVERY_MS)));
        leadership.receive(at(4_000), None);
        assert!(leadership.is_held(at(LEASE_MS - LEASE_MARGIN_MS - 1)));
        assert!(!leadership.is_held(at(LEASE_MS - LEASE_MARGIN_MS)));
    }

    #[test]
    fn leadership_ends_at_once_when_another_replica_holds_the_lease() {
        let mut leadership = leading_from(0, 0);
        assert!(leadership.begin_renewal(at(RENEW_EVERY_MS)));
        leadership.receive(at(RENEW_EVERY_MS + 1), Some(false));
        assert!(!leadership.is_held(at(RENEW_EVERY_MS + 1)));
    }

    #[test]
    fn an_answer_without_a_request_changes_nothing() {
        let mut leadership = Leadership::new(true);
        leadership.receive(at(5), Some(true));
        assert!(!leadership.is_held(at(5)));
    }
}
