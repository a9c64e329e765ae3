//! The table of open connections: which phase each is in, whose it is, and which has to go when
//! there are too many. Time is an argument.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::link::Link;
use crate::client_limits::ClientLimits;
use crate::trusted_proxies::ClientKey;

/// How long an address that has proved who it is has no limit of its own.
const VERIFIED_FOR: Duration = Duration::from_hours(1);

/// The most such addresses.
const VERIFIED_MAX: usize = 10_000;

/// How many connections are looked at to find one of somebody who is not known.
const LOOKED_AT: usize = 64;

/// How much later than the answer to a slow head or body its connection is closed.
const MARGIN: Duration = Duration::from_secs(2);

/// How long the rest of a body is received after the answer, which did not need it.
const REST: Duration = Duration::from_secs(2);

/// How long an answer may take in all, unless it is a stream.
const ANSWER: Duration = Duration::from_mins(2);

/// Why a connection was closed, or not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reason {
    /// Its address has too many.
    Address,
    /// The server has too many.
    Full,
    /// Its client took too long.
    Slow,
    /// The head of its request was too long.
    Head,
}

impl Reason {
    /// All, with their names in metrics.
    pub(crate) const ALL: [(Self, &'static str); 4] = [
        (Self::Address, "address"),
        (Self::Full, "full"),
        (Self::Slow, "slow"),
        (Self::Head, "head"),
    ];
}

/// Why a request is not served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TooMany {
    /// Requests of this address are under way.
    Requests,
    /// Streams of this address are open.
    Streams,
}

/// What a connection does.
#[derive(Debug)]
enum Phase {
    /// It waits for its client to send a head or a body: it can go.
    Waiting { turn: u64, due: Instant },
    /// A request is being answered.
    Answering { due: Instant },
    /// A stream is open, to this address if it is limited.
    Streaming(Option<ClientKey>),
}

#[derive(Debug)]
struct Entry {
    /// `None` for a trusted proxy, which has many clients.
    client: Option<ClientKey>,
    /// Whose request is under way, if it came through a trusted proxy.
    forwarded: Option<ClientKey>,
    phase: Phase,
    link: Arc<Link>,
}

/// What one address has.
#[derive(Debug, Default, PartialEq, Eq)]
struct Client {
    connections: usize,
    requests: usize,
    streams: usize,
    /// The turns of its connections that wait.
    waiting: BTreeSet<u64>,
}

#[derive(Debug)]
pub(crate) struct Table {
    limits: ClientLimits,
    entries: HashMap<u64, Entry>,
    /// The connections that wait by their turn, the longest waiting first.
    waiting: BTreeMap<u64, u64>,
    clients: HashMap<ClientKey, Client>,
    verified: HashMap<ClientKey, Instant>,
    last: u64,
    closed: [u64; Reason::ALL.len()],
}

impl Table {
    pub(crate) fn new(limits: ClientLimits) -> Self {
        Self {
            limits,
            entries: HashMap::new(),
            waiting: BTreeMap::new(),
            clients: HashMap::new(),
            verified: HashMap::new(),
            last: 0,
            closed: [0; _],
        }
    }

    /// Takes a new connection. Where there are too many, the one that waits longest goes.
    ///
    /// # Errors
    /// If all others are at work.
    pub(crate) fn admit(
        &mut self,
        now: Instant,
        client: Option<ClientKey>,
    ) -> Result<(u64, Arc<Link>), Reason> {
        if let Some(key) = client
            && !self.is_verified(key, now)
            && let Some(its) = self.clients.get(&key)
            && its.connections >= self.limits.per_address
        {
            let longest = its.waiting.first().and_then(|turn| self.waiting.get(turn)).copied();
            self.make_room(longest, Reason::Address)?;
        }
        if self.entries.len() >= self.limits.open || self.waiting.len() >= self.limits.waiting {
            self.make_room(self.longest(now), Reason::Full)?;
        }
        self.last += 1;
        let (id, link) = (self.last, Arc::new(Link::default()));
        if let Some(key) = client {
            self.clients.entry(key).or_default().connections += 1;
        }
        let phase = Phase::Answering { due: now };
        let entry = Entry { client, forwarded: None, phase, link: link.clone() };
        self.entries.insert(id, entry);
        self.wait(id, now + self.limits.head + MARGIN);
        Ok((id, link))
    }

    /// The connection that waits longest, if possible of somebody who is not known.
    fn longest(&self, now: Instant) -> Option<u64> {
        let is_strange = |id: &&u64| {
            let client = self.entries.get(id).and_then(|entry| entry.client);
            client.is_some_and(|key| !self.is_verified(key, now))
        };
        let mut first = self.waiting.values().take(LOOKED_AT);
        first.find(is_strange).or_else(|| self.waiting.values().next()).copied()
    }

    fn make_room(&mut self, longest: Option<u64>, reason: Reason) -> Result<(), Reason> {
        let Some(id) = longest else {
            self.closed[reason as usize] += 1;
            return Err(reason);
        };
        self.close(id, reason);
        Ok(())
    }

    /// The head of a request has arrived; a body may follow. `forwarded` is the client behind a
    /// trusted proxy, if its requests are limited.
    ///
    /// # Errors
    /// If too many requests of that client are under way. The request counts until its end.
    pub(crate) fn begin(
        &mut self,
        now: Instant,
        id: u64,
        has_body: bool,
        forwarded: Option<ClientKey>,
    ) -> Result<(), TooMany> {
        let is_verified = forwarded.is_some_and(|key| self.is_verified(key, now));
        let Some(entry) = self.entries.get_mut(&id) else { return Ok(()) };
        entry.forwarded = forwarded;
        let requests = forwarded.map_or(0, |key| {
            let its = self.clients.entry(key).or_default();
            its.requests += 1;
            its.requests
        });
        match has_body {
            true => self.wait(id, now + self.limits.body + MARGIN),
            false => self.answer(now, id),
        }
        match requests > self.limits.per_address && !is_verified {
            true => Err(TooMany::Requests),
            false => Ok(()),
        }
    }

