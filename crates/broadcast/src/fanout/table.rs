//! The readers of one thread: their sockets, what they read, and when each is looked at.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, VecDeque};
use std::thread;
use std::time::Instant;

use mio::net::TcpStream;
use mio::{Interest, Registry, Token};
use slab::Slab;

use super::client::{Client, Fate};
use super::group::Group;
use super::mailbox::Newcomer;
use crate::latest::Slot;

/// How many readers are told, or have heartbeats, before sockets and newcomers have their turn.
const SLICE: usize = 256;

/// After so many readers, which take about a millisecond, other threads may have the processor. One that
/// has a request to answer would otherwise wait until the system takes it away, which is longer.
const RESTS_AFTER: usize = 128;

/// As many readers of a slot are told by the thread that changes it.
const AT_ONCE_MAX: usize = 8;

/// What is read at once.
const READ_BYTES: usize = 4096;

/// One thread's readers.
#[derive(Debug)]
pub(super) struct Table {
    registry: Registry,
    clients: Slab<Client>,
    /// By the ids of their slots.
    groups: HashMap<u64, Group>,
    /// The slots whose readers are being told, in turns.
    telling: VecDeque<u64>,
    /// When clients have something to do. Each has one entry that counts: the one at its `scheduled`.
    timers: BinaryHeap<Reverse<(Instant, u32)>>,
    /// Those that have sent more than was read.
    unread: VecDeque<u32>,
    /// Until when the thread sleeps, if nothing wakes it.
    sleeps_until: Option<Instant>,
    buffer: Box<[u8]>,
}

impl Table {
    pub(super) fn new(registry: Registry) -> Self {
        let (clients, groups, telling) = <_>::default();
        let (timers, unread, sleeps_until) = <_>::default();
        let buffer = vec![0; READ_BYTES].into();
        Self { registry, clients, groups, telling, timers, unread, sleeps_until, buffer }
    }

    /// Until when there is nothing to do: `Some` of a moment, or `None` for ever. The thread sleeps so long.
    pub(super) fn sleep(&mut self, now: Instant) -> Option<Instant> {
        let is_busy = !self.telling.is_empty() || !self.unread.is_empty();
        let next = self.timers.peek().map(|Reverse((at, _))| *at);
        self.sleeps_until = if is_busy { Some(now) } else { next };
        self.sleeps_until
    }

    /// Does what does not come from a socket or from elsewhere.
    pub(super) fn go_on(&mut self, now: Instant) {
        self.read_on(now);
        self.tell(now, thread::yield_now);
        self.serve_timers(now);
    }

    /// Removes all.
    pub(super) fn clear(&mut self) {
        self.groups.clear();
        self.clients.clear();
    }

    /// A slot has changed. Its readers are told from now on.
    pub(super) fn change(&mut self, id: u64) {
        if self.groups.get_mut(&id).is_some_and(Group::change) {
            self.telling.push_back(id);
        }
    }

    /// Tells the readers of a slot at once that it has changed, if they are few.
    ///
    /// Returns whether they were told, and whether the thread has to look when to wake up.
    pub(super) fn tell_few(&mut self, now: Instant, id: u64) -> Option<bool> {
        let Some(group) = self.groups.get(&id) else { return Some(false) };
        if group.members().len() > AT_ONCE_MAX || !group.is_done() {
            return None;
        }
        let slot = group.slot();
        let mut few = [None; AT_ONCE_MAX];
        few.iter_mut().zip(group.members()).for_each(|(few, key)| *few = Some(*key));
        for key in few.into_iter().flatten() {
            let Some(client) = self.clients.get_mut(key as usize) else { continue };
            let fate = client.advance(now, &slot);
            self.settle(key, fate);
        }
        let next = self.timers.peek().map(|Reverse((at, _))| *at);
        Some(next.is_some_and(|next| self.sleeps_until.is_none_or(|until| next < until)))
    }

    /// Something has happened to a socket.
    pub(super) fn serve_socket(&mut self, now: Instant, event: &mio::event::Event) {
        let Ok(key) = u32::try_from(event.token().0) else { return };
        let Some(client) = self.clients.get_mut(key as usize) else { return };
        if event.is_readable() || event.is_read_closed() || event.is_error() {
            client.is_readable();
        }
        let slot = slot_of(&self.groups, client);
        let mut fate = client.advance(now, &slot);
        if fate != Fate::Gone {
            fate = client.read(now, &slot, &mut self.buffer);
        }
        self.settle(key, fate);
    }

