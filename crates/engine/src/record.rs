//! What is written to the journal: records and snapshots, and their form in bytes.
//!
//! The form is JSON with a version in it, so that `jq` reads it when things go wrong. A reader
//! ignores what it does not know, and takes what is missing as not said: a newer version may add
//! fields, and records that were written by an older one are read for ever.

use std::borrow::Cow;
use std::num::NonZeroU64;
use std::sync::Arc;

use live_users_core::{
    Agent, AgentFrom, Call, CallId, Caller, Country, Direction, EndReason, Evidence, Millis, Phase,
    Place, Said, Source, Tracker,
};
use serde::{Deserialize, Serialize};

/// The version that is written. A record of a later one is refused: it may mean anything.
const VERSION: u8 = 1;

/// One entry of the log. Nothing changes but by one of these.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Record {
    /// When it was written.
    pub(crate) at: Millis,
    /// What it says.
    pub(crate) change: Change,
}

/// What a record says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    /// Something was said about a call.
    Evidence(Evidence),
    /// The calls that ended before this moment are forgotten.
    Forget {
        /// The moment.
        ended_before: Millis,
    },
}

/// Why bytes are no record, or no snapshot.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FormError {
    /// They are not JSON of the right shape.
    #[error("not readable: {0}")]
    Json(#[from] serde_json::Error),
    /// A later version wrote them.
    #[error("written in version {0} of the format; this program knows {VERSION}: run a newer one")]
    Newer(u8),
    /// A value in them cannot be.
    #[error("`{0}` has a value that cannot be")]
    Value(&'static str),
}

impl Record {
    /// The record in bytes.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut form = RecordForm { v: VERSION, at: self.at.0, evidence: None, forget: None };
        match &self.change {
            Change::Evidence(evidence) => form.evidence = Some(EvidenceForm::of(evidence)),
            Change::Forget { ended_before } => form.forget = Some(ended_before.0),
        }
        serde_json::to_vec(&form).expect("text and numbers are always JSON")
    }

    /// The record that these bytes are.
    ///
    /// # Errors
    /// If they are none, or one of a later version.
    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, FormError> {
        let form: RecordForm = serde_json::from_slice(bytes)?;
        known_version(form.v)?;
        let change = match (form.evidence, form.forget) {
            (Some(evidence), None) => Change::Evidence(evidence.read()?),
            (None, Some(before)) => Change::Forget { ended_before: Millis(before) },
            (Some(_), Some(_)) | (None, None) => return Err(FormError::Value("evidence")),
        };
        Ok(Self { at: Millis(form.at), change })
    }
}

/// A snapshot of these calls at this moment, in bytes.
pub(crate) fn encode_snapshot(now: Millis, calls: &[Call]) -> Vec<u8> {
    let calls = calls.iter().map(CallForm::of).collect();
    let form = SnapshotForm { v: VERSION, now: now.0, calls };
    serde_json::to_vec(&form).expect("text and numbers are always JSON")
}

/// The tracker that a snapshot is of.
///
/// # Errors
/// If the bytes are no snapshot, or one of a later version.
pub(crate) fn decode_snapshot(bytes: &[u8]) -> Result<Tracker, FormError> {
    let form: SnapshotForm = serde_json::from_slice(bytes)?;
    known_version(form.v)?;
    let calls = form.calls.into_iter().map(CallForm::read);
    let calls: Vec<_> = calls.collect::<Result<_, _>>()?;
    Ok(Tracker::restore(Millis(form.now), calls))
}

fn known_version(version: u8) -> Result<(), FormError> {
    if version > VERSION { Err(FormError::Newer(version)) } else { Ok(()) }
}

#[derive(Serialize, Deserialize)]
struct RecordForm {
    v: u8,
    at: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    evidence: Option<EvidenceForm>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    forget: Option<u64>,
}

#[derive(Serialize, Deserialize)]
struct SnapshotForm {
    v: u8,
    now: u64,
    calls: Vec<CallForm>,
}

#[derive(Serialize, Deserialize)]
struct EvidenceForm {
    call: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    parent: Option<String>,
    source: Name,
    said: Name,
    #[serde(default)]
    about: AboutForm,
}

#[derive(Serialize, Deserialize)]
struct CallForm {
    call: String,
    phase: Name,
    since: u64,
    heard: u64,
    #[serde(default)]
    about: AboutForm,
}

/// What evidence and calls have in common: who, where, which agent.
#[derive(Default, Serialize, Deserialize)]
struct AboutForm {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    direction: Option<Name>,
    /// The keyed hash, in hexadecimal: a number in JSON has only 53 bits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    caller: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    agent: Option<Arc<str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    address: Option<Arc<str>>,
    #[serde(default, rename = "agentByUrl", skip_serializing_if = "std::ops::Not::not")]
    agent_by_url: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    country: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    region: Option<Arc<str>>,
}

/// A word out of one of the tables below.
type Name = Cow<'static, str>;

const SOURCES: &[(&str, Source)] = &[
    ("voice", Source::Voice),
    ("speech", Source::Speech),
    ("status-callback", Source::StatusCallback),
    ("clock", Source::Clock),
];

const DIRECTIONS: &[(&str, Direction)] = &[
    ("inbound", Direction::Inbound),
    ("outbound", Direction::Outbound),
    ("dial", Direction::Dial),
];

