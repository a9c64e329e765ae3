//! The state: all that follows from the records of a journal, and nothing else.

use std::collections::{HashMap, HashSet};

use live_users_core::{
    Agent, Caller, Counting, Keeping, Limits, Millis, Numbers, OpenCall, Outcome, Tracker,
};

use crate::activity::{Activities, ActivityLog, CallDurations};
use crate::alerts::Alerts;
use crate::callbacks::Callbacks;
use crate::corrections::Corrections;
use crate::forwards::Forwards;
use crate::heard::LastHeard;
use crate::history::{History, Retention};
use crate::outbox::Outbox;
use crate::record::{Change, Record};
use crate::sessions::EndedSessions;
use crate::shard_mark::ShardMark;
use crate::shared_links::SharedLinks;

/// What is known after a number of records. The same records lead to the same state.
#[derive(Clone, Debug, Default)]
pub struct State {
    pub(crate) tracker: Tracker,
    pub(crate) drift: Corrections,
    pub(crate) activities: Activities,
    pub(crate) history: History,
    pub(crate) ended_sessions: EndedSessions,
    pub(crate) outbox: Outbox,
    pub(crate) callbacks: Callbacks,
    pub(crate) forwards: Forwards,
    pub(crate) heard: LastHeard,
    pub(crate) alerts: Alerts,
    pub(crate) shared_links: SharedLinks,
    pub(crate) shard_mark: Option<ShardMark>,
}

/// What a state follows beside its records. Replicas of one journal need the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// How long the history is kept.
    pub retention: Retention,
    /// What counts as a live user.
    pub counting: Counting,
    /// How long calls that are over stay known whole.
    pub keeping: Keeping,
}

/// The live users by how sure it is that they are there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Confidence {
    /// Users with a call about which a report came lately.
    pub confirmed: usize,
    /// Users with no such call: still counted, since silence is no proof of an end.
    pub suspect: usize,
    /// When the next call becomes suspect if nothing is heard of it; `None` if all that count are.
    pub changes_at: Option<Millis>,
}

impl State {
    /// The same state, by these settings from now on.
    #[must_use]
    pub fn with(mut self, settings: Settings) -> Self {
        self.history = self.history.keeping(settings.retention);
        self.tracker = self.tracker.counting(settings.counting).keeping(settings.keeping);
        self.history.restate(&self.tracker);
        self
    }

    /// The settings that it follows.
    pub fn settings(&self) -> Settings {
        Settings {
            retention: self.history.retention(),
            counting: self.tracker.counted(),
            keeping: self.tracker.kept(),
        }
    }

    /// Has the memory read that these records are going to touch, of a batch that is applied next: as
    /// [`Tracker::read_ahead`]. Nothing changes.
    pub fn read_ahead<'a>(&self, records: impl IntoIterator<Item = &'a Record>) {
        self.tracker.read_ahead(records.into_iter().filter_map(|record| match &record.change {
            Change::Evidence(evidence) => Some(evidence),
            _ => None,
        }));
    }

    /// Takes in one record: the same when it is written and when it is replayed. The outcome is
    /// that of the evidence in it, if it is evidence.
    pub fn apply(&mut self, record: &Record) -> Option<Outcome> {
        match &record.change {
            Change::Evidence(evidence) => {
                let applied = self.tracker.apply(record.at, evidence);
                self.drift.note(&self.tracker, evidence, applied.outcome);
                self.activities.note(&self.tracker, evidence, &applied);
                self.history.note(&self.tracker, &applied);
                self.outbox.note(&self.tracker, &self.activities.feed, (evidence, &applied));
                self.heard.note(record.at, evidence);
                Some(applied.outcome)
            }
            Change::Forget { ended_before } => {
                self.tracker.forget(*ended_before);
                None
            }
            Change::EndSession(session) => {
                self.ended_sessions.end(record.at, *session);
                None
            }
            Change::Told(told) => {
                self.outbox.told(told);
                None
            }
            Change::Alert(change) => {
                self.alerts.note(record.at, change);
                None
            }
            Change::PassOn(callback) => {
                self.callbacks.take(record.at, callback);
                None
            }
            Change::PassedOn(passed_on) => {
                self.callbacks.passed_on(record.at, *passed_on);
                None
            }
            Change::Forward(forward) => {
                self.forwards.take(record.at, forward);
                None
            }
            Change::Forwarded(forwarded) => {
                self.forwards.forwarded(forwarded);
                None
            }
            Change::Link(change) => {
                self.shared_links.change(record.at, change);
                None
            }
            Change::Shard(mark) => {
                self.shard_mark.get_or_insert_with(|| mark.clone());
                None
            }
        }
    }

    /// The calls and the numbers.
    pub fn tracker(&self) -> &Tracker {
        &self.tracker
    }

    /// What had to be healed.
    pub fn corrections(&self) -> &Corrections {
        &self.drift
    }

    /// What happened to calls lately.
    pub fn activity_log(&self) -> &ActivityLog {
        &self.activities.feed
    }

    /// How long the calls were that have ended lately.
    pub fn durations(&self) -> &CallDurations {
        &self.activities.talks
    }

    /// How the number of live users has changed.
    pub fn history(&self) -> &History {
        &self.history
    }

    /// The sessions of admins that were ended before their time.
    pub fn ended_sessions(&self) -> &EndedSessions {
        &self.ended_sessions
    }

    /// What hooks are to be told about calls.
    pub fn outbox(&self) -> &Outbox {
        &self.outbox
    }

    /// The status callbacks that wait to be passed on.
    pub fn callbacks(&self) -> &Callbacks {
        &self.callbacks
    }

    /// The evidence that waits for other shards.
    pub fn forwards(&self) -> &Forwards {
        &self.forwards
    }

    /// When something was last recorded that a webhook has said.
    pub fn heard(&self) -> &LastHeard {
        &self.heard
    }

    /// Which alerts fire, and what happened to them lately.
    pub fn alerts(&self) -> &Alerts {
        &self.alerts
    }

    /// The shared links that are not revoked.
    pub fn shared_links(&self) -> &SharedLinks {
        &self.shared_links
    }

    /// Which of several shards the journal is of; `None` if it is of all calls.
    pub fn shard_mark(&self) -> Option<&ShardMark> {
        self.shard_mark.as_ref()
    }

    pub(crate) fn activities(&self) -> &Activities {
        &self.activities
    }

    /// The live users by how sure it is that they are there. A call is suspect when no report about
    /// it came for `suspect_after_ms`. This takes time in proportion to the calls that are known.
    pub fn confidence(&self, now: Millis, suspect_after_ms: u64) -> Confidence {
        Confidence::of(&self.tracker, now, suspect_after_ms)
    }
}

