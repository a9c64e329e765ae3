//! When live users are suspect, how many are, and what the public is told of that.

use std::collections::BTreeMap;
use std::sync::Arc;

use live_users_core::{Agent, Millis};
use live_users_state::Suspects;
use parking_lot::RwLock;
use tokio::sync::watch;

/// When a call is suspect, and from which share of suspect users on the total is told with its doubt.
#[derive(Clone, Copy, Debug)]
pub(crate) struct DoubtRules {
    /// `SUSPECT_SHARE_PERCENT`.
    pub(crate) share_percent: u64,
    /// `PUBLIC_SUSPECT`: polled answers tell it to everybody, not only on request.
    pub(crate) is_public: bool,
    /// `SUSPECT_AFTER_SECONDS`: after this long without evidence a call is suspect, in milliseconds.
    pub(crate) suspect_after_ms: u64,
}

impl DoubtRules {
    /// How many suspect users are told beside this number of live users.
    pub(crate) fn told(self, suspect: u64, live_users: u64) -> Option<u64> {
        // Both are of about the same moment: calls may have ended in between.
        let suspect = suspect.min(live_users);
        let is_share = suspect * 100 >= self.share_percent * live_users;
        (suspect > 0 && is_share).then_some(suspect)
    }
}

/// The suspect among all live users. It changes by what is heard, and by silence.
#[derive(Debug)]
pub(crate) struct Doubt {
    all: watch::Sender<u64>,
    /// Those of each agent that has any.
    by_agent: RwLock<SuspectByAgent>,
}

/// How many live users are suspect, by the ids of the agents that have any.
pub(crate) type SuspectByAgent = BTreeMap<Arc<str>, usize>;

impl Doubt {
    /// This many are suspect now.
    pub(crate) fn new(suspect: usize, by_agent: SuspectByAgent) -> Self {
        Self { all: watch::Sender::new(suspect as u64), by_agent: RwLock::new(by_agent) }
    }

    /// How many there are.
    pub(crate) fn now(&self) -> u64 {
        *self.all.borrow()
    }

    /// How many of them are an agent's.
    pub(crate) fn of_agent(&self, id: &str) -> u64 {
        self.by_agent.read().get(id).map_or(0, |suspect| *suspect as u64)
    }

    /// Wakes its readers at each look that finds another number, in all or of an agent, or that time has
    /// made necessary: then another number may be true of a part of the calls.
    pub(crate) fn reader(&self) -> watch::Receiver<u64> {
        self.all.subscribe()
    }

    /// Notes how many there are.
    pub(crate) fn note(&self, suspect: usize, by_agent: SuspectByAgent, is_by_time: bool) {
        let is_other = {
            let mut known = self.by_agent.write();
            let before = std::mem::replace(&mut *known, by_agent);
            *known != before
        };
        self.all.send_if_modified(|now| {
            let is_change = *now != suspect as u64 || is_other;
            *now = suspect as u64;
            is_change || is_by_time
        });
    }
}

/// Those of each agent that has an id.
pub(crate) fn by_agent(suspects: Suspects) -> SuspectByAgent {
    let suspect = suspects.by_agent.into_iter().filter_map(|(agent, users)| match agent {
        Agent::Id(id) => Some((id, users)),
        Agent::Address(_) | Agent::Unknown => None,
    });
    suspect.collect()
}

/// How long it is until this moment, in milliseconds.
pub(crate) fn wait_ms(at: Option<Millis>, now: Millis) -> Option<u64> {
    at.map(|at| at.since(now).max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubt_is_told_from_its_share_on() {
        let rules =
            |share_percent| DoubtRules { share_percent, is_public: false, suspect_after_ms: 0 };
        for (percent, suspect, users, told) in [
            (10, 1, 10, Some(1)),
            (10, 1, 11, None),
            (10, 0, 0, None),
            (10, 11, 11, Some(11)),
            (0, 0, 5, None),
            (0, 1, 5_000, Some(1)),
            (100, 4, 5, None),
            (100, 5, 5, Some(5)),
            (10, 5, 3, Some(3)),
            (10, 5, 0, None),
        ] {
            let found = rules(percent).told(suspect, users);
            assert_eq!(found, told, "{suspect} of {users} at {percent} %");
        }
    }

    #[test]
    fn readers_wake_at_a_change_and_when_time_has_made_a_look_necessary() {
        let doubt = Doubt::new(0, SuspectByAgent::new());
        let mut reader = doubt.reader();
        doubt.note(0, SuspectByAgent::new(), false);
        assert!(!reader.has_changed().unwrap());
        doubt.note(0, SuspectByAgent::new(), true);
        assert!(reader.has_changed().unwrap());
        reader.mark_unchanged();
        doubt.note(2, SuspectByAgent::from([("booking".into(), 2)]), false);
        assert!(reader.has_changed().unwrap());
        reader.mark_unchanged();
        doubt.note(2, SuspectByAgent::from([("other".into(), 1), ("booking".into(), 2)]), false);
        assert!(reader.has_changed().unwrap(), "who has two calls is one of the two of all");
        doubt.note(2, SuspectByAgent::from([("booking".into(), 2)]), false);
        assert_eq!((doubt.now(), doubt.of_agent("booking"), doubt.of_agent("other")), (2, 2, 0));
    }
}
