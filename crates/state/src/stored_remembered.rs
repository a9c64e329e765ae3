//! The calls that are long over in a snapshot: those of an hour in a part of 19 bytes each, as the core
//! keeps them, and what belongs to all of them.

use live_users_core::{Millis, REMEMBERED_BYTES, Remembered, RememberedCall};
use serde::{Deserialize, Serialize};

use crate::format::DecodeError;
use crate::stored_call::StoredAgent;

/// What belongs to all of them. Programs before this kept all calls whole, and wrote none of it.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct StoredRemembered {
    condensed_before: u64,
    /// By agent, when the last of its calls to users ended that are among them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    campaigns: Vec<(StoredAgent, u64)>,
}

impl StoredRemembered {
    /// `None` as long as all calls are whole.
    pub(crate) fn of(remembered: &Remembered) -> Option<Self> {
        let Millis(condensed_before) = remembered.condensed_before();
        let campaigns = remembered.campaigns();
        let campaigns = campaigns.map(|(agent, end)| (StoredAgent::of(agent), end.0));
        (condensed_before > 0).then(|| Self { condensed_before, campaigns: campaigns.collect() })
    }

    /// With the calls by the hour of their end.
    pub(crate) fn read(self, hours: Vec<(u64, Vec<RememberedCall>)>) -> Remembered {
        let campaigns = self.campaigns.into_iter();
        let campaigns = campaigns.map(|(agent, end)| (agent.read(), Millis(end)));
        Remembered::restore(Millis(self.condensed_before), campaigns, hours)
    }
}

/// The calls that ended in this hour, if any is left.
pub(crate) fn part_of_hour(remembered: &Remembered, hour: u64) -> Option<Vec<u8>> {
    let calls = remembered.calls_of(hour);
    (!calls.is_empty()).then(|| calls.iter().flat_map(|call| call.0).collect())
}

pub(crate) fn hour_of_part(bytes: &[u8]) -> Result<Vec<RememberedCall>, DecodeError> {
    match bytes.as_chunks::<REMEMBERED_BYTES>() {
        (calls, []) => Ok(calls.iter().copied().map(RememberedCall).collect()),
        _ => Err(DecodeError::Value("ended")),
    }
}
