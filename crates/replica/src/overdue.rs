//! What the passing of time ends: calls that are older than a call can be, and tombstones.

use std::cell::Cell;

use live_users_core::{CallId, EndReason, Evidence, Millis, Phase, Said, Source, Tracker};
use live_users_state::record::Change;

/// A silent call older than this is over unless a setting says otherwise, in milliseconds. Twilio's
/// own limit is 4 h, but for accounts with the 24-hour switch.
pub const MAX_CALL_MS: u64 = 4 * 3_600_000;

/// A call is not timed out, however old, while something was heard of it within this time, in
/// milliseconds: the account may allow longer calls than `MAX_CALL_HOURS` says.
pub const QUIET_MS: u64 = 15 * 60_000;

/// Twilio keeps an outbound call in its queue for up to 24 h before it dials or cancels it; an hour
/// is added for the ringing. In milliseconds.
pub const DIALING_MS_MAX: u64 = 25 * 3_600_000;

/// How long an ended call is remembered, so that a late webhook cannot revive it, in milliseconds.
/// Twilio's longest way is the 4 h for which Event Streams retries.
pub const TOMBSTONE_MS: u64 = 25 * 3_600_000;

const _: () = assert!(TOMBSTONE_MS > 4 * 3_600_000);

/// How many calls one sweep looks at, so that it never holds up the batch behind it for long.
const SWEEP_CALLS_MAX: usize = 50_000;

/// Looks at all calls, some at a time, and knows when it has to look again.
#[derive(Debug, Default)]
pub(crate) struct Sweep {
    cursor: usize,
    /// When the pass that is under way began, and the first moment at which one of the calls that it
    /// has seen is overdue.
    pass: Option<(Millis, u64)>,
    /// No call is overdue before this. By the log's time.
    due: Millis,
}

impl Sweep {
    /// From the beginning: the calls are others.
    pub(crate) fn restart(&mut self) {
        *self = Self::default();
    }

    /// When there may be something overdue. Now, while a pass is under way.
    pub(crate) fn due(&self, calls: &Tracker) -> Millis {
        let forget = calls.oldest_end().map_or(u64::MAX, |end| end.0 + TOMBSTONE_MS + 1);
        self.due.min(Millis(forget))
    }

    /// Ends calls that are older than a call can be, and drops tombstones that have outlived their
    /// use. Each is a record, or a replay would count differently.
    pub(crate) fn overdue(
        &mut self,
        now: Millis,
        max_call_ms: u64,
        calls: &Tracker,
    ) -> Vec<Change> {
        let timed_out = self.timed_out(now, max_call_ms, calls).into_iter().map(|call| {
            let said = Said::Over(EndReason::TimedOut);
            Change::Evidence(Evidence::about(call, Source::Clock, said))
        });
        let ended_before = now.minus(TOMBSTONE_MS);
        let forget = calls.oldest_end().is_some_and(|end| end < ended_before);
        timed_out.chain(forget.then_some(Change::Forget { ended_before })).collect()
    }

    fn timed_out(&mut self, now: Millis, max_call_ms: u64, calls: &Tracker) -> Vec<CallId> {
        let first_due = Cell::new(u64::MAX);
        let is_over = |phase, since: Millis, heard: Millis| {
            let due = match phase {
                Phase::Dialing => since.0 + DIALING_MS_MAX + 1,
                Phase::Live => (since.0 + max_call_ms).max(heard.0 + QUIET_MS) + 1,
                Phase::Ended(_) => return false,
            };
            // What is over now is not looked at again; what is not says when it will be.
            if due > now.0 {
                first_due.set(first_due.get().min(due));
            }
            due <= now.0
        };
        let (began, seen_due) = self.pass.take().unwrap_or((now, u64::MAX));
        let timed_out = calls.sweep(&mut self.cursor, SWEEP_CALLS_MAX, is_over);
        let due = seen_due.min(first_due.get());
        if self.cursor == 0 {
            // A call that came since is overdue later than one that came when the pass began.
            let of_later_ones = began.0 + max_call_ms.min(DIALING_MS_MAX) + 1;
            self.due = Millis(due.min(of_later_ones));
        } else {
            self.pass = Some((began, due));
            self.due = now;
        }
        timed_out
    }
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
    fn the_next_moment_at_which_something_is_overdue_is_known_exactly() {
        let (mut calls, mut sweep) = (Tracker::default(), Sweep::default());
        assert_eq!(sweep.due(&calls), Millis(0), "nobody has looked yet");
        calls.apply(Millis(HOUR), &inbound("a"));
        calls.apply(Millis(2 * HOUR), &inbound("b"));
        assert!(sweep.overdue(Millis(3 * HOUR), 4 * HOUR, &calls).is_empty());
        let due = sweep.due(&calls);
        assert_eq!(due, Millis(5 * HOUR + 1));
        assert!(sweep.overdue(Millis(due.0 - 1), 4 * HOUR, &calls).is_empty());
        assert_eq!(sweep.overdue(due, 4 * HOUR, &calls).len(), 1);
        assert_eq!(sweep.due(&calls), Millis(6 * HOUR + 1));
    }

    #[test]
    fn a_tombstone_is_forgotten_when_it_has_outlived_its_use() {
        let (mut calls, mut sweep) = (Tracker::default(), Sweep::default());
        let end = Said::Over(EndReason::Completed);
        let call = CallId::parse("a").unwrap();
        calls.apply(Millis(5), &Evidence::about(call, Source::StatusCallback, end));
        sweep.overdue(Millis(6), 40 * HOUR, &calls);
        let due = sweep.due(&calls);
        assert_eq!(due, Millis(5 + TOMBSTONE_MS + 1));
        assert!(sweep.overdue(Millis(due.0 - 1), 40 * HOUR, &calls).is_empty());
        assert_eq!(sweep.overdue(due, 40 * HOUR, &calls).len(), 1);
    }
}
