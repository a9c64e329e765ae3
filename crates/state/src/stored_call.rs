//! A call and a conference in the snapshots of versions 1 and 2. Only tests write them.

use std::sync::Arc;

use live_users_core::{
    Agent, Call, CallId, Conference, Details, Leg, Millis, Participant, Stretch,
};
use serde::{Deserialize, Serialize};

use crate::attributes::StoredAttributes;
use crate::format::DecodeError;
use crate::stored_admission::StoredTurnedAway;
use crate::stored_told::StoredTold;
#[cfg(test)]
use crate::words::word;
use crate::words::{
    ANSWERED_BY, ENDPOINTS, PARTIES, PHASES, PRESENCES, QUEUES, Word, call_id, optional, value,
};

#[derive(Serialize, Deserialize)]
pub(crate) struct StoredCall {
    call: String,
    phase: Word,
    /// Not in what version 1 wrote: then as `since`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    first: Option<u64>,
    since: u64,
    heard: u64,
    #[serde(default)]
    about: StoredAttributes,
    #[serde(default, rename = "more", skip_serializing_if = "Option::is_none")]
    details: Option<Box<StoredDetails>>,
}

/// What is known of few calls only; programs before this wrote none of it.
#[derive(Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct StoredDetails {
    #[serde(skip_serializing_if = "is_zero")]
    agent_word: u8,
    #[serde(skip_serializing_if = "Option::is_none")]
    answered_by: Option<Word>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    proven: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    colleague: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    firm: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    queue: Option<Word>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    leg: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    parent: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    endpoint: Option<Word>,
    #[serde(skip_serializing_if = "Option::is_none")]
    acting_agent: Option<StoredAgent>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    stretches: Vec<StoredStretch>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stretch_since: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    told: Option<StoredTold>,
    #[serde(skip_serializing_if = "Option::is_none")]
    turned_away: Option<StoredTurnedAway>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde gives a reference")]
fn is_zero(level: &u8) -> bool {
    *level == 0
}

#[derive(Serialize, Deserialize)]
struct StoredStretch {
    with: Word,
    since: u64,
    until: u64,
    #[serde(flatten)]
    agent: StoredAgent,
    /// Not in the snapshots of older programs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    account: Option<Arc<str>>,
}

#[derive(Serialize, Deserialize)]
pub(crate) struct StoredAgent {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    agent: Option<Arc<str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    address: Option<Arc<str>>,
}

impl StoredAgent {
    pub(crate) fn of(agent: &Agent) -> Self {
        let (agent, address) = match agent {
            Agent::Unknown => (None, None),
            Agent::Address(address) => (None, Some(address.clone())),
            Agent::Id(id) => (Some(id.clone()), None),
        };
        Self { agent, address }
    }

    pub(crate) fn read(self) -> Agent {
        match (self.agent, self.address) {
            (Some(id), _) => Agent::Id(id),
            (None, Some(address)) => Agent::Address(address),
            (None, None) => Agent::Unknown,
        }
    }
}

impl StoredStretch {
    #[cfg(test)]
    fn of(stretch: &Stretch) -> Self {
        let Stretch { party, agent, account, since, until } = stretch;
        let (agent, account) = (StoredAgent::of(agent), account.clone());
        Self { with: word(PARTIES, party), since: since.0, until: until.0, agent, account }
    }

    fn read(self) -> Result<Stretch, DecodeError> {
        Ok(Stretch {
            party: value(PARTIES, &self.with, "stretches")?,
            agent: self.agent.read(),
            account: self.account,
            since: Millis(self.since),
            until: Millis(self.until),
        })
    }
}

impl StoredDetails {
    #[cfg(test)]
    fn of(details: &Details) -> Self {
        Self {
            agent_word: details.word,
            answered_by: details.answered_by.map(|it| word(ANSWERED_BY, &it)),
            proven: details.is_proven,
            colleague: details.is_colleague,
            firm: details.is_firm,
            queue: details.queue.map(|it| word(QUEUES, &it)),
            leg: details.leg.is_some(),
            parent: details.leg.as_ref().and_then(|it| it.parent.as_ref()).map(CallId::to_string),
            endpoint: details.endpoint.map(|it| word(ENDPOINTS, &it)),
            acting_agent: details.acting_agent.as_ref().map(StoredAgent::of),
            stretches: details.stretches.iter().map(StoredStretch::of).collect(),
            stretch_since: details.stretch_since.map(|Millis(at)| at),
            told: details.told.as_ref().map(StoredTold::of),
            turned_away: details.turned_away.map(StoredTurnedAway::of),
        }
    }

