//! What is known about one call.

use alloc::sync::Arc;
use alloc::vec::Vec;

use crate::flags::Flags;
use crate::intern::Key;
use crate::{
    Agent, AgentFrom, AnsweredBy, CallId, Caller, Claim, Direction, Endpoint, Limits, Millis,
    Party, Queue, Told, TurnedAway,
};

/// Where a call is in its life. It rises: `Dialing < Live < Ended`. Only an end that was our own
/// guess may be taken back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// It exists and nobody is on the line yet.
    Dialing,
    /// A person is on the line.
    Live,
    /// It is over, for good.
    Ended(EndReason),
}

/// Why a call is over. When several reasons were given for one call, the greatest in this order
/// counts: what people said outweighs what the provider reported, and that outweighs the clock. An
/// operator's word is why a call is not counted any more, whatever is reported afterwards.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum EndReason {
    /// Older than a call can be, and silent: its end was never reported.
    TimedOut,
    /// The list of its source does not have it any more.
    Unlisted,
    /// The caller was handed over, and who told that tells no more. Somebody else may: the call goes
    /// on if a carrier says so.
    HandedOver,
    /// Cancelled before it was answered.
    Canceled,
    /// Not answered, or rejected.
    NoAnswer,
    /// The line was busy.
    Busy,
    /// It could not be put through.
    Failed,
    /// It was answered, and then ended.
    Completed,
    /// The caller said goodbye and we hung up.
    Goodbye,
    /// An operator took it out of the count.
    Evicted,
}

impl EndReason {
    /// Whether it is our own guess: a goodbye whose answer may not have arrived, the clock, or a list
    /// that lacks the call.
    pub fn is_guess(self) -> bool {
        match self {
            Self::TimedOut | Self::Unlisted | Self::HandedOver | Self::Goodbye => true,
            Self::Canceled
            | Self::NoAnswer
            | Self::Busy
            | Self::Failed
            | Self::Completed
            | Self::Evicted => false,
        }
    }
}

/// What is known about one call, as the tracker gives it out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// The call.
    pub id: crate::CallId,
    /// Where it is in its life.
    pub phase: Phase,
    /// When the first report about it came. It stays the same as long as the call is known under
    /// this id, so lists can go on from it.
    pub first: Millis,
    /// Since when it is in that phase.
    pub since: Millis,
    /// When the last report came that agrees with its being in that phase; of a call that has
    /// ended, when any report last came.
    pub heard: Millis,
    /// Which way it goes, if anything said so.
    pub direction: Option<Direction>,
    /// The person, if the caller id was usable.
    pub caller: Option<Caller>,
    /// The agent that it belongs to.
    pub agent: Agent,
    /// How that is known.
    pub agent_from: AgentFrom,
    /// Where the person is.
    pub place: crate::Place,
    /// With whom the caller is connected; `None` if the call is over or nobody's.
    pub party: Option<Party>,
    /// What is known of few calls only.
    pub details: Details,
}

/// What is known of few calls only.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Details {
    /// How strong the word about the agent is: 0 for a number, 1 for the URL of a callback, 2 for
    /// that of the first voice request, 3 for that of a later one.
    pub word: u8,
    /// Who or what has answered, if machine detection said so.
    pub answered_by: Option<AnsweredBy>,
    /// Whether something said that the call talks with an agent.
    pub is_proven: bool,
    /// Whether it is held for the call of a colleague, who is no user.
    pub is_colleague: bool,
    /// Whether the provider or an operator has ended it, and not only our own guess.
    pub is_firm: bool,
    /// Where the caller is, if put into a queue.
    pub queue: Option<Queue>,
    /// What it is a leg of, if it is one.
    pub leg: Option<Leg>,
    /// What is at the other end of a leg, if that is known.
    pub endpoint: Option<Endpoint>,
    /// The agent that the caller is connected with, if it is another than the call's own.
    pub acting_agent: Option<Agent>,
    /// The stretches before the present one, the oldest first, if there are any.
    pub stretches: Vec<Stretch>,
    /// Since when the present stretch goes on, if that is not since when the call is in its phase.
    pub stretch_since: Option<Millis>,
    /// Who has told of it; `None` of a call of which only Twilio has.
    pub told: Option<Told>,
    /// How it was turned away, if a limit was reached when it began.
    pub turned_away: Option<TurnedAway>,
}

