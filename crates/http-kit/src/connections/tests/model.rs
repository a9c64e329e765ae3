//! A plain model of the limits: one table with everything in it, which each request changes. Its numbers
//! are those of the sets in it. Time is an argument.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::{Duration, Instant};

use super::{ClientKey, ClientLimits, Reason, TooMany};

const VERIFIED_FOR: Duration = Duration::from_hours(1);
const VERIFIED_MAX: usize = 10_000;
const LOOKED_AT: usize = 64;
const MARGIN: Duration = Duration::from_secs(2);
const REST: Duration = Duration::from_secs(2);
const ANSWER: Duration = Duration::from_mins(2);

/// What a connection does.
#[derive(Debug)]
enum Phase {
    /// It waits for its client to send a head or a body: it can go.
    Waiting { turn: u64, due: Instant, is_idle: bool },
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
pub(super) struct Model {
    limits: ClientLimits,
    entries: HashMap<u64, Entry>,
    /// The connections that wait by their turn, the longest waiting first.
    waiting: BTreeMap<u64, u64>,
    clients: HashMap<ClientKey, Client>,
    verified: HashMap<ClientKey, Instant>,
    last: u64,
    closed: [u64; Reason::ALL.len()],
}

impl Model {
    pub(super) fn new(limits: ClientLimits) -> Self {
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
    pub(super) fn admit(&mut self, now: Instant, client: Option<ClientKey>) -> Result<u64, Reason> {
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
        let id = self.last;
        if let Some(key) = client {
            self.clients.entry(key).or_default().connections += 1;
        }
        let phase = Phase::Answering { due: now };
        let entry = Entry { client, forwarded: None, phase };
        self.entries.insert(id, entry);
        self.wait(id, now + self.limits.head + MARGIN);
        Ok(id)
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
    pub(super) fn begin(
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
    pub(super) fn answer(&mut self, now: Instant, id: u64) {
        self.enter(id, Phase::Answering { due: now + ANSWER });
    }

    /// The answer is a stream.
    ///
    /// # Errors
    /// If too many streams of its client are open.
    pub(super) fn stream(&mut self, now: Instant, id: u64) -> Result<(), TooMany> {
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
    pub(super) fn end(&mut self, now: Instant, id: u64, has_rest: bool) {
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
    pub(super) fn remove(&mut self, id: u64) {
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
    pub(super) fn close(&mut self, id: u64, reason: Reason) {
        if !self.entries.contains_key(&id) {
            return;
        }
        self.remove(id);
        self.closed[reason as usize] += 1;
    }

    /// Closes the connections that took too long.
    pub(super) fn sweep(&mut self, now: Instant) {
        let is_over = |entry: &Entry| match entry.phase {
            Phase::Waiting { due, .. } | Phase::Answering { due } => due <= now,
            Phase::Streaming(_) => false,
        };
        let over = self.entries.iter().filter(|(_, entry)| is_over(entry)).map(|(id, _)| *id);
        let over: Vec<_> = over.collect();
        for id in over {
            match self.entries[&id].phase {
                Phase::Waiting { is_idle: true, .. } => self.remove(id),
                _ => self.close(id, Reason::Slow),
            }
        }
        self.verified.retain(|_, until| *until > now);
    }

    /// Somebody at this address has proved who it is.
    pub(super) fn verify(&mut self, now: Instant, key: ClientKey) {
        if self.verified.len() < VERIFIED_MAX || self.verified.contains_key(&key) {
            self.verified.insert(key, now + VERIFIED_FOR);
        }
    }

    /// How many wait, are at work, and are streams.
    pub(super) fn open(&self) -> [usize; 3] {
        let is_stream = |entry: &&Entry| matches!(entry.phase, Phase::Streaming(_));
        let streams = self.entries.values().filter(is_stream).count();
        [self.waiting.len(), self.entries.len() - self.waiting.len() - streams, streams]
    }

    /// How many were closed or not taken, in the order of [`Reason::ALL`].
    pub(super) fn closed(&self) -> [u64; Reason::ALL.len()] {
        self.closed
    }

    fn is_verified(&self, key: ClientKey, now: Instant) -> bool {
        self.verified.get(&key).is_some_and(|until| *until > now)
    }

    fn wait(&mut self, id: u64, due: Instant) {
        self.last += 1;
        self.enter(id, Phase::Waiting { turn: self.last, due, is_idle: false });
    }

    /// It waits for a request, which need not come.
    pub(super) fn await_request(&mut self, due: Instant, id: u64) {
        self.last += 1;
        self.enter(id, Phase::Waiting { turn: self.last, due, is_idle: true });
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

    pub(super) fn is_open(&self, id: u64) -> bool {
        self.entries.contains_key(&id)
    }

    /// The connections, requests and streams of an address.
    pub(super) fn of(&self, key: ClientKey) -> (usize, usize, usize) {
        let its = self.clients.get(&key);
        its.map_or((0, 0, 0), |its| (its.connections, its.requests, its.streams))
    }
}
