//! What is written to the journal: records, and their form in bytes.
//!
//! The form is JSON with a version in it, so that `jq` reads it when things go wrong. A reader
//! ignores what it does not know, and takes what is missing as not said: a newer version may add
//! fields, and records that were written by an older one are read for ever.

use std::num::NonZeroU64;
use std::sync::Arc;

use live_users_core::{ConferenceEvent, Evidence, Millis, Origin};
use serde::{Deserialize, Serialize};

use crate::alerts::AlertChange;
use crate::attributes::StoredAttributes;
use crate::callbacks::{PassedOn, SealedCallback, StoredCallback, StoredPassedOn};
pub use crate::format::DecodeError;
use crate::format::{VERSION, known_version};
use crate::forwards::{Forward, Forwarded, StoredForward};
use crate::outbox::{Cursor, Told};
use crate::sessions::{EndedSession, parsed};
use crate::shard_mark::ShardMark;
use crate::shared_links::{LinkChange, StoredLinkChange};
use crate::stored_admission::StoredAdmission;
use crate::stored_told::StoredLimits;
use crate::words::{
    ANSWERED_BY, ATTENDANCES, CONNECTIONS, ENDPOINTS, SAID, SOURCES, Word, call_id, optional,
    value, word,
};

/// What most records take at most, in bytes: they are written without moving them.
const USUAL_BYTES: usize = 384;

/// One entry of the log. Nothing changes but by one of these.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// When it was written.
    pub at: Millis,
    /// What it says.
    pub change: Change,
}

/// What a record says.
#[expect(clippy::large_enum_variant, reason = "nearly every record is evidence")]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// Something was said about a call.
    Evidence(Evidence),
    /// The calls that ended before this moment are forgotten.
    Forget {
        /// The moment.
        ended_before: Millis,
    },
    /// A session of an admin has ended before its time.
    EndSession(EndedSession),
    /// A hook was told.
    Told(Told),
    /// A status callback waits to be passed on.
    PassOn(SealedCallback),
    /// It need not be passed on any more.
    PassedOn(PassedOn),
    /// Evidence waits for the backend that has its shard.
    Forward(Box<Forward>),
    /// It is recorded there.
    Forwarded(Forwarded),
    /// Something has happened to an alert.
    Alert(AlertChange),
    /// A shared link was made, revoked or used.
    Link(LinkChange),
    /// Which of several shards the journal is of.
    Shard(ShardMark),
}

impl Record {
    /// The record in bytes.
    #[expect(clippy::missing_panics_doc, reason = "text and numbers are always JSON")]
    pub fn encode(&self) -> Vec<u8> {
        let mut stored = StoredRecord { v: VERSION, at: self.at.0, ..StoredRecord::default() };
        match &self.change {
            Change::Evidence(evidence) => stored.evidence = Some(StoredEvidence::of(evidence)),
            Change::Forget { ended_before } => stored.forget = Some(ended_before.0),
            Change::EndSession(EndedSession { id, until }) => {
                stored.session = Some(StoredSession { id: id.to_string(), until: until.0 });
            }
            Change::Told(Told { hook, cursor }) => {
                stored.told = Some(StoredTold { hook: hook.clone(), cursor: *cursor });
            }
            Change::PassOn(callback) => stored.pass_on = Some(StoredCallback::of(callback)),
            Change::PassedOn(passed_on) => stored.passed_on = Some(StoredPassedOn::of(passed_on)),
            Change::Forward(forward) => stored.forward = Some(StoredForward::of(forward)),
            Change::Forwarded(forwarded) => stored.forwarded = Some(forwarded.clone()),
            Change::Alert(change) => stored.alert = Some(change.clone()),
            Change::Link(change) => stored.link = Some(StoredLinkChange::of(change)),
            Change::Shard(mark) => stored.shard = Some(mark.clone()),
        }
        if !matches!(self.change, Change::Evidence(_) | Change::Forget { .. }) {
            // An older program reads that the calls are forgotten that ended before 1970.
            stored.forget = Some(0);
        }
        let mut bytes = Vec::with_capacity(USUAL_BYTES);
        serde_json::to_writer(&mut bytes, &stored).expect("text and numbers are always JSON");
        bytes
    }