const SAID: &[(&str, Said)] = &[
    ("nothing", Said::Nothing),
    ("dialing", Said::Dialing),
    ("in-progress", Said::InProgress),
    ("timed-out", Said::Over(EndReason::TimedOut)),
    ("canceled", Said::Over(EndReason::Canceled)),
    ("no-answer", Said::Over(EndReason::NoAnswer)),
    ("busy", Said::Over(EndReason::Busy)),
    ("failed", Said::Over(EndReason::Failed)),
    ("completed", Said::Over(EndReason::Completed)),
    ("goodbye", Said::Over(EndReason::Goodbye)),
];

const PHASES: &[(&str, Phase)] = &[
    ("dialing", Phase::Dialing),
    ("live", Phase::Live),
    ("timed-out", Phase::Ended(EndReason::TimedOut)),
    ("canceled", Phase::Ended(EndReason::Canceled)),
    ("no-answer", Phase::Ended(EndReason::NoAnswer)),
    ("busy", Phase::Ended(EndReason::Busy)),
    ("failed", Phase::Ended(EndReason::Failed)),
    ("completed", Phase::Ended(EndReason::Completed)),
    ("goodbye", Phase::Ended(EndReason::Goodbye)),
];

/// The word for a value. Every value has one: a test holds the tables to that.
fn name<T: PartialEq>(table: &'static [(&'static str, T)], value: &T) -> Name {
    let found = table.iter().find(|(_, other)| other == value);
    Cow::Borrowed(found.map_or("", |(name, _)| name))
}

fn value<T: Copy>(table: &[(&str, T)], name: &str, field: &'static str) -> Result<T, FormError> {
    let found = table.iter().find(|(other, _)| *other == name);
    found.map(|(_, value)| *value).ok_or(FormError::Value(field))
}

fn call_id(text: &str, field: &'static str) -> Result<CallId, FormError> {
    CallId::parse(text).map_err(|_| FormError::Value(field))
}

impl EvidenceForm {
    fn of(evidence: &Evidence) -> Self {
        Self {
            call: evidence.call.to_string(),
            parent: evidence.parent.as_ref().map(ToString::to_string),
            source: name(SOURCES, &evidence.source),
            said: name(SAID, &evidence.said),
            about: AboutForm::of(
                evidence.direction,
                evidence.caller,
                (&evidence.agent, evidence.agent_from),
                &evidence.place,
            ),
        }
    }

    fn read(self) -> Result<Evidence, FormError> {
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
        })
    }
}

impl CallForm {
    fn of(call: &Call) -> Self {
        Self {
            call: call.id.to_string(),
            phase: name(PHASES, &call.phase),
            since: call.since.0,
            heard: call.heard.0,
            about: AboutForm::of(
                call.direction,
                call.caller,
                (&call.agent, call.agent_from),
                &call.place,
            ),
        }
    }

    fn read(self) -> Result<Call, FormError> {
        let (agent, agent_from) = self.about.agent();
        Ok(Call {
            id: call_id(&self.call, "call")?,
            phase: value(PHASES, &self.phase, "phase")?,
            since: Millis(self.since),
            heard: Millis(self.heard),
            direction: self.about.direction()?,
            caller: self.about.caller()?,
            agent,
            agent_from,
            place: self.about.place()?,
        })
    }
}

impl AboutForm {
    fn of(
        direction: Option<Direction>,
        caller: Option<Caller>,
        (agent, agent_from): (&Agent, AgentFrom),
        place: &Place,
    ) -> Self {
        let (id, address) = match agent {
            Agent::Unknown => (None, None),
            Agent::Address(address) => (None, Some(address.clone())),
            Agent::Id(id) => (Some(id.clone()), None),
        };
        Self {
            direction: direction.map(|direction| name(DIRECTIONS, &direction)),
            caller: caller.map(|Caller(hash)| format!("{hash:016x}")),
            agent: id,
            address,
            agent_by_url: agent_from == AgentFrom::Url,
            country: place.country.map(|country| country.to_string()),
            region: place.region.clone(),
        }
    }

    fn direction(&self) -> Result<Option<Direction>, FormError> {
        self.direction.as_deref().map(|name| value(DIRECTIONS, name, "direction")).transpose()
    }

    fn caller(&self) -> Result<Option<Caller>, FormError> {
        let hash = |hex: &str| u64::from_str_radix(hex, 16).ok().and_then(NonZeroU64::new);
        let caller = self.caller.as_deref().map(|hex| hash(hex).ok_or(FormError::Value("caller")));
        Ok(caller.transpose()?.map(Caller))
    }

    fn agent(&self) -> (Agent, AgentFrom) {
        let from = if self.agent_by_url { AgentFrom::Url } else { AgentFrom::Address };
        let agent = match (&self.agent, &self.address) {
            (Some(id), _) => Agent::Id(id.clone()),
            (None, Some(address)) => Agent::Address(address.clone()),
            (None, None) => Agent::Unknown,
        };
        (agent, from)
    }

    fn place(&self) -> Result<Place, FormError> {
        let country = |text: &str| Country::parse(text).ok_or(FormError::Value("country"));
        let country = self.country.as_deref().map(country).transpose()?;
        Ok(Place { country, region: self.region.clone() })
    }
}

#[cfg(test)]
mod tests;
