//! What somebody said about a call, and what that claims.

use core::num::NonZeroU64;

use crate::{Agent, AgentFrom, Call, CallId, EndReason, Millis, Phase, Place};

/// One thing that was said about one call: by a webhook, by our own answer, by the operator or by
/// the clock. It carries no time: a record's time is the journal's, given to
/// [`crate::Tracker::apply`] beside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evidence {
    /// The call that it is about.
    pub call: CallId,
    /// The call that this one is a leg of, if it said so.
    pub parent: Option<CallId>,
    /// Where it comes from.
    pub source: Source,
    /// What it says about the call's progress.
    pub said: Said,
    /// Which way the call goes, if it said so.
    pub direction: Option<Direction>,
    /// The agent that the call belongs to.
    pub agent: Agent,
    /// How that is known: an agent that a URL names stands, whatever numbers say.
    pub agent_from: AgentFrom,
    /// The person, or `None` if the caller id is withheld or unusable: then it is not
    /// known whether two such calls are one person, and each counts as one user.
    pub caller: Option<Caller>,
    /// Where the person is.
    pub place: Place,
    /// How long the conversation was, in seconds, as the provider has reckoned it; only of a call
    /// that is over. No number of the tracker depends on it.
    pub duration_s: Option<u32>,
}

/// A person, known only by a keyed hash of the caller id. Which hash, and which key, is decided
/// elsewhere; here it only matters whether two are equal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Caller(pub NonZeroU64);

/// Where evidence comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// The provider asked what to say: somebody is on the line.
    Voice,
    /// The provider sent what the caller said or pressed.
    Speech,
    /// The provider reported the call's progress.
    StatusCallback,
    /// The clock: the call is older than a call can be.
    Clock,
    /// The provider's list of calls, which the referee asks when webhooks are silent.
    Referee,
    /// A person who operates this service.
    Operator,
}

/// What evidence says about the progress of a call, in words that no provider owns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Said {
    /// No status, or one that is not known: only the request itself says something.
    Nothing,
    /// Queued, initiated or ringing.
    Dialing,
    /// Answered and not over.
    InProgress,
    /// Over.
    Over(EndReason),
}

/// Which way a call goes, seen from the agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Direction {
    /// A person called the agent.
    Inbound,
    /// The agent called a person.
    Outbound,
    /// A leg that the agent's application dialled within a call (`<Dial>`): somebody else joined
    /// the conversation of that call.
    Dial,
}

/// What a piece of evidence claims about the phase of its call, whatever is known already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Claim {
    /// The call exists and nobody is on the line yet.
    Dialing,
    /// A person is on the line.
    Live,
    /// The call is over.
    Ended(EndReason),
    /// Nothing about a conversation of its own: a leg belongs to its parent's.
    Leg,
}

impl Evidence {
    /// Something that is said about a call whose parties are known already, or do not matter.
    ///
    /// ```
    /// use live_users_core::{CallId, CallIdError, Claim, Evidence, Said, Source};
    ///
    /// let call = CallId::parse("CA1")?;
    /// let evidence = Evidence::about(call, Source::Voice, Said::Dialing);
    /// assert_eq!(evidence.claim(), Claim::Live, "who asks what to say is on the line");
    /// # Ok::<(), CallIdError>(())
    /// ```
    pub fn about(call: CallId, source: Source, said: Said) -> Self {
        Self {
            call,
            parent: None,
            source,
            said,
            direction: None,
            agent: Agent::Unknown,
            agent_from: AgentFrom::Address,
            caller: None,
            place: Place::default(),
            duration_s: None,
        }
    }

    /// The call as it is by this evidence alone.
    pub(crate) fn call_at(&self, now: Millis, phase: Phase) -> Call {
        Call {
            id: self.call.clone(),
            phase,
            first: now,
            since: now,
            heard: now,
            direction: self.direction,
            caller: self.caller,
            agent: self.agent.clone(),
            agent_from: self.agent_from,
            place: self.place.clone(),
        }
    }

    /// What this evidence claims by itself.
    ///
    /// An inbound caller is on the line and hears the agent from the first voice request on,
    /// although that request still says `ringing`: the agent's answer to it is what picks up.
    /// Nothing later says "answered" for an inbound call. An outbound call is live from
    /// `in-progress` on, when the person has picked up. (Twilio, TwiML for Programmable Voice and
    /// Call resource.)
    ///
    /// ```
    /// use live_users_core::{CallId, CallIdError, Claim, Direction, Evidence, Said, Source};
    ///
    /// let ringing = |source, direction| Evidence {
    ///     direction: Some(direction),
    ///     ..Evidence::about(CallId::parse("CA1").expect("an id"), source, Said::Dialing)
    /// };
    /// assert_eq!(ringing(Source::Voice, Direction::Inbound).claim(), Claim::Live);
    /// assert_eq!(ringing(Source::Voice, Direction::Outbound).claim(), Claim::Dialing);
    /// assert_eq!(ringing(Source::StatusCallback, Direction::Inbound).claim(), Claim::Dialing);
    /// assert_eq!(ringing(Source::StatusCallback, Direction::Dial).claim(), Claim::Leg);
    /// # Ok::<(), CallIdError>(())
    /// ```
    pub fn claim(&self) -> Claim {
        if self.parent.is_some() || self.direction == Some(Direction::Dial) {
            return Claim::Leg;
        }
        match (self.said, self.source, self.direction) {
            (Said::Over(reason), _, _) => Claim::Ended(reason),
            (Said::InProgress, _, _) => Claim::Live,
            (Said::Dialing | Said::Nothing, Source::Speech, _) => Claim::Live,
            (Said::Dialing | Said::Nothing, Source::Voice, Some(Direction::Outbound)) => {
                Claim::Dialing
            }
            (Said::Dialing | Said::Nothing, Source::Voice, _) => Claim::Live,
            (
                Said::Dialing | Said::Nothing,
                Source::StatusCallback | Source::Clock | Source::Referee | Source::Operator,
                _,
            ) => Claim::Dialing,
        }
    }
}
