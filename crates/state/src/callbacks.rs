//! Status callbacks that wait to be passed on, until they were: so nothing is lost with a process,
//! and whoever leads next goes on.
//!
//! What a callback says is sealed by who has taken it. Nothing here can read it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use live_users_core::Millis;
use serde::{Deserialize, Serialize};

use crate::format::DecodeError;

/// So many deliveries may wait: one for each receiver of a callback.
pub const CALLBACKS_MAX: usize = 1_000;

/// So many of them for one receiver: one that is down takes no place from the others.
pub const CALLBACKS_OF_ONE_MAX: usize = 500;

/// The most sealed bytes that wait.
pub const CALLBACK_BYTES_MAX: usize = 8 << 20;

/// The most receivers of one callback that a record may name.
const RECEIVERS_MAX: usize = 100;

/// Callbacks that are done are known for this long, in milliseconds, and at most so many of them. A
/// provider repeats a webhook within minutes.
const DONE_MS: u64 = 3_600_000;
const DONE_MAX: usize = 10_000;

/// Which callback it is: the same for each attempt of one webhook, at whatever replica.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CallbackId(pub u128);

/// Whom a callback is passed on to: a digest of the URL, by a key that is not in the journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ReceiverId(pub u64);

/// A status callback for others, sealed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealedCallback {
    /// Which one it is.
    pub id: CallbackId,
    /// The id of its agent.
    pub agent: Arc<str>,
    /// Who does not have it yet.
    pub receivers: Vec<ReceiverId>,
    /// What it says. It has a nonce of its own, so two are never equal.
    pub sealed: Arc<[u8]>,
}

/// A callback need not be passed on any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PassedOn {
    /// Which one it is.
    pub id: CallbackId,
    /// To whom not; `None`: to nobody.
    pub receiver: Option<ReceiverId>,
}

/// A callback that waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WaitingCallback {
    /// When it was recorded.
    pub since: Millis,
    /// Its number. A later one has a greater number.
    pub number: u64,
    /// The callback, with the receivers that do not have it.
    pub callback: SealedCallback,
}

/// The callbacks that wait, and those that were passed on of late.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Callbacks {
    /// In the order of their numbers.
    waiting: VecDeque<WaitingCallback>,
    /// How many there ever were: the number of the newest.
    count: u64,
    n_deliveries: usize,
    n_bytes: usize,
    /// With when they were done, the oldest first.
    done: VecDeque<(Millis, CallbackId)>,
    /// The ids of all of these.
    known: BTreeSet<CallbackId>,
}

impl Callbacks {
    /// Takes a callback, for the receivers that there is room for.
    pub(crate) fn take(&mut self, at: Millis, callback: &SealedCallback) {
        self.forget(at);
        let SealedCallback { id, agent, receivers, sealed } = callback;
        if self.known.contains(id) || self.n_bytes + sealed.len() > CALLBACK_BYTES_MAX {
            return;
        }
        let mut taken: Vec<ReceiverId> = Vec::new();
        for receiver in receivers.iter().take(RECEIVERS_MAX) {
            let has_room = self.n_deliveries + taken.len() < CALLBACKS_MAX
                && self.waiting_for(*receiver) < CALLBACKS_OF_ONE_MAX;
            if has_room && !taken.contains(receiver) {
                taken.push(*receiver);
            }
        }
        if taken.is_empty() {
            return;
        }
        self.count += 1;
        let (agent, sealed) = (agent.clone(), sealed.clone());
        let callback = SealedCallback { id: *id, agent, receivers: taken, sealed };
        self.add(WaitingCallback { since: at, number: self.count, callback });
    }

    fn add(&mut self, waiting: WaitingCallback) {
        self.n_deliveries += waiting.callback.receivers.len();
        self.n_bytes += waiting.callback.sealed.len();
        self.known.insert(waiting.callback.id);
        self.waiting.push_back(waiting);
    }

    /// Notes that a callback need not be passed on any more.
    pub(crate) fn passed_on(&mut self, at: Millis, PassedOn { id, receiver }: PassedOn) {
        let Some(place) = self.waiting.iter().position(|it| it.callback.id == id) else { return };
        let callback = &mut self.waiting[place].callback;
        let before = callback.receivers.len();
        callback.receivers.retain(|it| receiver.is_some_and(|gone| gone != *it));
        self.n_deliveries -= before - callback.receivers.len();
        if callback.receivers.is_empty() {
            self.n_bytes -= callback.sealed.len();
            self.waiting.remove(place);
            self.done.push_back((at, id));
        }
        self.forget(at);
    }

    fn forget(&mut self, now: Millis) {
        while let Some((at, id)) = self.done.front()
            && (now.since(*at) > DONE_MS || self.done.len() > DONE_MAX)
        {
            self.known.remove(id);
            self.done.pop_front();
        }
    }

    fn waiting_for(&self, receiver: ReceiverId) -> usize {
        self.waiting.iter().filter(|it| it.callback.receivers.contains(&receiver)).count()
    }

    /// The number of the newest.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// How many deliveries wait: one for each receiver of a callback.
    pub fn n_deliveries(&self) -> usize {
        self.n_deliveries
    }

    /// The callbacks that wait after the one with this number, the oldest first.
    pub fn after(&self, number: u64) -> impl Iterator<Item = &WaitingCallback> {
        let skipped = self.waiting.partition_point(|it| it.number <= number);
        self.waiting.iter().skip(skipped)
    }

