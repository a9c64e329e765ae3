//! The table of open connections: whose each is, and which has to go when there are too many. It is
//! locked where a connection opens or ends, and once a second. What a connection does is in its
//! [`Slot`], which requests change without this lock. Time is an argument.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::slot::{Does, List, Slot, State, Turns};
use crate::client_limits::ClientLimits;
use crate::trusted_proxies::ClientKey;

/// How long an address that has proved who it is has no limit of its own.
const VERIFIED_FOR: Duration = Duration::from_hours(1);

/// The most such addresses.
const VERIFIED_MAX: usize = 10_000;

/// How many connections are looked at to find one of somebody who is not known.
const LOOKED_AT: usize = 64;

/// How much later than the answer to a slow head or body its connection is closed.
pub(super) const MARGIN: Duration = Duration::from_secs(2);

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

/// Connections by the turn at which they were last seen to wait. It may be out of date: a connection
/// that had a request since waits from a later turn on, and comes no earlier than it stands here.
type Waiting = BTreeMap<u64, u64>;

#[derive(Debug)]
struct Entry {
    /// `None` for a trusted proxy, which has many clients.
    client: Option<ClientKey>,
    slot: Arc<Slot>,
    /// Where it stands in the list of all, and in that of its address; 0 for nowhere.
    listed: [u64; 2],
}

/// What one address has.
#[derive(Debug, Default)]
struct Client {
    connections: usize,
    waiting: Waiting,
}

#[derive(Debug)]
pub(crate) struct Table {
    limits: ClientLimits,
    turns: Arc<Turns>,
    entries: HashMap<u64, Entry>,
    waiting: Waiting,
    clients: HashMap<ClientKey, Client>,
    verified: HashMap<ClientKey, Instant>,
    last: u64,
    closed: [u64; Reason::ALL.len()],
}

