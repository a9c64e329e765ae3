//! Finds what time ends: calls that are too old, and tombstones.

use std::cell::Cell;

use live_users_core::{
    CallId, EndReason, Evidence, Limits, Millis, Phase, SECOND_MS, Said, Source, Tracker,
};
use live_users_state::record::Change;

/// The default age at which a silent call is over, in milliseconds. Twilio's own limit is 4 h, except
/// for accounts with the 24-hour switch.
pub const MAX_CALL_MS: u64 = 4 * 3_600_000;

/// A call is timed out only after this much silence, in milliseconds, however old it is. The account
/// may allow longer calls than `MAX_CALL_HOURS`.
pub const QUIET_MS: u64 = 15 * 60_000;

/// The longest time in the phase dialing, in milliseconds. Twilio keeps an outbound call in its queue
/// for up to 24 h, and ringing adds up to an hour.
pub const DIALING_MS_MAX: u64 = 25 * 3_600_000;

/// How long a tombstone stays, in milliseconds, so that a late webhook cannot revive its call. The
/// latest webhooks are retries of Event Streams, up to 4 h.
pub const TOMBSTONE_MS: u64 = 25 * 3_600_000;

const _: () = assert!(TOMBSTONE_MS > 4 * 3_600_000);

/// The longest that a restart takes, in milliseconds, before the clock may be wrong instead.
const RESTART_MS_MAX: u64 = 3_600_000;

/// The most calls in one sweep, so that the next batch does not wait long.
const SWEEP_CALLS_MAX: usize = 50_000;

/// The calls that were known when the process started. Nobody listened before, so their silence
/// until then proves nothing, and neither does the age that a wrong clock gives them.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct FromBefore {
    /// The time of the last record before the start, if any call was known then.
    pub(crate) last_record: Option<Millis>,
    /// How long the process has run since, in milliseconds.
    pub(crate) ran_ms: u64,
}

impl FromBefore {
    /// How long a call is still left alone, unless it is heard of, in milliseconds. Who promises to be
    /// heard more often has to keep that since the start.
    fn grace_ms(self, limits: Limits) -> u64 {
        let quiet_ms = limits.quiet_s.map_or(QUIET_MS, ms);
        quiet_ms.min(QUIET_MS).saturating_sub(self.ran_ms)
    }

    /// Whether the age of a call says nothing yet: so much time has passed since the last record
    /// before the start that the clock may be wrong. After a restart as people do it, ages hold.
    fn has_lost_time(self, now: Millis) -> bool {
        self.unproven_ms(now) > RESTART_MS_MAX && self.ran_ms < QUIET_MS
    }

    /// How far the time is ahead of what is certain, in milliseconds: of the last record before the
    /// start and the time that the process has run. A clock that was set in between may be wrong,
    /// so tombstones stay for that much longer, until the process has run as long as they stay.
    pub(crate) fn unproven_ms(self, now: Millis) -> u64 {
        match self.last_record {
            Some(last) if self.ran_ms < TOMBSTONE_MS => now.since(Millis(last.0 + self.ran_ms)),
            Some(_) | None => 0,
        }
    }
}

/// Examines all calls, a part at a time, and knows when the next one is overdue.
#[derive(Debug, Default)]
pub(crate) struct Sweep {
    cursor: usize,
    /// The beginning of the pass in progress, and the first moment at which a call that it has
    /// examined will be overdue.
    pass: Option<(Millis, u64)>,
    /// No call is overdue before this. By the log's time.
    due: Millis,
}

impl Sweep {
    /// Starts again, because the state was rebuilt or the time went back.
    pub(crate) fn restart(&mut self) {
        *self = Self::default();
    }

    /// The next moment at which something may be overdue. A pass in progress is due at once.
    pub(crate) fn due(&self, calls: &Tracker, unproven_ms: u64) -> Millis {
        let stays_ms = TOMBSTONE_MS + unproven_ms;
        let forget = calls.oldest_end().map_or(u64::MAX, |end| end.0.saturating_add(stays_ms + 1));
        self.due.min(Millis(forget))
    }