    /// The record that these bytes are.
    ///
    /// # Errors
    /// If they are none, or one of a later version.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let stored: StoredRecord = serde_json::from_slice(bytes)?;
        known_version(stored.v)?;
        Ok(Self { at: Millis(stored.at), change: stored.change()? })
    }
}

#[derive(Default, Serialize, Deserialize)]
struct StoredRecord {
    v: u8,
    at: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    evidence: Option<StoredEvidence>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    forget: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    session: Option<StoredSession>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    told: Option<StoredTold>,
    #[serde(default, rename = "passOn", skip_serializing_if = "Option::is_none")]
    pass_on: Option<StoredCallback>,
    #[serde(default, rename = "passedOn", skip_serializing_if = "Option::is_none")]
    passed_on: Option<StoredPassedOn>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    forward: Option<StoredForward>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    forwarded: Option<Forwarded>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    alert: Option<AlertChange>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    link: Option<StoredLinkChange>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    shard: Option<ShardMark>,
}

impl StoredRecord {
    /// What it says: one thing.
    fn change(self) -> Result<Change, DecodeError> {
        let Self {
            evidence,
            forget,
            session,
            told,
            pass_on,
            passed_on,
            forward,
            forwarded,
            alert,
            link,
            shard,
            ..
        } = self;
        let said = [
            evidence.map(|it| it.read().map(Change::Evidence)),
            session.map(|it| it.read().map(Change::EndSession)),
            told.map(|StoredTold { hook, cursor }| Ok(Change::Told(Told { hook, cursor }))),
            pass_on.map(|it| it.read().map(Change::PassOn)),
            passed_on.map(|it| it.read().map(Change::PassedOn)),
            forward.map(|it| it.read().map(Box::new).map(Change::Forward)),
            forwarded.map(|it| Ok(Change::Forwarded(it))),
            alert.map(|it| Ok(Change::Alert(it))),
            link.map(|it| it.read().map(Change::Link)),
            shard.map(|it| Ok(Change::Shard(it))),
        ];
        let mut said = said.into_iter().flatten();
        match (said.next(), said.next(), forget) {
            // Only what is no evidence stands beside it.
            (Some(Ok(Change::Evidence(_))), _, Some(_)) => Err(DecodeError::Value("forget")),
            (Some(change), None, _) => change,
            (None, None, Some(before)) => Ok(Change::Forget { ended_before: Millis(before) }),
            _ => Err(DecodeError::Value("evidence")),
        }
    }
}

#[derive(Serialize, Deserialize)]
struct StoredSession {
    id: String,
    until: u64,
}

impl StoredSession {
    fn read(&self) -> Result<EndedSession, DecodeError> {
        Ok(EndedSession { id: parsed(&self.id)?, until: Millis(self.until) })
    }
}

#[derive(Serialize, Deserialize)]
struct StoredTold {
    hook: Arc<str>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    cursor: Option<Cursor>,
}

#[derive(Serialize, Deserialize)]
pub(crate) struct StoredEvidence {
    call: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    parent: Option<String>,
    source: Word,
    said: Word,
    #[serde(default)]
    about: StoredAttributes,
    #[serde(default, rename = "durationS", skip_serializing_if = "Option::is_none")]
    duration_s: Option<u32>,
    #[serde(default, rename = "answeredBy", skip_serializing_if = "Option::is_none")]
    answered_by: Option<Word>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    endpoint: Option<Word>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    connection: Option<Word>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    conference: Option<StoredConferenceEvent>,
    #[serde(default, rename = "afterLostAnswer", skip_serializing_if = "std::ops::Not::not")]
    is_after_lost_answer: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    origin: Option<StoredOrigin>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    account: Option<Arc<str>>,
    #[serde(default, rename = "twilioAccount", skip_serializing_if = "Option::is_none")]
    twilio_account: Option<NonZeroU64>,
    #[serde(default, rename = "agentAccount", skip_serializing_if = "Option::is_none")]
    agent_account: Option<Arc<str>>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    also: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    room: Option<String>,
    #[serde(default, rename = "inSession", skip_serializing_if = "Option::is_none")]
    session: Option<String>,
    #[serde(default, skip_serializing_if = "StoredLimits::is_none")]
    limits: StoredLimits,
    #[serde(default, rename = "saidAt", skip_serializing_if = "Option::is_none")]
    said_at: Option<u64>,
    #[serde(default, rename = "eventId", skip_serializing_if = "Option::is_none")]
    event_id: Option<NonZeroU64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    admission: Option<StoredAdmission>,
}