impl Table {
    pub(crate) fn new(limits: ClientLimits, turns: Arc<Turns>) -> Self {
        Self {
            limits,
            turns,
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
    ) -> Result<(u64, Arc<Slot>), Reason> {
        if let Some(key) = client
            && !self.is_verified(key, now)
            && let Some(its) = self.clients.get(&key)
            && its.connections >= self.limits.per_address
        {
            self.make_room(Some(key), now, Reason::Address)?;
        }
        if self.entries.len() >= self.limits.open || self.turns.waiting() >= self.limits.waiting {
            self.make_room(None, now, Reason::Full)?;
        }
        self.last += 1;
        let id = self.last;
        let slot = Arc::new(Slot::new(&self.turns, now + self.limits.head + MARGIN));
        let turn = slot.state().turn();
        self.waiting.insert(turn, id);
        if let Some(key) = client {
            let its = self.clients.entry(key).or_default();
            its.connections += 1;
            its.waiting.insert(turn, id);
        }
        self.entries.insert(id, Entry { client, slot: slot.clone(), listed: [turn; 2] });
        Ok((id, slot))
    }

    /// Closes the connection that waits longest, of this client or of all.
    fn make_room(
        &mut self,
        client: Option<ClientKey>,
        now: Instant,
        reason: Reason,
    ) -> Result<(), Reason> {
        while let Some((id, seen)) = self.longest(client, now) {
            // If it does not close, a request has just begun on it.
            if self.close_as(id, seen, reason) {
                return Ok(());
            }
        }
        self.closed[reason as usize] += 1;
        Err(reason)
    }

    /// So many wait that one has to go.
    pub(crate) fn shorten(&mut self, now: Instant) {
        if self.turns.waiting() > self.limits.waiting {
            while let Some((id, seen)) = self.longest(None, now) {
                if self.close_as(id, seen, Reason::Full) {
                    return;
                }
            }
        }
    }

    /// The connection that waits longest and what it does: that of this client, or of all, and then if
    /// possible of somebody who is not known. Puts right what it finds out of date in the list.
    fn longest(&mut self, client: Option<ClientKey>, now: Instant) -> Option<(u64, State)> {
        let list = if client.is_some() { List::Own } else { List::All };
        let (mut first, mut looked_at, mut from) = (None, 0, 0);
        while looked_at < LOOKED_AT {
            let Self { waiting, clients, entries, .. } = self;
            let waiting = match client {
                Some(key) => &mut clients.get_mut(&key)?.waiting,
                None => waiting,
            };
            let Some((&turn, &id)) = waiting.range(from..).next() else { break };
            from = turn + 1;
            let Some(entry) = entries.get_mut(&id) else { continue };
            let seen = entry.slot.state();
            if seen.does().waits() && seen.turn() == turn {
                looked_at += 1;
                let owner = entry.client;
                let is_strange = owner.is_some_and(|key| !self.is_verified(key, now));
                if client.is_some() || is_strange {
                    return Some((id, seen));
                }
                first = first.or(Some((id, seen)));
                continue;
            }
            waiting.remove(&turn);
            let later = entry.slot.unlist(list).err();
            if let Some(later) = later {
                waiting.insert(later, id);
            }
            entry.listed[place(list)] = later.unwrap_or(0);
        }
        first
    }

    /// Puts a connection that waits into the lists that it was taken out of while it did not.
    pub(crate) fn relist(&mut self, id: u64) {
        let Self { entries, clients, waiting, .. } = self;
        let Some(entry) = entries.get_mut(&id) else { return };
        let state = entry.slot.state();
        let own = entry.client.and_then(|key| clients.get_mut(&key)).map(|its| &mut its.waiting);
        for (list, waiting) in [(List::All, Some(waiting)), (List::Own, own)] {
            if !state.is_in(list)
                && let Some(waiting) = waiting
            {
                waiting.insert(state.turn(), id);
                entry.listed[place(list)] = state.turn();
                entry.slot.list(list);
            }
        }
    }

    /// The connection is gone.
    pub(crate) fn remove(&mut self, id: u64) {
        let Some(entry) = self.entries.get(&id) else { return };
        let slot = entry.slot.clone();
        // Whoever removes it has let it go on until now, so that it does what it was seen to do.
        slot.close(&self.turns, slot.state());
        self.forget(id);
    }

    /// Closes a connection for the thread that serves it.
    pub(crate) fn close(&mut self, id: u64, reason: Reason) {
        if let Some(entry) = self.entries.get(&id) {
            let seen = entry.slot.state();
            self.close_as(id, seen, reason);
        }
    }

    /// Closes a connection if it still does what it was seen to do.
    fn close_as(&mut self, id: u64, seen: State, reason: Reason) -> bool {
        let entry = self.entries.get(&id);
        let is_closed = entry.is_some_and(|entry| entry.slot.close(&self.turns, seen));
        if is_closed {
            self.forget(id);
            self.closed[reason as usize] += 1;
        }
        is_closed
    }

    /// Closes a connection on which no request came, which is nobody's fault.
    fn close_idle(&mut self, id: u64, seen: State) {
        if self.entries.get(&id).is_some_and(|entry| entry.slot.close(&self.turns, seen)) {
            self.forget(id);
        }
    }

    /// Closes all connections that wait for a request, which need not come.
    pub(crate) fn close_all_idle(&mut self) {
        let state = |(id, entry): (&u64, &Entry)| (*id, entry.slot.state());
        let all: Vec<_> = self.entries.iter().map(state).collect();
        let idle = all.into_iter().filter(|(_, seen)| seen.does() == Does::Idle);
        idle.for_each(|(id, seen)| self.close_idle(id, seen));
    }

    fn forget(&mut self, id: u64) {
        let Some(Entry { client, listed, .. }) = self.entries.remove(&id) else { return };
        self.waiting.remove(&listed[place(List::All)]);
        let Some(key) = client else { return };
        let Some(its) = self.clients.get_mut(&key) else { return };
        its.waiting.remove(&listed[place(List::Own)]);
        its.connections -= 1;
        if its.connections == 0 {
            self.clients.remove(&key);
        }
    }

    /// Closes the connections that took too long.
    pub(crate) fn sweep(&mut self, now: Instant) {
        // What is done is read first: if it is something else by then, the connection stays.
        let over = self.entries.iter().filter_map(|(id, entry)| {
            let seen = entry.slot.state();
            entry.slot.is_over(&self.turns, now).then_some((*id, seen))
        });
        let over: Vec<_> = over.collect();
        for (id, seen) in over {
            match seen.does() {
                Does::Idle => self.close_idle(id, seen),
                _ => drop(self.close_as(id, seen, Reason::Slow)),
            }
        }
        self.verified.retain(|_, until| *until > now);
    }

    /// Somebody at this address has proved who it is.
    pub(crate) fn verify(&mut self, now: Instant, key: ClientKey) {
        if self.verified.len() < VERIFIED_MAX || self.verified.contains_key(&key) {
            self.verified.insert(key, now + VERIFIED_FOR);
        }
    }

    pub(crate) fn is_verified(&self, key: ClientKey, now: Instant) -> bool {
        self.verified.get(&key).is_some_and(|until| *until > now)
    }

    /// How many wait, are at work, and are streams.
    pub(crate) fn open(&self) -> [usize; 3] {
        let does = self.entries.values().map(|entry| entry.slot.state().does());
        does.fold([0; 3], |mut open, does| {
            match does {
                Does::Waiting | Does::Idle => open[0] += 1,
                Does::Answering => open[1] += 1,
                Does::Streaming => open[2] += 1,
                Does::Gone => {}
            }
            open
        })
    }

    /// How many were closed or not taken, in the order of [`Reason::ALL`].
    pub(crate) fn closed(&self) -> [u64; Reason::ALL.len()] {
        self.closed
    }
}

/// Where an entry notes its place in this list.
fn place(list: List) -> usize {
    match list {
        List::All => 0,
        List::Own => 1,
    }
}

#[cfg(test)]
impl Table {
    pub(crate) fn has(&self, id: u64) -> bool {
        self.entries.contains_key(&id)
    }

    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(crate) fn connections_of(&self, client: ClientKey) -> usize {
        self.clients.get(&client).map_or(0, |its| its.connections)
    }

    pub(crate) fn verified(&self) -> usize {
        self.verified.len()
    }

    /// What has to hold at each moment, as far as no other thread is in the middle of something.
    pub(crate) fn check(&self) {
        let waits = |entry: &&Entry| entry.slot.state().does().waits();
        assert_eq!(self.turns.waiting(), self.entries.values().filter(waits).count());
        for (id, entry) in &self.entries {
            let state = entry.slot.state();
            let own = entry.client.map(|key| &self.clients[&key].waiting);
            for (list, waiting) in [(List::All, Some(&self.waiting)), (List::Own, own)] {
                let (turn, Some(waiting)) = (entry.listed[place(list)], waiting) else { continue };
                assert_eq!(state.is_in(list), waiting.get(&turn) == Some(id));
                assert!(state.is_in(list) || !state.does().waits());
                assert!(turn <= state.turn(), "nobody goes earlier than where it is listed");
            }
        }
        assert!(self.waiting.values().all(|id| self.entries.contains_key(id)));
        for (key, its) in &self.clients {
            let of_it = self.entries.values().filter(|entry| entry.client == Some(*key)).count();
            assert_eq!((its.connections, of_it > 0), (of_it, true));
            assert!(its.waiting.len() <= of_it);
        }
    }
}
