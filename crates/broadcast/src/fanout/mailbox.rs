//! What other threads tell a thread of the streams.

use std::io;
use std::net::TcpStream;
use std::time::Instant;

use actix_web::web::Bytes;
use mio::{Registry, Waker};
use parking_lot::{Mutex, MutexGuard};

use super::table::Table;
use crate::handover::Taken;
use crate::latest::Subscription;
use crate::session::Session;

/// Its token among the sockets, whose tokens are small numbers.
pub(super) const WAKE: mio::Token = mio::Token(usize::MAX);

/// The way to one thread.
#[derive(Debug)]
pub(crate) struct Mailbox {
    /// The thread has it while it is at work.
    table: Mutex<Table>,
    letters: Mutex<Letters>,
    waker: Waker,
}

/// What came since the thread looked last.
#[derive(Default)]
pub(super) struct Letters {
    pub(super) newcomers: Vec<Newcomer>,
    /// The slots that have changed.
    pub(super) changed: Vec<u64>,
    /// The server is gone.
    pub(super) is_over: bool,
}

impl std::fmt::Debug for Letters {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Letters").field("changed", &self.changed).finish_non_exhaustive()
    }
}

/// A stream that begins.
pub(crate) struct Newcomer {
    pub(crate) socket: TcpStream,
    /// Dropped after the socket is closed.
    pub(crate) held: Box<dyn Send>,
    /// What comes before everything else: the head of the answer.
    pub(crate) head: Bytes,
    pub(crate) session: Session,
    /// What it reads; `None` for one that is closed at once.
    pub(crate) subscription: Option<Subscription>,
}

impl Newcomer {
    pub(crate) fn new(
        taken: Taken,
        head: Bytes,
        session: Session,
        subscription: Option<Subscription>,
    ) -> Self {
        let Taken { socket, held } = taken;
        Self { socket, held, head, session, subscription }
    }
}

impl Mailbox {
    pub(crate) fn new(registry: &Registry) -> io::Result<Self> {
        let (table, waker) = (Table::new(registry.try_clone()?), Waker::new(registry, WAKE)?);
        Ok(Self { table: Mutex::new(table), letters: Mutex::default(), waker })
    }

    /// Hands a stream over.
    pub(crate) fn join(&self, newcomer: Newcomer) {
        self.write(|letters| letters.newcomers.push(newcomer));
    }

    /// The readers.
    pub(super) fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock()
    }

    /// Tells that a slot has changed. If its readers are few and the thread is not at work, they are
    /// told before this returns: it saves them that the thread wakes up.
    ///
    /// Trap: their authorizations are asked on this thread. It must hold no lock that one of them takes.
    pub(crate) fn tell_at_once(&self, slot: u64) {
        let told = self.table.try_lock().and_then(|mut it| it.tell_few(Instant::now(), slot));
        match told {
            Some(false) => {}
            Some(true) => self.wake(),
            None => self.tell(slot),
        }
    }

    /// Tells that a slot has changed, to the thread.
    pub(crate) fn tell(&self, slot: u64) {
        self.write(|letters| {
            if !letters.changed.contains(&slot) {
                letters.changed.push(slot);
            }
        });
    }

    /// Whether the thread has ended, or is about to.
    pub(super) fn is_over(&self) -> bool {
        self.letters.lock().is_over
    }

    /// Ends the thread.
    pub(super) fn end(&self) {
        self.write(|letters| letters.is_over = true);
    }

    /// What came since the last time.
    pub(super) fn take(&self) -> Letters {
        let mut letters = self.letters.lock();
        let is_over = letters.is_over;
        std::mem::replace(&mut *letters, Letters { is_over, ..<_>::default() })
    }

    /// The slots that have changed since the last time.
    #[cfg(test)]
    pub(crate) fn changed(&self) -> Vec<u64> {
        self.take().changed
    }

    fn write(&self, write: impl FnOnce(&mut Letters)) {
        let was_empty = {
            let mut letters = self.letters.lock();
            let was_empty = letters.newcomers.is_empty() && letters.changed.is_empty();
            write(&mut letters);
            was_empty
        };
        if was_empty {
            self.wake();
        }
    }

    fn wake(&self) {
        // It fails only if the system has no memory for it. The next letter tries again.
        if let Err(error) = self.waker.wake() {
            log::warn!("a thread of the streams cannot be woken: {error}");
        }
    }
}
