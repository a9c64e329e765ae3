//! What happened to calls, for people: the feed, and how long finished calls were.
//!
//! Both follow from the records and their times alone, so a replay gives the same.

mod activity_log;
mod call_durations;
pub(crate) mod stored;

use live_users_core::{
    Agent, Applied, Call, CallId, EndReason, Evidence, Outcome, Phase, SECOND_MS, Talk, Tracker,
};

pub use self::activity_log::{
    ACTIVITY_LOG_MAX, Activity, ActivityKind, ActivityLog, ActivityPage, CallDuration,
};
pub use self::call_durations::{CallDurations, DurationSummary};
use self::call_durations::{DurationUpdate, Whose};
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
        let listed = self.feed.count();
        self.note_outcome(tracker, evidence, applied);
        let is_listed = self.feed.count() != listed;
        for moved in &applied.moves {
            let left = match &moved.left {
                Some(Agent::Id(id)) => Some(id.clone()),
                Some(Agent::Address(_) | Agent::Unknown) | None => None,
            };
            let left_account = moved.left_account.clone();
            if !moved.is_turn {
                // With what has happened to it: an answer, or an end.
                let own = self.feed.newest_mut().filter(|it| is_listed && it.call == moved.call);
                if let Some(activity) = own {
                    (activity.left, activity.left_account) = (left, left_account);
                    continue;
                }
                let has_left = left.is_some() || left_account.is_some();
                if moved.to.is_none() || !has_left && is_nobodys(tracker, &moved.call) {
                    continue;
                }
            }
            self.list(tracker, &moved.call, ActivityKind::Moved, |activity| {
                activity.party = moved.to.filter(|_| moved.is_turn);
                (activity.left, activity.left_account) = (left, left_account);
            });
        }
    }

    fn note_outcome(&mut self, tracker: &Tracker, evidence: &Evidence, applied: &Applied) {
        let cause = Cause::of(evidence, applied.outcome);
        let (what, reason) = match applied.outcome {
            Outcome::Started | Outcome::Dialing => (ActivityKind::Started, None),
            Outcome::Answered => (ActivityKind::Answered, None),
            Outcome::Ended(reason) | Outcome::EndedUnseen(reason) => {
                (ActivityKind::Ended, Some(reason))
            }
            Outcome::Resumed => {
                self.retract(tracker, tracker.own_id(&evidence.call), applied);
                (ActivityKind::Corrected, None)
            }
            Outcome::Duplicate => return self.correct(tracker, evidence, applied),
            Outcome::Confirmed | Outcome::Late | Outcome::Leg | Outcome::Refused => return,
        };
        let Some(call) = tracker.call(&evidence.call) else { return };
        let at = tracker.now();
        let conversation =
            reason.and_then(|reason| Conversation::of(&call, reason, evidence, applied));
        if let (Some(reason), Some(conversation)) = (reason, &conversation)
            && is_known(reason, conversation.lasted)
        {
            let account = tracker.owner(&evidence.call);
            self.talks.note(at, conversation.lasted.ms(), &conversation.agents, account);
        }
        let what = match cause {
            Some(Cause::Evicted) => ActivityKind::Evicted,
            Some(_) => ActivityKind::Corrected,
            None => what,
        };
        self.list(tracker, &evidence.call, what, |activity| {
            activity.reason = reason;
            activity.lasted = conversation.map(|it| it.lasted);
            activity.cause = cause;
        });
    }

    /// Lists what happened to a call, with what is particular about it.
    fn list(
        &mut self,
        tracker: &Tracker,
        call: &CallId,
        what: ActivityKind,
        particular: impl FnOnce(&mut Activity),
    ) {
        let Some(call) = tracker.call(call) else { return };
        let agent = call.acting_agent().clone();
        let account = tracker.owner(&call.id).cloned();
        let Call { id, caller, place, direction, .. } = call;
        let mut activity = Activity {
            at: tracker.now(),
            what,
            call: id,
            account,
            agent,
            caller,
            place,
            direction,
            reason: None,
            lasted: None,
            cause: None,
            party: None,
            left: None,
            left_account: None,
        };
        particular(&mut activity);
        self.feed.note(activity);
    }

    /// A call that was over already is reported again, and now with its duration.
    fn correct(&mut self, tracker: &Tracker, evidence: &Evidence, applied: &Applied) {
        // Of a call that is long over nothing is known of what of it was not with agents.
        let Some(duration_s) = evidence.duration_s.filter(|_| applied.before.is_some()) else {
            return;
        };
        let now = tracker.now();
        let Some(activity) = self.feed.end_of(tracker.own_id(&evidence.call)) else { return };
        let Some(reason) = activity.reason else { return };
        let was_live = activity.lasted.is_some() || was_answered(reason);
        if !was_live || matches!(activity.lasted, Some(CallDuration::Reported(_))) {
            return;
        }
        let mut talk = applied.talk.clone().unwrap_or_default();
        if let [(agent, _)] = &mut talk.agents[..] {
            // As it was known when the call ended: that is the agent with whom it is listed and noted.
            *agent = activity.agent.clone();
        }
        let conversation = Conversation::reported(duration_s, &activity.agent, talk.clone());
        let counted_ms = activity.lasted.filter(|it| is_known(reason, *it)).map(CallDuration::ms);
        activity.lasted = Some(conversation.lasted);
        let at = activity.at;
        let (lasted_ms, update) =
            (conversation.lasted.ms(), |counted_ms, ms| DurationUpdate { at, counted_ms, ms });
        let account = activity.account.clone();
        self.talks.correct(now, Whose(account.as_ref(), None), update(counted_ms, lasted_ms));
        for (agent, ms) in &conversation.agents {
            let before = match talk.agents.iter().find(|(it, _)| it == agent) {
                Some((_, ms)) if talk.agents.len() > 1 => Some(*ms),
                _ => counted_ms,
            };
            let before = before.filter(|_| counted_ms.is_some());
            self.talks.correct(now, Whose(account.as_ref(), Some(agent)), update(before, *ms));
        }
    }

    /// Our guess had ended a call that goes on: it is no conversation that is over.
    fn retract(&mut self, tracker: &Tracker, call: &CallId, applied: &Applied) {
        let Some(before) = applied.before else { return };
        let Phase::Ended(reason) = before.phase else { return };
        let talk = applied.talk.clone().unwrap_or_default();
        let mut agents = talk.agents.to_vec();
        // What is not listed any more was noted if it lasted at all.
        let mut account = tracker.owner(call).cloned();
        let (noted_with, noted) = match self.feed.end_of(call) {
            Some(activity) => {
                let noted = activity.lasted.take();
                account.clone_from(&activity.account);
                if let (true, Some(noted)) = (agents.len() <= 1, noted) {
                    // With its one agent as it was known then.
                    agents = vec![(activity.agent.clone(), noted.ms())];
                }
                // The reason as it was known then, too: a call that was given up was noted nowhere,
                // even if a goodbye came to light afterwards.
                (activity.reason.unwrap_or(reason), noted)
            }
            None => {
                let lasted = CallDuration::Measured(talk.with_agents_ms());
                (reason, Some(lasted).filter(|it| it.ms() > 0))
            }
        };
        if let Some(noted) = noted.filter(|noted| is_known(noted_with, *noted)) {
            self.talks.retract(before.since, noted.ms(), &agents, account.as_ref());
        }
    }
}

