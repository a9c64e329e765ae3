//! Limits in records, and calls that were turned away in snapshots.

use live_users_core::{Admission, Bound, TurnedAway};
use serde::{Deserialize, Serialize};

use crate::format::DecodeError;
use crate::words::{INSTEADS, LIMITS_OF, Word, value, word};

#[derive(Serialize, Deserialize)]
pub(crate) struct StoredAdmission {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    agent: Option<StoredBound>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    all: Option<StoredBound>,
}

#[derive(Serialize, Deserialize)]
struct StoredBound {
    places: u32,
    instead: Word,
}

impl StoredAdmission {
    pub(crate) fn of(Admission { agent, all }: Admission) -> Self {
        Self { agent: agent.map(StoredBound::of), all: all.map(StoredBound::of) }
    }

    pub(crate) fn read(&self) -> Result<Admission, DecodeError> {
        let read = |bound: &Option<StoredBound>| bound.as_ref().map(StoredBound::read).transpose();
        Ok(Admission { agent: read(&self.agent)?, all: read(&self.all)? })
    }
}

impl StoredBound {
    fn of(Bound { places, instead }: Bound) -> Self {
        Self { places, instead: word(INSTEADS, &instead) }
    }

    fn read(&self) -> Result<Bound, DecodeError> {
        let instead = value(INSTEADS, &self.instead, "admission")?;
        Ok(Bound { places: self.places, instead })
    }
}

#[derive(Serialize, Deserialize)]
pub(crate) struct StoredTurnedAway {
    by: Word,
    instead: Word,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    ringing: bool,
    #[serde(default, rename = "in", skip_serializing_if = "std::ops::Not::not")]
    is_in: bool,
}

impl StoredTurnedAway {
    #[cfg(test)]
    pub(crate) fn of(TurnedAway { by, instead, was_ringing, is_in }: TurnedAway) -> Self {
        let (by, instead) = (word(LIMITS_OF, &by), word(INSTEADS, &instead));
        Self { by, instead, ringing: was_ringing, is_in }
    }

    pub(crate) fn read(&self) -> Result<TurnedAway, DecodeError> {
        Ok(TurnedAway {
            by: value(LIMITS_OF, &self.by, "turnedAway")?,
            instead: value(INSTEADS, &self.instead, "turnedAway")?,
            was_ringing: self.ringing,
            is_in: self.is_in,
        })
    }
}
