//! A snapshot: the whole state in bytes, to shorten a replay.

use std::collections::BTreeMap;
use std::sync::Arc;

use live_users_core::{Millis, Tracker};
use serde::{Deserialize, Serialize};

use crate::activity::stored::StoredActivities;
use crate::alerts::Alerts;
use crate::callbacks::StoredCallbacks;
use crate::corrections::{Correction, Corrections};
use crate::format::{DecodeError, VERSION, known_version};
use crate::heard::LastHeard;
use crate::history::stored::StoredHistory;
use crate::outbox::StoredOutbox;
use crate::sessions::EndedSessions;
use crate::shared_links::{SharedLinks, StoredKnownLink};
use crate::state::State;
use crate::stored_call::{StoredAgent, StoredCall, StoredConference};
use crate::words::{CAUSES, Word, call_id, value, word};

/// The state in bytes: the same for all who have applied the same records (I7).
#[expect(clippy::missing_panics_doc, reason = "text and numbers are always JSON")]
pub fn encode(state: &State) -> Vec<u8> {
    let (legs, calls): (Vec<_>, Vec<_>) =
        state.tracker().calls().into_iter().partition(|call| call.details.leg.is_some());
    let conferences = state.tracker().conferences();
    let drift = state.corrections();
    let stored = StoredSnapshot {
        v: VERSION,
        now: state.tracker().now().0,
        calls: calls.iter().map(StoredCall::of).collect(),
        legs: legs.iter().map(StoredCall::of).collect(),
        conferences: conferences.iter().map(StoredConference::of).collect(),
        drift: drift.totals().map(|(cause, n)| (word(CAUSES, &cause), n)).collect(),
        account_drift: drift
            .by_account()
            .map(|(account, cause, n)| (account.clone(), word(CAUSES, &cause), n))
            .collect(),
        healed: drift.recent().map(StoredCorrection::of).collect(),
        activities: StoredActivities::of(state.activities()),
        history: StoredHistory::of(state.history()),
        ended_sessions: state.ended_sessions().to_stored(),
        outbox: StoredOutbox::of(state.outbox()),
        callbacks: StoredCallbacks::of(state.callbacks()),
        heard: state.heard().to_stored(),
        alerts: Some(state.alerts()).filter(|it| !it.is_empty()).cloned(),
        shared_links: state.shared_links().to_stored(),
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
    let calls = stored.calls.into_iter().chain(stored.legs).map(StoredCall::read);
    let calls: Vec<_> = calls.collect::<Result<_, _>>()?;
    let conferences = stored.conferences.into_iter().map(StoredConference::read);
    let conferences: Vec<_> = conferences.collect::<Result<_, _>>()?;
    let mut totals = Vec::with_capacity(stored.drift.len());
    for (cause, n) in stored.drift {
        totals.push((value(CAUSES, &cause, "drift")?, n));
    }
    let healed: Vec<_> =
        stored.healed.into_iter().map(StoredCorrection::read).collect::<Result<_, _>>()?;
    let now = Millis(stored.now);
    let has_accounts = stored.history.as_ref().is_none_or(StoredHistory::has_accounts);
    let history = stored.history.map(|history| history.read(now)).transpose()?;
    let mut history = history.unwrap_or_default();
    let tracker = Tracker::restore(now, calls, conferences);
    if !has_accounts {
        history.begin_accounts(&tracker);
    }
    let mut of_accounts = Vec::with_capacity(stored.account_drift.len());
    for (account, cause, n) in stored.account_drift {
        of_accounts.push((account, value(CAUSES, &cause, "accountDrift")?, n));
    }
    let drift = Corrections::restore(totals, healed).with_accounts(of_accounts);
    let ended_sessions = EndedSessions::from_stored(&stored.ended_sessions)?;
    let outbox = stored.outbox.unwrap_or_default().read()?;
    let callbacks = stored.callbacks.unwrap_or_default().read()?;
    let activities = stored.activities.read()?;
    let heard = LastHeard::from_stored(stored.heard);
    let alerts = stored.alerts.unwrap_or_default();
    let shared_links = SharedLinks::from_stored(stored.shared_links)?;
    Ok(State {
        tracker,
        drift,
        activities,
        history,
        ended_sessions,
        outbox,
        callbacks,
        heard,
        alerts,
        shared_links,
    })
}

#[derive(Serialize, Deserialize)]
struct StoredSnapshot {
    v: u8,
    now: u64,
    calls: Vec<StoredCall>,
    /// Apart from calls: an older program would count them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    legs: Vec<StoredCall>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    conferences: Vec<StoredConference>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    drift: Vec<(Word, u64)>,
    /// The same by account; not in the snapshots of older programs.
    #[serde(default, rename = "accountDrift", skip_serializing_if = "Vec::is_empty")]
    account_drift: Vec<(Arc<str>, Word, u64)>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    healed: Vec<StoredCorrection>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    history: Option<StoredHistory>,
    #[serde(default, rename = "endedSessions", skip_serializing_if = "Vec::is_empty")]
    ended_sessions: Vec<(String, u64)>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    outbox: Option<StoredOutbox>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    callbacks: Option<StoredCallbacks>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    heard: BTreeMap<Arc<str>, u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    alerts: Option<Alerts>,
    #[serde(default, rename = "sharedLinks", skip_serializing_if = "Vec::is_empty")]
    shared_links: Vec<StoredKnownLink>,
    #[serde(flatten)]
    activities: StoredActivities,
}

#[derive(Serialize, Deserialize)]
struct StoredCorrection {
    at: u64,
    call: String,
    cause: Word,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    account: Option<Arc<str>>,
    /// Not in the snapshots of older programs.
    #[serde(flatten)]
    agent: StoredAgent,
}

impl StoredCorrection {
    fn of(healed: &Correction) -> Self {
        let Correction { at, call, cause, account, agent } = healed;
        Self {
            at: at.0,
            call: call.to_string(),
            cause: word(CAUSES, cause),
            account: account.clone(),
            agent: StoredAgent::of(agent),
        }
    }

    fn read(self) -> Result<Correction, DecodeError> {
        let call = call_id(&self.call, "call")?;
        let cause = value(CAUSES, &self.cause, "cause")?;
        let (account, agent) = (self.account, self.agent.read());
        Ok(Correction { at: Millis(self.at), call, cause, account, agent })
    }
}