    /// The request has arrived as a whole.
    pub(crate) fn answer(&mut self, now: Instant, id: u64) {
        self.enter(id, Phase::Answering { due: now + ANSWER });
    }

    /// The answer is a stream.
    ///
    /// # Errors
    /// If too many streams of its client are open.
    pub(crate) fn stream(&mut self, now: Instant, id: u64) -> Result<(), TooMany> {
        let Some(entry) = self.entries.get(&id) else { return Ok(()) };
        let key = entry.forwarded.or(entry.client);
        if let Some(key) = key {
            let streams = self.clients.get(&key).map_or(0, |its| its.streams);
            if streams >= self.limits.streams_per_address() && !self.is_verified(key, now) {
                return Err(TooMany::Streams);
            }
            self.clients.entry(key).or_default().streams += 1;
        }
        self.enter(id, Phase::Streaming(key));
        Ok(())
    }

    /// The answer is over. `has_rest`: its request may not have arrived as a whole.
    pub(crate) fn end(&mut self, now: Instant, id: u64, has_rest: bool) {
        let Some(entry) = self.entries.get_mut(&id) else { return };
        if let Some(key) = entry.forwarded.take() {
            self.change(key, |its| its.requests -= 1);
        }
        let idle = self.limits.keep_alive + self.limits.head;
        self.wait(id, now + if has_rest { REST } else { idle });
        if self.waiting.len() > self.limits.waiting
            && let Some(longest) = self.longest(now)
        {
            self.close(longest, Reason::Full);
        }
    }

    /// The connection is gone.
    pub(crate) fn remove(&mut self, id: u64) {
        let Some(entry) = self.entries.get(&id) else { return };
        let (client, forwarded) = (entry.client, entry.forwarded);
        self.leave(id);
        if let Some(key) = forwarded {
            self.change(key, |its| its.requests -= 1);
        }
        if let Some(key) = client {
            self.change(key, |its| its.connections -= 1);
        }
        self.entries.remove(&id);
    }

    /// Closes a connection.
    pub(crate) fn close(&mut self, id: u64, reason: Reason) {
        let Some(entry) = self.entries.get(&id) else { return };
        entry.link.close();
        self.remove(id);
        self.closed[reason as usize] += 1;
    }

    /// Closes the connections that took too long.
    pub(crate) fn sweep(&mut self, now: Instant) {
        let is_over = |entry: &Entry| match entry.phase {
            Phase::Waiting { due, .. } | Phase::Answering { due } => due <= now,
            Phase::Streaming(_) => false,
        };
        let over = self.entries.iter().filter(|(_, entry)| is_over(entry)).map(|(id, _)| *id);
        let over: Vec<_> = over.collect();
        over.into_iter().for_each(|id| self.close(id, Reason::Slow));
        self.verified.retain(|_, until| *until > now);
    }

    /// Somebody at this address has proved who it is.
    pub(crate) fn verify(&mut self, now: Instant, key: ClientKey) {
        if self.verified.len() < VERIFIED_MAX || self.verified.contains_key(&key) {
            self.verified.insert(key, now + VERIFIED_FOR);
        }
    }

    /// How many wait, are at work, and are streams.
    pub(crate) fn open(&self) -> [usize; 3] {
        let is_stream = |entry: &&Entry| matches!(entry.phase, Phase::Streaming(_));
        let streams = self.entries.values().filter(is_stream).count();
        [self.waiting.len(), self.entries.len() - self.waiting.len() - streams, streams]
    }

    /// How many were closed or not taken, in the order of [`Reason::ALL`].
    pub(crate) fn closed(&self) -> [u64; Reason::ALL.len()] {
        self.closed
    }

    fn is_verified(&self, key: ClientKey, now: Instant) -> bool {
        self.verified.get(&key).is_some_and(|until| *until > now)
    }

    fn wait(&mut self, id: u64, due: Instant) {
        self.last += 1;
        self.enter(id, Phase::Waiting { turn: self.last, due });
    }

    fn enter(&mut self, id: u64, phase: Phase) {
        self.leave(id);
        let Some(entry) = self.entries.get_mut(&id) else { return };
        if let Phase::Waiting { turn, .. } = phase {
            self.waiting.insert(turn, id);
            if let Some(key) = entry.client {
                self.clients.entry(key).or_default().waiting.insert(turn);
            }
        }
        entry.phase = phase;
    }

    /// Takes a connection out of what its phase has put it in.
    fn leave(&mut self, id: u64) {
        let Some(entry) = self.entries.get_mut(&id) else { return };
        let client = entry.client;
        // No more than one thing has to be undone once.
        match std::mem::replace(&mut entry.phase, Phase::Streaming(None)) {
            Phase::Waiting { turn, .. } => {
                self.waiting.remove(&turn);
                if let Some(key) = client {
                    self.change(key, |its| {
                        its.waiting.remove(&turn);
                    });
                }
            }
            Phase::Streaming(Some(key)) => self.change(key, |its| its.streams -= 1),
            Phase::Streaming(None) | Phase::Answering { .. } => {}
        }
    }

    /// Changes what an address has, and forgets one that has nothing.
    fn change(&mut self, key: ClientKey, change: impl FnOnce(&mut Client)) {
        let Some(its) = self.clients.get_mut(&key) else { return };
        change(its);
        if *its == Client::default() {
            self.clients.remove(&key);
        }
    }
}

#[cfg(test)]
mod tests;
