//! A snapshot: the whole state in bytes, to shorten a replay. It consists of parts:
//!
//! | Part | What is in it |
//! |---|---|
//! | `conferences` | conferences, in a binary form |
//! | `calls/N` | calls, legs and calls that are over, in a binary form, 65,536 in each part |
//! | `ended/HOUR` | calls that are long over, by the hour of their end since 1970: 19 bytes each, as `RememberedCall` of the core has them, in their order |
//! | `history/GRAIN/N` | the chunks of the history that do not change any more, in a binary form |
//! | `state` | everything else, as JSON |
//!
//! A part that is missing has nothing in it. Versions 1 and 2 have written one piece of JSON, which is
//! read for ever.

mod calls;
mod conferences;
mod details;

use std::collections::BTreeMap;
use std::mem::take;
use std::sync::Arc;

use live_users_core::{Call, CallId, Conference, Millis, RememberedCall, Tracker};
use live_users_journal::Part;
use serde::{Deserialize, Serialize};

use self::calls::Calls;
use crate::activity::stored::StoredActivities;
use crate::alerts::Alerts;
use crate::callbacks::StoredCallbacks;
use crate::corrections::{Correction, Corrections};
use crate::format::{DecodeError, SNAPSHOT_VERSION, known_snapshot};
use crate::forwards::StoredForwards;
use crate::heard::LastHeard;
use crate::history::chunks::{self, Chunks};
use crate::history::stored::StoredHistory;
use crate::outbox::StoredOutbox;
use crate::sessions::EndedSessions;
use crate::shard_mark::ShardMark;
use crate::shared_links::{SharedLinks, StoredKnownLink};
use crate::state::State;
use crate::stored_call::{StoredAgent, StoredCall, StoredConference};
use crate::stored_remembered::{StoredRemembered, hour_of_part, part_of_hour};
use crate::words::{CAUSES, Word, call_id, value, word};

/// The name of the part with everything that has no part of its own.
const MAIN: &str = "state";
const CONFERENCES: &str = "conferences";
/// What the names of parts with calls begin with.
const CALLS: &str = "calls/";
/// And those of parts with calls that are long over.
const ENDED: &str = "ended/";

/// The state in parts: the same for all who have applied the same records (I7).
pub fn encode(state: &State) -> Vec<Part> {
    parts(state).collect()
}

/// The same, part by part: each is made when its turn comes, so that not all of them have to be in
/// memory at once.
pub fn parts(state: &State) -> impl Iterator<Item = Part> {
    let part = |name: String, bytes| Part { name, bytes };
    let conferences = conferences::encode(&state.tracker().conferences());
    let conferences = conferences.map(|bytes| part(CONFERENCES.to_owned(), bytes));
    let mut known = state.tracker().calls_in_order();
    let mut numbers = 0_u32..;
    let calls = std::iter::from_fn(move || {
        let bytes = calls::encode(&mut known)?;
        Some(part(format!("{CALLS}{}", numbers.next()?), bytes))
    });
    let ended = state.tracker().remembered().hours().into_iter().filter_map(move |hour| {
        let bytes = part_of_hour(state.tracker().remembered(), hour)?;
        Some(part(format!("{ENDED}{hour}"), bytes))
    });
    let main = std::iter::once_with(move || part(MAIN.to_owned(), main(state)));
    let chunks = chunks::parts(state.history());
    conferences.into_iter().chain(calls).chain(ended).chain(chunks).chain(main)
}

fn main(state: &State) -> Vec<u8> {
    let stored = StoredSnapshot::of(state);
    serde_json::to_vec(&stored).expect("text and numbers are always JSON")
}

/// The parts of a snapshot, sorted out.
#[derive(Default)]
struct Sorted {
    main: Option<Vec<u8>>,
    conferences: Vec<(CallId, Conference)>,
    /// By the numbers of the parts.
    calls: BTreeMap<u32, Vec<u8>>,
    ended: Vec<(u64, Vec<RememberedCall>)>,
    chunks: Chunks,
}