impl Confidence {
    /// The same of the calls of a tracker.
    pub fn of(tracker: &Tracker, now: Millis, suspect_after_ms: u64) -> Self {
        let Numbers { users, .. } = tracker.numbers();
        Self::among(tracker, |_| true, users, (now, suspect_after_ms))
    }

    /// The same of the calls of one agent.
    pub fn of_agent(tracker: &Tracker, id: &Agent, now: Millis, suspect_after_ms: u64) -> Self {
        let users = tracker.breakdown_of_agent(id).live.users;
        Self::among(tracker, |call| call.agent() == id, users, (now, suspect_after_ms))
    }

    /// The same of each agent that has a call that is up, in one pass.
    pub fn by_agent(tracker: &Tracker, now: Millis, suspect_after_ms: u64) -> Vec<(Agent, Self)> {
        let mut confirmed: HashMap<&Agent, Confirmed> = HashMap::new();
        for call in tracker.open().filter(OpenCall::is_counted) {
            let of_agent = confirmed.entry(call.agent()).or_default();
            of_agent.add(&call, tracker.counted().by_call, (now, suspect_after_ms));
        }
        let breakdowns = tracker.breakdown_by_agent().into_iter();
        let each = breakdowns.map(|(agent, it)| {
            let confirmed = confirmed.remove(&agent).unwrap_or_default();
            (agent, confirmed.among(it.live.users))
        });
        each.collect()
    }

    /// Of the calls that this picks, which are of this many users.
    fn among(
        tracker: &Tracker,
        picks: impl Fn(&OpenCall<'_>) -> bool,
        users: usize,
        times: (Millis, u64),
    ) -> Self {
        let mut confirmed = Confirmed::default();
        for call in tracker.open().filter(|call| call.is_counted() && picks(call)) {
            confirmed.add(&call, tracker.counted().by_call, times);
        }
        confirmed.among(users)
    }
}

/// The users with a call about which a report came lately.
#[derive(Default)]
struct Confirmed {
    callers: HashSet<Caller>,
    /// Calls that are a user each: their caller is withheld, or calls are counted.
    others: usize,
    changes_at: Option<Millis>,
}

impl Confirmed {
    /// Adds the user of this call, unless it is suspect.
    fn add(&mut self, call: &OpenCall<'_>, by_call: bool, (now, suspect_after_ms): (Millis, u64)) {
        let (heard, limits) = (call.heard(), call.limits());
        if is_suspect((heard, limits), now, suspect_after_ms) {
            return;
        }
        let suspect_at = Millis(heard.0 + limits.in_doubt_after_ms(suspect_after_ms) + 1);
        self.changes_at = Some(self.changes_at.map_or(suspect_at, |it| it.min(suspect_at)));
        match call.caller().filter(|_| !by_call) {
            Some(caller) => drop(self.callers.insert(caller)),
            None => self.others += 1,
        }
    }

    /// All others of so many users are suspect.
    fn among(self, users: usize) -> Confidence {
        let confirmed = self.callers.len() + self.others;
        let suspect = users.saturating_sub(confirmed);
        Confidence { confirmed, suspect, changes_at: self.changes_at }
    }
}

/// Whether a call with these limits has become suspect about which the last report came at this moment
/// (`heard`).
pub fn is_suspect((heard, limits): (Millis, Limits), now: Millis, suspect_after_ms: u64) -> bool {
    now.since(heard) > limits.in_doubt_after_ms(suspect_after_ms)
}
