//! How many requests and streams each client has under way, where that is limited. The clients are
//! spread over several locks: two of them seldom meet at one.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};

use parking_lot::Mutex;

use crate::trusted_proxies::ClientKey;

/// Into how many parts the clients are spread.
const PARTS: usize = 64;

/// What one client has under way.
#[derive(Debug, Default, PartialEq, Eq)]
struct Share {
    requests: usize,
    streams: usize,
}

/// What each client has under way. A client that has nothing takes no memory.
#[derive(Debug)]
pub(crate) struct Shares {
    parts: [Mutex<HashMap<ClientKey, Share>>; PARTS],
    hasher: RandomState,
}

/// Something that is counted for a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Requests behind a trusted proxy.
    Request,
    /// Streams.
    Stream,
}

impl Share {
    fn of(&mut self, kind: Kind) -> &mut usize {
        match kind {
            Kind::Request => &mut self.requests,
            Kind::Stream => &mut self.streams,
        }
    }
}

impl Shares {
    pub(crate) fn new() -> Self {
        let parts = std::array::from_fn(|_| Mutex::default());
        Self { parts, hasher: RandomState::new() }
    }

    /// Counts one more, and returns how many there are with it.
    pub(crate) fn add(&self, client: ClientKey, kind: Kind) -> usize {
        let mut part = self.part(client).lock();
        let count = part.entry(client).or_default().of(kind);
        *count += 1;
        *count
    }

    /// Counts one more if there are fewer than so many. Returns whether it does.
    pub(crate) fn add_below(&self, client: ClientKey, kind: Kind, most: usize) -> bool {
        let mut part = self.part(client).lock();
        let has = part.get_mut(&client).map_or(0, |share| *share.of(kind));
        if has < most {
            *part.entry(client).or_default().of(kind) += 1;
        }
        has < most
    }

    /// Counts one less, which was counted before.
    pub(crate) fn take(&self, client: ClientKey, kind: Kind) {
        let mut part = self.part(client).lock();
        let Some(share) = part.get_mut(&client) else { return };
        *share.of(kind) -= 1;
        if *share == Share::default() {
            part.remove(&client);
        }
    }

    fn part(&self, client: ClientKey) -> &Mutex<HashMap<ClientKey, Share>> {
        let hash = self.hasher.hash_one(client);
        let place = hash % PARTS as u64;
        &self.parts[usize::try_from(place).expect("below the number of parts")]
    }
}

#[cfg(test)]
impl Shares {
    /// What a client has: requests and streams.
    pub(crate) fn has(&self, client: ClientKey) -> [usize; 2] {
        let part = self.part(client).lock();
        part.get(&client).map_or([0, 0], |share| [share.requests, share.streams])
    }

    /// How many clients have something.
    pub(crate) fn len(&self) -> usize {
        self.parts.iter().map(|part| part.lock().len()).sum()
    }
}
