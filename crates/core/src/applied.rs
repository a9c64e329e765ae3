//! What a piece of evidence has done.

use crate::agent_delta::AgentDeltas;
use crate::{EndReason, Millis, Phase};

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
    /// About a leg, which is part of another call's conversation.
    Leg,
}

impl Applied {
    /// Since when the call was live before this, if it was.
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
