//! One thread of the streams: it waits for sockets, for changes and for the time, and serves all of
//! them in turns.

use std::io;
use std::sync::Arc;
use std::time::Instant;

use mio::{Events, Poll};

use super::mailbox::{Mailbox, WAKE};

/// Sockets that are looked at in one turn.
const EVENTS_MAX: usize = 1024;

/// One thread.
pub(super) struct EventLoop {
    poll: Poll,
    mailbox: Arc<Mailbox>,
}

impl EventLoop {
    pub(super) fn new(poll: Poll, mailbox: Arc<Mailbox>) -> Self {
        Self { poll, mailbox }
    }

    /// Serves until the server is gone.
    pub(super) fn run(mut self) {
        let mut events = Events::with_capacity(EVENTS_MAX);
        loop {
            if let Err(error) = self.wait(&mut events) {
                log::error!("the streams of a thread end: {error}");
                return;
            }
            let now = Instant::now();
            let letters = self.mailbox.take();
            if letters.is_over {
                return;
            }
            let mut table = self.mailbox.table();
            for event in events.iter().filter(|event| event.token() != WAKE) {
                table.serve_socket(now, event);
            }
            letters.newcomers.into_iter().for_each(|newcomer| table.admit(now, newcomer));
            letters.changed.into_iter().for_each(|slot| table.change(slot));
            table.go_on(now);
        }
    }

    fn wait(&mut self, events: &mut Events) -> io::Result<()> {
        let now = Instant::now();
        let until = self.mailbox.table().sleep(now);
        let timeout = until.map(|until| until.saturating_duration_since(now));
        match self.poll.poll(events, timeout) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(()),
            polled => polled,
        }
    }
}

impl Drop for EventLoop {
    /// Whoever comes next finds that it is over, and starts another thread.
    fn drop(&mut self) {
        self.mailbox.end();
        self.mailbox.table().clear();
    }
}
