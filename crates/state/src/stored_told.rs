//! Who has told of a call, in records and snapshots.

use std::num::NonZeroU64;
use std::sync::Arc;

#[cfg(test)]
use live_users_core::CallId;
use live_users_core::{Limits, Millis, Told, TwilioAccount};
use serde::{Deserialize, Serialize};

use crate::format::DecodeError;
use crate::words::call_id;

#[derive(Default, Serialize, Deserialize)]
pub(crate) struct StoredLimits {
    #[serde(default, rename = "quietS", skip_serializing_if = "Option::is_none")]
    quiet_s: Option<u32>,
    #[serde(default, rename = "longestS", skip_serializing_if = "Option::is_none")]
    longest_s: Option<u32>,
    #[serde(default, rename = "silentS", skip_serializing_if = "Option::is_none")]
    silent_s: Option<u32>,
}

impl StoredLimits {
    pub(crate) fn of(Limits { quiet_s, longest_s, silent_s }: Limits) -> Self {
        Self { quiet_s, longest_s, silent_s }
    }

    pub(crate) fn read(&self) -> Limits {
        Limits { quiet_s: self.quiet_s, longest_s: self.longest_s, silent_s: self.silent_s }
    }

    pub(crate) fn is_none(&self) -> bool {
        self.read().is_none()
    }
}

#[derive(Serialize, Deserialize)]
pub(crate) struct StoredTold {
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    sources: Vec<Arc<str>>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    twilio: bool,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    carrier: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    account: Option<Arc<str>>,
    #[serde(default, rename = "twilioAccount", skip_serializing_if = "Option::is_none")]
    twilio_account: Option<(NonZeroU64, Option<Arc<str>>)>,
    #[serde(default, rename = "spokenFor", skip_serializing_if = "Option::is_none")]
    spoken_for: Option<NonZeroU64>,
    #[serde(default, rename = "agentAccount", skip_serializing_if = "Option::is_none")]
    agent_account: Option<Arc<str>>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    names: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    room: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    session: Option<String>,
    #[serde(default, skip_serializing_if = "StoredLimits::is_none")]
    limits: StoredLimits,
    #[serde(default, rename = "wordAt", skip_serializing_if = "Option::is_none")]
    word_at: Option<u64>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    words: Vec<NonZeroU64>,
}

impl StoredTold {
    #[cfg(test)]
    pub(crate) fn of(told: &Told) -> Self {
        Self {
            sources: told.sources.clone(),
            twilio: told.by_twilio,
            carrier: told.by_carrier,
            account: told.account.clone(),
            twilio_account: told.twilio_account.clone().map(|it| (it.digest, it.name)),
            spoken_for: told.spoken_for,
            agent_account: told.agent_account.clone(),
            names: told.names.iter().map(CallId::to_string).collect(),
            room: told.room.as_ref().map(CallId::to_string),
            session: told.session.as_ref().map(CallId::to_string),
            limits: StoredLimits::of(told.limits),
            word_at: told.word_at.map(|Millis(at)| at),
            words: told.words.clone(),
        }
    }

    pub(crate) fn read(self) -> Result<Told, DecodeError> {
        let twilio_account = self.twilio_account;
        let names = self.names.iter().map(|id| call_id(id, "names"));
        Ok(Told {
            sources: self.sources,
            by_twilio: self.twilio,
            by_carrier: self.carrier,
            account: self.account,
            twilio_account: twilio_account.map(|(digest, name)| TwilioAccount { digest, name }),
            spoken_for: self.spoken_for,
            agent_account: self.agent_account,
            names: names.collect::<Result<_, _>>()?,
            room: self.room.as_deref().map(|id| call_id(id, "room")).transpose()?,
            session: self.session.as_deref().map(|id| call_id(id, "session")).transpose()?,
            limits: self.limits.read(),
            word_at: self.word_at.map(Millis),
            words: self.words,
        })
    }
}