    fn read(self) -> Result<Details, DecodeError> {
        let parent = self.parent.as_deref().map(|id| call_id(id, "parent")).transpose()?;
        let stretches = self.stretches.into_iter().map(StoredStretch::read);
        Ok(Details {
            word: self.agent_word,
            answered_by: optional(ANSWERED_BY, self.answered_by.as_deref(), "answeredBy")?,
            is_proven: self.proven,
            is_colleague: self.colleague,
            is_firm: self.firm,
            queue: optional(QUEUES, self.queue.as_deref(), "queue")?,
            leg: self.leg.then_some(Leg { parent }),
            endpoint: optional(ENDPOINTS, self.endpoint.as_deref(), "endpoint")?,
            acting_agent: self.acting_agent.map(StoredAgent::read),
            stretches: stretches.collect::<Result<_, _>>()?,
            stretch_since: self.stretch_since.map(Millis),
            told: self.told.map(StoredTold::read).transpose()?,
            turned_away: self.turned_away.map(|it| it.read()).transpose()?,
        })
    }
}

impl StoredCall {
    #[cfg(test)]
    pub(crate) fn of(call: &Call) -> Self {
        Self {
            call: call.id.to_string(),
            phase: word(PHASES, &call.phase),
            first: (call.first != call.since).then_some(call.first.0),
            since: call.since.0,
            heard: call.heard.0,
            about: StoredAttributes::of(
                call.direction,
                call.caller,
                (&call.agent, call.agent_from),
                &call.place,
            ),
            details: (call.details != Details::default())
                .then(|| Box::new(StoredDetails::of(&call.details))),
        }
    }

    pub(crate) fn read(self) -> Result<Call, DecodeError> {
        let (agent, agent_from) = self.about.agent();
        Ok(Call {
            id: call_id(&self.call, "call")?,
            phase: value(PHASES, &self.phase, "phase")?,
            first: Millis(self.first.unwrap_or(self.since)),
            since: Millis(self.since),
            heard: Millis(self.heard),
            direction: self.about.direction()?,
            caller: self.about.caller()?,
            agent,
            agent_from,
            place: self.about.place()?,
            // It follows from the rest.
            party: None,
            details: self.details.map(|it| it.read()).transpose()?.unwrap_or_default(),
        })
    }
}

#[derive(Serialize, Deserialize)]
pub(crate) struct StoredConference {
    id: String,
    heard: u64,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    over: bool,
    participants: Vec<StoredParticipant>,
}

#[derive(Serialize, Deserialize)]
struct StoredParticipant {
    call: String,
    presence: Word,
    since: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    order: Option<u32>,
}

impl StoredConference {
    #[cfg(test)]
    pub(crate) fn of((id, conference): &(CallId, Conference)) -> Self {
        let stored = |it: &Participant| StoredParticipant {
            call: it.call.to_string(),
            presence: word(PRESENCES, &it.presence),
            since: it.since.0,
            order: it.order,
        };
        let participants = conference.participants.iter().map(stored).collect();
        let Conference { heard, is_over: over, .. } = *conference;
        Self { id: id.to_string(), heard: heard.0, over, participants }
    }

    pub(crate) fn read(self) -> Result<(CallId, Conference), DecodeError> {
        let read = |it: StoredParticipant| {
            Ok::<_, DecodeError>(Participant {
                call: call_id(&it.call, "call")?,
                presence: value(PRESENCES, &it.presence, "presence")?,
                since: Millis(it.since),
                order: it.order,
            })
        };
        let participants = self.participants.into_iter().map(read).collect::<Result<_, _>>()?;
        let (heard, is_over) = (Millis(self.heard), self.over);
        let conference = Conference { participants, heard, is_over };
        Ok((call_id(&self.id, "id")?, conference))
    }
}