/// A leg: a call that joined another call's conversation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Leg {
    /// The call that it is a leg of, if that was said.
    pub parent: Option<CallId>,
}

/// A span of a call in which neither the party nor the agent changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stretch {
    /// With whom the caller was connected.
    pub party: Party,
    /// The agent that the call counted for.
    pub agent: Agent,
    /// The account that the call belonged to, if it was known.
    pub account: Option<Arc<str>>,
    /// Since when.
    pub since: Millis,
    /// Until when.
    pub until: Millis,
}

impl Call {
    /// The agent that the call counts for now.
    pub fn acting_agent(&self) -> &Agent {
        self.details.acting_agent.as_ref().unwrap_or(&self.agent)
    }

    /// Whether it has ended by our own word alone, and may go on after all.
    pub fn may_go_on(&self) -> bool {
        let Phase::Ended(reason) = self.phase else { return false };
        let is_ours = reason.is_guess() || self.details.turned_away.is_some();
        is_ours && !self.details.is_firm
    }

    /// What follows from silence.
    pub fn limits(&self) -> Limits {
        self.details.told.as_ref().map(|told| told.limits).unwrap_or_default()
    }

    /// Since when the present stretch goes on.
    pub fn stretch_since(&self) -> Millis {
        self.details.stretch_since.unwrap_or(self.since)
    }
}

/// The same inside a tracker, packed: there may be a million of these. Each lies in one cache line,
/// since a processor waits for each line that it reads.
#[derive(Clone, Debug)]
#[repr(align(64))]
pub(crate) struct Entry {
    pub(crate) id: crate::CallId,
    pub(crate) caller: Option<Caller>,
    pub(crate) since: Millis,
    pub(crate) heard: Millis,
    pub(crate) agent: Key,
    pub(crate) place: Key,
    /// How long before `since` the first report about it came, in milliseconds: up to 49 days.
    pub(crate) first_ms: u32,
    pub(crate) flags: Flags,
    pub(crate) phase: Phase,
    /// Whether an end is the provider's or an operator's word.
    pub(crate) is_firm: bool,
}

/// The memory of a million live calls hangs on this number; see `docs/PERFORMANCE.md`.
const _: () = assert!(size_of::<Option<Entry>>() == 64);

impl Entry {
    /// When the first report about it came.
    pub(crate) fn first(&self) -> Millis {
        self.since.minus(u64::from(self.first_ms))
    }

    /// Comes to a phase at this moment.
    pub(crate) fn rise(&mut self, phase: Phase, now: Millis) {
        self.first_ms = millis_between(self.first(), now);
        (self.phase, self.since, self.heard) = (phase, now, now);
    }

    pub(crate) fn has_ended(&self) -> bool {
        matches!(self.phase, Phase::Ended(_))
    }
}

/// As [`Entry::first_ms`]. No call is up for longer than that holds.
pub(crate) fn millis_between(first: Millis, since: Millis) -> u32 {
    u32::try_from(since.since(first)).unwrap_or(u32::MAX)
}

/// What a claim does to a phase.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// The call comes to this phase.
    Rise(Phase),
    /// The claim is what was known already.
    Same,
    /// The claim is behind what is known.
    Behind,
    /// The call was over already; this may be a better reason.
    Again(EndReason),
    /// The claim says nothing of the phase.
    Silent,
}

impl Phase {
    /// The one table of what may follow what, with every pair written out. Nothing leaves `Ended`
    /// here: only our own guess is taken back, by [`crate::Tracker::apply`].
    pub(crate) fn step(self, claim: Claim) -> Step {
        use Phase::{Dialing, Ended, Live};
        match (self, claim) {
            (Dialing, Claim::Dialing) => Step::Same,
            (Dialing, Claim::Live) => Step::Rise(Live),
            (Dialing, Claim::Ended(reason)) => Step::Rise(Ended(reason)),
            (Live, Claim::Dialing) => Step::Behind,
            (Live, Claim::Live) => Step::Same,
            (Live, Claim::Ended(reason)) => Step::Rise(Ended(reason)),
            (Ended(_), Claim::Dialing) => Step::Behind,
            (Ended(_), Claim::Live) => Step::Behind,
            (Ended(_), Claim::Ended(reason)) => Step::Again(reason),
            (Dialing | Live | Ended(_), Claim::Nothing) => Step::Silent,
        }
    }
}