    /// How many deliveries wait for each agent's receivers, by its id.
    pub fn by_agent(&self) -> BTreeMap<Arc<str>, usize> {
        let mut by_agent = BTreeMap::new();
        for WaitingCallback { callback, .. } in &self.waiting {
            *by_agent.entry(callback.agent.clone()).or_default() += callback.receivers.len();
        }
        by_agent
    }

    /// For how many of its receivers there was no room, right after a callback was applied: 0 for one
    /// that repeats another.
    pub fn n_dropped(&self, applied: &SealedCallback) -> usize {
        let found = self.waiting.iter().rev().find(|it| it.callback.id == applied.id);
        match found.map(|it| &it.callback) {
            Some(kept) if kept.sealed == applied.sealed => {
                applied.receivers.len().saturating_sub(kept.receivers.len())
            }
            Some(_) => 0,
            None if self.known.contains(&applied.id) => 0,
            None => applied.receivers.len(),
        }
    }

    /// The same with other times.
    pub(crate) fn mended(mut self, mut mend: impl FnMut(Millis) -> Millis) -> Self {
        self.waiting.iter_mut().for_each(|it| it.since = mend(it.since));
        self.done.iter_mut().for_each(|(at, _)| *at = mend(*at));
        self
    }
}

/// 32 hexadecimal digits.
impl fmt::Display for CallbackId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

/// 16 hexadecimal digits.
impl fmt::Display for ReceiverId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// A callback in a record or in a snapshot.
#[derive(Serialize, Deserialize)]
pub(crate) struct StoredCallback {
    id: String,
    agent: Arc<str>,
    receivers: Vec<String>,
    /// In Base64.
    sealed: String,
}

#[derive(Serialize, Deserialize)]
pub(crate) struct StoredPassedOn {
    id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    receiver: Option<String>,
}

/// All of them in a snapshot.
#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct StoredCallbacks {
    count: u64,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    waiting: Vec<StoredWaiting>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    done: Vec<(u64, String)>,
}

#[derive(Serialize, Deserialize)]
struct StoredWaiting {
    since: u64,
    number: u64,
    #[serde(flatten)]
    callback: StoredCallback,
}

impl StoredCallback {
    pub(crate) fn of(callback: &SealedCallback) -> Self {
        Self {
            id: callback.id.to_string(),
            agent: callback.agent.clone(),
            receivers: callback.receivers.iter().map(ToString::to_string).collect(),
            sealed: BASE64.encode(&callback.sealed),
        }
    }

    pub(crate) fn read(self) -> Result<SealedCallback, DecodeError> {
        let receivers = self.receivers.iter().map(|it| receiver(it)).collect::<Result<_, _>>()?;
        let sealed = BASE64.decode(&self.sealed).map_err(|_| DecodeError::Value("sealed"))?;
        Ok(SealedCallback {
            id: id(&self.id)?,
            agent: self.agent,
            receivers,
            sealed: sealed.into(),
        })
    }
}

impl StoredPassedOn {
    pub(crate) fn of(PassedOn { id, receiver }: &PassedOn) -> Self {
        Self { id: id.to_string(), receiver: receiver.map(|it| it.to_string()) }
    }

    pub(crate) fn read(self) -> Result<PassedOn, DecodeError> {
        let receiver = self.receiver.as_deref().map(receiver).transpose()?;
        Ok(PassedOn { id: id(&self.id)?, receiver })
    }
}

impl StoredCallbacks {
    /// `None` where there never was one.
    pub(crate) fn of(callbacks: &Callbacks) -> Option<Self> {
        let Callbacks { waiting, count, done, .. } = callbacks;
        let stored = |it: &WaitingCallback| StoredWaiting {
            since: it.since.0,
            number: it.number,
            callback: StoredCallback::of(&it.callback),
        };
        (*count > 0).then(|| Self {
            count: *count,
            waiting: waiting.iter().map(stored).collect(),
            done: done.iter().map(|(at, id)| (at.0, id.to_string())).collect(),
        })
    }

    pub(crate) fn read(self) -> Result<Callbacks, DecodeError> {
        let mut callbacks = Callbacks { count: self.count, ..Callbacks::default() };
        for (at, done) in &self.done {
            let done = id(done)?;
            callbacks.known.insert(done);
            callbacks.done.push_back((Millis(*at), done));
        }
        for StoredWaiting { since, number, callback } in self.waiting {
            let callback = callback.read()?;
            let is_in_order = callbacks.waiting.back().is_none_or(|it| it.number < number);
            if !is_in_order || callbacks.known.contains(&callback.id) {
                return Err(DecodeError::Value("waiting"));
            }
            callbacks.count = callbacks.count.max(number);
            callbacks.add(WaitingCallback { since: Millis(since), number, callback });
        }
        Ok(callbacks)
    }
}

fn id(text: &str) -> Result<CallbackId, DecodeError> {
    hex(text, 32).map(CallbackId).ok_or(DecodeError::Value("callback"))
}

fn receiver(text: &str) -> Result<ReceiverId, DecodeError> {
    let id = hex(text, 16).and_then(|it| u64::try_from(it).ok());
    id.map(ReceiverId).ok_or(DecodeError::Value("receiver"))
}

/// A number of so many hexadecimal digits.
fn hex(text: &str, digits: usize) -> Option<u128> {
    let is_hex = text.len() == digits && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    u128::from_str_radix(text, 16).ok().filter(|_| is_hex)
}

#[cfg(test)]
mod tests;
