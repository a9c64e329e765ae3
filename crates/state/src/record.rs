//! What is written to the journal: records, and their form in bytes.
//!
//! The form is JSON with a version in it, so that `jq` reads it when things go wrong. A reader
//! ignores what it does not know, and takes what is missing as not said: a newer version may add
//! fields, and records that were written by an older one are read for ever.

use live_users_core::{Evidence, Millis};
use serde::{Deserialize, Serialize};

use crate::about::AboutForm;
use crate::words::{Name, SAID, SOURCES, call_id, name, value};

/// The version that is written. A record of a later one is refused: it may mean anything.
///
/// Version 2 has the words `referee`, `operator` and `evicted`, which version 1 does not know.
pub(crate) const VERSION: u8 = 2;

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

/// Why bytes are no record, or no snapshot.
#[derive(Debug, thiserror::Error)]
pub enum FormError {
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
    #[expect(clippy::missing_panics_doc, reason = "text and numbers are always JSON")]
    pub fn encode(&self) -> Vec<u8> {
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
    pub fn decode(bytes: &[u8]) -> Result<Self, FormError> {
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

pub(crate) fn known_version(version: u8) -> Result<(), FormError> {
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
struct EvidenceForm {
    call: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    parent: Option<String>,
    source: Name,
    said: Name,
    #[serde(default)]
    about: AboutForm,
    #[serde(default, rename = "durationS", skip_serializing_if = "Option::is_none")]
    duration_s: Option<u32>,
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
            duration_s: evidence.duration_s,
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
            duration_s: self.duration_s,
        })
    }
}

#[cfg(test)]
mod tests;
