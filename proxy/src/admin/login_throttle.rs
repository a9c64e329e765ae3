//! Makes clients wait after wrong tokens, so that nobody can try many of them.
//!
//! While a client has to wait, its tokens are not compared at all: otherwise waiting would not stop
//! a guess. Four rules keep this from locking out the right token for good. A wait is short, and
//! does not grow when it is ignored. A program that repeats the same old token makes nobody wait.
//! A client without a wrong token is served while others wait. A browser that was signed in before
//! is counted apart from all else at its address.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::{BuildHasher, RandomState};
use std::net::{IpAddr, Ipv6Addr};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::session::Id;

/// Wrong tokens that nobody has to wait for.
const FREE_WRONGS: u32 = 10;

/// The first wait, in seconds. It doubles with each wrong token more.
const WAIT_S: u64 = 1;

/// The longest wait, in seconds.
const WAIT_S_MAX: u64 = 60;

/// For how long a wrong token is remembered, in seconds.
const MEMORY_S: u64 = 15 * 60;

/// Different wrong tokens of one client that are known again.
const KNOWN_WRONGS: usize = 4;

/// Clients that are remembered: those with a wrong token lately. About 3 MB.
const CLIENTS_MAX: usize = 16_384;

/// Wrong tokens of all clients together that may come at once, and the time in which there may be
/// one more, in milliseconds.
const BURST: u32 = 300;
const INTERVAL_MS: u64 = 1_000;

/// Whose attempts are counted together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Client {
    /// Everybody at an address.
    Address(IpAddr),
    /// A browser that was signed in before, as its cookie proves.
    Browser(Id),
}

impl Client {
    /// Of an IPv6 address counts what providers give to one site, 48 bits (RFC 6177): each site
    /// has more addresses than could be counted.
    pub(crate) fn at(address: IpAddr) -> Self {
        Self::Address(match address.to_canonical() {
            IpAddr::V4(v4) => IpAddr::V4(v4),
            IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() >> 80 << 80)),
        })
    }
}

/// What comes of a login.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LoginOutcome {
    /// It is the right token; of several, this one.
    Right(usize),
    /// It is not.
    Wrong,
    /// It was not looked at. How long to wait.
    Wait(Duration),
}

/// The wrong tokens of late.
#[derive(Default)]
pub(crate) struct LoginThrottle {
    state: Mutex<State>,
    /// With keys that are drawn at random, so that nobody can find a token with another's hash.
    hasher: RandomState,
}

#[derive(Default)]
struct State {
    clients: HashMap<Client, Wrongs>,
    swept: Option<Instant>,
    overall: Overall,
}

/// The wrong tokens of one client.
struct Wrongs {
    n: u32,
    last: Instant,
    /// Until then nothing is looked at.
    wait_until: Instant,
    known: [Option<u64>; KNOWN_WRONGS],
}

/// The wrong tokens of all, as one moment: when the last of them will be forgotten, at one in each
/// interval (the generic cell rate algorithm, ITU-T I.371).
#[derive(Default)]
struct Overall(Option<Instant>);

impl LoginThrottle {
    /// Judges a token, which `which` compares.
    pub(crate) fn judge(
        &self,
        client: Client,
        shown: &[u8],
        now: Instant,
        which: impl FnOnce(&[u8]) -> Option<usize>,
    ) -> LoginOutcome {
        let hash = self.hasher.hash_one(shown);
        let mut state = self.state.lock();
        match state.outcome_without_comparing(client, hash, now) {
            Some(outcome) => outcome,
            None => match which(shown) {
                Some(one) => LoginOutcome::Right(one),
                None => {
                    state.count(client, hash, now);
                    LoginOutcome::Wrong
                }
            },
        }
    }
}

impl State {
    /// The outcome, if it is clear without comparing anything.
    fn outcome_without_comparing(
        &mut self,
        client: Client,
        hash: u64,
        now: Instant,
    ) -> Option<LoginOutcome> {
        match self.clients.get(&client).filter(|wrongs| !wrongs.is_forgotten(now)) {
            Some(wrongs) if wrongs.known.contains(&Some(hash)) => Some(LoginOutcome::Wrong),
            Some(wrongs) => {
                let own = wrongs.wait_until.saturating_duration_since(now);
                let wait = own.max(self.overall.wait(now));
                (!wait.is_zero()).then_some(LoginOutcome::Wait(wait))
            }
            None => match client {
                Client::Browser(_) => None,
                Client::Address(_) => {
                    let is_full = self.is_full(now) && !self.clients.contains_key(&client);
                    is_full.then_some(LoginOutcome::Wait(Duration::from_secs(WAIT_S_MAX)))
                }
            },
        }
    }

    fn count(&mut self, client: Client, hash: u64, now: Instant) {
        self.overall.count(now);
        let fresh = Wrongs { n: 0, last: now, wait_until: now, known: [None; KNOWN_WRONGS] };
        let wrongs = match self.clients.entry(client) {
            Entry::Occupied(entry) if !entry.get().is_forgotten(now) => entry.into_mut(),
            entry => entry.insert_entry(fresh).into_mut(),
        };
        wrongs.count(hash, now);
    }

    /// Whether there is no room for another client. Looks for those that can be forgotten, but not
    /// more than once a second.
    fn is_full(&mut self, now: Instant) -> bool {
        let recent = |then| now.saturating_duration_since(then) < Duration::from_secs(1);
        if self.clients.len() >= CLIENTS_MAX && !self.swept.is_some_and(recent) {
            self.swept = Some(now);
            self.clients.retain(|_, wrongs| !wrongs.is_forgotten(now));
        }
        self.clients.len() >= CLIENTS_MAX
    }
}

impl Wrongs {
    fn is_forgotten(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.last) >= Duration::from_secs(MEMORY_S)
    }

    fn count(&mut self, hash: u64, now: Instant) {
        self.known[self.n as usize % KNOWN_WRONGS] = Some(hash);
        self.n = self.n.saturating_add(1);
        self.last = now;
        if let Some(more) = self.n.checked_sub(FREE_WRONGS) {
            let wait_s = WAIT_S.checked_shl(more).unwrap_or(WAIT_S_MAX).clamp(WAIT_S, WAIT_S_MAX);
            self.wait_until = now + Duration::from_secs(wait_s);
        }
    }
}

impl Overall {
    fn wait(&self, now: Instant) -> Duration {
        let ahead = self.0.map_or(Duration::ZERO, |end| end.saturating_duration_since(now));
        (ahead + Duration::from_millis(INTERVAL_MS)).saturating_sub(Self::burst())
    }

    fn count(&mut self, now: Instant) {
        let end = self.0.map_or(now, |end| end.max(now)) + Duration::from_millis(INTERVAL_MS);
        // Clients without a wrong token are served beyond the burst: no debt grows of that.
        self.0 = Some(end.min(now + Self::burst()));
    }

    fn burst() -> Duration {
        Duration::from_millis(INTERVAL_MS) * BURST
    }
}

#[cfg(test)]
mod tests;