impl Sorted {
    fn of(parts: impl IntoIterator<Item = Part>) -> Result<Self, DecodeError> {
        let mut sorted = Self::default();
        for Part { name, bytes } in parts {
            let number = name.strip_prefix(CALLS).map(str::parse);
            if let Some(Ok(hour)) = name.strip_prefix(ENDED).map(str::parse) {
                sorted.ended.push((hour, hour_of_part(&bytes)?));
                continue;
            }
            match (&*name, number) {
                // One piece of bytes is what versions 1 and 2 have written.
                (MAIN | "", _) => sorted.main = Some(bytes),
                (CONFERENCES, _) => sorted.conferences = conferences::decode(&bytes)?,
                (_, Some(Ok(number))) => drop(sorted.calls.insert(number, bytes)),
                _ if name.starts_with(chunks::PREFIX) => sorted.chunks.add(&name, &bytes)?,
                _ => return Err(DecodeError::UnknownPart(name)),
            }
        }
        Ok(sorted)
    }

    /// The tracker that knew these calls and conferences.
    fn tracker(
        &mut self,
        now: Millis,
        remembered: Option<StoredRemembered>,
    ) -> Result<Tracker, DecodeError> {
        let calls: Vec<_> = take(&mut self.calls).into_values().collect();
        let mut known = AllCalls::of(&calls)?;
        let tracker = Tracker::restore_in_order(now, &mut known, take(&mut self.conferences));
        let remembered = remembered.map(|it| it.read(take(&mut self.ended))).unwrap_or_default();
        let tracker = tracker.remembering(remembered);
        known.wrong.map_or(Ok(tracker), Err)
    }
}

/// The calls of all parts. It ends where something is wrong.
struct AllCalls<'a> {
    parts: std::vec::IntoIter<Calls<'a>>,
    part: Option<Calls<'a>>,
    left: usize,
    wrong: Option<DecodeError>,
}

impl<'a> AllCalls<'a> {
    fn of(parts: &'a [Vec<u8>]) -> Result<Self, DecodeError> {
        let parts: Vec<_> = parts.iter().map(|it| Calls::begin(it)).collect::<Result<_, _>>()?;
        let left = parts.iter().map(Calls::left).sum();
        Ok(Self { parts: parts.into_iter(), part: None, left, wrong: None })
    }
}

