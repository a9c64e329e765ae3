//! What somebody said about a call, and what that claims.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::num::NonZeroU64;

use crate::{
    Admission, Agent, AgentFrom, AnsweredBy, CallId, Connection, EndReason, Endpoint, Limits,
    Millis, Origin, Place,
};

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
    /// Who or what has answered, if machine detection said so.
    pub answered_by: Option<AnsweredBy>,
    /// What is at the other end, if the call is a leg or one that we have made; records of older
    /// versions have none.
    pub endpoint: Option<Endpoint>,
    /// What the request says about the caller, if it belongs to the call itself.
    pub connection: Option<Connection>,
    /// What it says about a conference that the call is in.
    pub conference: Option<ConferenceEvent>,
    /// Whether it can only have been said after our last answer to the call was lost: a request to
    /// the fallback URL, because that answer did not arrive.
    pub is_after_lost_answer: bool,
    /// The source that said it; `None` if that is Twilio, or ourselves.
    pub origin: Option<Origin>,
    /// The account of who says it, if it is known: the call belongs to it, unless its agent has one.
    pub account: Option<Arc<str>>,
    /// A digest of the id of the Twilio account that it speaks for, where several are known: it says
    /// nothing of the calls of another one.
    pub twilio_account: Option<NonZeroU64>,
    /// The account of the agent that it names, if that has one.
    pub agent_account: Option<Arc<str>>,
    /// Other ids of the same call: the carrier's, told by a platform.
    pub also: Vec<CallId>,
    /// The room that it is in, at platforms where an end may be told of a room alone.
    pub room: Option<CallId>,
    /// The session of a carrier that it shares with its legs, where a leg does not name its call.
    pub session: Option<CallId>,
    /// What follows from silence after this.
    pub limits: Limits,
    /// When its source says that it happened. Of two words about who is with a caller, one that is
    /// older than what is known says nothing.
    pub said_at: Option<Millis>,
    /// A digest of the id that its source gave to this event. Of a word about who is with a caller,
    /// one that was taken in before says nothing again.
    pub event_id: Option<NonZeroU64>,
    /// How many places there are for its call, where that is limited and this may begin it. It stands
    /// in the record, so each replica decides alike.
    pub admission: Option<Admission>,
}

/// Something that happened to a call in a conference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConferenceEvent {
    /// The conference, in the form of a call's id.
    pub conference: CallId,
    /// What happened.
    pub what: Attendance,
    /// The place of this event among those of its conference, if the provider said so. A smaller
    /// one than that of an event that is known is out of date.
    pub order: Option<u32>,
}

/// What happened to a participant of a conference.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Attendance {
    /// It has joined, or is in it.
    Joined,
    /// It is on hold.
    Held,
    /// It is not on hold any more.
    Resumed,
    /// It has left.
    Left,
    /// The conference is over: everybody has left.
    Over,
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
    /// Another source than Twilio's webhooks: a carrier, a platform, an application.
    Event,
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
    /// Not over: a heartbeat. Who is dialled has not answered by that.
    StillUp,
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
    /// Nothing about that.
    Nothing,
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
            answered_by: None,
            endpoint: None,
            connection: None,
            conference: None,
            is_after_lost_answer: false,
            origin: None,
            account: None,
            twilio_account: None,
            agent_account: None,
            also: Vec::new(),
            room: None,
            session: None,
            limits: Limits::default(),
            said_at: None,
            event_id: None,
            admission: None,
        }
    }

    /// Whether it is about a leg of another call: somebody else joined that conversation. A leg is
    /// never a user.
    pub fn is_leg(&self) -> bool {
        self.parent.is_some() || self.direction == Some(Direction::Dial)
    }

    /// Whether it is Twilio's own word, by whatever way it came.
    pub(crate) fn is_twilios(&self) -> bool {
        match self.source {
            Source::Voice | Source::Speech | Source::StatusCallback => true,
            Source::Referee => self.origin.is_none(),
            Source::Clock | Source::Operator | Source::Event => false,
        }
    }

    /// What this evidence claims by itself.
    ///
    /// An inbound caller is on the line and hears the agent from the first voice request on,
    /// although that request still says `ringing`: the agent's answer to it is what picks up.
    /// Nothing later says "answered" for an inbound call. An outbound call is live from
    /// `in-progress` on, when the person has picked up. (Twilio, TwiML for Programmable Voice and
    /// Call resource.) Machine detection has a result only after somebody or something picked up,
    /// and only a call that is up has a media stream or is in a conference.
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
    /// assert_eq!(ringing(Source::Voice, Direction::Dial).claim(), Claim::Dialing);
    /// # Ok::<(), CallIdError>(())
    /// ```
    pub fn claim(&self) -> Claim {
        match (self.said, self.source, self.direction) {
            (Said::Over(reason), _, _) => Claim::Ended(reason),
            (Said::InProgress, _, _) => Claim::Live,
            (Said::StillUp, _, Some(Direction::Outbound)) => Claim::Dialing,
            (Said::StillUp, _, _) => Claim::Live,
            (Said::Dialing | Said::Nothing, Source::Speech, _) if !self.is_leg() => Claim::Live,
            (Said::Dialing | Said::Nothing, Source::Voice, direction) if !self.is_leg() => {
                match direction {
                    Some(Direction::Outbound) => Claim::Dialing,
                    _ => Claim::Live,
                }
            }
            (Said::Dialing, _, _) => Claim::Dialing,
            (Said::Nothing, _, _) if self.shows_a_call_that_is_up() => Claim::Live,
            (Said::Nothing, _, _) => Claim::Nothing,
        }
    }

    /// Whether something beside the status says that the call was answered.
    fn shows_a_call_that_is_up(&self) -> bool {
        let joined = |event: &ConferenceEvent| {
            matches!(event.what, Attendance::Joined | Attendance::Held | Attendance::Resumed)
        };
        self.answered_by.is_some()
            || self.connection.is_some()
            || self.conference.as_ref().is_some_and(joined)
    }
}
