//! Threads that serve the open streams, apart from those that serve requests.
//!
//! A reader is a socket and some state in a table: no task, no timer and no buffer of its own. When a
//! slot changes, its thread walks the readers of the slot, and writes the same bytes to each socket.
//! Where a socket has no room, the rest waits until it has.

mod client;
mod event_loop;
mod group;
mod mailbox;
mod table;

use std::io;
use std::num::NonZero;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::{self, available_parallelism};

use parking_lot::Mutex;

use self::event_loop::EventLoop;
pub(crate) use self::mailbox::{Mailbox, Newcomer};

/// The most threads. One tells some hundred thousand readers in a second.
const THREADS_MAX: usize = 4;

/// The threads of one server. They start with the first stream, and end when this is dropped.
#[derive(Debug, Default)]
pub(crate) struct Fanout {
    mailboxes: Mutex<Vec<Arc<Mailbox>>>,
    next: AtomicUsize,
}

impl Fanout {
    /// The thread for the next stream.
    ///
    /// # Errors
    /// If it cannot be started.
    pub(crate) fn mailbox(&self) -> io::Result<Arc<Mailbox>> {
        let place = self.next.fetch_add(1, Ordering::Relaxed) % threads();
        let mut mailboxes = self.mailboxes.lock();
        while mailboxes.len() <= place {
            let mailbox = start(mailboxes.len())?;
            mailboxes.push(mailbox);
        }
        if mailboxes[place].is_over() {
            mailboxes[place] = start(place)?;
        }
        Ok(mailboxes[place].clone())
    }
}

impl Drop for Fanout {
    fn drop(&mut self) {
        self.mailboxes.lock().iter().for_each(|mailbox| mailbox.end());
    }
}

/// One for each processor: a change is told by all of them at once, and the last reader is told soonest.
/// Between changes they sleep, and while they tell they let requests have the processor now and then.
fn threads() -> usize {
    available_parallelism().map_or(1, NonZero::get).min(THREADS_MAX)
}

fn start(number: usize) -> io::Result<Arc<Mailbox>> {
    let poll = mio::Poll::new()?;
    let mailbox = Arc::new(Mailbox::new(poll.registry())?);
    let of_thread = mailbox.clone();
    let thread = thread::Builder::new().name(format!("streams-{number}"));
    thread.spawn(move || EventLoop::new(poll, of_thread).run())?;
    Ok(mailbox)
}

#[cfg(test)]
mod tests;
