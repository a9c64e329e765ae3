//! What happened to calls, for people: the feed, and how long finished calls were.
//!
//! Both follow from the records and their times alone, so a replay gives the same.

mod activity_log;
mod call_durations;
pub(crate) mod stored;

use live_users_core::{Applied, Call, EndReason, Evidence, Millis, Outcome, SECOND_MS, Tracker};

pub use self::activity_log::{
    ACTIVITY_LOG_MAX, Activity, ActivityKind, ActivityLog, ActivityPage, CallDuration,
};
use self::call_durations::DurationUpdate;
pub use self::call_durations::{CallDurations, DurationSummary};
use crate::corrections::Cause;

/// The feed and the sums, kept together: when the provider corrects how long a call was, both are
/// put right.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Activities {
    pub(crate) feed: ActivityLog,
    pub(crate) talks: CallDurations,
}

impl Activities {
    /// Notes what a piece of evidence has done; the tracker is of after it.
    pub(crate) fn note(&mut self, tracker: &Tracker, evidence: &Evidence, applied: &Applied) {
        let cause = Cause::of(evidence, applied.outcome);
        let (what, reason) = match applied.outcome {
            Outcome::Started | Outcome::Dialing => (ActivityKind::Started, None),
            Outcome::Answered => (ActivityKind::Answered, None),
            Outcome::Ended(reason) | Outcome::EndedUnseen(reason) => {
                (ActivityKind::Ended, Some(reason))
            }
            Outcome::Duplicate => return self.correct(tracker.now(), evidence),
            Outcome::Confirmed | Outcome::Late | Outcome::Leg => return,
        };
        let Some(call) = tracker.call(&evidence.call) else { return };
        let at = tracker.now();
        let live_since = applied.live_since();
        let lasted = reason.and_then(|reason| lasted(at, reason, evidence, live_since));
        if let Some(ms) = reason.and_then(|reason| counted_ms(reason, lasted)) {
            self.talks.note(at, &call.agent, ms);
        }
        let what = match cause {
            Some(Cause::Evicted) => ActivityKind::Evicted,
            Some(_) => ActivityKind::Corrected,
            None => what,
        };
        let Call { id, agent, caller, place, direction, .. } = call;
        let call = id;
        self.feed.note(Activity {
            at,
            what,
            call,
            agent,
            caller,
            place,
            direction,
            reason,
            lasted,
            cause,
        });
    }

    /// A call that was over already is reported again, and now with its duration.
    fn correct(&mut self, now: Millis, evidence: &Evidence) {
        let Some(reported) = evidence.duration_s.map(reported) else { return };
        let Some(activity) = self.feed.end_of(&evidence.call) else { return };
        let Some(reason) = activity.reason else { return };
        let was_live = activity.lasted.is_some() || was_answered(reason);
        if !was_live || matches!(activity.lasted, Some(CallDuration::Reported(_))) {
            return;
        }
        let counted = counted_ms(reason, activity.lasted);
        activity.lasted = Some(reported);
        let (at, agent) = (activity.at, activity.agent.clone());
        self.talks.correct(
            now,
            &agent,
            DurationUpdate { at, counted_ms: counted, ms: reported.ms() },
        );
    }
}

/// How long a call was that is over now; `None` if it was never live or nobody knows.
fn lasted(
    at: Millis,
    reason: EndReason,
    evidence: &Evidence,
    live_since: Option<Millis>,
) -> Option<CallDuration> {
    let was_live = live_since.is_some() || was_answered(reason);
    let reported = evidence.duration_s.filter(|_| was_live).map(reported);
    reported.or_else(|| live_since.map(|since| CallDuration::Measured(at.since(since))))
}

fn reported(duration_s: u32) -> CallDuration {
    CallDuration::Reported(u64::from(duration_s) * SECOND_MS)
}

/// What of it counts as a conversation. When a call was given up or evicted it is not known how
/// long the conversation was, only how long it was counted.
fn counted_ms(reason: EndReason, lasted: Option<CallDuration>) -> Option<u64> {
    match (lasted?, reason) {
        (CallDuration::Measured(_), EndReason::TimedOut | EndReason::Evicted) => None,
        (lasted, _) => Some(lasted.ms()),
    }
}

fn was_answered(reason: EndReason) -> bool {
    match reason {
        EndReason::Completed | EndReason::Goodbye => true,
        EndReason::TimedOut
        | EndReason::Canceled
        | EndReason::NoAnswer
        | EndReason::Busy
        | EndReason::Failed
        | EndReason::Evicted => false,
    }
}

#[cfg(test)]
mod tests;
