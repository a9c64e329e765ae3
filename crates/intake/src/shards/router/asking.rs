//! What routers ask each other, where several processes have some of the shards each.
//!
//! Whoever has a shard knows the names of all calls in it, since each piece of evidence comes by there.
//! So a router that does not know a name asks the others, takes in what they say, and then decides as
//! one router would that knew everything.
//!
//! Two questions are spared. A voice request that begins a call goes by the hash, since all such
//! requests of a call say the same: unless others have asked about that call, and so may have been told
//! of it in other words. And of a call that is only asked about by its own name, the home is asked
//! first: nearly always it has the call.

use live_users_core::{AgentFrom, CallId, Direction, Evidence, Said, Source};

use super::{Meeting, Router, is_of_conference, small};
use crate::shards::ShardSet;

/// Names that a router asks others about.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names {
    /// Of calls.
    pub calls: Vec<CallId>,
    /// Of conferences, rooms and sessions.
    pub meetings: Vec<CallId>,
}

/// What is asked before evidence is placed, and whom.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Asking {
    /// The names. With none, nobody is asked.
    pub names: Names,
    /// The shard that nearly always has the call: who has it is asked alone at first, and all others only
    /// if [`Known::has_call_in`] says that the call is not there.
    pub first: Option<usize>,
}

/// What a router knows of names that it was asked about.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Known {
    /// Calls, each with its shard.
    pub calls: Vec<(CallId, usize)>,
    /// Where conferences, rooms and sessions were heard of.
    pub meetings: Vec<KnownMeeting>,
}

/// Where a conference, a room or a session was heard of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownMeeting {
    /// Which one it is.
    pub meeting: CallId,
    /// The first shard that has heard of it.
    pub first: usize,
    /// All that have.
    pub all: ShardSet,
}

impl Names {
    /// Whether there is nothing to ask.
    pub fn is_empty(&self) -> bool {
        self.calls.is_empty() && self.meetings.is_empty()
    }
}

impl Known {
    /// Whether one of these shards has a call that was asked about.
    pub fn has_call_in(&self, shards: ShardSet) -> bool {
        self.calls.iter().any(|(_, shard)| shards.has(*shard))
    }
}

impl Router {
    /// So long after its start, in milliseconds, a router asks about each call: it has not heard what
    /// others asked before. Twilio waits 15 s for the answer to a voice request, so after this time no
    /// request is under way that such a question has overtaken.
    pub const ASK_ALL_MS: u64 = 20_000;

    /// What others have to be asked before [`Router::route`] decides about this as one router of all
    /// shards would: each name in it that is not known here, and who is in a conference that is over.
    /// `may_spare` is false in the first [`Router::ASK_ALL_MS`].
    pub fn asks(&self, evidence: &Evidence, may_spare: bool) -> Asking {
        let conference = evidence.conference.as_ref().map(|event| &event.conference);
        if is_of_conference(evidence) {
            // Others may know of participants that were never heard of here.
            let meetings = conference.into_iter().cloned().collect();
            return Asking { names: Names { calls: Vec::new(), meetings }, first: None };
        }
        let names = [&evidence.call].into_iter().chain(&evidence.also).chain(&evidence.parent);
        let meetings = conference.into_iter().filter(|it| self.meetings.get(it).is_none());
        let names = Names { calls: self.unknown(names), meetings: meetings.cloned().collect() };
        let is_about_call_alone =
            names.meetings.is_empty() && names.calls == [evidence.call.clone()];
        if !is_about_call_alone {
            return Asking { names, first: None };
        }
        match begins_call(evidence) {
            true if may_spare && self.asked.get(&evidence.call).is_none() => Asking::default(),
            // If nobody knows it, all have to hear of it: so nobody is asked before the others.
            true => Asking { names, first: None },
            false => Asking { names, first: Some(self.layout.home(evidence)) },
        }
    }

