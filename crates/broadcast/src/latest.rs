//! The slot with the latest frame, and the readers that wait for the next one.

use tokio::sync::{Notify, watch};

use crate::Frame;

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

/// Holds the latest frame. Readers never block the publisher.
#[derive(Debug, Default)]
pub struct Latest {
    now: watch::Sender<SlotState>,
    came: Notify,
}

impl Latest {
    /// Publishes a frame, which replaces the one before.
    pub fn publish(&self, frame: Frame) {
        self.put(SlotState::Frame(frame));
    }

    /// Removes the frame, because it may no longer be true.
    pub fn clear(&self) {
        self.put(SlotState::Nothing);
    }

    /// Ends all streams, and each that is opened from now on. A server that stops waits for open
    /// requests, and a stream never ends by itself.
    pub fn close(&self) {
        self.now.send_replace(SlotState::Closed);
    }

    /// The state of the slot now.
    pub fn now(&self) -> SlotState {
        self.now.borrow().clone()
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

    pub(crate) fn read(&self) -> watch::Receiver<SlotState> {
        let mut reader = self.now.subscribe();
        // A new reader gets the present frame, too.
        reader.mark_changed();
        self.came.notify_waiters();
        reader
    }

    fn put(&self, new: SlotState) {
        self.now.send_if_modified(|now| match now {
            SlotState::Closed => false,
            SlotState::Nothing | SlotState::Frame(_) => {
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
        let reader = latest.read();
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
    fn a_reader_that_is_slow_skips_to_now() {
        let latest = Latest::default();
        let mut reader = latest.read();
        (1..=9).for_each(|seq| latest.publish(Frame::new("e", seq, "{}")));
        assert!(reader.changed().now_or_never().is_some());
        let SlotState::Frame(frame) = reader.borrow_and_update().clone() else {
            panic!("no frame")
        };
        assert_eq!(frame.id(), Some("e-9"));
        assert!(reader.changed().now_or_never().is_none());
    }
}