    /// Takes in a stream that begins.
    pub(super) fn admit(&mut self, now: Instant, newcomer: Newcomer) {
        let Newcomer { socket, held, head, session, subscription } = newcomer;
        let client = Client::new(TcpStream::from_std(socket), session, held);
        let entry = self.clients.vacant_entry();
        // No more than the descriptors of a process.
        let Ok(key) = u32::try_from(entry.key()) else { return };
        let client = entry.insert(client);
        let both = Interest::READABLE | Interest::WRITABLE;
        if let Err(error) = self.registry.register(client.socket(), token(key), both) {
            log::warn!("a stream cannot be served: {error}");
            self.clients.remove(key as usize);
            return;
        }
        if let Some(subscription) = subscription {
            let id = subscription.id;
            let group = self.groups.entry(id).or_insert_with(|| Group::new(subscription));
            client.group = Some((id, group.add(key)));
        }
        let fate = client.begin(now, &slot_of(&self.groups, client), head);
        self.settle(key, fate);
    }

    /// Reads more of those that have sent much.
    fn read_on(&mut self, now: Instant) {
        for _ in 0..self.unread.len() {
            let Some(key) = self.unread.pop_front() else { return };
            let Some(client) = self.clients.get_mut(key as usize) else { continue };
            let slot = slot_of(&self.groups, client);
            let fate = client.read(now, &slot, &mut self.buffer);
            self.settle(key, fate);
        }
    }

    /// Tells some readers what has changed. `rest` lets other threads have the processor.
    pub(super) fn tell(&mut self, now: Instant, mut rest: impl FnMut()) {
        let Some(id) = self.telling.pop_front() else { return };
        let Some(group) = self.groups.get(&id) else { return };
        // Whoever is told late is told the latest.
        let slot = group.slot();
        for n in 1..=SLICE {
            let Some(key) = self.groups.get_mut(&id).and_then(Group::next) else { break };
            // Its place may be another's by now, who is told what it reads.
            let Some(client) = self.clients.get_mut(key as usize) else { continue };
            if client.group.is_some_and(|(of, _)| of == id) && !client.has_seen(&slot) {
                let fate = client.advance(now, &slot);
                self.settle(key, fate);
            }
            if n.is_multiple_of(RESTS_AFTER) {
                rest();
            }
        }
        if self.groups.get(&id).is_some_and(|group| !group.is_done()) {
            self.telling.push_back(id);
        }
    }

    fn serve_timers(&mut self, now: Instant) {
        // Readers that came at the same time have heartbeats at the same time.
        for _ in 0..SLICE {
            let Some(Reverse((at, key))) = self.timers.peek().copied() else { return };
            if at > now {
                return;
            }
            self.timers.pop();
            let Some(client) = self.clients.get_mut(key as usize) else { continue };
            if client.scheduled == Some(at) {
                client.scheduled = None;
                let slot = slot_of(&self.groups, client);
                let fate = client.advance(now, &slot);
                self.settle(key, fate);
            }
        }
    }

    /// Notes when a client is to be looked at next, or removes it.
    fn settle(&mut self, key: u32, fate: Fate) {
        match fate {
            Fate::Gone => return self.remove(key),
            Fate::Unread => self.unread.push_back(key),
            Fate::Stays => {}
        }
        let Some(client) = self.clients.get_mut(key as usize) else { return };
        let due = client.due();
        if client.scheduled.is_none_or(|scheduled| due < scheduled) {
            client.scheduled = Some(due);
            self.timers.push(Reverse((due, key)));
        }
    }

    fn remove(&mut self, key: u32) {
        let Some(mut client) = self.clients.try_remove(key as usize) else { return };
        // Closing it does the same on most systems.
        let _ = self.registry.deregister(client.socket());
        let Some((id, place)) = client.group else { return };
        let Some(group) = self.groups.get_mut(&id) else { return };
        if let Some(moved) = group.remove(place)
            && let Some(moved) = self.clients.get_mut(moved as usize)
        {
            moved.group = Some((id, place));
        }
        if group.is_empty() {
            self.groups.remove(&id);
        }
    }
}

/// What a client reads.
fn slot_of(groups: &HashMap<u64, Group>, client: &Client) -> Slot {
    let group = client.group.and_then(|(id, _)| groups.get(&id));
    group.map(Group::slot).unwrap_or_default()
}

fn token(key: u32) -> Token {
    Token(key as usize)
}