impl Iterator for AllCalls<'_> {
    type Item = Call;

    fn next(&mut self) -> Option<Call> {
        loop {
            match self.part.as_mut().and_then(Iterator::next) {
                Some(Ok(call)) => {
                    self.left -= 1;
                    return Some(call);
                }
                Some(Err(error)) => {
                    (self.parts, self.left) = (Vec::new().into_iter(), 0);
                    self.wrong = Some(error);
                    self.part = None;
                }
                None => self.part = Some(self.parts.next()?),
            }
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

/// The state that a snapshot is of.
///
/// # Errors
/// If the parts are no snapshot, or one of a later version.
pub fn decode(parts: impl IntoIterator<Item = Part>) -> Result<State, DecodeError> {
    let mut sorted = Sorted::of(parts)?;
    let main = sorted.main.take().ok_or(DecodeError::Value("state"))?;
    let mut stored: StoredSnapshot = serde_json::from_slice(&main)?;
    drop(main);
    known_snapshot(stored.v)?;
    let now = Millis(stored.now);
    let tracker = match stored.v {
        SNAPSHOT_VERSION => sorted.tracker(now, stored.remembered.take())?,
        _ => stored.tracker()?,
    };
    stored.read(tracker, sorted.chunks)
}

#[derive(Serialize, Deserialize)]
struct StoredSnapshot {
    v: u8,
    now: u64,
    /// These three are only in what versions 1 and 2 have written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    calls: Option<Vec<StoredCall>>,
    /// Apart from calls: an older program would count them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    legs: Vec<StoredCall>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    conferences: Vec<StoredConference>,
    /// As long as some calls are only remembered; their own parts have those.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    remembered: Option<StoredRemembered>,
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
    #[serde(default, skip_serializing_if = "Option::is_none")]
    forwards: Option<StoredForwards>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    heard: BTreeMap<Arc<str>, u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    alerts: Option<Alerts>,
    #[serde(default, rename = "sharedLinks", skip_serializing_if = "Vec::is_empty")]
    shared_links: Vec<StoredKnownLink>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    shard: Option<ShardMark>,
    #[serde(flatten)]
    activities: StoredActivities,
}

impl StoredSnapshot {
    /// What has no part of its own.
    fn of(state: &State) -> Self {
        let drift = state.corrections();
        Self {
            v: SNAPSHOT_VERSION,
            now: state.tracker().now().0,
            calls: None,
            legs: Vec::new(),
            conferences: Vec::new(),
            remembered: StoredRemembered::of(state.tracker().remembered()),
            drift: drift.totals().map(|(cause, n)| (word(CAUSES, &cause), n)).collect(),
            account_drift: drift
                .by_account()
                .map(|(account, cause, n)| (account.clone(), word(CAUSES, &cause), n))
                .collect(),
            healed: drift.recent().map(StoredCorrection::of).collect(),
            activities: StoredActivities::of(state.activities()),
            history: StoredHistory::of(state.history()).map(StoredHistory::without_chunks),
            ended_sessions: state.ended_sessions().to_stored(),
            outbox: StoredOutbox::of(state.outbox()),
            callbacks: StoredCallbacks::of(state.callbacks()),
            forwards: StoredForwards::of(state.forwards()),
            heard: state.heard().to_stored(),
            alerts: Some(state.alerts()).filter(|it| !it.is_empty()).cloned(),
            shared_links: state.shared_links().to_stored(),
            shard: state.shard_mark().cloned(),
        }
    }

    /// The tracker of a snapshot of version 1 or 2.
    fn tracker(&mut self) -> Result<Tracker, DecodeError> {
        let (calls, legs) = (self.calls.take(), take(&mut self.legs));
        let calls = calls.unwrap_or_default().into_iter().chain(legs).map(StoredCall::read);
        let calls: Vec<_> = calls.collect::<Result<_, _>>()?;
        let conferences = take(&mut self.conferences).into_iter();
        let conferences: Vec<_> =
            conferences.map(StoredConference::read).collect::<Result<_, _>>()?;
        Ok(Tracker::restore(Millis(self.now), calls, conferences))
    }

    /// The state with this tracker.
    fn read(self, tracker: Tracker, chunks: Chunks) -> Result<State, DecodeError> {
        let mut totals = Vec::with_capacity(self.drift.len());
        for (cause, n) in self.drift {
            totals.push((value(CAUSES, &cause, "drift")?, n));
        }
        let healed: Vec<_> =
            self.healed.into_iter().map(StoredCorrection::read).collect::<Result<_, _>>()?;
        let has_accounts = self.history.as_ref().is_none_or(StoredHistory::has_accounts);
        let history =
            self.history.map(|history| history.with_chunks(chunks)?.read(Millis(self.now)));
        let mut history = history.transpose()?.unwrap_or_default();
        if !has_accounts {
            history.begin_accounts(&tracker);
        }
        let mut of_accounts = Vec::with_capacity(self.account_drift.len());
        for (account, cause, n) in self.account_drift {
            of_accounts.push((account, value(CAUSES, &cause, "accountDrift")?, n));
        }
        Ok(State {
            tracker,
            drift: Corrections::restore(totals, healed).with_accounts(of_accounts),
            activities: self.activities.read()?,
            history,
            ended_sessions: EndedSessions::from_stored(&self.ended_sessions)?,
            outbox: self.outbox.unwrap_or_default().read()?,
            callbacks: self.callbacks.unwrap_or_default().read()?,
            forwards: self.forwards.unwrap_or_default().read()?,
            heard: LastHeard::from_stored(self.heard),
            alerts: self.alerts.unwrap_or_default(),
            shared_links: SharedLinks::from_stored(self.shared_links)?,
            shard_mark: self.shard,
        })
    }
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

/// What version 2 has written: one piece of JSON with everything.
#[cfg(test)]
pub(crate) fn encode_version_2(state: &State) -> Vec<u8> {
    let (legs, calls): (Vec<_>, Vec<_>) =
        state.tracker().calls().into_iter().partition(|call| call.details.leg.is_some());
    let stored = StoredSnapshot {
        v: 2,
        calls: Some(calls.iter().map(StoredCall::of).collect()),
        legs: legs.iter().map(StoredCall::of).collect(),
        conferences: state.tracker().conferences().iter().map(StoredConference::of).collect(),
        history: StoredHistory::of(state.history()),
        ..StoredSnapshot::of(state)
    };
    serde_json::to_vec(&stored).expect("text and numbers are always JSON")
}

/// Reads one piece of bytes, as versions 1 and 2 have written it.
#[cfg(test)]
pub(crate) fn decode_whole(bytes: &[u8]) -> Result<State, DecodeError> {
    decode([Part::whole(bytes.to_vec())])
}

/// The text of the part with everything that has no part of its own.
#[cfg(test)]
pub(crate) fn main_text(parts: &[Part]) -> &str {
    let main = parts.iter().find(|part| part.name == MAIN).expect("it is always there");
    str::from_utf8(&main.bytes).expect("it is JSON")
}

#[cfg(test)]
mod tests;
