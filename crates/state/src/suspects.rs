//! The suspect among the live users, found in one look at the calls.

use std::collections::{HashMap, HashSet};

use live_users_core::{Agent, Caller, Millis, OpenCall, Tracker};

use crate::state::is_suspect;

/// Live users all of whose calls are suspect: as [`Confidence`](crate::Confidence) has them, without
/// the others. Mostly there are none, and then a look takes some nanoseconds a call.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Suspects {
    /// How many there are.
    pub users: usize,
    /// How many there are of each agent that has any, in no order. Of an agent somebody may be suspect
    /// who has another call that is not.
    pub by_agent: Vec<(Agent, usize)>,
    /// When the next call becomes suspect if nothing is heard of it; `None` if all that count are.
    pub changes_at: Option<Millis>,
}

/// Users by their callers, and by their calls where no caller is known or calls are counted.
#[derive(Default)]
struct Users {
    callers: HashSet<Caller>,
    others: usize,
}

impl Users {
    fn add(&mut self, caller: Option<Caller>) {
        match caller {
            Some(caller) => drop(self.callers.insert(caller)),
            None => self.others += 1,
        }
    }

    fn count(&self) -> usize {
        self.callers.len() + self.others
    }
}

impl Suspects {
    /// Of the calls of a tracker. A call is suspect when no report about it came for
    /// `suspect_after_ms`. This takes time in proportion to the calls that are known.
    pub fn of(tracker: &Tracker, now: Millis, suspect_after_ms: u64) -> Self {
        let by_call = tracker.counted().by_call;
        let user_of = |call: &OpenCall<'_>| call.caller().filter(|_| !by_call);
        let (mut all, mut by_agent) = (Users::default(), HashMap::<&Agent, Users>::new());
        let mut changes_at: Option<Millis> = None;
        let counted = || tracker.open().filter(OpenCall::is_counted);
        for call in counted() {
            let (heard, limits) = (call.heard(), call.limits());
            if is_suspect((heard, limits), now, suspect_after_ms) {
                all.add(user_of(&call));
                by_agent.entry(call.agent()).or_default().add(user_of(&call));
            } else {
                let at = Millis(heard.0 + limits.in_doubt_after_ms(suspect_after_ms) + 1);
                changes_at = Some(changes_at.map_or(at, |it| it.min(at)));
            }
        }
        if !all.callers.is_empty() {
            let is_heard =
                |it: &OpenCall<'_>| !is_suspect((it.heard(), it.limits()), now, suspect_after_ms);
            // Who has another call that is not suspect is none of them.
            for call in counted().filter(is_heard) {
                let Some(caller) = user_of(&call) else { continue };
                all.callers.remove(&caller);
                if let Some(users) = by_agent.get_mut(call.agent()) {
                    users.callers.remove(&caller);
                }
            }
        }
        let by_agent = by_agent.into_iter().map(|(agent, users)| (agent.clone(), users.count()));
        let by_agent = by_agent.filter(|(_, users)| *users > 0).collect();
        Self { users: all.count(), by_agent, changes_at }
    }
}