    /// Examines the calls again at this moment at the latest.
    pub(crate) fn look_again(&mut self, at: Millis) {
        match &mut self.pass {
            Some((_, due)) => *due = at.0.min(*due),
            None => self.due = self.due.min(at),
        }
    }

    /// Returns the changes that end overdue calls and forget old tombstones. Each becomes a record,
    /// because otherwise a replay would count differently.
    pub(crate) fn overdue(
        &mut self,
        now: Millis,
        max_call_ms: u64,
        from_before: FromBefore,
        calls: &Tracker,
    ) -> Vec<Change> {
        let overdue = self.timed_out(now, max_call_ms, from_before, calls);
        let timed_out = overdue.into_iter().map(timed_out);
        let ended_before = now.minus(TOMBSTONE_MS + from_before.unproven_ms(now));
        let forget = calls.oldest_end().is_some_and(|end| end < ended_before);
        timed_out.chain(forget.then_some(Change::Forget { ended_before })).collect()
    }

    fn timed_out(
        &mut self,
        now: Millis,
        max_call_ms: u64,
        from_before: FromBefore,
        calls: &Tracker,
    ) -> Vec<CallId> {
        let first_due = Cell::new(u64::MAX);
        let is_over = |phase, since: Millis, heard: Millis, limits: Limits| {
            let due = match phase {
                Phase::Dialing => since.0 + DIALING_MS_MAX + 1,
                Phase::Live => (since.0 + max_call_ms).max(heard.0 + QUIET_MS) + 1,
                Phase::Ended(_) => return false,
            };
            let due = due.min(by(heard, limits.quiet_s));
            let is_from_before = from_before.last_record.is_some_and(|last| heard <= last);
            let grace_ms = from_before.grace_ms(limits);
            let later = |due: u64| match is_from_before && grace_ms > 0 {
                true => due.max(now.0 + grace_ms),
                false => due,
            };
            // How long a call can be depends on nobody who might have been heard.
            let longest = by(since, limits.longest_s);
            let longest = if from_before.has_lost_time(now) { later(longest) } else { longest };
            let due = later(due).min(longest);
            // A call that is over now is not examined again. Any other has a due time.
            if due > now.0 {
                first_due.set(first_due.get().min(due));
            }
            due <= now.0
        };
        let (began, seen_due) = self.pass.take().unwrap_or((now, u64::MAX));
        let timed_out = calls.sweep(&mut self.cursor, SWEEP_CALLS_MAX, is_over);
        let due = seen_due.min(first_due.get());
        if self.cursor == 0 {
            // A call that began during the pass is overdue later than one from its beginning.
            let of_later_ones = began.0 + max_call_ms.min(DIALING_MS_MAX) + 1;
            self.due = Millis(due.min(of_later_ones));
        } else {
            self.pass = Some((began, due));
            self.due = now;
        }
        timed_out
    }
}

/// When a call is overdue by the limits of those who tell of it.
fn due_by_limits(since: Millis, heard: Millis, limits: Limits) -> u64 {
    by(heard, limits.quiet_s).min(by(since, limits.longest_s))
}

/// When a limit that counts from this moment is over; never, if there is none.
fn by(from: Millis, limit_s: Option<u32>) -> u64 {
    limit_s.map_or(u64::MAX, |limit_s| from.0.saturating_add(ms(limit_s)).saturating_add(1))
}

fn ms(seconds: u32) -> u64 {
    u64::from(seconds) * SECOND_MS
}

/// When a call may be overdue at the earliest, of which this was said at that moment; `None` if no
/// limits are known.
pub(crate) fn due_after(at: Millis, limits: Limits) -> Option<Millis> {
    let has_any = limits.quiet_s.is_some() || limits.longest_s.is_some();
    has_any.then(|| Millis(due_by_limits(at, at, limits)))
}

