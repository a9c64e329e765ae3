//! What a piece of evidence has done.

use alloc::sync::Arc;

use smallvec::SmallVec;

use crate::accounts::AccountDelta;
use crate::agent_delta::AgentDeltas;
use crate::{Agent, EndReason, Millis, Party, Phase};

/// What a piece of evidence has done, in one value: nothing about it has to be asked for before or
/// after.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Applied {
    /// What it did to its call.
    pub outcome: Outcome,
    /// Where its call was before it; `None` if the call was not known.
    pub before: Option<Before>,
    /// What it did to the numbers of agents.
    pub deltas: AgentDeltas,
    /// What it did to the numbers of accounts, each once.
    pub accounts: SmallVec<[AccountDelta; 1]>,
    /// Of a call that was live: how long it was connected, and with whom. Only when the call ends,
    /// when the end of a call of several stretches is reported again, and when our guess of an end is
    /// taken back.
    pub talk: Option<Talk>,
    /// The calls that were up and have got another party, agent or account.
    pub moves: SmallVec<[Move; 1]>,
}

/// How long a call was connected, in milliseconds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Talk {
    /// With each agent, in the order of the stretches.
    pub agents: SmallVec<[(Agent, u64); 1]>,
    /// While it was up, but not counted as live: waiting, with a person, a machine.
    pub other_ms: u64,
}

impl Talk {
    /// With all agents together, in milliseconds.
    pub fn with_agents_ms(&self) -> u64 {
        self.agents.iter().fold(0, |sum, (_, ms)| sum.saturating_add(*ms))
    }

    pub(crate) fn add(&mut self, agent: &Agent, ms: u64) {
        match self.agents.iter_mut().find(|(known, _)| known == agent) {
            Some((_, sum)) => *sum = sum.saturating_add(ms),
            None => self.agents.push((agent.clone(), ms)),
        }
    }
}

/// A call that has got another party, agent or account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Move {
    /// The call.
    pub call: crate::CallId,
    /// With whom its caller was connected; `None` if it was held for a colleague's.
    pub from: Option<Party>,
    /// With whom its caller is connected now; `None` if it has ended, or is nobody's now.
    pub to: Option<Party>,
    /// The agent that had it, if another one has it now.
    pub left: Option<Agent>,
    /// The account that it belonged to, if it belongs to another one, or to none, now.
    pub left_account: Option<Arc<str>>,
    /// Whether another stretch of a live call has begun with it.
    pub is_turn: bool,
}

/// Where a call was before a piece of evidence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Before {
    /// Its phase.
    pub phase: Phase,
    /// Since when it was in that phase.
    pub since: Millis,
}

/// What a piece of evidence did to its call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// A call that was not known, and a person is on the line.
    Started,
    /// A call that was not known, and nobody is on the line yet.
    Dialing,
    /// The person picked up.
    Answered,
    /// What was known already, reported again.
    Confirmed,
    /// The call is over.
    Ended(EndReason),
    /// The first report about a call is that it is over.
    EndedUnseen(EndReason),
    /// The call was over already.
    Duplicate,
    /// Behind what is known: a webhook that was overtaken. It changes no number.
    Late,
    /// About a leg, which is part of another call's conversation; or about a colleague's call.
    Leg,
    /// Our own guess had ended the call, and it goes on.
    Resumed,
    /// It speaks for another account than the call's, and says nothing.
    Refused,
}

impl Applied {
    pub(crate) fn add_account(&mut self, delta: AccountDelta) {
        match self.accounts.iter_mut().find(|known| known.account == delta.account) {
            Some(known) => known.after = delta.after,
            None => self.accounts.push(delta),
        }
    }

    /// Since when the call was live before this, if it was. Parts of that time it may have been with
    /// a person or waiting; see [`Applied::talk`].
    ///
    /// ```
    /// use live_users_core::{
    ///     CallId, CallIdError, EndReason, Evidence, Millis, Said, Source, Tracker,
    /// };
    ///
    /// let call = CallId::parse("CA1")?;
    /// let start = Evidence::about(call.clone(), Source::Voice, Said::Dialing);
    /// let end = Evidence::about(call, Source::StatusCallback, Said::Over(EndReason::Completed));
    /// let mut tracker = Tracker::default();
    /// assert_eq!(tracker.apply(Millis(1_000), &start).live_since(), None);
    /// assert_eq!(tracker.apply(Millis(9_000), &end).live_since(), Some(Millis(1_000)));
    /// # Ok::<(), CallIdError>(())
    /// ```
    pub fn live_since(&self) -> Option<Millis> {
        self.before.filter(|before| before.phase == Phase::Live).map(|before| before.since)
    }
}
