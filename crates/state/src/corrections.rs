//! Corrections: where the count was wrong because webhooks did not come, and what healed it.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use live_users_core::{Agent, CallId, EndReason, Evidence, Millis, Outcome, Source, Tracker};

/// So many of the newest healed calls are listed.
pub const RECENT_MAX: usize = 1_000;

/// So many accounts have totals of their own.
const ACCOUNTS_MAX: usize = 1_000;

/// Why a call was counted, or not counted, wrongly until it was healed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cause {
    /// It was going on at the provider, and no webhook had reported it.
    MissedStart,
    /// It was known as dialing, and the person had picked up.
    MissedAnswer,
    /// It was over at the provider, and no webhook had reported that.
    MissedEnd,
    /// The clock gave it up: older than a call can be, and silent.
    TimedOut,
    /// An operator took it out of the count.
    Evicted,
    /// Our own guess had ended it, and it went on.
    WrongEnd,
}

impl Cause {
    /// Every cause.
    pub const ALL: [Self; 6] = [
        Self::MissedStart,
        Self::MissedAnswer,
        Self::MissedEnd,
        Self::TimedOut,
        Self::Evicted,
        Self::WrongEnd,
    ];

    /// What this evidence, with this outcome, has healed.
    pub(crate) fn of(evidence: &Evidence, outcome: Outcome) -> Option<Self> {
        match (evidence.source, outcome) {
            (Source::Referee, Outcome::Started) => Some(Self::MissedStart),
            (Source::Referee, Outcome::Answered) => Some(Self::MissedAnswer),
            (Source::Referee, Outcome::Ended(_)) => Some(Self::MissedEnd),
            (Source::Clock, Outcome::Ended(EndReason::TimedOut)) => Some(Self::TimedOut),
            (Source::Operator, Outcome::Ended(EndReason::Evicted)) => Some(Self::Evicted),
            (_, Outcome::Resumed) => Some(Self::WrongEnd),
            _ => None,
        }
    }
}

/// One call that was healed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Correction {
    /// When.
    pub at: Millis,
    /// Which.
    pub call: CallId,
    /// Of what.
    pub cause: Cause,
    /// Whose call it was then, if that was known.
    pub account: Option<Arc<str>>,
    /// The agent that it was with then.
    pub agent: Agent,
}

/// How often the count had to be healed since the journal began, and the newest of these calls.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Corrections {
    totals: [u64; Cause::ALL.len()],
    by_account: BTreeMap<Arc<str>, [u64; Cause::ALL.len()]>,
    recent: VecDeque<Correction>,
}

impl Corrections {
    /// What is in a snapshot; of more than [`RECENT_MAX`] calls the last ones.
    pub(crate) fn restore(
        totals: impl IntoIterator<Item = (Cause, u64)>,
        recent: impl IntoIterator<Item = Correction>,
    ) -> Self {
        let mut drift = Self::default();
        for (cause, n) in totals {
            drift.totals[cause as usize] = n;
        }
        recent.into_iter().for_each(|healed| drift.list(healed));
        drift
    }

    /// Notes what a record has healed, if it has.
    pub(crate) fn note(&mut self, tracker: &Tracker, evidence: &Evidence, outcome: Outcome) {
        let Some(cause) = Cause::of(evidence, outcome) else { return };
        self.totals[cause as usize] += 1;
        let account = tracker.owner(&evidence.call).cloned();
        if let Some(account) = &account
            && (self.by_account.contains_key(account) || self.by_account.len() < ACCOUNTS_MAX)
        {
            self.by_account.entry(account.clone()).or_default()[cause as usize] += 1;
        }
        let call = tracker.call(&evidence.call);
        let agent = call.map_or(Agent::Unknown, |call| call.acting_agent().clone());
        let call = evidence.call.clone();
        self.list(Correction { at: tracker.now(), call, cause, account, agent });
    }

    /// The same with the numbers of accounts.
    #[must_use]
    pub(crate) fn with_accounts(
        mut self,
        by_account: impl IntoIterator<Item = (Arc<str>, Cause, u64)>,
    ) -> Self {
        for (account, cause, n) in by_account {
            self.by_account.entry(account).or_default()[cause as usize] = n;
        }
        self
    }

    /// How many calls of each account were healed, by cause, with what never occurred left out.
    pub fn by_account(&self) -> impl Iterator<Item = (&Arc<str>, Cause, u64)> {
        let rows = self.by_account.iter().flat_map(|(account, totals)| {
            Cause::ALL.into_iter().map(move |cause| (account, cause, totals[cause as usize]))
        });
        rows.filter(|(_, _, n)| *n > 0)
    }

    /// How many calls were healed, by cause, with the causes that never occurred left out.
    pub fn totals(&self) -> impl Iterator<Item = (Cause, u64)> {
        let all = Cause::ALL.into_iter().map(|cause| (cause, self.totals[cause as usize]));
        all.filter(|(_, n)| *n > 0)
    }

    /// The newest calls that were healed, the oldest of them first.
    pub fn recent(&self) -> impl DoubleEndedIterator<Item = &Correction> {
        self.recent.iter()
    }

    fn list(&mut self, healed: Correction) {
        if self.recent.len() == RECENT_MAX {
            self.recent.pop_front();
        }
        self.recent.push_back(healed);
    }
}
