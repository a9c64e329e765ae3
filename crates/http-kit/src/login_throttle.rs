//! Makes clients wait after wrong tokens, so that nobody can try many of them.
//!
//! While a client has to wait, its tokens are not compared at all: otherwise waiting would not stop
//! a guess. Six rules keep this from locking out the right token for good. A wait is short, and
//! does not grow when it is ignored. A program that repeats the same old token makes nobody wait.
//! A client without a wrong token is served while others wait. A browser that was signed in before
//! is counted apart from all else at its address. Where there are more clients than are remembered,
//! the one whose last wrong token is the oldest is forgotten. A token that was right at an address
//! is looked at there while others at it wait: it may be that of a proxy, behind the same reverse
//! proxy as they. So a guess is not slowed there if it is right, and each that is wrong waits.

use std::hash::{BuildHasher, RandomState};
use std::net::{IpAddr, Ipv6Addr};
use std::num::NonZeroUsize;
use std::time::{Duration, Instant};

use lru::LruCache;
use parking_lot::Mutex;

use crate::metrics::Counter;
use crate::{BearerToken, LogThrottle};

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
const CLIENTS_MAX: NonZeroUsize = NonZeroUsize::new(16_384).expect("not zero");

/// Wrong tokens of all clients together that may come at once, and the time in which there may be
/// one more, in milliseconds.
const BURST: u32 = 300;
const INTERVAL_MS: u64 = 1_000;

/// Whose attempts are counted together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Client {
    /// Everybody at an address.
    Address(IpAddr),
    /// A browser that was signed in before, as its cookie proves.
    Browser([u8; 16]),
}

impl Client {
    /// Of an IPv6 address counts what providers give to one site, 48 bits (RFC 6177): each site
    /// has more addresses than could be counted.
    pub fn at(address: IpAddr) -> Self {
        Self::Address(match address.to_canonical() {
            IpAddr::V4(v4) => IpAddr::V4(v4),
            IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() >> 80 << 80)),
        })
    }
}

/// Why a token is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenRefusal {
    /// It is none of the tokens. Status 403.
    Wrong,
    /// It was not looked at, because too many were wrong. How long to wait. Status 429.
    Wait(Duration),
}

/// Judges the tokens that are shown, with a log line and a counter of those that are refused.
pub struct TokenGuard {
    /// The variable with the tokens, for the log.
    name: &'static str,
    throttle: LoginThrottle,
    lines: LogThrottle,
    wrong: Counter,
    unseen: Counter,
}

impl TokenGuard {
    /// A guard of the tokens in this variable.
    pub fn new(name: &'static str) -> Self {
        let (wrong, unseen) = <_>::default();
        Self { name, throttle: <_>::default(), lines: <_>::default(), wrong, unseen }
    }

    /// Which of the tokens a client shows. `from` says for the log where it comes from.
    ///
    /// # Errors
    /// If it is none of them, or was not looked at.
    pub fn judge(
        &self,
        tokens: &BearerToken,
        client: Client,
        shown: &[u8],
        from: impl FnOnce() -> String,
    ) -> Result<usize, TokenRefusal> {
        let now = Instant::now();
        let judged = self.throttle.judge(client, shown, now, |shown| tokens.which(shown));
        if let Err(refusal) = judged {
            self.note(refusal, from);
        }
        judged
    }

    /// As [`TokenGuard::judge`] for a server whose tokens are not all known here: `None` if it is none
    /// of these. The caller finds out then, and says so by [`TokenGuard::accept`],
    /// [`TokenGuard::refuse`] or [`TokenGuard::leave`].
    ///
    /// # Errors
    /// If it was refused without a look.
    pub fn compare(
        &self,
        tokens: &BearerToken,
        client: Client,
        shown: &[u8],
        from: impl FnOnce() -> String,
    ) -> Result<Option<usize>, TokenRefusal> {
        let compared = self.throttle.compare(client, shown, Instant::now(), |it| tokens.which(it));
        if let Err(refusal) = compared {
            self.note(refusal, from);
        }
        compared
    }

    /// The token was right all the same.
    pub fn accept(&self, client: Client, shown: &[u8]) {
        self.throttle.accept(client, shown, Instant::now());
    }

    /// The token was wrong.
    pub fn refuse(
        &self,
        client: Client,
        shown: &[u8],
        from: impl FnOnce() -> String,
    ) -> TokenRefusal {
        self.throttle.refuse(client, shown, Instant::now());
        self.note(TokenRefusal::Wrong, from);
        TokenRefusal::Wrong
    }

    /// Nobody could tell. The attempt counts, or whoever keeps others from telling could guess on and
    /// on; but the token may be right the next time.
    pub fn leave(&self, client: Client, shown: &[u8]) {
        self.throttle.leave(client, shown, Instant::now());
    }

    /// Counts a refusal. Guesses have to be seen in the log.
    fn note(&self, refusal: TokenRefusal, from: impl FnOnce() -> String) {
        let name = self.name;
        let (counter, what) = match refusal {
            TokenRefusal::Wrong => {
                (&self.wrong, format!("somebody showed a token that is not {name}"))
            }
            TokenRefusal::Wait(_) => (
                &self.unseen,
                format!("a token for {name} was not looked at after too many wrong ones"),
            ),
        };
        counter.add();
        if let Some(held_back) = self.lines.line_at(Instant::now()) {
            let from = from();
            log::warn!(
                "{what}, from {from} ({held_back} such lines before this one were held back)"
            );
        }
    }

    /// Other tokens are right from now on: one that was wrong may be one of them.
    pub fn forget_wrong(&self) {
        let mut state = self.throttle.state.lock();
        state.clients = LruCache::new(CLIENTS_MAX);
    }

