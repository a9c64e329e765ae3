//! The present value, and the readers who wait for the next one.

use tokio::sync::{Notify, watch};

use crate::Frame;

/// What a reader finds.
#[derive(Clone, Debug, Default)]
pub enum SlotState {
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
pub struct Latest {
    now: watch::Sender<SlotState>,
    came: Notify,
}

impl Latest {
    /// Publishes a frame, in place of the one before.
    pub fn publish(&self, frame: Frame) {
        self.put(SlotState::Frame(frame));
    }

    /// Takes the frame out: it is no longer known to be true.
    pub fn clear(&self) {
        self.put(SlotState::Nothing);
    }

    /// Lets all streams end, and each that is opened from now on. For the end of a server: it
    /// waits for what is under way, and a stream always is.
    pub fn close(&self) {
        self.now.send_replace(SlotState::Closed);
    }

    /// The present frame, if there is one.
    pub fn now(&self) -> SlotState {
        self.now.borrow().clone()
    }

    /// Resolves when somebody reads.
    pub async fn has_readers(&self) {
        loop {
            let came = self.came.notified();
            if self.now.receiver_count() > 0 {
                return;
            }
            came.await;
        }
    }

    /// Resolves when nobody reads.
    pub async fn has_no_readers(&self) {
        self.now.closed().await;
    }

    pub(crate) fn read(&self) -> watch::Receiver<SlotState> {
        let mut reader = self.now.subscribe();
        // It has not seen what is there already.
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
