//! The wrong tokens of one client, and of all: how many there were, and how long to wait for the next.

use std::time::{Duration, Instant};

/// Wrong tokens that nobody has to wait for.
pub(super) const FREE_WRONGS: u32 = 10;

/// The first wait, in seconds. It doubles with each wrong token more.
const WAIT_S: u64 = 1;

/// The longest wait, in seconds.
const WAIT_S_MAX: u64 = 60;

/// For how long a wrong token is remembered, in seconds.
pub(super) const MEMORY_S: u64 = 15 * 60;

/// Different wrong tokens of one client that are known again.
const KNOWN_WRONGS: usize = 4;

/// Wrong tokens of all clients together that may come at once, and the time in which there may be
/// one more, in milliseconds.
pub(super) const BURST: u32 = 300;
const INTERVAL_MS: u64 = 1_000;

/// The wrong tokens of one client.
pub(super) struct Wrongs {
    /// How many there were.
    pub(super) n: u32,
    last: Instant,
    /// Until then nothing is looked at.
    pub(super) wait_until: Instant,
    /// Tokens that are wrong, and when that was found out last.
    known: [Option<(u64, Instant)>; KNOWN_WRONGS],
    /// Tokens that nobody could judge: a program that repeats one makes nobody wait either.
    unjudged: [Option<u64>; KNOWN_WRONGS],
}

/// What is known of a token that counts against a client.
#[derive(Clone, Copy)]
pub(super) enum Verdict {
    /// It is wrong.
    Wrong,
    /// Nobody could tell.
    Open,
}

/// The wrong tokens of all, as one moment: when the last of them will be forgotten, at one in each
/// interval (the generic cell rate algorithm, ITU-T I.371).
#[derive(Default)]
pub(super) struct Overall(Option<Instant>);

impl Wrongs {
    /// None yet.
    pub(super) fn none(now: Instant) -> Self {
        let (known, unjudged) = <_>::default();
        Self { n: 0, last: now, wait_until: now, known, unjudged }
    }

    /// When this token was found wrong last.
    pub(super) fn known(&mut self, hash: u64) -> Option<&mut Instant> {
        let mut known = self.known.iter_mut().flatten();
        known.find(|(wrong, _)| *wrong == hash).map(|(_, found)| found)
    }

    /// Whether nobody could judge this token.
    pub(super) fn was_left(&self, hash: u64) -> bool {
        self.unjudged.contains(&Some(hash))
    }

    /// Whether they are too long ago to matter.
    pub(super) fn is_forgotten(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.last) >= Duration::from_secs(MEMORY_S)
    }

    /// Adds one, and makes the client wait if there were too many.
    pub(super) fn count(&mut self, hash: u64, verdict: Verdict, now: Instant) {
        let place = self.n as usize % KNOWN_WRONGS;
        match verdict {
            Verdict::Wrong => self.known[place] = Some((hash, now)),
            Verdict::Open => self.unjudged[place] = Some(hash),
        }
        self.n = self.n.saturating_add(1);
        self.last = now;
        if let Some(more) = self.n.checked_sub(FREE_WRONGS) {
            let wait_s = WAIT_S.checked_shl(more).unwrap_or(WAIT_S_MAX).clamp(WAIT_S, WAIT_S_MAX);
            self.wait_until = now + Duration::from_secs(wait_s);
        }
    }
}

impl Overall {
    /// How long nothing more is looked at of clients that have erred.
    pub(super) fn wait(&self, now: Instant) -> Duration {
        let ahead = self.0.map_or(Duration::ZERO, |end| end.saturating_duration_since(now));
        (ahead + Duration::from_millis(INTERVAL_MS)).saturating_sub(Self::burst())
    }

    /// Adds one.
    pub(super) fn count(&mut self, now: Instant) {
        let end = self.0.map_or(now, |end| end.max(now)) + Duration::from_millis(INTERVAL_MS);
        // Clients without a wrong token are served beyond the burst: no debt grows of that.
        self.0 = Some(end.min(now + Self::burst()));
    }

    fn burst() -> Duration {
        Duration::from_millis(INTERVAL_MS) * BURST
    }
}
