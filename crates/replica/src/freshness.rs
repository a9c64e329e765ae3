//! Whether the numbers may be shown, and the publication of the numbers or of why they may not.

use live_users_core::{Millis, Source};

use crate::io::{Effect, Now, Publication, Stale, StaleReason};
use crate::replica::Replica;

/// A number is shown while the replica's knowledge of the log is younger than this, in milliseconds.
/// Otherwise the replica asks the log first.
pub const FRESH_MS: u64 = 2_500;

/// For how long the numbers may lack evidence that waits for a log which cannot be written, in
/// milliseconds. Most such failures are over by then.
pub const UNRECORDED_MS_MAX: u64 = 10_000;

/// Whether a number may be shown at this age of the knowledge, in milliseconds.
pub fn is_fresh(log_age_ms: u64) -> bool {
    log_age_ms < FRESH_MS
}

/// Whether evidence from here shows that calls are answered here. A status callback alone may be of
/// a number that is not.
pub(crate) fn is_heard(source: Source) -> bool {
    match source {
        Source::Voice | Source::Speech => true,
        Source::StatusCallback
        | Source::Clock
        | Source::Referee
        | Source::Operator
        | Source::Event => false,
    }
}

impl Replica {
    /// The age of the state, in milliseconds: this long ago, it had everything in a shared log, or
    /// everything that it was told.
    pub(crate) fn age_ms(&self, now: Now) -> u64 {
        match self.is_shared && self.is_behind {
            true => now.uptime.since(self.covered_at).max(now.log_age_ms),
            false => now.log_age_ms.max(self.unrecorded_ms(now).unwrap_or_default()),
        }
    }

    /// How long evidence has waited for a log of its own, in milliseconds, if that is too long.
    fn unrecorded_ms(&self, now: Now) -> Option<u64> {
        let since = self.unrecorded_since.filter(|_| !self.is_shared)?;
        Some(now.uptime.since(since)).filter(|ms| *ms >= UNRECORDED_MS_MAX)
    }

    /// Why the numbers must not be shown now, if the log is the reason.
    pub(crate) fn stale(&self, now: Now) -> Stale {
        let unwritable = self.unrecorded_ms(now).map(|_| self.degraded_by.1);
        let reason = unwritable.map_or(StaleReason::Behind, StaleReason::Unwritable);
        Stale { age_ms: self.age_ms(now), reason }
    }

    /// Whether the state is fresh enough for its numbers to be shown now.
    pub fn is_fresh(&self, now: Now) -> bool {
        is_fresh(self.age_ms(now))
    }

    /// Why the numbers are unknown although the state is fresh: only the provider's answers tell of
    /// calls, and there is none.
    ///
    /// Trap: of several replicas only the leader asks, so only the leader knows of this.
    pub fn unanswered(&self, now: Now) -> Option<Stale> {
        let ms_max = self.rules.asks_only_ms.filter(|_| !self.has_heard)?;
        // Who leads is not known before the first answer about the lease.
        if !self.leads(now) && self.leadership.is_decided() {
            return None;
        }
        let answered = self.answered()?;
        let age_ms = now.uptime.since(answered.or(self.started).unwrap_or(now.uptime));
        match answered {
            None => Some(Stale { age_ms, reason: StaleReason::NeverAnswered }),
            Some(_) => (age_ms >= ms_max)
                .then_some(Stale { age_ms, reason: StaleReason::NotAnsweredSince }),
        }
    }

    /// When the provider last answered about the account about which it has not answered for the
    /// longest. `None` if nobody asks.
    fn answered(&self) -> Option<Option<Millis>> {
        self.reconciliations.iter().map(|it| it.answered).min()
    }

    /// The uptime at which the numbers become unknown if the provider does not answer before.
    pub(crate) fn unanswered_at(&self) -> Option<Millis> {
        let ms_max = self.rules.asks_only_ms.filter(|_| !self.has_heard)?;
        self.last_step.filter(|now| self.leads(*now))?;
        let answered = self.answered()??;
        // Once that is published, there is nothing to wait for.
        self.published.1.is_none().then_some(Millis(answered.0 + ms_max))
    }

    /// Notes the end of a step, at which the state may have become fresh again, or the provider's
    /// answers too old.
    ///
    /// Trap: evidence comes before the news of the log in a batch. So a step with evidence that only
    /// went to the retry buffer says nothing about records that were noticed.
    pub(crate) fn note_coverage(&mut self, now: Now, is_record: bool) {
        if self.awaiting.is_some() || self.is_behind || is_record {
            return;
        }
        let known_at = Millis(now.uptime.0.saturating_sub(now.log_age_ms));
        self.covered_at = self.covered_at.max(known_at);
        if self.is_fresh(now) {
            let unanswered = self.unanswered(now);
            if reason(self.published.1) != reason(unanswered) {
                self.publish(unanswered);
            }
        }
    }

    /// Publishes the numbers, or why they must not be shown.
    pub(crate) fn publish_if_fresh(&mut self, now: Now) {
        self.publish(match self.is_fresh(now) {
            true => self.unanswered(now),
            false => Some(self.stale(now)),
        });
    }

    /// Publishes if something changed since the last publication.
    pub(crate) fn publish(&mut self, stale: Option<Stale>) {
        if self.published.0 == self.applied && reason(self.published.1) == reason(stale) {
            return;
        }
        self.published = (self.applied, stale);
        let numbers = self.state.tracker().numbers();
        let (at, as_of) = (self.applied, self.state.tracker().now());
        log::debug!("{} users and {} calls live at {at}", numbers.users, numbers.calls);
        self.effects.push(Effect::Publish(Publication { numbers, at, as_of, stale }));
    }
}

fn reason(stale: Option<Stale>) -> Option<StaleReason> {
    stale.map(|stale| stale.reason)
}