    /// Those of the names of calls that are not known here.
    pub fn unknown<'a>(&self, calls: impl Iterator<Item = &'a CallId>) -> Vec<CallId> {
        calls.filter(|name| self.calls.get(name).is_none()).cloned().collect()
    }

    /// What is known here of names that another router asks about. Calls that are not known are
    /// remembered: that router may place them by what only it was told.
    pub fn answer(&mut self, names: &Names) -> Known {
        for name in self.unknown(names.calls.iter()) {
            self.asked.hear(&name, ());
        }
        let of_call = |name: &CallId| Some((name.clone(), self.of_call(name)?));
        let of_meeting = |name: &CallId| {
            let Meeting { first, all } = self.meetings.get(name)?;
            Some(KnownMeeting { meeting: name.clone(), first: first.into(), all })
        };
        Known {
            calls: names.calls.iter().filter_map(of_call).collect(),
            meetings: names.meetings.iter().filter_map(of_meeting).collect(),
        }
    }

    /// Takes in what other routers have answered, each with the shards that it has. Who has a shard
    /// knows best what is in it; what others have only heard counts where nobody has the call.
    pub fn take(&mut self, answers: &[(ShardSet, Known)]) {
        for is_own in [true, false] {
            for (own, known) in answers {
                let calls = known.calls.iter().filter(|(_, shard)| own.has(*shard) == is_own);
                calls.for_each(|(name, shard)| self.know(*shard, name));
            }
        }
        for KnownMeeting { meeting, first, all } in answers.iter().flat_map(|(_, it)| &it.meetings)
        {
            let new = || Meeting { first: small(*first), all: ShardSet::default() };
            let known = self.meetings.get(meeting).unwrap_or_else(new);
            self.meetings.hear(meeting, Meeting { all: known.all.and(*all), ..known });
        }
    }

    /// Any shard may have heard of the conference of this evidence.
    pub fn know_everywhere(&mut self, evidence: &Evidence) {
        let all = ShardSet::first(self.layout.shards());
        if let Some(event) = &evidence.conference {
            let known = self.meetings.get(&event.conference);
            let first = known.map_or(0, |meeting| meeting.first);
            self.meetings.hear(&event.conference, Meeting { first, all });
        }
    }

    /// The shard that has heard first of the conference of this evidence: it is told along with
    /// evidence that another process records.
    pub fn first_in_conference(&self, evidence: &Evidence) -> Option<usize> {
        let conference = evidence.conference.as_ref().map(|event| &event.conference)?;
        self.meetings.get(conference).map(|meeting| meeting.first.into())
    }

    /// Another router has sent evidence to this one of the shards that are here, and knows which shard
    /// was the first in its conference. Returns the shard that has it: another one of those here if its
    /// call is known to be there.
    pub fn receive(
        &mut self,
        (shard, here): (usize, ShardSet),
        evidence: &Evidence,
        first_in_conference: Option<usize>,
    ) -> usize {
        if is_of_conference(evidence) {
            return shard;
        }
        let known = self.of_call(&evidence.call).filter(|it| here.has(*it));
        let shard = known.unwrap_or(shard);
        // What was heard of it as a call of elsewhere does not count any more: it is recorded here.
        self.calls.hear(&evidence.call, small(shard));
        let conference = evidence.conference.as_ref().map(|event| &event.conference);
        if let Some((conference, first)) = conference.zip(first_in_conference)
            && self.meetings.get(conference).is_none()
        {
            let all = ShardSet::default();
            self.meetings.hear(conference, Meeting { first: small(first), all });
        }
        self.note(shard, evidence);
        shard
    }
}

/// Whether this is the request by which a call to us begins: what it is hashed by is the same in each such
/// request of that call. An agent that only the URL names may be another one in the next request.
fn begins_call(evidence: &Evidence) -> bool {
    let Evidence { source, said, direction, .. } = evidence;
    let is_first = *source == Source::Voice
        && *said == Said::Dialing
        && *direction == Some(Direction::Inbound)
        && !evidence.is_after_lost_answer;
    let is_twilios = evidence.origin.is_none();
    let is_tied = evidence.parent.is_some()
        || !evidence.also.is_empty()
        || evidence.conference.is_some()
        || evidence.room.is_some()
        || evidence.session.is_some();
    is_first && is_twilios && !is_tied && evidence.agent_from == AgentFrom::Address
}
