//! The present value, and the readers who wait for the next one.

use tokio::sync::{Notify, watch};

use crate::Frame;

/// What a reader finds.
#[derive(Clone, Debug, Default)]
pub enum Now {
    /// Nothing yet, or nothing any more: wait.
    #[default]
    Nothing,
    /// The present value.
    Frame(Frame),
    /// The end: the server stops.
    Closed,
}

/// Holds the present frame. Readers never hold up the writer.
#[derive(Debug, Default)]
pub struct Cell {
    now: watch::Sender<Now>,
    came: Notify,
}

impl Cell {
    /// Publishes a frame, in place of the one before.
    pub fn publish(&self, frame: Frame) {
        self.put(Now::Frame(frame));
    }

    /// Takes the frame out: it is no longer known to be true.
    pub fn clear(&self) {
        self.put(Now::Nothing);
    }

    /// Lets all streams end, and each that is opened from now on. For the end of a server: it
    /// waits for what is under way, and a stream always is.
    pub fn close(&self) {
        self.now.send_replace(Now::Closed);
    }

    /// The present frame, if there is one.
    pub fn now(&self) -> Now {
        self.now.borrow().clone()
    }

    /// Resolves when somebody reads.
    pub async fn wanted(&self) {
        loop {
            let came = self.came.notified();
            if self.now.receiver_count() > 0 {
                return;
            }
            came.await;
        }
    }

    /// Resolves when nobody reads.
    pub async fn unwanted(&self) {
        self.now.closed().await;
    }

    pub(crate) fn read(&self) -> watch::Receiver<Now> {
        let mut reader = self.now.subscribe();
        // It has not seen what is there already.
        reader.mark_changed();
        self.came.notify_waiters();
        reader
    }

    fn put(&self, new: Now) {
        self.now.send_if_modified(|now| match now {
            Now::Closed => false,
            Now::Nothing | Now::Frame(_) => {
                *now = new;
                true
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[test]
    fn a_closed_cell_stays_closed() {
        let cell = Cell::default();
        cell.publish(Frame::new("e", 1, "{}"));
        assert!(matches!(cell.now(), Now::Frame(_)));
        cell.close();
        cell.publish(Frame::new("e", 2, "{}"));
        cell.clear();
        assert!(matches!(cell.now(), Now::Closed));
    }

    #[test]
    fn it_is_known_whether_somebody_reads() {
        let cell = Cell::default();
        assert!(cell.wanted().now_or_never().is_none() && cell.unwanted().now_or_never().is_some());
        let mut waits = Box::pin(cell.wanted());
        assert!((&mut waits).now_or_never().is_none());
        let reader = cell.read();
        assert!(waits.now_or_never().is_some());
        assert!(cell.wanted().now_or_never().is_some() && cell.unwanted().now_or_never().is_none());
        drop(reader);
        assert!(cell.wanted().now_or_never().is_none() && cell.unwanted().now_or_never().is_some());
    }

    #[test]
    fn a_reader_that_is_slow_skips_to_now() {
        let cell = Cell::default();
        let mut reader = cell.read();
        (1..=9).for_each(|seq| cell.publish(Frame::new("e", seq, "{}")));
        assert!(reader.changed().now_or_never().is_some());
        let Now::Frame(frame) = reader.borrow_and_update().clone() else { panic!("no frame") };
        assert_eq!(frame.id(), Some("e-9"));
        assert!(reader.changed().now_or_never().is_none());
    }
}