/// The change that ends an overdue call.
pub(crate) fn timed_out(call: CallId) -> Change {
    Change::Evidence(Evidence::about(call, Source::Clock, Said::Over(EndReason::TimedOut)))
}

#[cfg(test)]
mod tests {
    use live_users_core::Direction;

    use super::*;

    const HOUR: u64 = 3_600_000;

    fn inbound(id: &str) -> Evidence {
        let call = CallId::parse(id).unwrap();
        let direction = Some(Direction::Inbound);
        Evidence { direction, ..Evidence::about(call, Source::Voice, Said::Dialing) }
    }

    #[test]
    fn the_next_due_time_is_exact() {
        let (mut calls, mut sweep) = (Tracker::default(), Sweep::default());
        assert_eq!(sweep.due(&calls, 0), Millis(0), "the first sweep is due at once");
        calls.apply(Millis(HOUR), &inbound("a"));
        calls.apply(Millis(2 * HOUR), &inbound("b"));
        assert!(
            sweep.overdue(Millis(3 * HOUR), 4 * HOUR, FromBefore::default(), &calls).is_empty()
        );
        let due = sweep.due(&calls, 0);
        assert_eq!(due, Millis(5 * HOUR + 1));
        assert!(
            sweep.overdue(Millis(due.0 - 1), 4 * HOUR, FromBefore::default(), &calls).is_empty()
        );
        assert_eq!(sweep.overdue(due, 4 * HOUR, FromBefore::default(), &calls).len(), 1);
        assert_eq!(sweep.due(&calls, 0), Millis(6 * HOUR + 1));
    }

    #[test]
    fn a_tombstone_is_forgotten_after_its_time() {
        let (mut calls, mut sweep) = (Tracker::default(), Sweep::default());
        let end = Said::Over(EndReason::Completed);
        let call = CallId::parse("a").unwrap();
        calls.apply(Millis(5), &Evidence::about(call, Source::StatusCallback, end));
        sweep.overdue(Millis(6), 40 * HOUR, FromBefore::default(), &calls);
        let due = sweep.due(&calls, 0);
        assert_eq!(due, Millis(5 + TOMBSTONE_MS + 1));
        assert!(
            sweep.overdue(Millis(due.0 - 1), 40 * HOUR, FromBefore::default(), &calls).is_empty()
        );
        assert_eq!(sweep.overdue(due, 40 * HOUR, FromBefore::default(), &calls).len(), 1);
    }

    #[test]
    fn a_tombstone_from_before_stays_while_only_a_new_clock_says_that_it_is_old() {
        let (mut calls, mut sweep) = (Tracker::default(), Sweep::default());
        let end = Said::Over(EndReason::Completed);
        let call = CallId::parse("a").unwrap();
        calls.apply(Millis(HOUR), &Evidence::about(call, Source::StatusCallback, end));
        let last_record = Some(Millis(HOUR));
        let year = 8_760 * HOUR;
        for (ran_ms, is_forgotten) in
            [(0, false), (HOUR, false), (TOMBSTONE_MS - 1, false), (TOMBSTONE_MS, true)]
        {
            let now = Millis(3 * year + ran_ms);
            let from_before = FromBefore { last_record, ran_ms };
            let due = sweep.due(&calls, from_before.unproven_ms(now));
            let changes = sweep.overdue(now, 40 * HOUR, from_before, &calls);
            assert_eq!(changes.len(), usize::from(is_forgotten), "{ran_ms}");
            assert!(due <= now || !is_forgotten);
        }
        // A clock that is right after a short pause changes the time by that pause.
        let from_before = FromBefore { last_record, ran_ms: 5 * HOUR };
        assert_eq!(from_before.unproven_ms(Millis(7 * HOUR)), HOUR);
        assert_eq!(FromBefore::default().unproven_ms(Millis(7 * HOUR)), 0);
    }
}