    /// How many tokens were wrong, and how many were not looked at after too many wrong ones.
    pub fn refused(&self) -> [u64; 2] {
        [self.wrong.get(), self.unseen.get()]
    }
}

/// The wrong tokens of late.
#[derive(Default)]
struct LoginThrottle {
    state: Mutex<State>,
    /// With keys that are drawn at random, so that nobody can find a token with another's hash.
    hasher: RandomState,
}

struct State {
    clients: LruCache<Client, Wrongs>,
    overall: Overall,
    /// Right tokens, by the hash, with the client that has shown each and when it last did.
    right: LruCache<(Client, u64), Instant>,
}

impl Default for State {
    fn default() -> Self {
        let (clients, right) = (LruCache::new(CLIENTS_MAX), LruCache::new(CLIENTS_MAX));
        Self { clients, overall: Overall::default(), right }
    }
}

/// The wrong tokens of one client.
struct Wrongs {
    n: u32,
    last: Instant,
    /// Until then nothing is looked at.
    wait_until: Instant,
    known: [Option<u64>; KNOWN_WRONGS],
    /// Tokens that nobody could judge: a program that repeats one makes nobody wait either.
    unjudged: [Option<u64>; KNOWN_WRONGS],
}

/// What is known of a token that counts against a client.
#[derive(Clone, Copy)]
enum Verdict {
    /// It is wrong.
    Wrong,
    /// Nobody could tell.
    Open,
}

/// The wrong tokens of all, as one moment: when the last of them will be forgotten, at one in each
/// interval (the generic cell rate algorithm, ITU-T I.371).
#[derive(Default)]
struct Overall(Option<Instant>);

impl LoginThrottle {
    /// Judges a token, which `which` compares.
    fn judge(
        &self,
        client: Client,
        shown: &[u8],
        now: Instant,
        which: impl FnOnce(&[u8]) -> Option<usize>,
    ) -> Result<usize, TokenRefusal> {
        match self.compare(client, shown, now, which)? {
            Some(token) => Ok(token),
            None => {
                self.refuse(client, shown, now);
                Err(TokenRefusal::Wrong)
            }
        }
    }

    /// The same; `None` for a token that is none of those, which is not counted yet.
    fn compare(
        &self,
        client: Client,
        shown: &[u8],
        now: Instant,
        which: impl FnOnce(&[u8]) -> Option<usize>,
    ) -> Result<Option<usize>, TokenRefusal> {
        let hash = self.hasher.hash_one(shown);
        let mut state = self.state.lock();
        if !state.was_right(client, hash, now) {
            state.without_comparing(client, hash, now)?;
        }
        let token = which(shown);
        if token.is_some() {
            state.right.put((client, hash), now);
        }
        Ok(token)
    }

    fn accept(&self, client: Client, shown: &[u8], now: Instant) {
        let hash = self.hasher.hash_one(shown);
        self.state.lock().right.put((client, hash), now);
    }

    fn refuse(&self, client: Client, shown: &[u8], now: Instant) {
        let hash = self.hasher.hash_one(shown);
        let mut state = self.state.lock();
        state.right.pop(&(client, hash));
        state.count(client, hash, Verdict::Wrong, now);
    }

    fn leave(&self, client: Client, shown: &[u8], now: Instant) {
        let hash = self.hasher.hash_one(shown);
        let mut state = self.state.lock();
        if !state.was_right(client, hash, now) && !state.was_left(client, hash, now) {
            state.count(client, hash, Verdict::Open, now);
        }
    }
}

impl State {
    /// Whether this client has shown this token lately, and it was right.
    fn was_right(&self, client: Client, hash: u64, now: Instant) -> bool {
        let shown = self.right.peek(&(client, hash));
        shown.is_some_and(|at| now.saturating_duration_since(*at) < Duration::from_secs(MEMORY_S))
    }

    /// Whether nobody could judge this token of this client lately.
    fn was_left(&self, client: Client, hash: u64, now: Instant) -> bool {
        let wrongs = self.clients.peek(&client).filter(|it| !it.is_forgotten(now));
        wrongs.is_some_and(|wrongs| wrongs.unjudged.contains(&Some(hash)))
    }

    /// Refuses what is refused without comparing anything.
    fn without_comparing(
        &self,
        client: Client,
        hash: u64,
        now: Instant,
    ) -> Result<(), TokenRefusal> {
        // Trap: `get` would keep a client for as long as it goes on asking.
        let Some(wrongs) = self.clients.peek(&client).filter(|it| !it.is_forgotten(now)) else {
            return Ok(());
        };
        if wrongs.known.contains(&Some(hash)) {
            return Err(TokenRefusal::Wrong);
        }
        let wait = wrongs.wait_until.saturating_duration_since(now).max(self.overall.wait(now));
        if wait.is_zero() { Ok(()) } else { Err(TokenRefusal::Wait(wait)) }
    }

    fn count(&mut self, client: Client, hash: u64, verdict: Verdict, now: Instant) {
        self.overall.count(now);
        let (known, unjudged) = <_>::default();
        let fresh = || Wrongs { n: 0, last: now, wait_until: now, known, unjudged };
        let wrongs = self.clients.get_or_insert_mut(client, fresh);
        if wrongs.is_forgotten(now) {
            *wrongs = fresh();
        }
        wrongs.count(hash, verdict, now);
    }
}

impl Wrongs {
    fn is_forgotten(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.last) >= Duration::from_secs(MEMORY_S)
    }

    fn count(&mut self, hash: u64, verdict: Verdict, now: Instant) {
        let remembered = match verdict {
            Verdict::Wrong => &mut self.known,
            Verdict::Open => &mut self.unjudged,
        };
        remembered[self.n as usize % KNOWN_WRONGS] = Some(hash);
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
