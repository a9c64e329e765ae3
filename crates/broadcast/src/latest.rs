//! The slot with the latest frame, and the readers that wait for the next one.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};

use parking_lot::Mutex;
use tokio::sync::{Notify, watch};

use crate::Frame;
use crate::fanout::Mailbox;

/// The number of slots that were ever made.
static SLOTS: AtomicU64 = AtomicU64::new(0);

/// The state of the slot.
#[derive(Clone, Debug, Default)]
pub enum SlotState {
    /// There is no frame yet, or no longer. Readers wait.
    #[default]
    Nothing,
    /// The latest frame.
    Frame(Frame),
    /// The server stops. Streams end.
    Closed,
}

/// The state of the slot, and how many there were before.
#[derive(Clone, Debug, Default)]
pub(crate) struct Slot {
    pub(crate) version: u64,
    pub(crate) state: SlotState,
}

/// Holds the latest frame. Readers never block the publisher.
#[derive(Debug)]
pub struct Latest {
    /// No two slots of a process have the same.
    id: u64,
    now: watch::Sender<Slot>,
    came: Notify,
    /// The threads that have a reader, or had one.
    followers: Mutex<Vec<Weak<Mailbox>>>,
}

/// The right to read a slot. While there is one, the slot is read.
#[derive(Clone, Debug)]
pub(crate) struct Subscription {
    pub(crate) id: u64,
    now: watch::Receiver<Slot>,
}

impl Subscription {
    /// The state of the slot now.
    pub(crate) fn now(&self) -> Slot {
        self.now.borrow().clone()
    }
}

impl Default for Latest {
    fn default() -> Self {
        let id = SLOTS.fetch_add(1, Ordering::Relaxed);
        let (now, came, followers) = <_>::default();
        Self { id, now, came, followers }
    }
}

impl Drop for Latest {
    /// Its readers wait for nothing any more.
    fn drop(&mut self) {
        self.close();
    }
}

impl Latest {
    /// Publishes a frame, which replaces the one before.
    ///
    /// Trap: where there are few readers, they are told on this thread. It must hold no lock that an
    /// authorization of theirs takes.
    pub fn publish(&self, frame: Frame) {
        self.put(SlotState::Frame(frame), Mailbox::tell_at_once);
    }

    /// Removes the frame, because it may no longer be true.
    pub fn clear(&self) {
        self.put(SlotState::Nothing, Mailbox::tell);
    }

    /// Ends all streams, and each that is opened from now on. A server that stops waits for open
    /// requests, and a stream never ends by itself.
    pub fn close(&self) {
        let close = |state: &mut _| {
            *state = SlotState::Closed;
            true
        };
        self.change(close, Mailbox::tell);
    }

    /// The state of the slot now.
    pub fn now(&self) -> SlotState {
        self.now.borrow().state.clone()
    }

    /// Whether there is a reader.
    pub fn is_read(&self) -> bool {
        self.now.receiver_count() > 0
    }

    /// Resolves when there is a reader.
    pub async fn has_readers(&self) {
        loop {
            let came = self.came.notified();
            if self.now.receiver_count() > 0 {
                return;
            }
            came.await;
        }
    }

    /// Resolves when there is no reader.
    pub async fn has_no_readers(&self) {
        self.now.closed().await;
    }

    /// Begins to read, on the thread with this mailbox. It is told of each change from now on.
    pub(crate) fn read(&self, mailbox: &Arc<Mailbox>) -> Subscription {
        let now = self.now.subscribe();
        {
            let mut followers = self.followers.lock();
            followers.retain(|known| known.strong_count() > 0);
            if !followers.iter().any(|known| std::ptr::eq(known.as_ptr(), Arc::as_ptr(mailbox))) {
                followers.push(Arc::downgrade(mailbox));
            }
        }
        self.came.notify_waiters();
        Subscription { id: self.id, now }
    }

    fn put(&self, new: SlotState, tell: fn(&Mailbox, u64)) {
        let put = |now: &mut _| match now {
            SlotState::Closed => false,
            SlotState::Nothing | SlotState::Frame(_) => {
                *now = new;
                true
            }
        };
        self.change(put, tell);
    }

    fn change(&self, change: impl FnOnce(&mut SlotState) -> bool, tell: fn(&Mailbox, u64)) {
        let has_changed = self.now.send_if_modified(|slot| {
            let has_changed = change(&mut slot.state);
            slot.version += u64::from(has_changed);
            has_changed
        });
        if !has_changed {
            return;
        }
        let followers: Vec<_> = self.followers.lock().iter().filter_map(Weak::upgrade).collect();
        followers.iter().for_each(|mailbox| tell(mailbox, self.id));
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    fn mailbox() -> Arc<Mailbox> {
        let poll = mio::Poll::new().unwrap();
        // Nobody waits on it.
        Arc::new(Mailbox::new(poll.registry()).unwrap())
    }

    #[test]
    fn a_closed_cell_stays_closed() {
        let latest = Latest::default();
        latest.publish(Frame::new("e", 1, "{}"));
        assert!(matches!(latest.now(), SlotState::Frame(_)));
        latest.close();
        latest.publish(Frame::new("e", 2, "{}"));
        latest.clear();
        assert!(matches!(latest.now(), SlotState::Closed));
    }

    #[test]
    fn it_is_known_whether_somebody_reads() {
        let latest = Latest::default();
        assert!(
            latest.has_readers().now_or_never().is_none()
                && latest.has_no_readers().now_or_never().is_some()
        );
        let mut waits = Box::pin(latest.has_readers());
        assert!((&mut waits).now_or_never().is_none());
        let reader = latest.read(&mailbox());
        assert!(waits.now_or_never().is_some());
        assert!(
            latest.has_readers().now_or_never().is_some()
                && latest.has_no_readers().now_or_never().is_none()
        );
        drop(reader);
        assert!(
            latest.has_readers().now_or_never().is_none()
                && latest.has_no_readers().now_or_never().is_some()
        );
    }

    #[test]
    fn a_thread_with_readers_is_told_of_each_change_and_finds_the_latest() {
        let (mailbox, other) = (mailbox(), mailbox());
        let (latest, silent) = (Latest::default(), Latest::default());
        let reader = latest.read(&mailbox);
        let _second = latest.read(&mailbox);
        let _of_another = silent.read(&other);
        latest.clear();
        latest.clear();
        assert_eq!(
            (mailbox.changed(), mailbox.changed()),
            (vec![reader.id], vec![]),
            "once for all"
        );
        (1..=9).for_each(|seq| latest.publish(Frame::new("e", seq, "{}")));
        let SlotState::Frame(frame) = reader.now().state else { panic!("no frame") };
        assert_eq!((frame.id(), reader.now().version), (Some("e-9"), 11));
        drop(latest);
        assert!(matches!(reader.now().state, SlotState::Closed), "nothing comes any more");
        assert_eq!((mailbox.changed(), other.changed()), (vec![reader.id], vec![]));
    }
}
