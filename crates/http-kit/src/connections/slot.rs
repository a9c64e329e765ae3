//! What one connection does, in one atomic word, so that no request takes a lock for it.
//!
//! The thread that serves a connection is the only one that lets it go on to something else. Other
//! threads only close it, by a compare-and-swap of the word that they have seen: if a request began
//! meanwhile, the word is another one and the connection stays.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::task::Waker;
use std::time::Instant;

use futures_util::task::AtomicWaker;

/// The bits that say what is done.
const DOES: u64 = 0b111;
/// Of both lists of a table.
const LISTED: u64 = 0b11000;
/// How far left the turn is.
const TURN: u32 = 5;

/// What a connection does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Does {
    /// Nothing more: it is closed.
    Gone = 0,
    /// It waits for its client to send a head or a body: it can go.
    Waiting = 1,
    /// A request is being answered.
    Answering = 2,
    /// A stream is open.
    Streaming = 3,
    /// It waits for a request, which need not come: it can go, and nobody was too slow if it does not.
    Idle = 4,
}

impl Does {
    pub(crate) fn waits(self) -> bool {
        matches!(self, Self::Waiting | Self::Idle)
    }
}

/// The lists of a table: that of all connections, and that of those of one address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum List {
    All = 0b01000,
    Own = 0b10000,
}

/// The word: what is done, in which lists the connection is, and since which turn it waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct State(u64);

impl State {
    fn new(does: Does, listed: u64, turn: u64) -> Self {
        Self(does as u64 | listed | turn << TURN)
    }

    pub(crate) fn does(self) -> Does {
        match self.0 & DOES {
            0 => Does::Gone,
            1 => Does::Waiting,
            2 => Does::Answering,
            3 => Does::Streaming,
            _ => Does::Idle,
        }
    }

    /// The turn at which it last began to wait.
    pub(crate) fn turn(self) -> u64 {
        self.0 >> TURN
    }

    pub(crate) fn is_in(self, list: List) -> bool {
        self.0 & list as u64 != 0
    }

    /// Whether it is in both lists, or in as many as it can be in.
    pub(crate) fn is_listed(self) -> bool {
        self.0 & LISTED == LISTED
    }
}

/// What all connections share: how many of them wait, and the order in which they began to.
///
/// On a line of its own, because each request writes to it and reads what would be beside it.
#[derive(Debug)]
#[repr(align(128))]
pub(crate) struct Turns {
    last: AtomicU64,
    waiting: AtomicUsize,
    start: Instant,
}

impl Turns {
    pub(crate) fn new() -> Self {
        Self { last: AtomicU64::new(0), waiting: AtomicUsize::new(0), start: Instant::now() }
    }

    /// How many connections wait. While one begins to, it may be counted a moment too early.
    pub(crate) fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Acquire)
    }

    fn next(&self) -> u64 {
        self.last.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// A moment as a number, in nanoseconds from the start of the server. It lasts for 584 years.
    fn number(&self, moment: Instant) -> u64 {
        let since = moment.saturating_duration_since(self.start).as_nanos();
        u64::try_from(since).unwrap_or(u64::MAX)
    }
}

/// What the table and the thread that serves a connection know of each other.
#[derive(Debug)]
pub(crate) struct Slot {
    state: AtomicU64,
    /// When what it does has to be over. Written before the state.
    due: AtomicU64,
    waker: AtomicWaker,
}

impl Slot {
    /// A connection that waits, and is in both lists.
    pub(crate) fn new(turns: &Turns, due: Instant) -> Self {
        turns.waiting.fetch_add(1, Ordering::AcqRel);
        let state = State::new(Does::Waiting, LISTED, turns.next());
        let (state, due) = (AtomicU64::new(state.0), AtomicU64::new(turns.number(due)));
        Self { state, due, waker: AtomicWaker::new() }
    }

    pub(crate) fn state(&self) -> State {
        State(self.state.load(Ordering::Acquire))
    }

    pub(crate) fn is_gone(&self) -> bool {
        self.state().does() == Does::Gone
    }

    /// Whether what it does should be over. A stream has no end of its own.
    pub(crate) fn is_over(&self, turns: &Turns, now: Instant) -> bool {
        let is_timed = !matches!(self.state().does(), Does::Gone | Does::Streaming);
        is_timed && self.due.load(Ordering::Acquire) <= turns.number(now)
    }

    /// Goes on to something else, on the thread that serves the connection. Returns the new state, or
    /// `None` if it is closed. Whoever begins to wait goes behind all others that do.
    pub(crate) fn enter(&self, turns: &Turns, does: Does, due: Instant) -> Option<State> {
        let mut old = self.state();
        // The number of those that wait is never too small, so that it cannot fall below zero.
        let (waited, waits) = (old.does().waits(), does.waits());
        if waits && !waited {
            turns.waiting.fetch_add(1, Ordering::AcqRel);
        }
        let turn = if waits { turns.next() } else { old.turn() };
        self.due.store(turns.number(due), Ordering::Release);
        loop {
            if old.does() == Does::Gone {
                if waits && !waited {
                    turns.waiting.fetch_sub(1, Ordering::AcqRel);
                }
                return None;
            }
            let new = State::new(does, old.0 & LISTED, turn);
            match self.swap(old, new) {
                Ok(()) => {
                    if waited && !waits {
                        turns.waiting.fetch_sub(1, Ordering::AcqRel);
                    }
                    return Some(new);
                }
                Err(other) => old = other,
            }
        }
    }

    /// Closes it, if it still does what it was seen to do: the next read or write fails, and whoever
    /// waits for one wakes. Returns whether it did.
    pub(crate) fn close(&self, turns: &Turns, seen: State) -> bool {
        if seen.does() == Does::Gone || self.swap(seen, State(0)).is_err() {
            return false;
        }
        if seen.does().waits() {
            turns.waiting.fetch_sub(1, Ordering::AcqRel);
        }
        self.waker.wake();
        true
    }

    /// Takes a connection that does not wait out of a list, which its thread will see before it waits
    /// again. Returns what it does, or its turn if it waits.
    pub(crate) fn unlist(&self, list: List) -> Result<Does, u64> {
        let mut seen = self.state();
        loop {
            match seen.does() {
                Does::Gone => return Ok(Does::Gone),
                Does::Waiting | Does::Idle => return Err(seen.turn()),
                does @ (Does::Answering | Does::Streaming) => {
                    match self.swap(seen, State(seen.0 & !(list as u64))) {
                        Ok(()) => return Ok(does),
                        Err(other) => seen = other,
                    }
                }
            }
        }
    }

    /// Notes that it is in a list again. Called under the lock of the table.
    pub(crate) fn list(&self, list: List) {
        self.state.fetch_or(list as u64, Ordering::AcqRel);
    }

    /// Has this waker woken when the connection is closed.
    pub(crate) fn wake_at_close(&self, waker: &Waker) {
        self.waker.register(waker);
    }

    fn swap(&self, seen: State, new: State) -> Result<(), State> {
        let swapped =
            self.state.compare_exchange(seen.0, new.0, Ordering::AcqRel, Ordering::Acquire);
        swapped.map(drop).map_err(State)
    }
}