#[derive(Serialize, Deserialize)]
struct StoredOrigin {
    source: Arc<str>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    carrier: bool,
}

#[derive(Serialize, Deserialize)]
struct StoredConferenceEvent {
    id: String,
    what: Word,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    order: Option<u32>,
}

impl StoredConferenceEvent {
    fn of(event: &ConferenceEvent) -> Self {
        let ConferenceEvent { conference, what, order } = event;
        Self { id: conference.to_string(), what: word(ATTENDANCES, what), order: *order }
    }

    fn read(&self) -> Result<ConferenceEvent, DecodeError> {
        let conference = call_id(&self.id, "conference")?;
        let what = value(ATTENDANCES, &self.what, "conference")?;
        Ok(ConferenceEvent { conference, what, order: self.order })
    }
}

impl StoredEvidence {
    pub(crate) fn of(evidence: &Evidence) -> Self {
        Self {
            call: evidence.call.to_string(),
            parent: evidence.parent.as_ref().map(ToString::to_string),
            source: word(SOURCES, &evidence.source),
            said: word(SAID, &evidence.said),
            about: StoredAttributes::of(
                evidence.direction,
                evidence.caller,
                (&evidence.agent, evidence.agent_from),
                &evidence.place,
            ),
            duration_s: evidence.duration_s,
            answered_by: evidence.answered_by.map(|it| word(ANSWERED_BY, &it)),
            endpoint: evidence.endpoint.map(|it| word(ENDPOINTS, &it)),
            connection: evidence.connection.map(|it| word(CONNECTIONS, &it)),
            conference: evidence.conference.as_ref().map(StoredConferenceEvent::of),
            is_after_lost_answer: evidence.is_after_lost_answer,
            origin: evidence.origin.as_ref().map(|Origin { source, is_carrier }| StoredOrigin {
                source: source.clone(),
                carrier: *is_carrier,
            }),
            account: evidence.account.clone(),
            twilio_account: evidence.twilio_account,
            agent_account: evidence.agent_account.clone(),
            also: evidence.also.iter().map(ToString::to_string).collect(),
            room: evidence.room.as_ref().map(ToString::to_string),
            session: evidence.session.as_ref().map(ToString::to_string),
            limits: StoredLimits::of(evidence.limits),
            said_at: evidence.said_at.map(|Millis(at)| at),
            event_id: evidence.event_id,
            admission: evidence.admission.map(StoredAdmission::of),
        }
    }

    pub(crate) fn read(self) -> Result<Evidence, DecodeError> {
        let parent = self.parent.as_deref().map(|parent| call_id(parent, "parent"));
        let (agent, agent_from) = self.about.agent();
        Ok(Evidence {
            call: call_id(&self.call, "call")?,
            parent: parent.transpose()?,
            source: value(SOURCES, &self.source, "source")?,
            said: value(SAID, &self.said, "said")?,
            direction: self.about.direction()?,
            agent,
            agent_from,
            caller: self.about.caller()?,
            place: self.about.place()?,
            duration_s: self.duration_s,
            answered_by: optional(ANSWERED_BY, self.answered_by.as_deref(), "answeredBy")?,
            endpoint: optional(ENDPOINTS, self.endpoint.as_deref(), "endpoint")?,
            connection: optional(CONNECTIONS, self.connection.as_deref(), "connection")?,
            conference: self.conference.as_ref().map(StoredConferenceEvent::read).transpose()?,
            is_after_lost_answer: self.is_after_lost_answer,
            origin: self.origin.map(|it| Origin { source: it.source, is_carrier: it.carrier }),
            account: self.account,
            twilio_account: self.twilio_account,
            agent_account: self.agent_account,
            also: self.also.iter().map(|id| call_id(id, "also")).collect::<Result<_, _>>()?,
            room: self.room.as_deref().map(|id| call_id(id, "room")).transpose()?,
            session: self.session.as_deref().map(|id| call_id(id, "session")).transpose()?,
            limits: self.limits.read(),
            said_at: self.said_at.map(Millis),
            event_id: self.event_id,
            admission: self.admission.map(|it| it.read()).transpose()?,
        })
    }
}

#[cfg(test)]
mod tests;
