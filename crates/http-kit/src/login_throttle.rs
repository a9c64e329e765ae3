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
//!
//! Where another server judges the tokens, one that was wrong is put to it again after some seconds.
//! It is the same token, so that tells nothing of any other, and it counts no more than before.

mod wrongs;

use std::hash::{BuildHasher, RandomState};
use std::net::{IpAddr, Ipv6Addr};
use std::num::NonZeroUsize;
use std::time::{Duration, Instant};

use lru::LruCache;
use parking_lot::Mutex;

use self::wrongs::{MEMORY_S, Overall, Verdict, Wrongs};
use crate::metrics::Counter;
use crate::{BearerToken, LogThrottle};

/// After so many seconds, a token that another server has found wrong is put to it again: it may have
/// read its tokens anew meanwhile.
const ASKED_AGAIN_S: u64 = 10;

/// Clients that are remembered: those with a wrong token lately. About 4 MB.
const CLIENTS_MAX: NonZeroUsize = NonZeroUsize::new(16_384).expect("not zero");

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
    /// [`TokenGuard::refuse`] or [`TokenGuard::leave`]. So it does again, ten seconds after a token was
    /// wrong, for one request: whoever knows the token may hold it for right by now. That is no guess.
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

    /// Whether a token that [`TokenGuard::compare`] let through may still be put to the other server.
    /// For callers that wait in between: a client could otherwise have as many guesses judged at once
    /// as can wait.
    ///
    /// # Errors
    /// If others of the client were found wrong meanwhile, and so many that it has to wait.
    pub fn check_wait(
        &self,
        client: Client,
        shown: &[u8],
        from: impl FnOnce() -> String,
    ) -> Result<(), TokenRefusal> {
        let checked = self.throttle.check_wait(client, shown, Instant::now());
        if let Err(refusal) = checked {
            self.note(refusal, from);
        }
        checked
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

impl LoginThrottle {
    /// Judges a token, which `which` compares.
    fn judge(
        &self,
        client: Client,
        shown: &[u8],
        now: Instant,
        which: impl FnOnce(&[u8]) -> Option<usize>,
    ) -> Result<usize, TokenRefusal> {
        match self.compared(client, shown, now, None, which)? {
            Some(token) => Ok(token),
            None => {
                self.refuse(client, shown, now);
                Err(TokenRefusal::Wrong)
            }
        }
    }

    /// The same; `None` for a token that is none of those, which is not counted yet: others judge it,
    /// and may judge otherwise some time after it was wrong.
    fn compare(
        &self,
        client: Client,
        shown: &[u8],
        now: Instant,
        which: impl FnOnce(&[u8]) -> Option<usize>,
    ) -> Result<Option<usize>, TokenRefusal> {
        self.compared(client, shown, now, Some(Duration::from_secs(ASKED_AGAIN_S)), which)
    }

    /// `asked_again`: after which time a wrong token is looked at again; `None` for never.
    fn compared(
        &self,
        client: Client,
        shown: &[u8],
        now: Instant,
        asked_again: Option<Duration>,
        which: impl FnOnce(&[u8]) -> Option<usize>,
    ) -> Result<Option<usize>, TokenRefusal> {
        let hash = self.hasher.hash_one(shown);
        let mut state = self.state.lock();
        if !state.was_right(client, hash, now) {
            state.without_comparing(client, hash, now, asked_again)?;
        }
        let token = which(shown);
        if token.is_some() {
            state.right.put((client, hash), now);
        }
        Ok(token)
    }

    fn check_wait(&self, client: Client, shown: &[u8], now: Instant) -> Result<(), TokenRefusal> {
        let hash = self.hasher.hash_one(shown);
        let mut state = self.state.lock();
        // One that was judged before is no guess.
        if state.was_right(client, hash, now) || state.known_wrong(client, hash, now).is_some() {
            return Ok(());
        }
        state.without_comparing(client, hash, now, None)
    }

    fn accept(&self, client: Client, shown: &[u8], now: Instant) {
        let hash = self.hasher.hash_one(shown);
        self.state.lock().right.put((client, hash), now);
    }

    fn refuse(&self, client: Client, shown: &[u8], now: Instant) {
        let hash = self.hasher.hash_one(shown);
        let mut state = self.state.lock();
        state.right.pop(&(client, hash));
        // One that was wrong before is no new guess.
        match state.known_wrong(client, hash, now) {
            Some(found) => *found = now,
            None => state.count(client, hash, Verdict::Wrong, now),
        }
    }

    fn leave(&self, client: Client, shown: &[u8], now: Instant) {
        let hash = self.hasher.hash_one(shown);
        let mut state = self.state.lock();
        let is_known = state.was_right(client, hash, now)
            || state.was_left(client, hash, now)
            || state.known_wrong(client, hash, now).is_some();
        if !is_known {
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
        wrongs.is_some_and(|wrongs| wrongs.was_left(hash))
    }

    /// When this token of this client was found wrong last, if it was lately.
    fn known_wrong(&mut self, client: Client, hash: u64, now: Instant) -> Option<&mut Instant> {
        // Trap: `get` would keep a client for as long as it goes on asking.
        let wrongs = self.clients.peek_mut(&client).filter(|it| !it.is_forgotten(now))?;
        wrongs.known(hash)
    }

    /// Refuses what is refused without comparing anything.
    fn without_comparing(
        &mut self,
        client: Client,
        hash: u64,
        now: Instant,
        asked_again: Option<Duration>,
    ) -> Result<(), TokenRefusal> {
        if let Some(found) = self.known_wrong(client, hash, now) {
            let is_old = |after| now.saturating_duration_since(*found) >= after;
            if !asked_again.is_some_and(is_old) {
                return Err(TokenRefusal::Wrong);
            }
            // Until that is found out, nobody asks the same.
            *found = now;
            return Ok(());
        }
        let Some(wrongs) = self.clients.peek(&client).filter(|it| !it.is_forgotten(now)) else {
            return Ok(());
        };
        let wait = wrongs.wait_until.saturating_duration_since(now).max(self.overall.wait(now));
        if wait.is_zero() { Ok(()) } else { Err(TokenRefusal::Wait(wait)) }
    }

    fn count(&mut self, client: Client, hash: u64, verdict: Verdict, now: Instant) {
        self.overall.count(now);
        let wrongs = self.clients.get_or_insert_mut(client, || Wrongs::none(now));
        if wrongs.is_forgotten(now) {
            *wrongs = Wrongs::none(now);
        }
        wrongs.count(hash, verdict, now);
    }
}

#[cfg(test)]
mod tests;
