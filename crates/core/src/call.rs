//! What is known about one call.

use crate::intern::Key;
use crate::{AgentFrom, Caller, Claim, Direction, Millis, SECOND_MS};

/// Where a call is in its life. It only ever rises: `Dialing < Live < Ended`.
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

/// What is known about one call, as the tracker gives it out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// The call.
    pub id: crate::CallId,
    /// Where it is in its life.
    pub phase: Phase,
    /// When the first report about it came. When it has changed its phase since, this is to the
    /// second, and rather too early than too late.
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
    pub agent: crate::Agent,
    /// How that is known.
    pub agent_from: AgentFrom,
    /// Where the person is.
    pub place: crate::Place,
}

/// The same inside a tracker, packed: there may be a million of these.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) id: crate::CallId,
    pub(crate) caller: Option<Caller>,
    pub(crate) since: Millis,
    pub(crate) heard: Millis,
    pub(crate) agent: Key,
    pub(crate) place: Key,
    /// How long before `since` the first report about it came, in seconds.
    pub(crate) first_s: u32,
    pub(crate) agent_from: AgentFrom,
    pub(crate) phase: Phase,
    pub(crate) direction: Option<Direction>,
}

/// The memory of a million live calls hangs on this number; see `docs/PERFORMANCE.md`.
const _: () = assert!(size_of::<Option<Entry>>() <= 64);

impl Entry {
    /// When the first report about it came, to the second.
    pub(crate) fn first(&self) -> Millis {
        self.since.minus(u64::from(self.first_s) * SECOND_MS)
    }

    /// Comes to a phase at this moment.
    pub(crate) fn rise(&mut self, phase: Phase, now: Millis) {
        self.first_s = seconds_between(self.first(), now);
        (self.phase, self.since, self.heard) = (phase, now, now);
    }
}

/// Rounded up: what happened at the first moment has to lie within.
pub(crate) fn seconds_between(first: Millis, since: Millis) -> u32 {
    u32::try_from(since.since(first).div_ceil(SECOND_MS)).unwrap_or(u32::MAX)
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
}

impl Phase {
    /// The one table of what may follow what, with every pair written out. Nothing leaves `Ended`.
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
            // A leg says nothing about a call of its own, nor against one.
            (Dialing | Live | Ended(_), Claim::Leg) => Step::Behind,
        }
    }
}
