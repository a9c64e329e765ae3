//! A snapshot: the whole state in bytes, to shorten a replay.

use live_users_core::{Call, Millis, Tracker};
use serde::{Deserialize, Serialize};

use crate::activity::stored::StoredActivities;
use crate::attributes::StoredAttributes;
use crate::corrections::{Correction, Corrections};
use crate::format::{DecodeError, VERSION, known_version};
use crate::history::stored::StoredHistory;
use crate::state::State;
use crate::words::{CAUSES, PHASES, Word, call_id, value, word};

/// The state in bytes: the same for all who have applied the same records (I7).
#[expect(clippy::missing_panics_doc, reason = "text and numbers are always JSON")]
pub fn encode(state: &State) -> Vec<u8> {
    let calls = state.tracker().calls();
    let drift = state.corrections();
    let stored = StoredSnapshot {
        v: VERSION,
        now: state.tracker().now().0,
        calls: calls.iter().map(StoredCall::of).collect(),
        drift: drift.totals().map(|(cause, n)| (word(CAUSES, &cause), n)).collect(),
        healed: drift.recent().map(StoredCorrection::of).collect(),
        activities: StoredActivities::of(state.activities()),
        history: StoredHistory::of(state.history()),
    };
    serde_json::to_vec(&stored).expect("text and numbers are always JSON")
}

/// The state that a snapshot is of.
///
/// # Errors
/// If the bytes are no snapshot, or one of a later version.
pub fn decode(bytes: &[u8]) -> Result<State, DecodeError> {
    let stored: StoredSnapshot = serde_json::from_slice(bytes)?;
    known_version(stored.v)?;
    let calls = stored.calls.into_iter().map(StoredCall::read);
    let calls: Vec<_> = calls.collect::<Result<_, _>>()?;
    let mut totals = Vec::with_capacity(stored.drift.len());
    for (cause, n) in stored.drift {
        totals.push((value(CAUSES, &cause, "drift")?, n));
    }
    let healed: Vec<_> =
        stored.healed.into_iter().map(StoredCorrection::read).collect::<Result<_, _>>()?;
    let now = Millis(stored.now);
    let history = stored.history.map(|history| history.read(now)).transpose()?.unwrap_or_default();
    let (tracker, drift) = (Tracker::restore(now, calls), Corrections::restore(totals, healed));
    Ok(State::restore(tracker, drift, stored.activities.read()?, history))
}

#[derive(Serialize, Deserialize)]
struct StoredSnapshot {
    v: u8,
    now: u64,
    calls: Vec<StoredCall>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    drift: Vec<(Word, u64)>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    healed: Vec<StoredCorrection>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    history: Option<StoredHistory>,
    #[serde(flatten)]
    activities: StoredActivities,
}

#[derive(Serialize, Deserialize)]
struct StoredCorrection {
    at: u64,
    call: String,
    cause: Word,
}

impl StoredCorrection {
    fn of(healed: &Correction) -> Self {
        let Correction { at, call, cause } = healed;
        Self { at: at.0, call: call.to_string(), cause: word(CAUSES, cause) }
    }

    fn read(self) -> Result<Correction, DecodeError> {
        let call = call_id(&self.call, "call")?;
        Ok(Correction { at: Millis(self.at), call, cause: value(CAUSES, &self.cause, "cause")? })
    }
}

#[derive(Serialize, Deserialize)]
struct StoredCall {
    call: String,
    phase: Word,
    /// Not in what version 1 wrote: then as `since`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    first: Option<u64>,
    since: u64,
    heard: u64,
    #[serde(default)]
    about: StoredAttributes,
}

impl StoredCall {
    fn of(call: &Call) -> Self {
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
        }
    }

    fn read(self) -> Result<Call, DecodeError> {
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
        })
    }
}
