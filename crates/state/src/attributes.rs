//! What evidence and calls have in common, in the form in which it is written.

use std::num::NonZeroU64;
use std::sync::Arc;

use live_users_core::{Agent, AgentFrom, Caller, Country, Direction, Place};
use serde::{Deserialize, Serialize};

use crate::format::DecodeError;
use crate::words::{DIRECTIONS, Word, value, word};

/// What evidence and calls have in common: who, where, which agent.
#[derive(Default, Serialize, Deserialize)]
pub(crate) struct StoredAttributes {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    direction: Option<Word>,
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
    #[serde(default, skip_serializing_if = "Option::is_none")]
    city: Option<Arc<str>>,
}

impl StoredAttributes {
    pub(crate) fn of(
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
            direction: direction.map(|direction| word(DIRECTIONS, &direction)),
            caller: caller.map(|Caller(hash)| format!("{hash:016x}")),
            agent: id,
            address,
            agent_by_url: agent_from == AgentFrom::Url,
            country: place.country.map(|country| country.to_string()),
            region: place.region.clone(),
            city: place.city.clone(),
        }
    }

    pub(crate) fn direction(&self) -> Result<Option<Direction>, DecodeError> {
        self.direction.as_deref().map(|name| value(DIRECTIONS, name, "direction")).transpose()
    }

    pub(crate) fn caller(&self) -> Result<Option<Caller>, DecodeError> {
        let hash = |hex: &str| u64::from_str_radix(hex, 16).ok().and_then(NonZeroU64::new);
        let caller =
            self.caller.as_deref().map(|hex| hash(hex).ok_or(DecodeError::Value("caller")));
        Ok(caller.transpose()?.map(Caller))
    }

    pub(crate) fn agent(&self) -> (Agent, AgentFrom) {
        let from = if self.agent_by_url { AgentFrom::Url } else { AgentFrom::Address };
        let agent = match (&self.agent, &self.address) {
            (Some(id), _) => Agent::Id(id.clone()),
            (None, Some(address)) => Agent::Address(address.clone()),
            (None, None) => Agent::Unknown,
        };
        (agent, from)
    }

    pub(crate) fn place(&self) -> Result<Place, DecodeError> {
        let country = |text: &str| Country::parse(text).ok_or(DecodeError::Value("country"));
        let country = self.country.as_deref().map(country).transpose()?;
        Ok(Place { country, region: self.region.clone(), city: self.city.clone() })
    }
}
