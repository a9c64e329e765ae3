//! What is written to the journal: records, and their form in bytes.
//!
//! The form is JSON with a version in it, so that `jq` reads it when things go wrong. A reader
//! ignores what it does not know, and takes what is missing as not said: a newer version may add
//! fields, and records that were written by an older one are read for ever.

use live_users_core::{Evidence, Millis};
use serde::{Deserialize, Serialize};

use crate::attributes::StoredAttributes;
pub use crate::format::DecodeError;
use crate::format::{VERSION, known_version};
use crate::words::{SAID, SOURCES, Word, call_id, value, word};

/// One entry of the log. Nothing changes but by one of these.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// When it was written.
    pub at: Millis,
    /// What it says.
    pub change: Change,
}

/// What a record says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// Something was said about a call.
    Evidence(Evidence),
    /// The calls that ended before this moment are forgotten.
    Forget {
        /// The moment.
        ended_before: Millis,
    },
}

impl Record {
    /// The record in bytes.
    #[expect(clippy::missing_panics_doc, reason = "text and numbers are always JSON")]
    pub fn encode(&self) -> Vec<u8> {
        let mut stored = StoredRecord { v: VERSION, at: self.at.0, evidence: None, forget: None };
        match &self.change {
            Change::Evidence(evidence) => stored.evidence = Some(StoredEvidence::of(evidence)),
            Change::Forget { ended_before } => stored.forget = Some(ended_before.0),
        }
        serde_json::to_vec(&stored).expect("text and numbers are always JSON")
    }

    /// The record that these bytes are.
    ///
    /// # Errors
    /// If they are none, or one of a later version.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let stored: StoredRecord = serde_json::from_slice(bytes)?;
        known_version(stored.v)?;
        let change = match (stored.evidence, stored.forget) {
            (Some(evidence), None) => Change::Evidence(evidence.read()?),
            (None, Some(before)) => Change::Forget { ended_before: Millis(before) },
            (Some(_), Some(_)) | (None, None) => return Err(DecodeError::Value("evidence")),
        };
        Ok(Self { at: Millis(stored.at), change })
    }
}

#[derive(Serialize, Deserialize)]
struct StoredRecord {
    v: u8,
    at: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    evidence: Option<StoredEvidence>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    forget: Option<u64>,
}

#[derive(Serialize, Deserialize)]
struct StoredEvidence {
    call: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    parent: Option<String>,
    source: Word,
    said: Word,
    #[serde(default)]
    about: StoredAttributes,
    #[serde(default, rename = "durationS", skip_serializing_if = "Option::is_none")]
    duration_s: Option<u32>,
}

impl StoredEvidence {
    fn of(evidence: &Evidence) -> Self {
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
        }
    }

    fn read(self) -> Result<Evidence, DecodeError> {
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
        })
    }
}

#[cfg(test)]
mod tests;