/// How long a call that is over was connected with agents: in all, and with each.
struct Conversation {
    lasted: CallDuration,
    agents: Vec<(Agent, u64)>,
}

impl Conversation {
    /// `None` if the call was never connected with an agent, or nobody knows.
    fn of(call: &Call, reason: EndReason, evidence: &Evidence, applied: &Applied) -> Option<Self> {
        let is_users = call.details.leg.is_none() && !call.details.is_colleague;
        let talk = applied.talk.clone();
        if let Some(duration_s) = evidence.duration_s {
            let was_with_agent = match &talk {
                Some(talk) => !talk.agents.is_empty(),
                None => was_answered(reason) && is_users && !is_machine(call),
            };
            let reported = || Self::reported(duration_s, &call.agent, talk.unwrap_or_default());
            return was_with_agent.then(reported);
        }
        let talk = talk.filter(|talk| !talk.agents.is_empty())?;
        let lasted = CallDuration::Measured(talk.with_agents_ms());
        Some(Self { lasted, agents: talk.agents.into_vec() })
    }

    /// The provider reports how long the whole call was. What of it was not with an agent is known
    /// by our own clock; and so are all stretches but the last one.
    fn reported(duration_s: u32, agent: &Agent, talk: Talk) -> Self {
        let ms = (u64::from(duration_s) * SECOND_MS).saturating_sub(talk.other_ms);
        let mut agents = talk.agents.into_vec();
        match agents.split_last_mut() {
            None => agents.push((agent.clone(), ms)),
            Some((last, earlier)) => {
                last.1 = earlier.iter().fold(ms, |rest, (_, ms)| rest.saturating_sub(*ms));
            }
        }
        Self { lasted: CallDuration::Reported(ms), agents }
    }
}

/// Whether a call is of no agent with an id and of no account, so that nobody has got it.
fn is_nobodys(tracker: &Tracker, call: &CallId) -> bool {
    let call_now = tracker.call(call);
    let is_agents = call_now.is_some_and(|call| matches!(call.acting_agent(), Agent::Id(_)));
    !is_agents && tracker.owner(call).is_none()
}

fn is_machine(call: &Call) -> bool {
    use live_users_core::AnsweredBy::{Fax, Machine};
    matches!(call.details.answered_by, Some(Machine | Fax))
}

/// Whether it is known how long the conversation was. When a call was given up or evicted it is only
/// known how long it was counted.
fn is_known(reason: EndReason, lasted: CallDuration) -> bool {
    let is_given_up =
        matches!(reason, EndReason::TimedOut | EndReason::Unlisted | EndReason::Evicted);
    !(is_given_up && matches!(lasted, CallDuration::Measured(_)))
}

fn was_answered(reason: EndReason) -> bool {
    match reason {
        EndReason::Completed | EndReason::Goodbye | EndReason::HandedOver => true,
        EndReason::TimedOut
        | EndReason::Unlisted
        | EndReason::Canceled
        | EndReason::NoAnswer
        | EndReason::Busy
        | EndReason::Failed
        | EndReason::Evicted => false,
    }
}

#[cfg(test)]
mod tests;
